package command

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// other are the tags that the secrets have before, which must stay. Numbers beyond 2^53 and empty texts are among them.
var otherFreeform = map[string]string{"team": "<web> & shop", "empty": ""}

func otherDefined(n int) map[string]map[string]any {
	return map[string]map[string]any{"Oracle-Tags": {"CreatedBy": fmt.Sprint("joe-", n)},
		"Cost": {"center": json.Number("9007199254740993"), "on": true}}
}

// shop is a tenancy with many users, each with an auth token and an unbound secret.
type shop struct {
	*tenancy.Deployment
	users, secrets []string
}

func newShop(t *testing.T, n int) shop {
	t.Helper()
	s := shop{Deployment: newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})}
	for i := range n {
		u := s.AddUser(fmt.Sprintf("service-%03d@example.com", i))
		_, token := s.AddAuthToken(u, "deploys")
		s.users = append(s.users, u)
		s.secrets = append(s.secrets, s.AddSecret(ociemu.SecretSeed{Name: fmt.Sprintf("service-%03d-ocir", i),
			Content: []byte(token), FreeformTags: otherFreeform, DefinedTags: otherDefined(i)}))
	}
	return s
}

// boundRight checks that each secret is bound to its user, with its other tags. It returns how many are.
func (s shop) boundRight(t *testing.T) (n int) {
	t.Helper()
	for i, id := range s.secrets {
		now := s.Secret(id)
		ours := now.DefinedTags["keyturn"]
		if ours != nil {
			n++
			if want := map[string]any{"user": s.users[i], "kind": "auth-token"}; !reflect.DeepEqual(ours, want) {
				t.Errorf("secret %d has the tags %v", i, ours)
			}
		}
		others := map[string]map[string]any{}
		for k, v := range now.DefinedTags {
			if k != "keyturn" {
				others[k] = v
			}
		}
		got, _ := json.Marshal(others)
		want, _ := json.Marshal(otherDefined(i))
		if string(got) != string(want) || !reflect.DeepEqual(now.FreeformTags, otherFreeform) {
			t.Errorf("the other tags of secret %d are %s and %v", i, got, now.FreeformTags)
		}
	}
	return n
}

func (s shop) csv(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("user,kind,secret\n")
	for i, id := range s.secrets {
		switch i % 3 {
		case 0:
			fmt.Fprintf(&b, "service-%03d@example.com,auth-token,%s\n", i, id)
		case 1:
			fmt.Fprintf(&b, "%s,AUTH-TOKEN,service-%03d-ocir\n", s.users[i], i)
		default:
			fmt.Fprintf(&b, "\"SERVICE-%03d@example.com\", auth-token, %s\n", i, id)
		}
	}
	return file(t, b.String())
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bindings.csv")
	must(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// writes counts the changes that the operator made.
func writes(s *tenancy.Deployment) (n int) {
	for _, c := range s.Calls() {
		if c.Caller.Operator && (c.Operation == "UpdateSecret" || c.Operation == "CreateSecret") {
			n++
		}
	}
	return n
}

const many = 300

func TestManyBindingsAreMadeInOneGoAndKeepAllOtherTags(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"a file", "proposals"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, many)
			sh := shell(t, s.Emulator, s.Operator)
			args := []string{"bind"}
			if how == "a file" {
				args = append(args, "--csv", s.csv(t))
			}
			r := run(t, sh, 4, "", args...)
			if n := writes(s.Deployment); n != 0 || !strings.Contains(r.Stdout, "300 secrets to bind") {
				t.Fatalf("without an answer it made %d changes, and printed\n%.2000s", n, r.Stdout)
			}
			// interrupted in the middle: OCI refuses what comes after 100 changes
			n := 0
			f := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1, Do: ociemu.Answer(404,
				"NotAuthorizedOrNotFound"), Match: func(ociemu.Call) bool { n++; return n > 100 }})
			r = run(t, sh, 1, "", append(args, "--yes")...)
			f.Remove()
			if did := s.boundRight(t); did != 100 || !strings.Contains(r.Stdout, "100 bound, 200 failed") ||
				!strings.Contains(r.Stderr, "same command") {
				t.Fatalf("%d are bound after the failure, and it printed %.300s %s", did, r.Stdout, r.Stderr)
			}
			r = run(t, sh, 0, "", append(args, "--yes", "--json")...)
			var got struct{ Bind, Bound, Done []any }
			must(t, json.Unmarshal([]byte(r.Stdout), &got))
			if did := s.boundRight(t); did != many || len(got.Bind) != 200 || len(got.Bound) != 100 ||
				len(got.Done) != 200 {
				t.Fatalf("%d are bound at the end: %d planned, %d bound before, %d done", did, len(got.Bind),
					len(got.Bound),
					len(got.Done))
			}
			s.ResetCalls()
			r = run(t, sh, 0, "", append(args, "--yes")...)
			if n := writes(s.Deployment); n != 0 || !strings.Contains(r.Stdout, "300 bound already") {
				t.Errorf("again it made %d changes, and printed %s", n, r.Stdout)
			}
		})
	}
}

// A command that is killed leaves no secret half bound, and the same command binds the others.
func TestACommandThatIsKilledIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	s := newShop(t, 30)
	sh := shell(t, s.Emulator, s.Operator)
	ctx, kill := context.WithCancel(t.Context())
	n := 0
	f := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1, Do: ociemu.Hold(ctx.Done()),
		Match: func(ociemu.Call) bool {
			n++
			if n == 10 {
				kill()
			}
			return n > 10
		}})
	csv := s.csv(t)
	if r, err := sh.Run(ctx, strings.NewReader(""), "bind", "--csv", csv, "--yes"); err == nil && r.Code == 0 {
		t.Fatalf("it was not killed: %+v", r)
	}
	f.Remove()
	if did := s.boundRight(t); did < 9 || did > 20 {
		t.Errorf("%d are bound after the kill", did)
	}
	run(t, sh, 0, "", "bind", "--csv", csv, "--yes")
	if did := s.boundRight(t); did != 30 {
		t.Errorf("%d are bound at the end", did)
	}
}

func TestAFileWithAFaultChangesNothingAndEveryFaultIsNamed(t *testing.T) {
	t.Parallel()
	s := newShop(t, 8)
	sh := shell(t, s.Emulator, s.Operator)
	s.AddSecret(ociemu.SecretSeed{Name: "twice"})
	s.AddSecret(ociemu.SecretSeed{Name: "twice"})
	other := s.AddSecret(ociemu.SecretSeed{Name: "taken", FreeformTags: map[string]string{"keyturn-user": s.users[7],
		"keyturn-kind": "api-key"}})
	gone := s.AddSecret(ociemu.SecretSeed{Name: "gone", State: "PENDING_DELETION"})
	text := "user,kind,secret,role\n" +
		"service-000@example.com,auth-token,service-000-ocir,\n" + // right
		"nobody@example.com,auth-token,service-001-ocir,\n" +
		"service-002@example.com,token,service-002-ocir,\n" +
		"service-003@example.com,auth-token,service-003-ocir,secret-key\n" +
		"service-004@example.com,auth-token,no-such-secret,\n" +
		"service-005@example.com,auth-token,twice,\n" +
		"service-006@example.com,auth-token," + other + ",\n" +
		"service-000@example.com,auth-token,service-007-ocir,\n" +
		"service-001@example.com,auth-token,service-000-ocir,\n" +
		"service-002@example.com,customer-secret-key,service-002-ocir,access-key\n" +
		"service-003@example.com,auth-token," + gone + ",\n" +
		"service-004@example.com,auth-token\n" +
		"service-005@example.com,auth-token,a,b,c\n"
	r := run(t, sh, 2, "", "bind", "--yes", "--csv", file(t, text))
	if writes(s.Deployment) != 0 {
		t.Error("it changed something")
	}
	// the line with too many fields is found before anything is asked
	if !strings.Contains(r.Stderr, "line 14") {
		t.Errorf("it prints %s", r.Stderr)
	}
	text = strings.Join(strings.Split(text, "\n")[:13], "\n") + "\n"
	r = run(t, sh, 2, "", "bind", "--yes", "--csv", file(t, text))
	for _, says := range []string{"line 3, column user", "line 4, column kind", "line 5, column role",
		"line 6, column secret", "line 7, column secret", "line 8, column secret", "line 9, column secret",
		"line 10, column secret", "line 11, column role", "line 12, column secret", "line 13, column secret"} {
		if !strings.Contains(r.Stderr, says) {
			t.Errorf("it doesn't name %s:\n%s", says, r.Stderr)
		}
	}
	if strings.Contains(r.Stderr, "line 2,") || s.boundRight(t) != 0 || writes(s.Deployment) != 0 {
		t.Errorf("a right line is refused, or something was changed:\n%s", r.Stderr)
	}
	for _, wrong := range []string{"", "user,kind\na,b\n", "user,kind,secret,colour\n", "user,user,kind,secret\n",
		"user,kind,secret\n\"a,b,c\n"} {
		run(t, sh, 2, "", "bind", "--yes", "--csv", file(t, wrong))
	}
	run(t, sh, 2, "", "bind", "--yes", "--csv", filepath.Join(t.TempDir(), "missing.csv"))
}

// What a secret holds is read with --contents alone, and is never printed.
func TestContentsDecideWhereNamesDoNot(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()}.WithDomains())
	sh := shell(t, s.Emulator, s.Operator)
	key := s.Add(tenancy.Want{Kind: tenancy.APIKey, Unbound: true})
	pair := s.Add(tenancy.Want{Kind: tenancy.CustomerSecretKey, Domain: tenancy.Partners, Unbound: true})
	token := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Unbound: true, UserName: "jane.doe@example.com"})
	blind := s.AddSecret(ociemu.SecretSeed{Name: "blind", Content: []byte(key.Old.Value)})
	lost := s.AddSecret(ociemu.SecretSeed{Name: "jane-doe-api-key", Content: []byte("some password")})
	second := s.AddSecret(ociemu.SecretSeed{Name: "jane.doe auth token 2", Content: []byte(token.Old.Value)})
	run(t, sh, 4, "", "bind", "--contents", "--json")
	for _, c := range s.Calls() {
		if c.Caller.Operator && (c.Operation == "UpdateSecret" || c.Operation == "CreateSecret") {
			t.Errorf("it made the call %s", c.Operation)
		}
	}
	r := run(t, sh, 0, "", "bind", "--contents", "--yes")
	values := []string{key.Old.Value, pair.Old.Value, token.Old.Value, "some password"}
	noValues(t, r, values...)
	tags := func(id string) string {
		d := s.Secret(id).DefinedTags["keyturn"]
		return fmt.Sprint(d["user"], " ", d["kind"], " ", d["role"])
	}
	for id, want := range map[string]string{
		pair.Secrets["accesskey_secret_ocid"]: pair.User + " customer-secret-key access-key",
		pair.Secrets["secretkey_secret_ocid"]: pair.User + " customer-secret-key secret-key",
		key.Secrets["api_secret_ocid"]:        "<nil> <nil> <nil>", // two secrets hold the key
		blind:                                 "<nil> <nil> <nil>",
		lost:                                  "<nil> <nil> <nil>",
		second:                                "<nil> <nil> <nil>",
		token.Secrets["auth_secret_ocid"]:     "<nil> <nil> <nil>",
	} {
		if got := tags(id); got != want {
			t.Errorf("secret %s is bound to %s, want %s\n%s", s.Secret(id).Name, got, want, r.Stdout)
		}
	}
	for _, says := range []string{"keyturn bind " + key.User + " api-key --secret " + blind,
		"keyturn bind " + token.User + " auth-token --secret " + second, "2 secrets fit it"} {
		if !strings.Contains(r.Stdout, says) {
			t.Errorf("it doesn't say %q:\n%s", says, r.Stdout)
		}
	}
	run(t, sh, 0, "", "bind", token.User, "auth-token", "--secret", second, "--yes")
	if got := tags(second); got != token.User+" auth-token <nil>" {
		t.Errorf("the command that it printed binds it to %s", got)
	}
	run(t, sh, 2, "", "bind", "jane.doe@example.com", "auth-token", "--secret", lost, "--yes")
	s.ResetCalls()
	run(t, sh, 4, "", "bind")
	for _, c := range s.Calls() {
		if c.Operation == "GetSecretBundle" {
			t.Error("without --contents a content was read")
		}
	}
}

// A secret that the command makes takes a rotation of its kind.
func TestASecretThatIsMadeTakesARotation(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Places: func(e *ociemu.Emulator) tenancy.Places {
		return tenancy.Places{Secrets: e.AddCompartment("secrets", ""), DefinedTags: true}
	}}.WithDomains())
	sh := shell(t, s.Emulator, s.Operator)
	cases := []*tenancy.Case{}
	for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken},
		{Kind: tenancy.CustomerSecretKey, Domain: tenancy.Partners}} {
		w.NoSecret = true
		cases = append(cases, s.Add(w))
	}
	for _, freeform := range []bool{false, true} {
		args := []string{"bind", cases[0].UserName, "--create", "--vault", s.Vault(s.Region()), "--key",
			"ocid1.key.oc1.iad.a.b", "--compartment", s.Tenancy(), "--yes"}
		if freeform {
			args[1] = cases[1].UserName
			args = append(args, "--freeform")
		}
		r := run(t, sh, 0, "", args...)
		if !strings.Contains(r.Stdout, "1 created") {
			t.Fatalf("it prints %s", r.Stdout)
		}
	}
	r := run(t, sh, 0, "", "bind", "--create", "--vault", s.Vault(s.Region()), "--key", "ocid1.key.oc1.iad.a.b",
		"--compartment", s.Tenancy(), "--yes")
	if !strings.Contains(r.Stdout, cases[2].ShownName()) {
		t.Errorf("it prints %s", r.Stdout)
	}
	for _, c := range cases {
		r := run(t, sh, 0, "", "rotate", c.ShownName(), string(c.Kind), "--yes")
		if ids := c.IDs(); len(ids) != 1 || ids[0] == c.OldID {
			t.Errorf("%s: the user has %v\n%s", c.Kind, ids, r.Stdout)
		}
	}
	run(t, sh, 2, "", "bind", "--create", "--yes")
	run(t, sh, 2, "", "bind", "--csv", "x", "--secret", "y")
	run(t, sh, 2, "", "bind", "--secret", "y")
}
