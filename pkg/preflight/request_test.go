package preflight_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/preflight"
)

func TestOnlyATopLevelFieldRequestsAPreflight(t *testing.T) {
	long := `{"x":"` + strings.Repeat("y", 2000) + `",`
	cases := []struct {
		body        string
		asked, mail bool
		fault       string
	}{
		{`{"keyturn":"preflight"}`, true, false, ""},
		{" {\n\"mail\" : \"yes\", \"keyturn\" : \"preflight\" }", true, true, ""},
		{`{"keyturn":"preflight","mail":"no"}`, true, false, ""},
		{`{"keyturn":"preflight","mail":"YES"}`, true, false, `mail is "YES"`},
		{`{"keyturn":"Preflight"}`, true, false, `keyturn is "Preflight", not "preflight"`},
		{`{"keyturn":["preflight"]}`, true, false, "keyturn is"},
		{`{"KEYTURN":"preflight"}`, true, false, "KEYTURN is not a field"},
		{`{"keyturn":"preflight","dry_run":"yes"}`, true, false, "dry_run is not a field"},
		{`{"keyturn":"preflight"`, true, false, "not a JSON object"},
		{`["keyturn"]`, true, false, "not a JSON object"},
		{long + `"keyturn":"preflight"}`, true, false, "x is not a field"},
		{``, false, false, ""},
		{`{}`, false, false, ""},
		{`{"eventType":"x","data":{"keyturn":"preflight"}}`, false, false, ""},
		{`{"data":{"additionalDetails":{"comments":"\"keyturn\":\"preflight\""}}}`, false, false, ""},
		{`{"key":"turn"}`, false, false, ""},
		{"\xff\xfe", false, false, ""},
	}
	for _, c := range cases {
		r, asked := preflight.Asked([]byte(c.body))
		if asked != c.asked || r.Mail != c.mail && c.fault == "" || (r.Fault != nil) != (c.fault != "") {
			t.Errorf("%.60s: asked %v, %+v", c.body, asked, r)
			continue
		}
		if r.Fault != nil && (!strings.Contains(r.Fault.Found, c.fault) ||
			!strings.Contains(r.Fault.Remedy, `{"keyturn":"preflight"}`)) {
			t.Errorf("%.60s: %+v, want %q", c.body, r.Fault, c.fault)
		}
	}
}

func TestNoEventRequestsAPreflight(t *testing.T) {
	events, err := filepath.Glob("../cloudguard/testdata/*.json")
	if err != nil || len(events) < 8 {
		t.Fatalf("%d events (%v), want 8 or more", len(events), err)
	}
	for _, name := range events {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, asked := preflight.Asked(body); asked {
			t.Errorf("%s requests a preflight", name)
		}
	}
}

func TestAskedAllocatesNothingForAnEvent(t *testing.T) {
	body := []byte(`{"eventType":"com.oraclecloud.cloudguard.problemremediated","data":"` + strings.Repeat("x", 8<<10) +
		`"}`)
	if n := testing.AllocsPerRun(100, func() { preflight.Asked(body) }); n > 0 {
		t.Errorf("%v allocations an event, want none", n)
	}
}
