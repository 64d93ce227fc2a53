package command

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// withRoles gives the two halves of a pair the tags that say which half they are.
func withRoles(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) *tenancy.Case {
	t.Helper()
	for key, role := range map[string]string{"accesskey_secret_ocid": "access-key",
		"secretkey_secret_ocid": "secret-key", "bundle_secret_ocid": "bundle"} {
		if id := c.Secrets[key]; id != "" {
			must(t, s.Tag(t.Context(), id, map[string]string{"keyturn-role": role}))
		}
	}
	return c
}

func TestEveryKindIsRotatedOnDemand(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()}.WithDomains())
	sh := shell(t, s.Emulator, s.Operator)
	for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken, Bundle: true},
		{Kind: tenancy.CustomerSecretKey}, {Kind: tenancy.Password}, {Kind: tenancy.Password, NoSecret: true},
		{Kind: tenancy.APIKey, Domain: tenancy.Partners}, {Kind: tenancy.AuthToken, Domain: tenancy.Partners},
		{Kind: tenancy.CustomerSecretKey, Domain: tenancy.Partners, Bundle: true},
		{Kind: tenancy.Password, Domain: tenancy.Partners}} {
		for _, how := range []string{"name", "OCID"} {
			if how == "OCID" && w.Kind != tenancy.AuthToken {
				continue
			}
			c := withRoles(t, s, s.Add(w))
			user := c.ShownName()
			if how == "OCID" {
				user = c.User
			}
			r := run(t, sh, 0, "", "rotate", user, string(w.Kind), "--yes")
			noValues(t, r, c.Old.Value)
			if !strings.Contains(r.Stdout, c.Problem) || !strings.Contains(r.Stdout, "Rotated.") &&
				!strings.Contains(r.Stdout, "was reset") {
				t.Errorf("%+v by %s: it prints\n%s", w, how, r.Stdout)
			}
			if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
				t.Errorf("%+v: the problem is %s", w, p.Status)
			}
			if ids := c.IDs(); w.Kind != tenancy.Password && (len(ids) != 1 || ids[0] == c.OldID) {
				t.Errorf("%+v: the user has %v", w, ids)
			}
			if w.NoSecret {
				continue
			}
			fresh, err := c.Stored()
			if err != nil || fresh.Value == c.Old.Value || fresh.Value == "" {
				t.Errorf("%+v: CURRENT is not a new credential (%v)", w, err)
			}
			noValues(t, r, fresh.Value)
		}
	}
}

func TestARotationWithAnOverlapSaysWhenTheOldOneGoes(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	r := run(t, shell(t, s.Emulator, s.Operator), 0, "", "rotate", c.UserName, "api-key", "--yes", "--json", "--grace",
		"72h", "--domains", "none")
	var end struct{ State, Comment, New, OldGoes string }
	if err := json.Unmarshal([]byte(r.Stdout), &end); err != nil {
		t.Fatalf("%v\n%s", err, r.Stdout)
	}
	if end.State != "overlap" || end.OldGoes == "" || !strings.Contains(end.Comment, "grace:72h") ||
		!slices.Contains(c.IDs(), end.New) || !slices.Contains(c.IDs(), c.OldID) {
		t.Errorf("it prints %+v, and the user has %v", end, c.IDs())
	}
}

func TestARotationThatTheFunctionRefusesEndsWithItsReason(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Bystander: 1}) // no slot is free
	sh := shell(t, s.Emulator, s.Operator)
	r := run(t, sh, 1, "", "rotate", c.UserName, "auth-token", "--yes")
	if !strings.Contains(r.Stderr, "no free slot") || s.Problem(c.Problem).Status != "OPEN" {
		t.Errorf("it prints %s", r.Stderr)
	}
	run(t, sh, 0, "", "rotate", c.UserName, "auth-token", "--yes", "--replace")
	if slices.Contains(c.IDs(), c.OldID) {
		t.Errorf("with --replace the user has %v", c.IDs())
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	mails := len(s.Mails())
	r := run(t, shell(t, s.Emulator, s.Operator), 0, "", "rotate", c.UserName, "api-key", "--yes", "--dry-run")
	if stored, err := c.Stored(); err != nil || stored.Value != c.Old.Value || !slices.Equal(c.IDs(),
		[]string{c.OldID}) {
		t.Errorf("it changed something (%v)", err)
	}
	s.Deliver()
	if !strings.Contains(r.Stdout, "mailed") || len(s.Mails()) == mails {
		t.Errorf("it prints %s", r.Stdout)
	}
}

func TestNothingIsClosedWithoutOneProblemOneUserAndAnAnswer(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bystander: 1})
	second := c.AddProblem(c.Bystander[0])
	unbound := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Unbound: true})
	idle := s.AddUser("idle@example.com")
	for _, w := range []struct {
		code int
		says string
		args []string
	}{
		{1, "2 problems", []string{c.UserName, "api-key", "--yes"}},
		{1, "--problem " + second, []string{c.UserName, "api-key", "--yes"}},
		{1, "no open problem", []string{c.UserName, "auth-token", "--yes"}},
		{1, "no open problem", []string{idle, "api-key", "--yes"}},
		{1, "keyturn bind " + unbound.User + " auth-token", []string{unbound.UserName, "auth-token", "--yes"}},
		{1, "no user has the name", []string{"nobody@example.com", "api-key", "--yes"}},
		{2, "KIND", []string{c.UserName, "ssh-key", "--yes"}},
		{2, "--problem", []string{c.UserName, "api-key", "--yes", "--problem", "x"}},
		{1, "--grace", []string{c.UserName, "api-key", "--yes", "--problem", second, "--grace", "soon"}},
		{4, "--yes", []string{c.UserName, "api-key", "--problem", second}},
	} {
		r := run(t, sh, w.code, "", append([]string{"rotate"}, w.args...)...)
		if !strings.Contains(r.Stderr, w.says) {
			t.Errorf("%v: it doesn't say %q:\n%s", w.args, w.says, r.Stderr)
		}
	}
	for _, p := range s.ProblemIDs() {
		if s.Problem(p).Status != "OPEN" {
			t.Errorf("problem %s was closed", p)
		}
	}
	r := run(t, sh, 0, "", "rotate", c.UserName, "api-key", "--yes", "--credential", c.OldID, "--no-wait")
	s.Deliver()
	if slices.Contains(c.IDs(), c.OldID) || !slices.Contains(c.IDs(), c.Bystander[0]) {
		t.Errorf("--credential chose another one: %s", r.Stdout)
	}
}

func TestTheStatusSaysWhatIsHalfWayDueAndHeld(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	if r := run(t, sh, 0, "", "status"); !strings.Contains(r.Stdout, "0 items of unfinished work") {
		t.Errorf("of an empty tenancy it prints %s", r.Stdout)
	}
	half := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	s.KillAt("UploadApiKey", 0)
	closeWith(t, s, half)
	due := withOverlap(t, s, tenancy.Want{Kind: tenancy.CustomerSecretKey})
	undone := withOverlap(t, s, tenancy.Want{Kind: tenancy.AuthToken})
	run(t, sh, 0, "", "undo", anySecret(undone), "--yes")
	refused := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Bystander: 1})
	closeWith(t, s, refused)
	before := fmt.Sprint(s.ProblemIDs(), len(s.Mails()))
	r := run(t, sh, 1, "", "status", "--json")
	var got struct {
		BoundSecrets    int
		Items, Reopened []struct {
			State, Kind, User, UserName, Secret, Next, When, Since, Problem, Old, New string
			NeedsYou                                                                  bool
		}
		NotAsked []string
	}
	if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, r.Stdout)
	}
	if got.BoundSecrets != 5 || len(got.NotAsked) != 0 {
		t.Errorf("it counts %d bound secrets, and has not asked %v", got.BoundSecrets, got.NotAsked)
	}
	type seen struct {
		state string
		n     int
		needs bool
	}
	want := map[string]seen{half.User: {"half-way", 1, false}, due.User: {"overlap", 2, false}, undone.User: {"held",
		1, true}}
	found := map[string]seen{}
	for _, i := range got.Items {
		n := found[i.User].n
		found[i.User] = seen{i.State, n + 1, i.NeedsYou}
		if i.Problem == "" || i.Since == "" || i.Next == "" || i.UserName == "" || i.Old == "" ||
			i.State == "overlap" && i.When == "" {
			t.Errorf("an item lacks something: %+v", i)
		}
	}
	for user, w := range want {
		if found[user] != w {
			t.Errorf("of %s it says %+v, want %+v\n%s", user, found[user], w, r.Stdout)
		}
	}
	if len(got.Reopened) != 1 || got.Reopened[0].Problem != refused.Problem ||
		!strings.Contains(got.Reopened[0].Next, "no free slot") || got.Reopened[0].Since == "" {
		t.Errorf("it says of re-opened problems %+v", got.Reopened)
	}
	text := run(t, sh, 1, "", "status")
	for _, says := range []string{"HALF-WAY", "OVERLAP", "HELD", "OPENED AGAIN", refused.Problem} {
		if !strings.Contains(text.Stdout, says) {
			t.Errorf("as text it doesn't say %q:\n%s", says, text.Stdout)
		}
	}
	for _, c := range []*tenancy.Case{half, due, undone, refused} {
		noValues(t, r, c.Old.Value)
		noValues(t, text, c.Old.Value)
	}
	if after := fmt.Sprint(s.ProblemIDs(), len(s.Mails())); after != before {
		t.Error("status changed something")
	}
	down := s.Inject(ociemu.Fault{Operation: "ListSecrets", Times: -1, Do: ociemu.Answer(404,
		"NotAuthorizedOrNotFound")})
	if r := run(t, sh, 3, "", "status"); !strings.Contains(r.Stdout, "NOT ASKED") {
		t.Errorf("of secrets that can't be listed it prints %s", r.Stdout)
	}
	down.Remove()
}
