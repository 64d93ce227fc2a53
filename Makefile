# make check runs every check; make STEP runs one step of .ci/run, such as make race.
.PHONY: check
check:
	bash .ci/run
Makefile: ;
%:
	bash .ci/run $@
