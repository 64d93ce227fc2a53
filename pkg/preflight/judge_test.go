package preflight_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	tenancy = "ocid1.tenancy.oc1..aaaaaaaatenancy"
	home    = "ocid1.compartment.oc1..aaaaaaaahome"
	topic   = "ocid1.onstopic.oc1.iad.aaaaaaaatopic"
	jane    = "ocid1.user.oc1..aaaaaaaajane"
	joe     = "ocid1.user.oc1..aaaaaaaajoe"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func said[T any](v T) preflight.Response[T] { return preflight.Response[T]{Asked: true, Value: v} }

func refusedWith[T any](err error) preflight.Response[T] {
	return preflight.Response[T]{Asked: true, Err: err}
}

func answered(status int, class fault.Class) error {
	return &fault.Error{Class: class, Operation: "Operation", Status: status, Code: "Code"}
}

// issued is a list of credentials with these ids.
func issued(ids ...string) preflight.Response[credential.Listing] {
	var l credential.Listing
	for _, id := range ids {
		l.Credentials = append(l.Credentials, credential.Issued{ID: id})
	}
	return said(l)
}

var (
	absent   = answered(404, fault.Absent)
	stranger = answered(401, fault.Denied)
	silent   = &fault.Error{Class: fault.Unclear, Operation: "Operation", Message: "no answer in time"}
)

func boundSecret(name, user string, kind credential.Kind) preflight.Bound {
	s := vault.Secret{ID: "ocid1.vaultsecret.oc1.iad." + name, Name: name, Compartment: home, State: vault.Active,
		Current: 1, At: noon,
		Defined: map[string]map[string]any{"keyturn": {"user": user, "kind": string(kind)}}}
	return preflight.Bound{Listed: s, Region: "us-ashburn-1", Secret: said(s), Versions: said(versions(3)),
		Current: said[int64](1)}
}

func versions(n int) []vault.Version {
	var out []vault.Version
	for i := n; i > 0; i-- {
		out = append(out, vault.Version{Number: int64(i), Current: i == n, Stale: i < n-1})
	}
	return out
}

// good returns the facts of a set-up without faults.
func good() *preflight.Facts {
	key := boundSecret("key", jane, credential.APIKey)
	pair := boundSecret("pair", jane, credential.CustomerSecretKey)
	token := boundSecret("token", joe, credential.AuthToken)
	one := issued("one")
	return &preflight.Facts{
		Function: "rotate", Region: "us-ashburn-1", Now: noon,
		Config: config.Config{Topic: topic, EventCheck: true, Prove: config.ProveRequire,
			SecretCompartments: []string{home}, ProtectedUsers: []string{"root"}},
		Claims: said(map[string]any{"res_tenant": tenancy, "res_compartment": home,
			"res_id": "ocid1.fnfunc.oc1.iad.aaaarotate", "exp": float64(noon.Add(time.Hour).Unix())}),
		Clock:   said(preflight.Clocks{Server: noon, Local: noon.Add(time.Second)}),
		Tenancy: said(credential.Tenancy{ID: tenancy, Name: "acme", Home: "us-phoenix-1"}), Home: said(struct{}{}),
		AnyProblem: said("ocid1.cloudguardproblem.oc1.iad.aaaa"), Problem: said(cloudguard.Problem{}),
		Guard: said(preflight.Guard{Status: "ENABLED", ReportingRegion: "us-ashburn-1"}),
		Topic: said(preflight.Topic{Name: "secops", State: "ACTIVE", Compartment: home}), TopicRegion: "us-ashburn-1",
		Compartments: []preflight.Compartment{
			{ID: home, Secrets: said([]vault.Secret{key.Listed, pair.Listed, token.Listed, {ID: "unbound"}})}},
		Secrets: []preflight.Bound{key, pair, token},
		Users: []preflight.User{
			{ID: jane, Kinds: []credential.Kind{credential.APIKey, credential.CustomerSecretKey},
				Person: said(preflight.Person{User: credential.User{Name: "jane", State: "ACTIVE"}}),
				Has: map[credential.Kind]preflight.Response[credential.Listing]{credential.APIKey: one,
					credential.CustomerSecretKey: one}},
			{ID: joe, Kinds: []credential.Kind{credential.AuthToken},
				Person: said(preflight.Person{User: credential.User{Name: "joe", State: "ACTIVE"}}),
				Has:    map[credential.Kind]preflight.Response[credential.Listing]{credential.AuthToken: one}},
		},
		Namespace: said("acmespace"), Registry: said(401), S3: said(403),
	}
}

func TestAGoodSetUpPassesEveryCheck(t *testing.T) {
	checks, skipped := good().Judge()
	for _, c := range checks {
		if c.Result != preflight.Passed || c.Found == "" || c.Remedy != "" {
			t.Errorf("%+v", c)
		}
	}
	if len(checks) < 19 {
		t.Errorf("%d checks, want 19 or more", len(checks))
	}
	for _, s := range skipped {
		if s.What == "" || s.Why == "" {
			t.Errorf("%+v", s)
		}
	}
}

// wrong is one fault in the facts, and the check that reports it.
type wrong struct {
	name  string
	spoil func(*preflight.Facts)
	check string
	is    preflight.Result
	words string // in the finding and the remedy
}

var wrongs = []wrong{
	{"dry run", func(f *preflight.Facts) { f.Config.DryRun = true }, "configuration", preflight.Warning,
		"nothing will be rotated"},
	{"no tenancy", func(f *preflight.Facts) { delete(f.Claims.Value, "res_tenant") }, "token", preflight.Failed,
		"names no tenancy"},
	{"no expiry", func(f *preflight.Facts) { delete(f.Claims.Value, "exp") }, "token", preflight.Failed,
		"has no expiry"},
	{"a token that ends now", func(f *preflight.Facts) { f.Claims.Value["exp"] = float64(noon.Unix()) }, "token",
		preflight.Failed, "expired at 2026-11-22T12:00:00Z"},
	{"a token that expired by OCI's clock only", func(f *preflight.Facts) {
		f.Claims.Value["exp"] = float64(noon.Add(30 * time.Second).Unix())
		f.Clock.Value.Server = noon.Add(40 * time.Second)
	}, "token", preflight.Failed, "expired at 2026-11-22T12:00:30Z"},
	{"no compartment, and none configured", func(f *preflight.Facts) {
		delete(f.Claims.Value, "res_compartment")
		f.Config.SecretCompartments = nil
	}, "token", preflight.Failed, "set secret_compartments"},
	{"no compartment", func(f *preflight.Facts) { delete(f.Claims.Value, "res_compartment") }, "token",
		preflight.Warning, "secret_compartments does"},
	{"no token", func(f *preflight.Facts) { f.Claims = refusedWith[map[string]any](errors.New("read /secret/path")) },
		"token", preflight.Failed, "the call could not be made"},
	{"a minute and a bit off", func(f *preflight.Facts) { f.Clock.Value.Local = noon.Add(62 * time.Second) }, "clock",
		preflight.Warning, "1m2s ahead of"},
	{"six minutes off", func(f *preflight.Facts) { f.Clock.Value.Local = noon.Add(-6 * time.Minute) }, "clock",
		preflight.Failed, "6m0s behind"},
	{"no clock", func(f *preflight.Facts) { f.Clock = refusedWith[preflight.Clocks](silent) }, "clock",
		preflight.Unknown, "service gateway"},
	{"a tenancy that doesn't answer", func(f *preflight.Facts) { f.Tenancy = refusedWith[credential.Tenancy](silent) },
		"tenancy", preflight.Unknown, "no clear answer"},
	{"a token that IAM doesn't recognize", func(f *preflight.Facts) {
		f.Tenancy = refusedWith[credential.Tenancy](stranger)
	}, "tenancy", preflight.Failed, "doesn't recognize the function"},
	{"a home region that refuses", func(f *preflight.Facts) { f.Home = refusedWith[struct{}](stranger) }, "home_region",
		preflight.Failed, "us-phoenix-1 refuses what IAM of us-ashburn-1 answers"},
	{"a home region that is silent", func(f *preflight.Facts) { f.Home = refusedWith[struct{}](silent) }, "home_region",
		preflight.Failed, "NAT gateway"},
	{"problems that may not be listed", func(f *preflight.Facts) { f.AnyProblem = refusedWith[string](absent) },
		"cloud_guard", preflight.Failed, "use cloud-guard-problems"},
	{"problems that need not be read", func(f *preflight.Facts) {
		f.AnyProblem, f.Config.EventCheck = refusedWith[string](absent), false
	}, "cloud_guard", preflight.Warning, "event_check is off"},
	{"throttled", func(f *preflight.Facts) { f.AnyProblem = refusedWith[string](answered(429, fault.Throttled)) },
		"cloud_guard", preflight.Unknown, "no clear answer"},
	{"Cloud Guard is off, and refuses to list problems", func(f *preflight.Facts) {
		f.Guard.Value.Status, f.AnyProblem = "DISABLED", refusedWith[string](absent)
	}, "reporting_region", preflight.Failed, "Cloud Guard is DISABLED"},
	{"a topic that is being deleted", func(f *preflight.Facts) { f.Topic.Value.State = "DELETING" }, "topic",
		preflight.Failed,
		"is DELETING"},
	{"a topic of a region that is not subscribed to", func(f *preflight.Facts) {
		f.Topic, f.TopicRegion = refusedWith[preflight.Topic](stranger), "eu-madrid-1"
	}, "topic", preflight.Failed, "eu-madrid-1 doesn't recognize the function"},
	{"records to a topic that is being deleted", func(f *preflight.Facts) {
		f.Config.RecordsTopic, f.Records = "ocid1.onstopic.oc1.iad.r", said(preflight.Topic{State: "DELETING"})
	}, "records_topic", preflight.Failed, "is DELETING"},
	{"records to a topic that may not be read", func(f *preflight.Facts) {
		f.Config.RecordsTopic, f.Records = "ocid1.onstopic.oc1.iad.r", refusedWith[preflight.Topic](absent)
	}, "records_topic", preflight.Failed, "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in compartment id <COMPARTMENT_OF_REC"},
	{"a mail that may not be sent", func(f *preflight.Facts) { f.Mail, f.Sent = true, refusedWith[struct{}](absent) },
		"mail", preflight.Failed, "{ONS_TOPIC_PUBLISH} in compartment id " + home},
	{"no bound secrets", func(f *preflight.Facts) { f.Secrets, f.Users = nil, nil }, "secret_compartments",
		preflight.Warning, "none is bound"},
	{"a compartment that is silent", func(f *preflight.Facts) {
		f.Compartments[0].Secrets = refusedWith[[]vault.Secret](silent)
	}, "secret_compartments", preflight.Unknown, "no clear answer"},
	{"a user tag that is no user", func(f *preflight.Facts) {
		f.Secrets[0].Listed.Defined["keyturn"]["user"] = "jane@example.com"
	}, "secret_binding", preflight.Failed, `"jane@example.com", which is not the OCID of a user`},
	{"a kind tag that is missing", func(f *preflight.Facts) { delete(f.Secrets[0].Listed.Defined["keyturn"], "kind") },
		"secret_binding", preflight.Failed, `the tag kind of secret key`},
	{"only one half", func(f *preflight.Facts) { f.Secrets[1].Listed.Defined["keyturn"]["role"] = "access-key" },
		"secret_binding", preflight.Failed, "only one half"},
	{"a role that doesn't fit", func(f *preflight.Facts) {
		f.Secrets[0].Listed.Defined["keyturn"]["role"] = "auth-token"
	}, "secret_binding", preflight.Failed, "doesn't fit api-key"},
	{"a secret that is not allowed", func(f *preflight.Facts) {
		f.Secrets[0].Secret = refusedWith[vault.Secret](absent)
	}, "secret", preflight.Failed, "but ListSecrets shows that it exists"},
	{"a secret that is not allowed, and has no defined tags", func(f *preflight.Facts) {
		s := &f.Secrets[0]
		s.Listed.Defined, s.Listed.Freeform = nil, map[string]string{"keyturn-user": jane, "keyturn-kind": "api-key"}
		s.Secret = refusedWith[vault.Secret](absent)
	}, "secret", preflight.Failed, "this secret has freeform ones"},
	{"a secret that was not reached", func(f *preflight.Facts) {
		f.Secrets[0].Secret = preflight.Response[vault.Secret]{}
	}, "secret", preflight.Unknown, "longer timeout"},
	{"versions that were not reached", func(f *preflight.Facts) {
		f.Secrets[0].Versions = preflight.Response[[]vault.Version]{}
	}, "secret_versions", preflight.Unknown, "longer timeout"},
	{"content that was not reached", func(f *preflight.Facts) { f.Secrets[0].Current = preflight.Response[int64]{} },
		"secret_content", preflight.Unknown, "longer timeout"},
	{"slots that were not reached", func(f *preflight.Facts) {
		f.Users[1].Has[credential.AuthToken] = preflight.Response[credential.Listing]{}
	}, "slots", preflight.Unknown, "longer timeout"},
	{"slots without an answer", func(f *preflight.Facts) { delete(f.Users[1].Has, credential.AuthToken) }, "slots",
		preflight.Unknown, "longer timeout"},
	{"a user who was not reached", func(f *preflight.Facts) {
		f.Users[0].Person = preflight.Response[preflight.Person]{}
	},
		"user", preflight.Unknown, "longer timeout"},
	{"a problem that was not reached", func(f *preflight.Facts) {
		f.Problem = preflight.Response[cloudguard.Problem]{}
	},
		"cloud_guard", preflight.Unknown, "not checked: "},
	{"problems that were not reached", func(f *preflight.Facts) { f.AnyProblem = preflight.Response[string]{} },
		"cloud_guard", preflight.Unknown, "not checked: "},
	{"Cloud Guard's configuration that was not reached", func(f *preflight.Facts) {
		f.Guard = preflight.Response[preflight.Guard]{}
	}, "reporting_region", preflight.Unknown, "not checked: "},
	{"a topic that was not reached", func(f *preflight.Facts) { f.Topic = preflight.Response[preflight.Topic]{} },
		"topic",
		preflight.Unknown, "not checked: "},
	{"a tenancy that was not reached", func(f *preflight.Facts) {
		f.Tenancy = preflight.Response[credential.Tenancy]{}
	},
		"tenancy", preflight.Unknown, "not checked: "},
	{"a compartment that was not reached", func(f *preflight.Facts) {
		f.Compartments[0].Secrets = preflight.Response[[]vault.Secret]{}
	}, "secret_compartments", preflight.Unknown, "not checked: "},
	{"a namespace that is needed and was not reached", func(f *preflight.Facts) {
		f.Namespace = preflight.Response[string]{}
	}, "namespace", preflight.Unknown, "not checked: "},
	{"a registry that is needed and was not reached", func(f *preflight.Facts) {
		f.Registry = preflight.Response[int]{}
	}, "registry", preflight.Unknown, "not checked: "},
	{"an endpoint that is needed and was not reached", func(f *preflight.Facts) {
		f.S3 = preflight.Response[int]{}
	}, "s3_endpoint", preflight.Unknown, "not checked: "},
	{"a mail that was requested and not sent", func(f *preflight.Facts) { f.Mail = true }, "mail", preflight.Unknown,
		"not checked: "},
	{"a secret of another region", func(f *preflight.Facts) { f.Secrets[0].Region = "eu-madrid-1" }, "secret",
		preflight.Failed, "its OCID says eu-madrid-1"},
	{"a secret that is being changed", func(f *preflight.Facts) { f.Secrets[0].Secret.Value.State = vault.Updating },
		"secret", preflight.Warning, "is being changed"},
	{"24 versions", func(f *preflight.Facts) { f.Secrets[0].Versions = said(versions(24)) }, "secret_versions",
		preflight.Passed, "room for new versions"},
	{"25 versions", func(f *preflight.Facts) { f.Secrets[0].Versions = said(versions(25)) }, "secret_versions",
		preflight.Warning, "25 versions of 30"},
	{"29 versions", func(f *preflight.Facts) { f.Secrets[0].Versions = said(versions(29)) }, "secret_versions",
		preflight.Warning, "29 versions of 30"},
	{"30 versions", func(f *preflight.Facts) { f.Secrets[0].Versions = said(versions(30)) }, "secret_versions",
		preflight.Failed, "--secret-version-number 1"},
	{"40 versions, of which 20 are leaving", func(f *preflight.Facts) {
		all := versions(40)
		for i := 20; i < 40; i++ {
			all[i].Leaving = true
		}
		f.Secrets[0].Versions = said(all)
	}, "secret_versions", preflight.Passed, "room for new versions"},
	{"versions that may not be listed", func(f *preflight.Facts) {
		f.Secrets[0].Versions = refusedWith[[]vault.Version](absent)
	}, "secret_versions", preflight.Failed, "SECRET_VERSION_INSPECT"},
	{"content that may not be read", func(f *preflight.Facts) { f.Secrets[0].Current = refusedWith[int64](absent) },
		"secret_content", preflight.Failed, "SECRET_BUNDLE_READ"},
	{"a rotation that was interrupted", func(f *preflight.Facts) {
		f.Secrets[0].Secret.Value.Metadata = staged(noon.Add(-time.Hour))
	}, "secret_journal", preflight.Warning, "was interrupted"},
	{"a rotation in progress", func(f *preflight.Facts) { f.Secrets[0].Secret.Value.Metadata = staged(noon) },
		"secret_journal", preflight.Warning, "is in progress"},
	{"a grace that is over", func(f *preflight.Facts) {
		f.Secrets[0].Secret.Value.Metadata = metadata(rotation.Journal{
			Retire: rotation.Overlaps{{Credential: "old", After: noon.Add(-time.Hour), Problem: "p"}}})
	}, "secret_journal", preflight.Warning, "grace period of old is over"},
	{"a journal of an older Keyturn", func(f *preflight.Facts) {
		f.Secrets[0].Secret.Value.Metadata = metadata(rotation.Journal{
			Retire: rotation.Overlaps{{Credential: "old", After: noon.Add(-time.Hour)}}})
	}, "secret_journal", preflight.Warning, "rotation of old is not finished"},
	{"a user who is absent", func(f *preflight.Facts) { f.Users[0].Person = refusedWith[preflight.Person](absent) },
		"user",
		preflight.Failed, "is absent (other users can be read)"},
	{"users who may not be read", func(f *preflight.Facts) {
		f.Users[0].Person, f.Users[1].Person = refusedWith[preflight.Person](absent),
			refusedWith[preflight.Person](absent)
	}, "user", preflight.Failed, "is not allowed, or the user is absent"},
	{"a user who is not active", func(f *preflight.Facts) { f.Users[0].Person.Value.State = "INACTIVE" }, "user",
		preflight.Failed, "is INACTIVE"},
	{"a user who may not have it", func(f *preflight.Facts) {
		f.Users[0].Person.Value.MayNot = []credential.Kind{
			credential.APIKey}
	}, "user", preflight.Failed, "--can-use-api-keys true"},
	{"a user who may not have an API key", func(f *preflight.Facts) {
		f.Users[0].Person.Value.MayNot = []credential.Kind{credential.APIKey}
	}, "user", preflight.Failed, "may not have an API key"},
	{"a protected user", func(f *preflight.Facts) { f.Config.ProtectedUsers = []string{"j*ne"} }, "protected_users",
		preflight.Warning, "who is protected"},
	{"full slots", func(f *preflight.Facts) {
		f.Users[0].Has[credential.APIKey] = issued("a", "b", "c")
	}, "slots", preflight.Warning, "3 API keys, the most that OCI allows: a, b, c"},
	{"two keys of three", func(f *preflight.Facts) {
		f.Users[0].Has[credential.APIKey] = issued("a", "b")
	}, "slots", preflight.Passed, "a free slot"},
	{"slots that may not be listed", func(f *preflight.Facts) {
		f.Users[1].Has[credential.AuthToken] = refusedWith[credential.Listing](absent)
	}, "slots", preflight.Failed, "{USER_READ} in tenancy"},
	{"no namespace", func(f *preflight.Facts) { f.Namespace = refusedWith[string](absent) }, "namespace",
		preflight.Failed, "OBJECTSTORAGE_NAMESPACE_READ"},
	{"a registry that can't answer", func(f *preflight.Facts) { f.Registry = said(503) }, "registry", preflight.Warning,
		"answers 503"},
	{"a registry that need not answer", func(f *preflight.Facts) {
		f.Registry, f.Config.Prove = refusedWith[int](silent), config.ProveTry
	}, "registry", preflight.Warning, "used without a proof"},
	{"an endpoint that doesn't answer", func(f *preflight.Facts) { f.S3 = refusedWith[int](silent) }, "s3_endpoint",
		preflight.Failed, "set prove to try or off"},
}

func staged(at time.Time) vault.Metadata {
	return metadata(rotation.Journal{Staged: &rotation.Staged{Version: "v", Phase: rotation.PhaseStaged, Old: "old",
		Problem: "p", At: &at}})
}

func metadata(j rotation.Journal) vault.Metadata {
	m, err := j.Write(nil)
	if err != nil {
		panic(err)
	}
	return m
}

func TestEachFaultIsReportedWithItsRemedy(t *testing.T) { judged(t, good, wrongs) }

// judged checks that each fault is in the check that reports it, and in no other one.
func judged(t *testing.T, facts func() *preflight.Facts, all []wrong) {
	t.Helper()
	for _, w := range all {
		f := facts()
		w.spoil(f)
		checks, _ := f.Judge()
		i := slices.IndexFunc(checks, func(c preflight.Check) bool {
			return c.Check == w.check && c.Result == w.is && strings.Contains(c.Found+" | "+c.Remedy, w.words)
		})
		if i < 0 {
			t.Errorf("%s: no check %s that is %s with %q in %+v", w.name, w.check, w.is, w.words, checks)
		}
		for _, c := range checks {
			waits := c.Result == preflight.Unknown && strings.Contains(c.Found, "it waits for the check "+w.check)
			if (c.Check != w.check || w.is == preflight.Passed) && c.Result != preflight.Passed && !waits {
				t.Errorf("%s: %s is %s as well: %s", w.name, c.Check, c.Result, c.Found)
			}
			if c.Result == preflight.Failed && c.Remedy == "" {
				t.Errorf("%s: %s has no remedy", w.name, c.Check)
			}
			if strings.Contains(c.Found, "/secret/path") {
				t.Errorf("%s: an error of a library is quoted: %s", w.name, c.Found)
			}
		}
	}
}
