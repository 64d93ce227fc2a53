package responder_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// refused is the outcome of a rotation that the engine refuses.
func refused(t *testing.T, s *tenancy, r rotation.Result) outcome.Outcome {
	t.Helper()
	r.End = rotation.Refuse
	s.run = ended(s, r)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	return o
}

func TestACurrentCredentialThatDoesNotWorkHasARemedy(t *testing.T) {
	if o := refused(t, newTenancy(), rotation.Result{Reason: rotation.CurrentRejected}); !strings.Contains(o.Remedy,
		"what the user may do") {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestSwappedSecretsThatWereFoundByTheirTagsHaveTheirTagsSwapped(t *testing.T) {
	s := newTenancy().about(cloudguard.SecretKeyTooOld, oldAccess, "rotate:yes")
	s.secrets[0].Freeform["keyturn-kind"] = "customer-secret-key"
	o := refused(t, s, rotation.Result{Reason: rotation.SecretsSwapped})
	if o.Remedy != "Swap the tags keyturn.role (or keyturn-role) of the two secrets: access-key, secret-key. "+
		"Then close the problem again with the same comment." {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestOnlyTheFullOneOfTwoSecretsIsToBeMadeRoomIn(t *testing.T) {
	two := of("", credential.RoleSecretKey, credential.RoleAccessKey).Placed
	for name, c := range map[string]struct {
		placed []rotation.Placed
		detail string
		want   []string
	}{
		"the first": {two, "secret " + secretID + " has 30 versions", []string{secretID}},
		"the second": {two, "secret " + otherOfPair + " has 30 versions",
			[]string{otherOfPair}},
		"the only one, whatever is said":       {two[:1], "30 versions", []string{secretID}},
		"one of two, and it isn't known which": {two, "30 versions", nil},
	} {
		o := refused(t, newTenancy(), rotation.Result{Reason: rotation.SecretFull, Placed: c.placed, Detail: c.detail})
		var got []string
		for line := range strings.SplitSeq(o.Remedy, "\n") {
			if rest, ok := strings.CutPrefix(line, "oci vault secret-version list --secret-id "); ok {
				got = append(got, strings.Fields(rest)[0])
			}
		}
		if !slices.Equal(got, c.want) || !strings.Contains(o.Remedy, "Schedule the deletion of the") {
			t.Errorf("%s: the versions of %q are listed, want %q:\n%s", name, got, c.want, o.Remedy)
		}
	}
}

func TestAVersionIsOfferedOnlyWhereKeyturnHasWrittenOneThatIsNotCURRENT(t *testing.T) {
	placed := of("", credential.RoleSecretKey, credential.RoleAccessKey).Placed
	for name, c := range map[string]struct {
		change func(first *rotation.Placed)
		want   int // commands
	}{
		"both":                      {func(*rotation.Placed) {}, 2},
		"the first is not written":  {func(p *rotation.Placed) { p.Version = 0 }, 1},
		"the first is CURRENT":      {func(p *rotation.Placed) { p.Current = true }, 1},
		"the first has one version": {func(p *rotation.Placed) { p.Version = 1 }, 2},
	} {
		both := slices.Clone(placed)
		both[0].Current, both[1].Current = false, false
		c.change(&both[0])
		o := refused(t, newTenancy(), rotation.Result{Reason: rotation.SecretReplaced, Placed: both})
		if got := strings.Count(o.Remedy, "\noci vault secret update "); got != c.want ||
			!strings.Contains(o.Remedy, "--secret-id "+otherOfPair) {
			t.Errorf("%s: %d commands, want %d:\n%s", name, got, c.want, o.Remedy)
		}
	}
}

func TestACredentialWithoutADescriptionIsListedWithoutOne(t *testing.T) {
	o := refused(t, newTenancy(), rotation.Result{Reason: rotation.NoFreeSlot, Slots: []credential.Issued{
		{ID: "a", Description: "deploys", Created: closedAt}, {ID: "b", Created: closedAt}}})
	if want := []string{"a, made 2026-03-01, deploys", "b, made 2026-03-01"}; !slices.Equal(o.Slots, want) {
		t.Errorf("the slots are %q, want %q", o.Slots, want)
	}
}

func TestEveryCallOfASecretIsExplainedByTheListOfSecrets(t *testing.T) {
	for operation, explained := range map[string]bool{"GetSecret": true, "ListSecretVersions": true,
		"GetSecretBundle": true,
		"UpdateSecret":    true, "GetNamespace": false} {
		s := newTenancy()
		s.facts = factsOf(func(*seen) {})
		o := refused(t, s, rotation.Result{Reason: rotation.Failed, FailedAt: rotation.Stage,
			Cause: refusal(operation)})
		if got := strings.Contains(o.Reason, "is not where this function may look for secrets"); got != explained {
			t.Errorf("%s: the reason is %q", operation, o.Reason)
		}
	}
}

func TestEveryCallOfAUserIsExplainedByTheUser(t *testing.T) {
	for operation, explained := range map[string]bool{"GetUser": true, "ListApiKeys": true, "UploadApiKey": true,
		"CreateAuthToken":         true,
		"DeleteCustomerSecretKey": true, "CreateOrResetUIPassword": true, "GetNamespace": false} {
		s := newTenancy()
		s.facts = factsOf(func(f *seen) { f.userState = "INACTIVE" })
		o := refused(t, s, rotation.Result{Reason: rotation.Failed, FailedAt: rotation.Create,
			Cause: refusal(operation)})
		if got := strings.Contains(o.Reason, "is INACTIVE"); got != explained {
			t.Errorf("%s: the reason is %q", operation, o.Reason)
		}
	}
}

func TestASecretThatIsNotListedIsReportedWithTheCompartmentsThatWereLookedIn(t *testing.T) {
	for where, compartments := range map[string][]string{
		"It looks in this compartment: one":        {"one"},
		"It looks in these compartments: one, two": {"one", "two"},
	} {
		s := newTenancy()
		s.config.SecretCompartments = compartments
		s.facts = factsOf(func(*seen) {})
		o := refused(t, s, rotation.Result{Reason: rotation.Failed, Cause: refusal("GetSecret")})
		if !strings.HasSuffix(o.Reason, where) {
			t.Errorf("the reason is %q, want %q at its end", o.Reason, where)
		}
	}
}

func TestADeletedUserIsNotToBeActivated(t *testing.T) {
	for _, state := range []string{"DELETED", "DELETING"} {
		s := newTenancy()
		s.facts = factsOf(func(f *seen) { f.userState = state })
		o := refused(t, s, rotation.Result{Reason: rotation.Failed, FailedAt: rotation.Create,
			Cause: refusal("CreateAuthToken")})
		if strings.Contains(o.Remedy, "activate") ||
			!strings.HasPrefix(o.Remedy, "Dismiss the problem, since there is nothing to rotate:\n") {
			t.Errorf("%s: the remedy is %q", state, o.Remedy)
		}
	}
}

func TestAnAbsentUserIsToBeDismissedOnlyIfThereIsNone(t *testing.T) {
	s := newTenancy()
	s.facts = factsOf(func(f *seen) { f.userErr = refusal("GetUser") })
	o := refused(t, s, rotation.Result{Reason: rotation.Failed, FailedAt: rotation.Create,
		Cause: refusal("CreateAuthToken")})
	if !strings.HasPrefix(o.Remedy, "Dismiss the problem, if there is nothing to rotate:\n") {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestACapabilityIsSwitchedOnInTheHomeRegionByItsOwnOption(t *testing.T) {
	for _, rule := range cloudguard.Rules() {
		kind := rule.Kind()
		s := bundle(kind)
		s.facts = factsOf(func(f *seen) { f.mayNot, f.region = []credential.Kind{kind}, "eu-frankfurt-1" })
		o := refused(t, s, rotation.Result{Reason: rotation.Failed, FailedAt: rotation.Create,
			Cause: refusal(kind.Record().Operations[0])})
		if !strings.Contains(o.Remedy, "\noci iam user update-user-capabilities --user-id "+userID+" "+
			kind.Record().Capability+" true --region us-ashburn-1\n") {
			t.Errorf("%s: the remedy is %q", kind, o.Remedy)
		}
	}
}

func TestACredentialThatDoesNotWorkOfAUserWhoIsAsItShouldBeIsNotExplained(t *testing.T) {
	s := newTenancy()
	s.facts = factsOf(func(*seen) {})
	if o := refused(t, s, rotation.Result{Reason: rotation.Rejected, Acted: true}); strings.Contains(o.Reason,
		"policy") ||
		strings.Contains(o.Reason, "may not do") || o.Brief != "" {
		t.Errorf("the reason is %q, in brief %q", o.Reason, o.Brief)
	}
}

func TestALinkOrCommandIsLeftOutWhereAPartOfItIsNotKnown(t *testing.T) {
	r := of(newToken, credential.RoleToken)
	r.Placed[0].Vault = ""
	s := newTenancy()
	s.facts = nowhere{factsOf(func(*seen) {})}
	s.run = ended(s, r)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if o.Secrets[0].Link != "" || o.Search != "" {
		t.Errorf("the link is %q, the search %q", o.Secrets[0].Link, o.Search)
	}
	if strings.Contains(o.Remedy, "--region \n") {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestACommandHasNoEmptyRegion(t *testing.T) {
	s := newTenancy()
	o := refused(t, s, rotation.Result{Reason: rotation.SecretFull,
		Placed: []rotation.Placed{{Target: credential.Target{SecretID: secretID}}}})
	if strings.Contains(o.Remedy, "--region") {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestOnlyTheOwnersOfAJournalMayUseItsUnboundSecret(t *testing.T) {
	journal := func(owner string) vault.Metadata {
		m, err := vault.Metadata(nil).With("keyturn", `{"owner":"`+owner+`"}`)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, c := range map[string]struct {
		metadata vault.Metadata
		bound    bool
		refused  bool
	}{
		"no journal":                      {nil, false, false},
		"the user's own":                  {journal("auth-token " + userID), false, false},
		"another user's":                  {journal("auth-token ocid1.user.oc1..aaaaaaaaother"), false, true},
		"another kind of the user's":      {journal("api-key " + userID), false, true},
		"another user's, but it is bound": {journal("auth-token ocid1.user.oc1..aaaaaaaaother"), true, false},
	} {
		s := newTenancy()
		s.config.SecretBinding = "warn"
		s.secrets[0].Metadata = c.metadata
		if !c.bound {
			s.secrets[0].Freeform = nil
		}
		o, err := s.respond(t)
		want := outcome.Rotated
		if c.refused {
			want = outcome.Refused
		}
		if o.Status != want || err != nil {
			t.Errorf("%s: %s (%s), %v", name, o.Status, o.Reason, err)
		}
		if c.refused && (!strings.Contains(o.Reason, "is not bound, and its journal names another owner: ") ||
			o.Remedy == "") {
			t.Errorf("%s: the reason is %q, the remedy %q", name, o.Reason, o.Remedy)
		}
	}
}

// nowhere are facts without a place.
type nowhere struct{ *seen }

func (nowhere) Console(string) string { return "https://cloud.oracle.com" }

func (n nowhere) Summary(ctx context.Context, id string, in []string) (vault.Secret, bool, error) {
	return n.seen.Summary(ctx, id, in)
}

func (nowhere) Place(context.Context) (string, string, string) { return "", "", "" }

func TestARecordThatLagsIsWaitedForWhileAnyTimeOfItIsYoung(t *testing.T) {
	const limit = 24 * time.Hour
	for name, c := range map[string]struct {
		event, history, detected time.Duration // how long ago
		want                     outcome.Status
	}{
		"all old":         {limit + time.Hour, limit + time.Hour, limit + time.Hour, outcome.Refused},
		"a young event":   {time.Minute, limit + time.Hour, limit + time.Hour, outcome.Unfinished},
		"a young history": {limit + time.Hour, time.Minute, limit + time.Hour, outcome.Unfinished},
		"detected anew":   {limit + time.Hour, limit + time.Hour, time.Minute, outcome.Unfinished},
	} {
		s := newTenancy()
		now := closedAt.Add(2 * limit)
		s.clock = stillClock{now}
		s.problem = func(int) (cloudguard.Problem, error) {
			p := s.closed(comment)
			p.LastDetected = now.Add(-c.detected)
			p.History = []cloudguard.Change{{At: now.Add(-c.history), Actor: "secops@example.com", ActorKind: "USER",
				Detail: "OPEN"}}
			return p, nil
		}
		s.event.at = now.Add(-c.event)
		o, _ := s.respond(t)
		if o.Status != c.want {
			t.Errorf("%s: %s (%s)", name, o.Status, o.Reason)
		}
		want := map[outcome.Status]string{outcome.Refused: "Cloud Guard's history of the problem doesn't show who " +
			"closed it",
			outcome.Unfinished: "Cloud Guard's history of the problem doesn't show yet who closed it"}[c.want]
		if o.Reason != want || o.Remedy == "" {
			t.Errorf("%s: the reason is %q, the remedy %q", name, o.Reason, o.Remedy)
		}
	}
}

func TestAFaultOfARefusedOrderHasItsRemedy(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		return cloudguard.Problem{}, fault.New(fault.Denied, "GetProblem", "")
	}
	o := s.responder().Review(t.Context(), "call-1", s.closed(comment))
	if o.Status != outcome.Refused || !strings.Contains(o.Remedy, "preflight") ||
		strings.Contains(o.Remedy, "Check the problem's OCID") {
		t.Errorf("%s: the remedy is %q", o.Status, o.Remedy)
	}
}

func TestTheUsersCredentialsAreListedOnlyWhereAUserHasToChooseOne(t *testing.T) {
	for reason, want := range map[rotation.Reason]int{rotation.NoFreeSlot: 1, rotation.Doubtful: 1,
		rotation.SecretTaken: 0, rotation.WrongContent: 0} {
		o := refused(t, newTenancy(), rotation.Result{Reason: reason,
			Slots: []credential.Issued{{ID: tokenID, Created: closedAt}}})
		if len(o.Slots) != want {
			t.Errorf("%s: %q", reason, o.Slots)
		}
	}
}

func TestARefusalOfAnotherReasonKeepsThatReason(t *testing.T) {
	cause := &guard.Refusal{Problem: "it is protected", Remedy: "remove it"}
	for name, r := range map[string]rotation.Result{
		"another reason": {Reason: rotation.SecretTaken, Cause: cause},
		"a failed step":  {Reason: rotation.Failed, FailedAt: rotation.Stage, Cause: cause},
	} {
		if o := refused(t, newTenancy(), r); o.Reason == "it is protected" {
			t.Errorf("%s: the reason is %q", name, o.Reason)
		}
	}
	if o := refused(t, newTenancy(), rotation.Result{Reason: rotation.Failed,
		Cause: cause}); o.Reason != "it is protected" || o.Remedy != "remove it" {
		t.Errorf("the reason is %q, the remedy %q", o.Reason, o.Remedy)
	}
	if o := refused(t, newTenancy(), rotation.Result{Reason: rotation.Failed,
		Cause: fault.New(fault.Invalid, "GetSecret",
			"")}); !strings.HasPrefix(o.Reason, "a step failed permanently: ") {
		t.Errorf("the reason is %q", o.Reason)
	}
}

func TestARecordCountsAsCompleteOnlyAfterTheWholeTimeOfItsLag(t *testing.T) {
	for age, want := range map[time.Duration]outcome.Status{24 * time.Hour: outcome.Unfinished, 24*time.Hour +
		time.Second: outcome.Refused} {
		s := newTenancy()
		s.clock = stillClock{closedAt.Add(age)}
		s.event.at = closedAt
		s.problem = func(int) (cloudguard.Problem, error) {
			p := s.closed(comment)
			p.History = nil
			return p, nil
		}
		if o, _ := s.respond(t); o.Status != want {
			t.Errorf("%s old: %s (%s)", age, o.Status, o.Reason)
		}
	}
}
