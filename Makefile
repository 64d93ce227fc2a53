# make check runs every check; make STEP runs one step of .ci/run, such as make race.
.PHONY: check newcomer sources lint tools suites missing race matrix mutants demo clean
check:
	bash .ci/run
newcomer sources lint tools suites missing race matrix mutants demo clean:
	bash .ci/run $@
