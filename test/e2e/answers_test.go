package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// openPoints lists possible answers of the services where OCI's documentation is silent.
var openPoints = map[string]ociemu.Answers{
	"a repeated request shows the value":              {RetryToken: ociemu.RetryTokenValue},
	"a repeated request shows no value":               {RetryToken: ociemu.RetryTokenNoValue},
	"a repeated request is a conflict":                {RetryToken: ociemu.RetryTokenConflict},
	"a repeated request makes another":                {RetryToken: ociemu.RetryTokenIgnored},
	"a full slot is a limit":                          {FullSlot: ociemu.FullSlotLimitExceeded},
	"a full slot of API keys has its own code":        {FullSlot: ociemu.FullSlotAPIKeyLimit},
	"a full slot differs by kind":                     {FullSlot: ociemu.FullSlotMixed},
	"a domain's refusal has its SCIM error":           {DomainMessage: ociemu.DomainMessageEmbedded},
	"a new secret key is unknown at first":            {S3NewKey: ociemu.S3NewKeyUnknown},
	"a full slot is a conflict":                       {FullSlot: ociemu.FullSlotConflict},
	"a full slot is a quota":                          {FullSlot: ociemu.FullSlotQuotaExceeded},
	"a known key is an invalid parameter":             {DuplicateKey: ociemu.DuplicateKeyInvalidParameter},
	"events carry all comments":                       {EventComments: ociemu.EventCommentsJoined},
	"events carry no comment":                         {EventComments: ociemu.EventCommentsAbsent},
	"a second PENDING is refused":                     {SecondPending: ociemu.SecondPendingRefused},
	"a second PENDING version is kept with the first": {SecondPending: ociemu.SecondPendingKeeps},
	"the etag changes when a secret settles":          {EtagOnSettle: true},
	"the answer to an update says ACTIVE":             {UpdateState: ociemu.UpdateStateActive},
	"the S3-compatible endpoint refuses by 401":       {S3Rejects: 401},
	"publishing is 202":                               {PublishStatus: 202},
	"deleting is 200":                                 {DeleteStatus: 200},
	"a new version is readable late":                  {BundleLag: 4},
	"resolved problems are inactive":                  {ResolvedState: ociemu.ResolvedStateInactive},
}

func TestUndocumentedAnswersEndInOneRotation(t *testing.T) {
	t.Parallel()
	for i, name := range slices.Sorted(maps.Keys(openPoints)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, form := range formOf(t, i) {
				s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Answers: openPoints[name]}})
				c := s.Add(form.want)
				if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
					t.Fatalf("%s: the answer is %+v", form.name, a)
				}
				rotated(t, s, c)
			}
		})
	}
}

// creates is the operation that creates a credential of each kind.
var creates = map[tenancy.Kind]string{tenancy.APIKey: "UploadApiKey", tenancy.AuthToken: "CreateAuthToken",
	tenancy.CustomerSecretKey: "CreateCustomerSecretKey", tenancy.Password: "CreateOrResetUIPassword"}

func TestALostAnswerToACreateEndsInOneCredential(t *testing.T) {
	t.Parallel()
	for i, token := range []ociemu.RetryTokenAnswer{ociemu.RetryTokenValue, ociemu.RetryTokenNoValue,
		ociemu.RetryTokenConflict, ociemu.RetryTokenIgnored} {
		for j, full := range []ociemu.FullSlotAnswer{ociemu.FullSlotDomain, ociemu.FullSlotAPIKeyLimit,
			ociemu.FullSlotLimitExceeded, ociemu.FullSlotConflict, ociemu.FullSlotQuotaExceeded} {
			t.Run(string(token)+", "+string(full), func(t *testing.T) {
				t.Parallel()
				for _, form := range formOf(t, 5*i+j) {
					s := newTenancy(t, tenancy.Options{
						Emulator: ociemu.Options{Answers: ociemu.Answers{RetryToken: token,
							FullSlot: full}}})
					c := s.Add(form.want)
					s.Inject(ociemu.Fault{Operation: creates[form.want.Kind], When: ociemu.After, Do: ociemu.Cut})
					if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
						t.Fatalf("%s: the answer is %+v", form.name, a)
					}
					rotated(t, s, c)
				}
			})
		}
	}
}

func TestALostAnswerToAResetIsNotRepeated(t *testing.T) {
	t.Parallel()
	for token, kept := range map[ociemu.RetryTokenAnswer]bool{ociemu.RetryTokenValue: true,
		ociemu.RetryTokenNoValue: false, ociemu.RetryTokenConflict: false} {
		t.Run(string(token), func(t *testing.T) {
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Answers: ociemu.Answers{RetryToken: token}}})
			c := s.Add(tenancy.Want{Kind: tenancy.Password})
			resets := map[time.Time]bool{}
			before := s.User(c.User).PasswordCreated
			s.OnChange(func(v ociemu.View) { resets[v.User(c.User).PasswordCreated] = true })
			s.Inject(ociemu.Fault{Operation: "CreateOrResetUIPassword", When: ociemu.After, Do: ociemu.Cut})
			a := closeProblem(t, s, c, c.Comment())
			delete(resets, before)
			if len(resets) != 1 {
				t.Errorf("%d resets, want 1", len(resets))
			}
			stored, err := c.Stored()
			if err != nil || (stored.Value != c.Old.Value) != kept {
				t.Errorf("the one-time value is kept: %v, want %v", stored.Value != c.Old.Value, kept)
			}
			if mails := s.Mails(); a.Outcome != "rotated" || !kept &&
				(len(mails) != 1 || !strings.Contains(mails[0].Body, "is in no secret")) {
				t.Errorf("the answer is %+v", a)
			}
		})
	}
}

func TestACredentialThatOCIKeepsRefusingIsTakenBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		// New credentials are always refused, and are old enough that several refusals count.
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{VisibilityRejects: 1 << 20}})
		c := s.Add(w)
		s.SetCreatedOffset(-31 * time.Minute)
		a := closeProblem(t, s, c, c.Comment())
		if a.Outcome != "refused" || !a.Reopened || !strings.Contains(a.Reason, "taken back") {
			t.Fatalf("the answer is %+v", a)
		}
		if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) {
			t.Errorf("the user has %v, want the old one only", ids)
		}
		for key, id := range c.Secrets {
			if s.Secret(id).CurrentVersion != 1 {
				t.Errorf("secret %s was promoted", key)
			}
		}
	})
}

func TestProvingCanBeTurnedOff(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"prove=off"}})
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" || a.did("prove") {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
	})
}

func TestTheNextDeliveryFinishesAfterAKillAtAnyCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		killed(t, calm, w, oneIn(t, 4), func(s *tenancy.Deployment, c *tenancy.Case) {
			s.Forward(11 * time.Minute) // longer than a process lives or a list of IAM lags
			for range 3 {
				if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
					t.Fatal(err)
				}
			}
			if a := lastAnswer(t, s); a.Outcome != "already" && a.Outcome != "rotated" {
				t.Errorf("the answer is %+v", a)
			}
			rotatedBy(t, s, c, 2)
		})
	})
}
