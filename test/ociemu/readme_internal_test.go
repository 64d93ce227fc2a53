package ociemu

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestTheREADMENamesEveryOperationControlRouteAndAnswer(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	compared := 0
	check := func(what, pattern string) {
		t.Helper()
		compared++
		if !regexp.MustCompile(pattern).MatchString(readme) {
			t.Errorf("README.md does not name %s", what)
		}
	}
	for _, s := range allServices() {
		for _, r := range s.routes {
			name := r.operation
			for _, k := range allKinds() { // the table names their operations by verb and kind
				if strings.HasSuffix(strings.TrimSuffix(name, "s"), k.name) && s.name == scimService {
					name = k.name
				}
			}
			check(r.operation, `\b`+name+`\b`)
		}
	}
	source, err := os.ReadFile("control.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"(GET|POST|DELETE) /_emulator/([^"]+)"`).FindAllStringSubmatch(string(source),
		-1) {
		path := regexp.MustCompile(`\\\{id\\\}`).ReplaceAllString(regexp.QuoteMeta(m[2]), `\$$OCIEMU_[A-Z_]+`)
		line := `\$$U/` + path + `( |\n)`
		switch m[1] {
		case "DELETE":
			line = `curl -X DELETE ` + line
		case "POST":
			line = `curl (-X POST ` + line + `|` + line + `+-d )`
		default:
			line = `curl ` + line
		}
		check(m[1]+" "+m[2], strings.ReplaceAll(line, `$$`, `$`))
	}
	for _, answer := range []string{"value", "no-value", "conflict", "ignored", "400 IdcsConversionError",
		"400 LimitExceeded", "409 ApiKeyLimitExceeded",
		"mixed", "plain", "embedded", "SignatureDoesNotMatch", "InvalidAccessKeyId", "409 Conflict",
		"400 QuotaExceeded",
		"400 InvalidParameter", "last", "joined", "absent", "deprecates", "refused", "keeps", "updating", "active",
		"inactive",
		"USER_UIPASS_RESET", "USER_UIPASS_SET", "none", "read",
		"port-required", "port-optional", "message-ids", "no-message-ids", "quota-text", "quota-conflict",
		"quota-other-text", "keeps-slot", "frees-slot", "use-refused", "use-lags", "use-works", "documented-names",
		"both-names", "domain-names", "if-asked", "unasked", "not-at-all", "classic-permissions", "manage-users",
		"app-role", "whole-lists", "no-whole-lists-401", "no-whole-lists-403", "own-id", "credential-ocid", "key-path",
		"scim-id", "no-problems", "access-key", "ocid", "IgnoresSortBy", "NoPasswordDate", "HidesAppSecret",
		"RegeneratorStatus", "ProblemDomains"} {
		check("the answer "+answer, "`"+regexp.QuoteMeta(answer)+"`")
	}
	if compared < 70 {
		t.Errorf("only %d names were compared", compared)
	}
}
