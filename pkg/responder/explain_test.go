package responder_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// flat is a text without its line breaks.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// seen is what other calls show of a tenancy.
type seen struct {
	listed    []vault.Secret // what ListSecrets shows
	listErr   error
	userState string
	mayNot    []credential.Kind
	userErr   error
	usersErr  error
	region    string // of the function
	asked     []string
}

const functionID = "ocid1.fnfunc.oc1.iad.aaaaaaaafunction"

func (s *seen) User(context.Context, string) (string, string, []credential.Kind, error) {
	s.asked = append(s.asked, "GetUser")
	return "web@example.com", s.userState, s.mayNot, s.userErr
}

func (s *seen) Users(context.Context, string) ([]credential.User, string, error) {
	return nil, "", s.usersErr
}

func (s *seen) Summary(_ context.Context, id string, _ []string) (vault.Secret, bool, error) {
	s.asked = append(s.asked, "ListSecrets")
	for _, one := range s.listed {
		if one.ID == id {
			return one, true, s.listErr
		}
	}
	return vault.Secret{}, false, s.listErr
}

func (s *seen) Place(context.Context) (string, string, string) {
	return functionID, compartment, s.region
}

func (s *seen) RegionOf(string) string { return "us-ashburn-1" }

func (s *seen) Console(region string) string {
	return map[string]string{"us-ashburn-1": "https://cloud.oracle.com",
		"us-langley-1": "https://console.us-langley-1.oraclegovcloud.com"}[region]
}

func factsOf(change func(*seen)) *seen {
	s := &seen{userState: "ACTIVE", region: "us-ashburn-1"}
	change(s)
	return s
}

// refusal is what OCI answers to what isn't there, and to what may not be read.
func refusal(operation string) error {
	return &fault.Error{Class: fault.Absent, Operation: operation, Status: 404, Code: "NotAuthorizedOrNotFound",
		Message: "Authorization failed or requested resource not found.", RequestID: "A/B/C"}
}

func vaulted(change func(*vault.Secret)) vault.Secret {
	s := vault.Secret{ID: secretID, Name: "token-of-web", Compartment: compartment, State: vault.Active,
		Region:  "us-ashburn-1",
		Defined: map[string]map[string]any{"Oracle-Tags": {"CreatedBy": "jane"}}}
	change(&s)
	return s
}

func bind(s *vault.Secret, user, kind string) {
	s.Defined["keyturn"] = map[string]any{"user": user, "kind": kind}
}

func TestA404OfASecretIsExplainedByWhatTheListOfSecretsShows(t *testing.T) {
	const stranger = "ocid1.user.oc1..aaaaaaaastranger"
	list := func(change func(*vault.Secret)) func(*seen) {
		return func(f *seen) { f.listed = []vault.Secret{vaulted(change)} }
	}
	for name, c := range map[string]struct {
		facts  func(*seen)
		reason string
		remedy string
		not    string // must not be in the mail
	}{
		"no tags": {list(func(*vault.Secret) {}), "lacks the defined tags keyturn.user and keyturn.kind",
			"--defined-tags", "correct the OCID"},
		"freeform tags": {list(func(s *vault.Secret) {
			s.Freeform = map[string]string{"keyturn-user": userID, "keyturn-kind": "auth-token", "team": "web"}
		}), "freeform tags bind it, which policies can't see", `"kind":"auth-token"`, "correct the OCID"},
		"a user alone": {list(func(s *vault.Secret) { s.Defined["keyturn"] = map[string]any{"user": userID} }),
			"it has one of the two", "--defined-tags", "correct the OCID"},
		"another user's": {list(func(s *vault.Secret) { bind(s, stranger, "auth-token") }), "bound to another user",
			"name a secret of this user", "--defined-tags"},
		"another kind's": {list(func(s *vault.Secret) { bind(s, userID, "api-key") }), "bound to the kind api-key",
			"for this kind", "--defined-tags"},
		"another user's, by freeform tags": {list(func(s *vault.Secret) {
			s.Freeform = map[string]string{"keyturn-user": stranger}
		}),
			"bound to another user", "name a secret of this user", "--defined-tags"},
		"clashing tags": {list(func(s *vault.Secret) {
			bind(s, userID, "auth-token")
			s.Freeform = map[string]string{"keyturn-user": stranger}
		}), "contradict each other", "--freeform-tags", "correct the OCID"},
		"pending deletion": {list(func(s *vault.Secret) { s.State = "PENDING_DELETION" }),
			"scheduled for deletion: it is in the state PENDING_DELETION",
			"oci vault secret cancel-secret-deletion --secret-id " + secretID, "policy"},
		"being scheduled": {list(func(s *vault.Secret) { s.State = "SCHEDULING_DELETION" }), "SCHEDULING_DELETION",
			"cancel-secret-deletion", "policy"},
		"deleted": {list(func(s *vault.Secret) { s.State = "DELETED" }), "is deleted",
			"name another secret", "policy"},
		"a replica": {list(func(s *vault.Secret) { s.Replica = true }), "read-only replica", "is a copy of",
			"policy"},
		"bound as it should be": {list(func(s *vault.Secret) { bind(s, userID, "auth-token") }),
			"is bound as it should be, but the function may not do GetSecret",
			`--body '{"keyturn":"preflight"}'`, "--defined-tags"},
		"being changed, and bound": {list(func(s *vault.Secret) {
			bind(s, userID, "auth-token")
			s.State = vault.Updating
		}), "may not do GetSecret", "preflight", "--defined-tags"},
		"in none of the lists": {func(*seen) {}, "is not where this function may look for secrets",
			"oci vault secret get --secret-id " + secretID + " --region us-ashburn-1", "bind it"},
		"lists that can't be read": {func(f *seen) { f.listErr = refusal("ListSecrets") }, "absent or not allowed",
			"OCI says the same of what does not exist and of what the function may not see", "--defined-tags"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.facts = factsOf(c.facts)
			s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed,
				Cause: refusal("GetSecret")})
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			body := flat(s.mails[0].body)
			if !strings.Contains(o.Reason, c.reason) || !strings.Contains(o.Remedy, c.remedy) ||
				strings.Contains(o.Remedy, c.not) {
				t.Errorf("the reason is %q, the remedy %q; want %q and %q in them, and not %q", o.Reason, o.Remedy,
					c.reason,
					c.remedy, c.not)
			}
			if !strings.Contains(body, "GetSecret: absent or not allowed (404 NotAuthorizedOrNotFound)") {
				t.Errorf("the mail doesn't have OCI's own answer:\n%s", s.mails[0].body)
			}
			copiedFrom(t, o.Remedy)
		})
	}
}

// copiedFrom checks that a POSIX shell reads each command of a remedy as one command, without anything to fill in.
func copiedFrom(t *testing.T, remedy string) {
	t.Helper()
	for line := range strings.SplitSeq(remedy, "\n") {
		if !strings.HasPrefix(line, "oci ") {
			continue
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "oci() { printf '%s\\n' \"$#\"; }\n"+line).Output()
		if err != nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("a shell can't read %q: %v", line, err)
		}
		if strings.ContainsAny(line, "<>") {
			t.Errorf("there is something to fill in: %q", line)
		}
	}
}

func TestTheFaultyOneOfTwoSecretsIsTheOneThatIsExplained(t *testing.T) {
	const other = "ocid1.vaultsecret.oc1.iad.amaaaaaaother"
	s := newTenancy().about(cloudguard.SecretKeyTooOld, "1f2e3d4c5b6a79880011223344556677889900aa",
		"accesskey_secret_ocid:"+secretID+",secretkey_secret_ocid:"+other)
	s.secrets = nil // nothing is refused before
	s.facts = factsOf(func(f *seen) {
		good := vaulted(func(s *vault.Secret) { bind(s, userID, "customer-secret-key"); s.ID = other })
		f.listed = []vault.Secret{good, vaulted(func(*vault.Secret) {})}
	})
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed,
		Cause: fmt.Errorf("reading: %w", refusal("GetSecretBundle"))})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !strings.Contains(o.Reason, secretID) || strings.Contains(o.Reason, other) || !strings.Contains(o.Reason,
		"lacks the defined tags") {
		t.Errorf("the reason is %q", o.Reason)
	}
}

func TestARefusedCallAboutAUserIsExplainedByTheUsersState(t *testing.T) {
	gone := func(f *seen) { f.userErr = refusal("GetUser") }
	for name, c := range map[string]struct {
		operation string
		class     fault.Class
		facts     func(*seen)
		reason    string
		remedy    string
	}{
		"deleted": {"ListAuthTokens", fault.Absent, gone, "has no user " + userID + ": deleted, or in another " +
			"identity domain", "--status DISMISSED"},
		"users that can't be read": {"GetUser", fault.Absent, func(f *seen) {
			gone(f)
			f.usersErr = refusal("ListUsers")
		},
			"is absent, or the function may not read users", "preflight"},
		"DELETED": {"CreateAuthToken", fault.Absent, func(f *seen) { f.userState = "DELETED" }, "is DELETED",
			"--status DISMISSED"},
		"INACTIVE": {"CreateAuthToken", fault.Denied, func(f *seen) { f.userState = "INACTIVE" },
			"the user web@example.com (" + userID + ") is INACTIVE", "activate the user"},
		"INACTIVE, and OCI calls the request wrong": {"CreateAuthToken", fault.Invalid,
			func(f *seen) { f.userState = "INACTIVE" }, "is INACTIVE", "--status DISMISSED"},
		"a capability that is off": {"CreateAuthToken", fault.Invalid,
			func(f *seen) { f.mayNot = []credential.Kind{credential.AuthToken} },
			"may not have an auth token", "--can-use-auth-tokens true"},
		"a capability of another kind": {"CreateAuthToken", fault.Absent,
			func(f *seen) { f.mayNot = []credential.Kind{credential.APIKey} },
			"exists and is ACTIVE, but the function may not do CreateAuthToken", "preflight"},
		"a policy": {"DeleteAuthToken", fault.Denied, func(*seen) {}, "but the function may not do " +
			"DeleteAuthToken", "preflight"},
		"a wrong request": {"CreateAuthToken", fault.Invalid, func(*seen) {}, `the step "create" failed permanently`,
			"The same request would fail again"},
		"a user that can't be asked for": {"CreateAuthToken", fault.Absent,
			func(f *seen) { f.userErr = fault.New(fault.Unclear, "GetUser", "no answer") },
			`the step "create" failed permanently`, "OCI says the same of what does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.facts = factsOf(c.facts)
			s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, FailedAt: rotation.Create,
				Cause: &fault.Error{Class: c.class, Operation: c.operation, Status: 404,
					Code: "NotAuthorizedOrNotFound"}})
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			if !strings.Contains(o.Reason, c.reason) || !strings.Contains(o.Remedy, c.remedy) {
				t.Errorf("the reason is %q, the remedy %q; want %q and %q in them", o.Reason, o.Remedy, c.reason,
					c.remedy)
			}
			copiedFrom(t, o.Remedy)
		})
	}
}

func TestAMailAboutAUserSaysWhatFitsTheDomainsOfTheConfiguration(t *testing.T) {
	domain := "ocid1.domain.oc1..a"
	for name, c := range map[string]struct {
		domains    []string
		facts      func(*seen)
		want, lack string
	}{
		"no user in Default": {nil, func(f *seen) { f.userErr = refusal("GetUser") },
			"the Default identity domain has no user", "like each"},
		"no user in any": {[]string{domain}, func(f *seen) { f.userErr = refusal("GetUser") },
			"like each domain of identity_domains, has no user", "manually"},
		"a capability": {[]string{domain}, func(f *seen) { f.mayNot = []credential.Kind{credential.AuthToken} },
			"switch the capability on in the Console", "oci iam user"},
	} {
		s := newTenancy()
		s.config.IdentityDomains, s.facts = c.domains, factsOf(c.facts)
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, FailedAt: rotation.Create,
			Cause: refusal("CreateAuthToken")})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if text := o.Reason + "\n" + o.Remedy; !strings.Contains(text, c.want) || strings.Contains(text, c.lack) {
			t.Errorf("%s: the mail says %q", name, text)
		}
	}
}

func TestAMissingConsolePasswordIsAReasonToDismissTheProblem(t *testing.T) {
	s := newTenancy().about(cloudguard.PasswordTooOld, userID, "")
	s.facts = factsOf(func(*seen) {})
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed,
		Cause: refusal("GetUserUIPasswordInformation")})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !strings.Contains(o.Reason, "shows no console password") || !strings.Contains(o.Remedy,
		"--status DISMISSED") || !strings.Contains(o.Remedy, "preflight") {
		t.Errorf("the reason is %q, the remedy %q", o.Reason, o.Remedy)
	}
	copiedFrom(t, o.Remedy)
}

func TestACredentialThatDoesNotWorkIsExplainedByTheUsersState(t *testing.T) {
	for _, reason := range []rotation.Reason{rotation.Rejected, rotation.RejectedNoWay, rotation.CurrentRejected} {
		s := newTenancy()
		s.facts = factsOf(func(f *seen) { f.userState = "INACTIVE" })
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: reason, Acted: true})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if !strings.HasPrefix(o.Reason, string(reason)) || !strings.Contains(o.Reason, "INACTIVE") ||
			!strings.Contains(o.Remedy, "activate the user") {
			t.Errorf("the reason is %q, the remedy %q", o.Reason, o.Remedy)
		}
	}
}

func TestNothingIsAskedForAMailThatNeedsNoExplanation(t *testing.T) {
	for name, r := range map[string]rotation.Result{
		"rotated": {End: rotation.Done, Reason: rotation.Rotated, Acted: true},
		"already": {End: rotation.Done, Reason: rotation.Rotated},
		"not finished": {End: rotation.Wait, Reason: rotation.Interrupted, Cause: fault.New(fault.Throttled,
			"UpdateSecret", "")},
		"no free slot": {End: rotation.Refuse, Reason: rotation.NoFreeSlot},
		"full": {End: rotation.Refuse, Reason: rotation.Failed, Cause: fault.New(fault.Full, "UpdateSecret",
			"")},
		"no fault": {End: rotation.Refuse, Reason: rotation.Failed, Cause: errors.New("in circles")},
	} {
		s := newTenancy()
		facts := factsOf(func(*seen) {})
		s.facts, s.run = facts, ended(s, r)
		if _, err := s.respond(t); err != nil && r.End != rotation.Wait {
			t.Fatal(err)
		}
		if len(facts.asked) > 0 {
			t.Errorf("%s: asked for %v", name, facts.asked)
		}
	}
}

func TestEveryClassOfAFailureHasTheRemedyThatFits(t *testing.T) {
	seen := map[string]fault.Class{}
	for _, class := range []fault.Class{fault.Absent, fault.Denied, fault.Full, fault.Conflict, fault.Invalid} {
		s := newTenancy()
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, FailedAt: rotation.Stage,
			Cause: fault.New(class, "GetNamespace", "")})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if o.Remedy == "" || seen[o.Remedy] != "" {
			t.Errorf("%s: the remedy is %q, as of %q", class, o.Remedy, seen[o.Remedy])
		}
		seen[o.Remedy] = class
	}
}
