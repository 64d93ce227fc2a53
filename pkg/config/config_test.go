package config_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
)

const topic = "ocid1.onstopic.oc1.iad.aaaaaaaatopic"

func read(t *testing.T, entries ...string) config.Config {
	t.Helper()
	c, err := config.Read(append([]string{"ons_topic=" + topic}, entries...))
	if err != nil {
		t.Fatalf("%q: %v", entries, err)
	}
	return c
}

var defaults = config.Config{
	Topic: topic, EventCheck: true, SecretBinding: config.BindingRequire, BareClosure: config.BareRefuse,
	Prove: config.ProveRequire, RSABits: 2048, LogLevel: "info", Metrics: true, SweepDays: 7,
	MaximumAge: 90 * 24 * time.Hour,
}

func TestOnlyTheTopicIsRequired(t *testing.T) {
	if got := read(t); !reflect.DeepEqual(got, defaults) {
		t.Errorf("got %+v, want %+v", got, defaults)
	}
}

func TestAnEmptyValueCountsAsNotSet(t *testing.T) {
	var entries []string
	for _, k := range config.Keys()[1:] {
		entries = append(entries, k.Name+"= ")
	}
	if got := read(t, entries...); !reflect.DeepEqual(got, defaults) {
		t.Errorf("got %+v, want %+v", got, defaults)
	}
}

func TestTheDocumentedDefaultsAreTheRealOnes(t *testing.T) {
	var entries []string
	for _, k := range config.Keys()[1:] {
		entries = append(entries, k.Name+"="+k.Default)
	}
	if got := read(t, entries...); !reflect.DeepEqual(got, defaults) {
		t.Errorf("got %+v, want %+v", got, defaults)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	got := read(t, "ons_topic= OCID1.onstopic.oc1.IAD.aaaaaaaaTOPIC ", "event_check=OFF", "secret_binding=warn",
		"bare_closure=Rotate",
		"protected_users=ocid1.user.oc1..AAAA, jane@example.com ;svc-*\nroot", "grace_period=1d12h30m", "prove=try",
		"dry_run=Yes",
		"rsa_bits=4096", "log_level=debug", "metrics=off", "sweep_days=30",
		"secret_compartments=ocid1.compartment.oc1..aaab,ocid1.tenancy.oc1..aaac,",
		"identity_domains=ALL, ocid1.domain.oc1..AAAD;ocid1.compartment.oc1..aaae,ocid1.tenancy.oc1..aaac",
		"maximum_age=180d12h", "default_domain_api=SCIM",
		"owner_topics=OCID1.onstopic.oc1.iad.aaaaaaaaTEAM; ocid1.compartment.oc1..aaaf",
		"records_topic=ocid1.onstopic.oc1.iad.aaaaaaaaRECORDS", "report_bucket=acme/Reports_2026.a-b")
	want := config.Config{
		Topic: topic, EventCheck: false, SecretBinding: config.BindingWarn, BareClosure: config.BareRotate,
		ProtectedUsers: []string{"ocid1.user.oc1..aaaa", "jane@example.com", "svc-*", "root"},
		Grace:          36*time.Hour + 30*time.Minute, Prove: config.ProveTry, DryRun: true, RSABits: 4096,
		LogLevel: "debug", SweepDays: 30,
		SecretCompartments: []string{"ocid1.compartment.oc1..aaab", "ocid1.tenancy.oc1..aaac"},
		IdentityDomains: []string{config.AllDomains, "ocid1.domain.oc1..aaad", "ocid1.compartment.oc1..aaae",
			"ocid1.tenancy.oc1..aaac"},
		MaximumAge:    (180*24 + 12) * time.Hour,
		DefaultBySCIM: true,
		OwnerTopics:   []string{"ocid1.onstopic.oc1.iad.aaaaaaaateam", "ocid1.compartment.oc1..aaaf"},
		RecordsTopic:  "ocid1.onstopic.oc1.iad.aaaaaaaarecords", ReportBucket: "acme/Reports_2026.a-b",
	}
	if namespace, name := got.Bucket(); namespace != "acme" || name != "Reports_2026.a-b" {
		t.Errorf("the bucket is %q in %q", name, namespace)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryGoodValueIsTaken(t *testing.T) {
	good := map[string][]string{
		"event_check": {"on", "off"}, "secret_binding": {"require", "warn"}, "prove": {"require", "try", "off"},
		"bare_closure": {"refuse", "rotate"},
		"dry_run":      {"yes", "no"}, "rsa_bits": {"2048", "3072", "4096"}, "log_level": {"trace", "debug", "info",
			"warn", "error"},
		"sweep_days": {"1", "7", "90"}, "grace_period": {"0", "0h", "72h", "3d", "90m", "90d", "2160h", "1D2H3M"},
		"maximum_age": {"0", "30m", "90d", "3650d"},
	}
	for key, values := range good {
		for _, v := range values {
			read(t, key+"="+v)
		}
	}
}

func TestAMalformedValueIsRefusedWithARemedy(t *testing.T) {
	cases := []struct{ entry, want string }{
		{"ons_topic=", "ons_topic is not set: set it to the OCID of a topic (ocid1.onstopic...)"},
		{"ons_topic=my-topic", `ons_topic is "my-topic", which is not an OCID: set it to OCID of a topic`},
		{"ons_topic=ocid1.topic.oc1.iad.aaaa", `type "topic", not "onstopic"`},
		{"ons_topic=ocid1.onstopic.oc1.iad.aa/aa", "not an OCID"},
		{"ons_topic=ocid1.onstopic.oc1.iad." + strings.Repeat("a", 255), "..."},
		{"event_check=true", `event_check is "true": set it to on, off`},
		{"event_check=yes", "set it to on, off"},
		{"secret_binding=off", "set it to require, warn"},
		{"bare_closure=yes", "set it to refuse, rotate"},
		{"bare-closure=rotate", "did you mean bare_closure?"},
		{"prove=yes", "set it to require, try, off"},
		{"dry_run=true", "set it to yes, no"},
		{"rsa_bits=1024", "set it to 2048, 3072, 4096"},
		{"rsa_bits=2048.0", "2048, 3072"},
		{"log_level=verbose", "trace, debug"},
		{"sweep_days=0", "1 to 90"},
		{"sweep_days=91", "1 to 90"},
		{"sweep_days=a week", "1 to 90"},
		{"grace_period=72", "72h"},
		{"grace_period=-1h", "72h"},
		{"grace_period=1.5h", "72h"},
		{"grace_period=91d", "longer than 90 days"},
		{"grace_period=999999d999999h", "longer than 90 days"},
		{"maximum_age=90", "90d"},
		{"maximum_age=3651d", "longer than 3650 days"},
		{"maximum_age=off", "0 for no report"},
		{"maximum_ages=90d", "did you mean maximum_age?"},
		{"protected_users=ocid1.group.oc1..aaaa",
			`contains "ocid1.group.oc1..aaaa", which is an OCID of type "group", not "user"`},
		{"protected_users=jane,ocid1.user.oc1..", "not an OCID"},
		{"secret_compartments=prod", `contains "prod", which is not an OCID`},
		{"secret_compartments=ocid1.user.oc1..aaaa", `not "compartment" or "tenancy"`},
		{"identity_domains=Workloads", `contains "workloads", which is not an OCID`},
		{"identity_domains=all,ocid1.user.oc1..aaaa", `not "domain" or "compartment" or "tenancy"`},
		{"default_domain_api=scim", `is "scim", and identity_domains is not set: set identity_domains, too`},
		{"default_domain_api=rest", `is "rest": set it to classic, scim`},
		{"owner_topics=web-team", `contains "web-team", which is not an OCID`},
		{"owner_topics=ocid1.tenancy.oc1..aaaa", `not "onstopic" or "compartment"`},
		{"records_topic=ocid1.stream.oc1.iad.aaaa", `not "onstopic"`},
		{"records_topic=" + strings.ToUpper(topic), "is ons_topic, too: set it to another topic"},
		{"report_bucket=reports", `is "reports": set it to <namespace>/<bucket>`},
		{"report_bucket=acme/a/b", "set it to <namespace>/<bucket>"},
		{"report_bucket=acme/../b", "set it to <namespace>/<bucket>"},
		{"owner_topic=x", "did you mean owner_topics?"},
		{"identity_domain=all", "did you mean identity_domains?"},
		{"OCI_GO_SDK_DEBUG=null", "OCI_GO_SDK_DEBUG is set, which writes secrets to the log: remove it"},
		{"OCI_GO_SDK_DEBUG=", "remove it"},
		{"ons-topic=x", "ons-topic is not a key: did you mean ons_topic?"},
		{"ONS_TOPIC=x", "did you mean ons_topic?"},
		{"onstopic=x", "did you mean ons_topic?"},
		{"protected_user=x", "did you mean protected_users?"},
		{"protected_uesrs=x", "did you mean protected_users?"},
		{"Dry-Runn=x", "did you mean dry_run?"},
		{"evemt_check=", "did you mean event_check?"},
		{"provee=off", "did you mean prove?"},
		{"SECRET-COMPARTMENT=x", "did you mean secret_compartments?"},
	}
	for _, c := range cases {
		_, err := config.Read([]string{"ons_topic=" + topic, c.entry})
		e, ok := errors.AsType[*config.Error](err)
		if !ok || len(e.Faults) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one fault with %q", c.entry, err, c.want)
			continue
		}
		key, _, _ := strings.Cut(c.entry, "=")
		if f := e.Faults[0]; f.Key != key || f.Problem == "" || f.Remedy == "" {
			t.Errorf("%s: fault %+v", c.entry, f)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	_, err := config.Read([]string{"prove=maybe", "rsa_bits=1", "drry_run=yes", "OCI_GO_SDK_DEBUG=1", "PATH=/bin",
		"secret_compartments=a,ocid1.tenancy.oc1..aaaa,b"})
	e, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range e.Faults {
		keys = append(keys, f.Key)
	}
	want := []string{"ons_topic", "prove", "rsa_bits", "secret_compartments", "drry_run", "OCI_GO_SDK_DEBUG"}
	if !slices.Equal(keys, want) || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("faults %q in %v, want %q", keys, err, want)
	}
}

func TestVariablesOfThePlatformAreNotMistakenForKeys(t *testing.T) {
	got := read(t, "PATH=/usr/bin", "HOME=/home/fn", "HOSTNAME=x", "PWD=/", "LANG=C", "TZ=UTC", "SHLVL=1",
		"_=/function", "TERM=xterm",
		"FN_FN_ID=x", "FN_APP_ID=x", "FN_FN_NAME=rotate", "FN_APP_NAME=x", "FN_MEMORY=128", "FN_CPUS=100m",
		"FN_TYPE=sync", "FN_FORMAT=http-stream",
		"FN_LISTENER=unix:/tmp/iofs/lsnr.sock", "FN_LOGFRAME_NAME=x", "FN_LOGFRAME_HDR=x",
		"OCI_RESOURCE_PRINCIPAL_VERSION=2.2",
		"OCI_RESOURCE_PRINCIPAL_RPST=/x", "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM=/x",
		"OCI_RESOURCE_PRINCIPAL_REGION=us-phoenix-1",
		"OCI_REGION_METADATA={}", "OCI_TRACING_ENABLED=0", "OCI_TRACE_COLLECTOR_URL=x", "HTTPS_PROXY=x",
		"SSL_CERT_FILE=x", "=C:=x", "broken", "",
		"some_other_key=x", "topic=x", "log=x", "OCI_DRY_RUN=x")
	if !reflect.DeepEqual(got, defaults) {
		t.Errorf("got %+v, want %+v", got, defaults)
	}
}

func TestALongValueIsShortenedInTheError(t *testing.T) {
	_, err := config.Read([]string{"ons_topic=" + topic, "prove=" + strings.Repeat("x", 1000)})
	if err == nil || strings.Contains(err.Error(), strings.Repeat("x", 61)) ||
		!strings.Contains(err.Error(), strings.Repeat("x", 60)+"...") {
		t.Errorf("error %v", err)
	}
}

func TestProtectedUsersMatchByOCIDOrName(t *testing.T) {
	const ocid = "ocid1.user.oc1..aaaa"
	cases := []struct {
		list, ocid, name string
		want             bool
	}{
		{"", ocid, "jane", false},
		{ocid, ocid, "jane", true},
		{ocid, ocid, "", true},
		{ocid, "ocid1.user.oc1..aaaab", "jane", false},
		{ocid, "OCID1.USER.oc1..AAAA", "jane", true},
		{"jane", ocid, "Jane", true},
		{"JANE@example.com", ocid, "jane@example.com", true},
		{"jane", ocid, "jane2", false},
		{"jane", ocid, "", false},
		{"*", ocid, "", true},
		{"svc-*", ocid, "SVC-backup", true},
		{"svc-*", ocid, "my-svc-backup", false},
		{"*@example.com", ocid, "jane@example.com", true},
		{"*@example.com", ocid, "jane@example.com.evil", false},
		{"a*b*c", ocid, "a-b-b-c", true},
		{"a*b*c", ocid, "a-c-b", false},
		{"a**c", ocid, "ac", true},
		{"*aaaa*", ocid, "jane", false},
		{"jane, root", ocid, "root", true},
		{"j.ne", ocid, "jane", false},
		{"[a-z]ane", ocid, "jane", false},
		{"jane", ocid, "Partners/jane", false},
		{"partners/jane", ocid, "Partners/jane", true},
		{"Partners/jane", ocid, "jane", false},
		{"Partners/jane", ocid, "Plant/jane", false},
		{"Partners/*", ocid, "Partners/jane", true},
		{"*/jane", ocid, "Partners/jane", true},
		{"*/jane", ocid, "jane", false},
		{"*jane", ocid, "Partners/jane", true},
		{"default/jane", ocid, "jane", true},
		{"default/jane", ocid, "Default/jane", true}, // of another domain of this name
		{"Default/jane", ocid, "Partners/jane", false},
		{"Default/*", ocid, "Partners/jane", true}, // more than is meant, and never less
	}
	for _, c := range cases {
		got := read(t, "protected_users="+c.list).Protects(c.ocid, c.name)
		if got != c.want {
			t.Errorf("%q: Protects(%q, %q) = %v, want %v", c.list, c.ocid, c.name, got, c.want)
		}
	}
}

func TestTheTableDocumentsEveryKey(t *testing.T) {
	table := config.Table()
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	keys := config.Keys()
	if len(keys) != reflect.TypeFor[config.Config]().NumField() {
		t.Errorf("%d keys for %d fields", len(keys), reflect.TypeFor[config.Config]().NumField())
	}
	if len(lines) != len(keys)+2 {
		t.Fatalf("%d lines for %d keys", len(lines), len(keys))
	}
	for i, line := range lines {
		if strings.Count(line, "|") != 5 {
			t.Errorf("%q does not have four cells", line)
		}
		if i >= 2 && !strings.HasPrefix(line, "| `"+keys[i-2].Name+"` | ") {
			t.Errorf("line %d is %q, want %s", i, line, keys[i-2].Name)
		}
	}
}

func TestAVariableThatWouldSendRequestsElsewhereIsRefused(t *testing.T) {
	const topic, region = "ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaatopic", "OCI_RESOURCE_PRINCIPAL_REGION=us-phoenix-1"
	if _, err := config.Read([]string{topic, region, "SSL_CERT_FILE=/etc/ssl/cert.pem",
		"HTTPS_PROXY=http://127.0.0.1:3128",
		`OCI_REGION_METADATA={"realmKey":"oc1","realmDomainComponent":"oraclecloud.com","regionKey":"PHX","regionIdentifier":"us-phoenix-1"}`}); err != nil {
		t.Fatalf("a proxy and a file of certificates are refused: %v", err)
	}
	for _, variable := range []string{
		"OCI_DEFAULT_REALM=example.com",
		"OCI_DEFAULT_REALM=",
		`OCI_REGION_METADATA={"realmKey":"oc1","realmDomainComponent":"example.com","regionKey":"xyz","regionIdentifier":"us-example-1"}`,
		"OCI_DEVELOPER_TOOL_CONFIGURATION_FILE_PATH=/tmp/regions.json",
		"OCI_GO_SDK_DEBUG=",
		"X=\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
		"log_level=-----BEGIN CERTIFICATE-----",
		"X=some text before\n-----BEGIN CERTIFICATE-----",
	} {
		name, _, _ := strings.Cut(variable, "=")
		_, err := config.Read([]string{topic, region, variable, "X=a second one of the same name", "prove=perhaps"})
		faults, ok := errors.AsType[*config.Error](err)
		if !ok || !faults.Unsafe() || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q: %v", variable, err)
		}
	}
	_, err := config.Read([]string{topic, "prove=perhaps", "grace_periode=72h"})
	if faults, ok := errors.AsType[*config.Error](err); !ok || faults.Unsafe() {
		t.Errorf("what only has to be put right counts as unsafe: %v", err)
	}
}
