package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestAQuestionThatWasNotAskedNeverPasses(t *testing.T) {
	empty := &preflight.Facts{Function: "sweep", Now: noon, Config: config.Config{Topic: topic}}
	checks, _ := empty.Judge()
	for _, c := range checks {
		if c.Result == preflight.Passed && c.Check != "configuration" {
			t.Errorf("%s passed: %s", c.Check, c.Found)
		}
	}
	f := good()
	f.Secrets, f.Users, f.AnyProblem, f.Problem = nil, nil, said(""), preflight.Response[cloudguard.Problem]{}
	f.Namespace, f.Registry, f.S3 = preflight.Response[string]{}, preflight.Response[int]{}, preflight.Response[int]{}
	_, skipped := f.Judge()
	for _, what := range []string{"secret", "secret_versions", "secret_content", "user", "slots", "namespace",
		"registry", "s3_endpoint", "GetProblem, ListProblemHistories"} {
		if !slices.ContainsFunc(skipped, func(n preflight.NotChecked) bool { return n.What == what }) {
			t.Errorf("not_checked lacks %s", what)
		}
	}
}

func TestARefusedConfigurationIsOneFindingPerFault(t *testing.T) {
	f := good()
	f.Config = config.Config{}
	f.Refused = &config.Error{Faults: []config.Fault{{Key: "prove", Problem: `is "maybe"`,
		Remedy: "set it to require, try, off"}, {Key: "rsa_bit", Problem: "is not a key",
		Remedy: "did you mean rsa_bits?"}}}
	f.Compartments, f.Secrets, f.Users, f.Topic = nil, nil, nil, preflight.Response[preflight.Topic]{}
	checks, _ := f.Judge()
	if checks[0].Result != preflight.Failed || checks[1].Check != "configuration" ||
		!strings.Contains(checks[1].Found, "rsa_bit is not a key") ||
		!strings.Contains(checks[1].Remedy, "did you mean rsa_bits?") {
		t.Errorf("%+v", checks[:2])
	}
	for _, c := range checks {
		if (c.Check == "topic" || c.Check == "secret_compartments") &&
			!strings.Contains(c.Found, "waits for the check configuration") {
			t.Errorf("%+v", c)
		}
	}
}

func TestAMissingStatementIsOneFindingForAllSecrets(t *testing.T) {
	f := good()
	for i := range 40 {
		b := boundSecret(string(rune('a'+i%26))+"key", jane, credential.APIKey)
		b.Secret = refusedWith[vault.Secret](absent)
		f.Secrets = append(f.Secrets, b)
	}
	f.Secrets = append(f.Secrets, preflight.Bound{Listed: vault.Secret{ID: "gone", Name: "gone",
		State: "PENDING_DELETION"}})
	checks, _ := f.Judge()
	var found []preflight.Check
	for _, c := range checks {
		if c.Check == "secret" {
			found = append(found, c)
		}
	}
	if len(found) != 3 || !strings.Contains(found[0].Found, "the same goes for 39 more: secret bkey (") ||
		strings.Count(found[0].Found, "ocid1.vaultsecret") != 6 ||
		!strings.Contains(found[1].Remedy, "--secret-id gone") || found[2].Result != preflight.Passed {
		t.Errorf("%+v", found)
	}
}

func TestFindingsWithoutARemedyAreNotMerged(t *testing.T) {
	f := good()
	f.Secrets[0].Secret.Value.State, f.Secrets[1].Secret.Value.State = vault.Updating, vault.Updating
	checks, _ := f.Judge()
	n := 0
	for _, c := range checks {
		if c.Check == "secret" && c.Result == preflight.Warning {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d warnings of two secrets that are being changed", n)
	}
}

func TestAMissingAnswerNamesTheRealCause(t *testing.T) {
	f := good()
	f.Namespace, f.S3 = refusedWith[string](absent), preflight.Response[int]{}
	checks, _ := f.Judge()
	if !slices.ContainsFunc(checks, func(c preflight.Check) bool {
		return c.Check == "s3_endpoint" && c.Result == preflight.Unknown &&
			strings.Contains(c.Found, "waits for the check namespace")
	}) {
		t.Errorf("%+v", checks)
	}
	f = good()
	f.Compartments[0].Secrets, f.Secrets, f.Users = refusedWith[[]vault.Secret](absent), nil, nil
	_, skipped := f.Judge()
	for _, what := range []string{"secret", "user", "namespace", "registry", "s3_endpoint"} {
		i := slices.IndexFunc(skipped, func(n preflight.NotChecked) bool { return n.What == what })
		if i < 0 || !strings.Contains(skipped[i].Why, "it is not known which secrets are bound") {
			t.Errorf("%s: %+v", what, skipped)
		}
	}
}

func TestThePermissionsForFurtherTopicsAndTheReportAreListedAsNotTested(t *testing.T) {
	const teams = "ocid1.compartment.oc1..aaaateams"
	for _, function := range []string{"rotate", "sweep"} {
		f := good()
		f.Function = function
		f.Config.OwnerTopics, f.Config.ReportBucket = []string{teams, home}, "acme/reports"
		f.Config.RecordsTopic = "ocid1.onstopic.oc1.iad.r"
		f.Records = said(preflight.Topic{State: "ACTIVE", Compartment: home}) // as the topic for mails
		_, skipped := f.Judge()
		var got []string
		for _, s := range skipped {
			if strings.Contains(s.Needs, "ONS_") || strings.Contains(s.Needs, "OBJECT_CREATE") {
				_, what, _ := strings.Cut(s.Needs, " to ")
				got = append(got, what)
			}
		}
		want := []string{"{ONS_TOPIC_PUBLISH} in compartment id " + home,
			"{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in compartment id " + teams}
		if function == "sweep" {
			want = append(want, "{OBJECT_CREATE} in compartment id "+home+" where target.bucket.name = 'reports'")
		}
		if !slices.Equal(got, want) {
			t.Errorf("functions/%s: %q are not tested, want %q", function, got, want)
		}
	}
}
