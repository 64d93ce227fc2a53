package acceptance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestARunPassesWithTheStacksPoliciesAndLeavesNothing(t *testing.T) {
	ten := newTenancy(t, want{domain: true})
	ten.resolveAProblem()
	ten.others()
	ten.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD", User: ten.AddDomainUser("Partners",
		ociemu.UserSeed{Name: "web@example.com"})})
	before := ten.Configuration(ten.rotate.FunctionID)
	var values []string
	ten.OnChange(func(v ociemu.View) { // every value of a secret
		for _, id := range v.Secrets() {
			for _, version := range v.Secret(id).Versions {
				if text := string(version.Content); len(text) < 5000 && !slices.Contains(values, text) {
					values = append(values, text)
				}
			}
		}
	})
	const mine = "ada@example.org"
	p := ten.accept("--mail", mine)
	if p.code != 0 || !p.report.Passed || len(p.report.Checks) < 85 {
		t.Fatalf("the command ended with %d after %d checks\n%s%s", p.code, len(p.report.Checks), p.stdout, p.stderr)
	}
	if left := p.report.Left; left.Users != 0 || left.Secrets != 0 || left.Scheduled != 13 || len(left.Troubles) > 0 {
		t.Errorf("left are %+v", left)
	}
	ten.nothingLeft(before)
	// the last one depends on the machine's speed
	unseen := []string{"event-comments", "password-permission", "domain-operations", "domain-federated", "busy-secret"}
	for _, f := range p.report.Facts {
		if f.Verdict != "as assumed" && f.Verdict != "noted" &&
			!(f.Verdict == "not observed" && slices.Contains(unseen, f.Fact)) {
			t.Errorf("%s: %s, seen %s", f.Fact, f.Verdict, f.Saw)
		}
	}
	if f := p.of(t, "domain-problems"); f.Saw != "PASSWORD_TOO_OLD: resourceId ocid1.user, resourceName without "+
		"a slash" {
		t.Errorf("problems of the domain's users: %+v", f)
	}
	ten.mailsOnlyTo(mine)
	if len(p.report.Facts) < 80 {
		t.Errorf("%d facts, want 80 or more", len(p.report.Facts))
	}
	for _, operation := range []string{"GetFunction", "InvokeFunction", "CreateUser", "DeleteUser", "CreateSecret",
		"ScheduleSecretDeletion"} {
		if !slices.ContainsFunc(ten.Calls(), func(c ociemu.Call) bool {
			return c.Operation == operation && c.Caller.ID == ten.admin
		}) {
			t.Errorf("the administrator never called %s", operation)
		}
	}
	noValueIn(t, p, values)
}

// mailsOnlyTo checks that the domain sent one link to set a password, to an address; none if it is empty. Its other
// mails go to example.com, where nobody gets them.
func (ten *customer) mailsOnlyTo(address string) {
	ten.t.Helper()
	var links []string
	for _, m := range ten.DomainMails() {
		if m.Kind == "reset" {
			links = append(links, m.To)
		} else if !strings.HasSuffix(m.To, "@example.com") {
			ten.t.Errorf("the domain sent %+v", m)
		}
	}
	if strings.Join(links, ",") != address {
		ten.t.Errorf("links to set a password went to %q, want %q", links, address)
	}
}

// noValueIn checks that the command printed no value of a secret.
func noValueIn(t *testing.T, p played, values []string) {
	t.Helper()
	seen := 0
	for _, value := range values {
		if strings.HasPrefix(value, "Keyturn acceptance run") || len(value) < 16 {
			continue
		}
		seen++
		for _, line := range strings.Split(value, "\n") {
			line = strings.TrimSpace(line)
			if len(line) < 16 || strings.HasPrefix(line, "-----") || strings.Contains(line, "ocid1.") ||
				strings.Contains(line, "keyturn-acceptance-") || strings.HasPrefix(line, `"endpoint"`) {
				continue
			}
			for what, text := range map[string]string{"output": p.stdout, "error output": p.stderr,
				"report": p.jsonText} {
				if strings.Contains(text, line) && !isAccessKey(line) {
					t.Errorf("the %s has a value of a credential", what)
				}
			}
		}
	}
	if seen < 6 {
		t.Errorf("%d values were looked for, want 6 or more", seen)
	}
}

// isAccessKey reports whether a value is the id of a customer secret key, which is not secret.
func isAccessKey(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// resolveAProblem adds a closed problem to Cloud Guard.
func (ten *customer) resolveAProblem() {
	ten.t.Helper()
	user := ten.AddUser("a real user")
	id := ten.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD", User: user})
	response, err := ten.Client().Post(ten.URL()+"/_emulator/problems/"+id+"/close", "application/json",
		strings.NewReader(`{"comment":"","actor":"ada"}`))
	if err != nil {
		ten.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode >= 300 {
		ten.t.Fatalf("closing a problem: %d, %v", response.StatusCode, err)
	}
}

func TestTheSweepIsTestedWithAGracePeriod(t *testing.T) {
	need.Suite(t, need.Acceptance)
	ten := newTenancy(t, want{})
	before := ten.Configuration(ten.rotate.FunctionID)
	moved := false
	ten.OnChange(func(v ociemu.View) { // the grace period begins: the services' clock jumps to its end
		for _, id := range v.Secrets() {
			if !moved && overlaps(v.Secret(id).Metadata, ten.clock.Now().Add(30*time.Second)) {
				moved = true
				ten.clock.Add(2 * time.Minute)
			}
		}
	})
	p := ten.accept("--sweep", ten.sweep.FunctionID)
	if p.code != 0 || !moved || !strings.Contains(p.stdout, "passed  auth-token with grace:1m: the sweep deletes "+
		"nothing of which Cloud Guard has no record, and says so") {
		t.Errorf("the command ended with %d\n%s%s", p.code, p.stdout, p.stderr)
	}
	ten.nothingLeft(before)
}

// overlaps reports whether a secret's journal keeps an old credential beyond a time.
func overlaps(metadata map[string]any, moment time.Time) bool {
	text, _ := metadata["keyturn"].(string)
	var journal struct{ Retire []struct{ After time.Time } }
	if json.Unmarshal([]byte(text), &journal) != nil {
		return false
	}
	return slices.ContainsFunc(journal.Retire, func(r struct{ After time.Time }) bool { return r.After.After(moment) })
}

func TestTheEventCheckIsSwitchedOffOnlyIfAllowedAndThenBack(t *testing.T) {
	need.Suite(t, need.Acceptance)
	for before, want := range map[string]map[string]string{"on": {"event_check": "on"}, "absent": {"event_check": ""}} {
		t.Run(before, func(t *testing.T) { switchesBack(t, want) })
	}
}

func switchesBack(t *testing.T, config map[string]string) {
	ten := newTenancy(t, want{config: config})
	before := ten.Configuration(ten.rotate.FunctionID)
	p := ten.run(ten.flags()...)
	if p.code != 2 || !strings.Contains(p.stderr, "event_check=on") ||
		!strings.Contains(p.stderr, "--switch-event-check") {
		t.Errorf("without the flag the command ended with %d\n%s", p.code, p.stderr)
	}
	for _, c := range ten.Calls() {
		if c.Method != "GET" {
			t.Errorf("a run that was refused has called %s", c.Operation)
		}
	}
	p = ten.accept("--switch-event-check")
	if p.code != 0 || !strings.Contains(p.stdout, "event_check of the function is as it was before") {
		t.Errorf("with the flag the command ended with %d\n%s%s", p.code, p.stdout, p.stderr)
	}
	ten.nothingLeft(before)
	updates := 0
	for _, c := range ten.Calls() {
		if c.Operation == "UpdateFunction" && c.Status == 202 {
			updates++
		}
	}
	if updates != 2 {
		t.Errorf("the function was changed %d times, want 2", updates)
	}
}

func TestARunThatCannotSucceedIsRefusedBeforeItCreatesAnything(t *testing.T) {
	ten := newTenancy(t, want{config: map[string]string{"dry_run": "Yes"}})
	good := ten.flags()
	for _, c := range []struct {
		args []string
		says string
	}{
		{good, "dry_run=yes"},
		{nil, "--function is missing: the OCID of Terraform's output function_ids, rotate"},
		{[]string{"--function", ten.vault, "--vault", ten.vault, "--key", ten.key},
			`--function: OCID has type "vault", want "fnfunc"`},
		{append(slices.Clone(good), "--key", "ocid1.key.oc1.phx.amaaaaaaother"),
			"--key is in region phx, --vault in iad"},
		{append(slices.Clone(good), "--sweep", ten.rotate.FunctionID), "--sweep is the same as --function"},
		{append(slices.Clone(good), "--compartment", "production"),
			`--compartment: OCID does not begin with "ocid1."`},
		{append(slices.Clone(good), "extra"), "extra"},
		{append(slices.Clone(good), "--mail", "ada@example.org"), "--mail is only for a run with --domain"},
		{append(slices.Clone(good), "--mail", "Ada <ada@example.org>"), "--mail is not an e-mail address"},
		{append(slices.Clone(good), "--profile", "STAGING"), "STAGING"},
		{append(slices.Clone(good), "--config-file", "/nowhere/config"), "/nowhere/config"},
		{append(slices.Clone(good), "--function", "ocid1.fnfunc.oc1.iad.aaaaaaaaunknown"),
			"reading the function ocid1.fnfunc.oc1.iad.aaaaaaaaunknown"},
		{[]string{"--clean-up", ten.config}, "is not the state file of an acceptance run"},
		{[]string{"--clean-up", "/nowhere/state.json"}, "/nowhere/state.json"},
	} {
		p := ten.run(c.args...)
		if p.code != 2 || !strings.Contains(p.stderr, c.says) {
			t.Errorf("%v: ended with %d\n%s", c.args, p.code, p.stderr)
		}
	}
	for _, c := range ten.Calls() {
		if c.Method != "GET" {
			t.Errorf("a run that was refused has called %s", c.Operation)
		}
	}
	if p := ten.run("--help"); p.code != 0 || !strings.Contains(p.stdout, "staging") ||
		!strings.Contains(p.stdout, "event_check") {
		t.Errorf("--help ended with %d\n%s", p.code, p.stdout)
	}
}

func TestAStateFileOfOtherResourcesRemovesNothing(t *testing.T) {
	ten := newTenancy(t, want{})
	user := ten.AddUser("jane@example.com")
	secret := ten.AddSecret(ociemu.SecretSeed{Name: "production"})
	for name, state := range map[string]string{
		"another name": `{"version":1,"run":"abc","tenancy":"` + ten.Tenancy() + `","vault":"` + ten.vault +
			`","users":[{"name":"jane@example.com","id":"` + user + `"}]}`,
		"another name in a domain": `{"version":1,"run":"abc","tenancy":"` + ten.Tenancy() + `","vault":"` + ten.vault +
			`","domain":"` + ten.Domain(ociemu.DefaultDomain).ID + `","domain_users":[{"name":"jane@example.com"}]}`,
		"another user": `{"version":1,"run":"abc","tenancy":"` + ten.Tenancy() + `","vault":"` + ten.vault +
			`","users":[{"name":"keyturn-acceptance-abc-x","id":"` + user + `"}]}`,
		"another secret": `{"version":1,"run":"abc","tenancy":"` + ten.Tenancy() + `","vault":"` + ten.vault +
			`","secrets":[{"name":"keyturn-acceptance-abc-x","id":"` + secret + `"}]}`,
		"another tenancy": `{"version":1,"run":"abc","tenancy":"ocid1.tenancy.oc1..aaaa","vault":"` + ten.vault +
			`","users":[{"name":"keyturn-acceptance-abc-x","id":"` +
			user + `"}]}`,
	} {
		file := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(file, []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := ten.run("--clean-up", file); p.code == 0 {
			t.Errorf("%s: the command ended with 0\n%s", name, p.stdout)
		}
		if ten.User(user).ID == "" || ten.Secret(secret).State != "ACTIVE" {
			t.Fatalf("%s: something else was removed", name)
		}
	}
}
