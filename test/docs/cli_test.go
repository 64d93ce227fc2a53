package docs

import (
	"slices"
	"strings"
	"testing"
)

// cli are the commands of the OCI CLI that the documentation uses, with their parameters; a + marks a required one.
// Source: the CLI's declarations (github.com/oracle/oci-cli, services/*/src, commit 02d1a3d4 of 2026-07-21). Look up a
// new command there before you add it.
var cli = map[string]string{
	"cloud-guard problem get":                    "+problem-id",
	"cloud-guard problem list-problem-histories": "+compartment-id +problem-id all",
	"cloud-guard problem update-problem-status":  "+problem-id +status comment",
	"events rule get":                            "+rule-id",
	"events rule list":                           "+compartment-id display-name all",
	"fn function get":                            "+function-id",
	"fn function invoke":                         "+function-id +file +body fn-invoke-type",
	"iam auth-token delete":                      "+user-id +auth-token-id",
	"iam auth-token list":                        "+user-id all",
	"iam customer-secret-key delete":             "+user-id +customer-secret-key-id",
	"iam customer-secret-key list":               "+user-id all",
	"iam ui-password-information get-user":       "+user-id",
	"iam user api-key delete":                    "+user-id +fingerprint",
	"iam user api-key list":                      "+user-id all",
	"iam user get":                               "+user-id",
	"logging log-saved-search list":              "+compartment-id name all",
	"logging-search search-logs":                 "+search-query +time-start +time-end limit page",
	"monitoring metric-data summarize-metrics-data": "+compartment-id +namespace +query-text start-time end-time " +
		"resolution",
	"ons message publish":                  "+topic-id +body title",
	"ons subscription list":                "+compartment-id topic-id all",
	"ons subscription resend-confirmation": "+id",
	"resource-scheduler schedule activate": "+schedule-id",
	"resource-scheduler schedule get":      "+schedule-id",
	"vault secret get":                     "+secret-id",
	"vault secret update": "+secret-id current-version-number freeform-tags " +
		"defined-tags force",
	"vault secret-version cancel-deletion":   "+secret-id +secret-version-number",
	"vault secret-version list":              "+secret-id all",
	"vault secret-version schedule-deletion": "+secret-id +secret-version-number time-of-deletion",
}

// global are parameters that every command takes.
var global = []string{"query", "raw-output", "region", "profile", "output", "read-timeout"}

// spell parses an oci command into its words and parameters.
func spell(command string) (name string, given []string) {
	_, command, _ = strings.Cut(command, "oci ")
	var words []string
	quote := rune(0)
	for _, w := range strings.FieldsFunc(command, func(r rune) bool {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
		return quote == 0 && (r == ' ' || r == '|' || r == ')')
	}) {
		if p, ok := strings.CutPrefix(w, "--"); ok {
			given = append(given, p)
		} else if len(given) == 0 {
			words = append(words, w)
		}
	}
	return strings.Join(words, " "), given
}

func TestEveryCommandOfTheOCICLIExists(t *testing.T) {
	used := map[string]bool{}
	for page, text := range pages(t) {
		for _, command := range commands(text) {
			if !strings.Contains(command, "oci ") {
				continue
			}
			command, _, _ = strings.Cut(command, " | jq")
			command = strings.TrimSuffix(command, "|")
			name, given := spell(command)
			known, ok := cli[name]
			used[name] = true
			if !ok {
				t.Errorf("%s: the CLI has no command %q (from %s)", page, name, command)
				continue
			}
			for p := range strings.FieldsSeq(known) {
				if required, ok := strings.CutPrefix(p, "+"); ok && !slices.Contains(given, required) {
					t.Errorf("%s: %s needs --%s", page, name, required)
				}
			}
			for _, p := range given {
				if !slices.Contains(strings.Fields(strings.ReplaceAll(known, "+", "")), p) &&
					!slices.Contains(global, p) {
					t.Errorf("%s: %s has no --%s", page, name, p)
				}
			}
		}
	}
	for name := range cli {
		if !used[name] {
			t.Errorf("no document uses %q: remove it from this test", name)
		}
	}
}

func TestNoCommandShowsASecretsValue(t *testing.T) {
	for page, text := range pages(t) {
		for _, command := range commands(text) {
			if strings.Contains(command, "secret-bundle") || strings.Contains(command, "ui-password create") {
				t.Errorf("%s shows a value: %s", page, command)
			}
		}
	}
}

func TestACommandIsParsed(t *testing.T) {
	name, given := spell(`query=$(oci logging log-saved-search list --name "a --b | c" --query 'data[0]' --raw-output)`)
	if name != "logging log-saved-search list" || !slices.Equal(given, []string{"name", "query", "raw-output"}) {
		t.Errorf("%q with %q", name, given)
	}
}
