package main

import (
	"strings"
	"testing"
)

func TestTheOperatorsCommandRunsInAPopulatedTenancy(t *testing.T) {
	p := runDemo(t, nil, "keyturn", "preflight", "--function", "{function}", "--json")
	p.expect(t, 1, `"preflight": "failed"`, `"name": "rotate"`) // a secret's tags contradict each other
	if !strings.HasPrefix(p.stdout, "{\n") {
		t.Errorf("the standard output has more than the command's: %s", p.stdout)
	}
	runDemo(t, nil, "keyturn", "preflight").expect(t, 2, "--function")
}

func TestWithoutArgumentsTheDemoSaysWhatToTry(t *testing.T) {
	runDemo(t, nil, "keyturn").expect(t, 0, "go run ./test/demo keyturn preflight", "-serve")
}
