package binding_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/deploy/internal/binding"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

func subject(k credential.Kind, name string, ids ...string) binding.Subject {
	return binding.Subject{Kind: k, User: "ocid1.user.oc1..aaaa" + fmt.Sprintf("%x", name), Name: name, IDs: ids}
}

func secret(name string, tags ...string) binding.Candidate {
	s := vault.Secret{ID: "ocid1.vaultsecret.oc1.iad." + fmt.Sprintf("%x", name), Name: name, State: vault.Active,
		Freeform: map[string]string{}}
	for i := 0; i < len(tags); i += 2 {
		s.Freeform[tags[i]] = tags[i+1]
	}
	return binding.Candidate{Secret: s}
}

func with(c binding.Candidate, change func(*binding.Candidate)) binding.Candidate {
	change(&c)
	return c
}

// proposed lists the bindings of a plan: "secret: user kind role".
func proposed(p binding.Plan) []string {
	all := []string{}
	for _, b := range p.Bind {
		all = append(all, fmt.Sprintf("%s: %s %s %s", b.SecretName, b.UserName, b.Kind, b.Role))
	}
	return all
}

func TestANameThatSaysTheUserAndTheKindIsProposedAndNoOther(t *testing.T) {
	jane, janeDoe := "jane@example.com", "jane.doe@example.com"
	subjects := []binding.Subject{subject(credential.APIKey, jane), subject(credential.AuthToken, jane),
		subject(credential.APIKey, janeDoe), subject(credential.CustomerSecretKey, "Partners/backup"),
		subject(credential.CustomerSecretKey, "store"), subject(credential.AuthToken, "bo"),
		subject(credential.Password, janeDoe)}
	for name, c := range map[string]struct {
		secrets []binding.Candidate
		want    []string
	}{
		"user and kind": {[]binding.Candidate{secret("jane-api-key")}, []string{"jane-api-key: jane@example.com " +
			"api-key private-key"}},
		"longest user": {[]binding.Candidate{secret("Jane_Doe.APIKey")}, []string{"Jane_Doe.APIKey: " +
			"jane.doe@example.com api-key private-key"}},
		"a part of a word": {[]binding.Candidate{secret("janet-api-key")}, []string{}},
		"no kind":          {[]binding.Candidate{secret("jane-secret")}, []string{}},
		"two kinds":        {[]binding.Candidate{secret("jane-api-key-and-auth-token")}, []string{}},
		"two secrets":      {[]binding.Candidate{secret("jane-api-key"), secret("jane api key old")}, []string{}},
		"one half":         {[]binding.Candidate{secret("backup-secret-key")}, []string{}},
		"both halves": {[]binding.Candidate{secret("backup-secret-key"), secret("backup-access-key")},
			[]string{"backup-access-key: Partners/backup customer-secret-key access-key", "backup-secret-key: " +
				"Partners/backup customer-secret-key secret-key"}},
		"a bundle": {[]binding.Candidate{secret("store-s3-bundle")}, []string{"store-s3-bundle: store " +
			"customer-secret-key bundle"}},
		"a short name": {[]binding.Candidate{secret("bo-auth-token")}, []string{}},
		"a password": {[]binding.Candidate{secret("jane.doe password")}, []string{"jane.doe password: " +
			"jane.doe@example.com password password"}},
		"a tag": {[]binding.Candidate{secret("deploy-ocir", "for", "JANE@example.com")},
			[]string{"deploy-ocir: jane@example.com auth-token auth-token"}},
		"half bound": {[]binding.Candidate{secret("jane-api-key", "keyturn-user", subjects[0].User)}, []string{}},
		"being deleted": {[]binding.Candidate{with(secret("jane-api-key"), func(s *binding.Candidate) {
			s.State = "PENDING_DELETION"
		})}, []string{}},
		"a replica": {[]binding.Candidate{with(secret("jane-api-key"), func(s *binding.Candidate) {
			s.Replica = true
		})}, []string{}},
		"content not read": {[]binding.Candidate{with(secret("jane-api-key"), func(s *binding.Candidate) {
			s.Unread = "denied"
		})}, []string{}},
		"another's content": {[]binding.Candidate{func() binding.Candidate {
			s := secret("jane-auth-token")
			s.Read, s.Content = true, credential.NewValue([]byte(`{"user":"ocid1.user.oc1..aaaab"}`))
			return s
		}()}, []string{}},
	} {
		if got := proposed(binding.Propose(subjects, c.secrets, false)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: it proposes %q, want %q", name, got, c.want)
		}
	}
}

// No plan binds a secret twice, two secrets to one part of a credential, or one half of a pair, whatever the names.
func TestNoProposalContradictsAnother(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	words := []string{"jane", "doe", "api", "key", "auth", "token", "s3", "secret", "access", "bundle", "password", "x"}
	name := func() string {
		var all []string
		for range 1 + random.IntN(5) {
			all = append(all, words[random.IntN(len(words))])
		}
		return strings.Join(all, "-")
	}
	for range 3000 {
		var subjects []binding.Subject
		for _, u := range []string{"jane", "jane-doe", "Other/jane"} {
			for _, k := range credential.Kinds() {
				if random.IntN(3) > 0 {
					subjects = append(subjects, subject(k, u))
				}
			}
		}
		var secrets []binding.Candidate
		for i := range random.IntN(8) {
			s := secret(fmt.Sprint(name(), "-", i))
			if random.IntN(5) == 0 {
				s.Freeform["keyturn-user"] = subject("", "jane").User
				s.Freeform["keyturn-kind"] = string(credential.Kinds()[random.IntN(4)])
			}
			secrets = append(secrets, s)
		}
		p := binding.Propose(subjects, secrets, random.IntN(2) == 0)
		used, parts := map[string]bool{}, map[string]map[credential.Role]bool{}
		for _, b := range p.Left() {
			key := string(b.Kind) + b.User
			if parts[key] == nil {
				parts[key] = map[credential.Role]bool{}
			}
			if b.Secret != "" && used[b.Secret] || parts[key][b.Role] || !b.Kind.Fits(b.Role) {
				t.Fatalf("%+v is there twice in %+v", b, p)
			}
			used[b.Secret], parts[key][b.Role] = true, true
		}
		for key, has := range parts {
			if has[credential.RoleAccessKey] != has[credential.RoleSecretKey] {
				t.Fatalf("one half of the pair of %s is proposed: %+v", key, p)
			}
		}
		rows := []binding.Row{}
		for _, b := range p.Bind {
			rows = append(rows, binding.Row{User: b.User, Kind: string(b.Kind), Secret: b.Secret, Role: string(b.Role)})
		}
		if _, err := binding.Check(rows, worldOf(subjects, secrets)); err != nil {
			t.Fatalf("what is proposed is refused in a file: %v", err)
		}
	}
}

func TestThePlaceholderOfANewSecretMayBeReplacedByEveryKindAndRole(t *testing.T) {
	for _, k := range credential.Kinds() {
		for _, role := range k.Roles() {
			h := credential.Inspect(credential.Ref{Kind: k, User: subject("", "jane").User}, role,
				credential.NewValue([]byte(credential.Placeholder)), []string{"some id"})
			if len(h.IDs) > 0 || h.Unknown != "" || h.User != "" || !h.Fits(k, role) {
				t.Errorf("%s %s: the placeholder counts as %+v", k, role, h)
			}
		}
	}
}
