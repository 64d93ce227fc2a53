package sweep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// notesTenancy is everything that a sweep calls, with the findings that a test sets, and two bound secrets a and b.
type notesTenancy struct {
	silent
	now      time.Time
	outcomes []outcome.Outcome // one for each closed problem
	denied   error             // what the list of users is answered with
	secrets  map[string]vault.Secret
	etag     int
	locked   bool // secrets can't be changed

	mails  []string
	writes int
}

func newNotesTenancy() *notesTenancy {
	v := &notesTenancy{now: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC), secrets: map[string]vault.Secret{}}
	for _, id := range []string{"ocid1.vaultsecret.oc1.iad.b", "ocid1.vaultsecret.oc1.iad.a"} {
		s := bound(id)
		s.Freeform["keyturn-user"] = "ocid1.user.oc1..of" + id[len(id)-1:]
		s.Metadata = vault.Metadata(`{"team":"web"}`)
		v.secrets[id] = s
	}
	return v
}

func (v *notesTenancy) Now() time.Time                             { return v.now }
func (v *notesTenancy) Sleep(context.Context, time.Duration) error { return nil }
func (v *notesTenancy) ClosedProblems(context.Context, time.Time, string) (ids []string, next string, err error) {
	for i := range v.outcomes {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids, "", nil
}
func (v *notesTenancy) Problem(_ context.Context, id string) (cloudguard.Problem, error) {
	return cloudguard.Problem{ID: id}, nil
}
func (v *notesTenancy) Users(context.Context, string) ([]credential.User, string, error) {
	return nil, "", v.denied
}
func (v *notesTenancy) Review(_ context.Context, _ string, p cloudguard.Problem) outcome.Outcome {
	var n int
	_, _ = fmt.Sscan(p.ID, &n)
	return v.outcomes[n]
}
func (v *notesTenancy) Secrets(context.Context, string, string) (some []vault.Secret, next string, err error) {
	for _, s := range v.secrets {
		some = append(some, s)
	}
	return some, "", nil
}
func (v *notesTenancy) Secret(_ context.Context, id string) (vault.Secret, error) {
	s := v.secrets[id]
	s.ETag = fmt.Sprint(v.etag)
	return s, nil
}
func (v *notesTenancy) Update(_ context.Context, id, etag string, u vault.Update) (s vault.Secret, err error) {
	if v.locked || etag != fmt.Sprint(v.etag) || u.Name != "" || u.Promote != 0 {
		return s, errors.New("refused")
	}
	v.etag++
	v.writes++
	s = v.secrets[id]
	s.Metadata = u.Metadata
	v.secrets[id] = s
	return s, nil
}
func (v *notesTenancy) Tenancy(context.Context) (credential.Tenancy, error) {
	return credential.Tenancy{Name: "acme"}, nil
}
func (v *notesTenancy) Publish(_ context.Context, _, title, body string) error {
	v.mails = append(v.mails, title+"\n"+body)
	return nil
}

// sweep sweeps once, and returns the mails that were sent by it.
func (v *notesTenancy) sweep(t *testing.T, cfg config.Config) []string {
	t.Helper()
	before := len(v.mails)
	s := &Sweeper{Config: cfg, Inventory: v, Vault: v, Responder: v, Notifier: v, Directory: v, Keeper: v, Clock: v}
	_, _ = s.Run(t.Context(), fmt.Sprintf("call-%d", v.now.Unix()))
	return v.mails[before:]
}

// after moves the clock and sweeps.
func (v *notesTenancy) after(t *testing.T, d time.Duration) []string {
	t.Helper()
	v.now = v.now.Add(d)
	return v.sweep(t, config.Config{})
}

func refusal(user, reason string) outcome.Outcome {
	return outcome.Outcome{Status: outcome.Refused, Kind: "auth-token", Noun: "auth token", UserID: user,
		OldID: "ocid1.credential.oc1..x", Reason: reason}
}

// lasting are findings that stay until a person fixes them.
var lasting = map[string]func(*notesTenancy){
	"a refusal of a user with a bound secret": func(v *notesTenancy) {
		v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofb", "the secret is full")}
	},
	"a refusal of a user without one": func(v *notesTenancy) {
		v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..stranger", "no secret is bound")}
	},
	"a rotation that can't be finished": func(v *notesTenancy) {
		o := refusal("ocid1.user.oc1..ofa", "UpdateSecret: too many requests [opc-request-id 4F/1]")
		o.Status = outcome.Unfinished
		v.outcomes = []outcome.Outcome{o}
	},
	"a list that may not be read": func(v *notesTenancy) {
		v.denied = &fault.Error{Class: fault.Denied, Operation: "ListUsers", RequestID: "4F/1"}
	},
}

func TestAFindingThatStaysIsMailedOnceAndThenWeekly(t *testing.T) {
	for name, set := range lasting {
		t.Run(name, func(t *testing.T) {
			v := newNotesTenancy()
			set(v)
			if mails := v.sweep(t, config.Config{}); len(mails) != 1 {
				t.Fatalf("the first sweep sent %d mails", len(mails))
			}
			var days []int
			for hour := 1; hour <= 15*24; hour++ {
				if len(v.after(t, time.Hour)) > 0 {
					days = append(days, hour/24)
				}
			}
			if !slices.Equal(days, []int{6, 13}) { // by the calendar: early on the seventh day
				t.Errorf("mails came again after %v full days, want 6 and 13", days)
			}
		})
	}
}

func TestAFindingIsMailedAgainWhenItChanges(t *testing.T) {
	for name, change := range map[string]func(*notesTenancy){
		"another reason":     func(v *notesTenancy) { v.outcomes[0].Reason = "the secret is gone" },
		"another status":     func(v *notesTenancy) { v.outcomes[0].Status = outcome.Unfinished },
		"another user":       func(v *notesTenancy) { v.outcomes[0].UserID = "ocid1.user.oc1..ofb" },
		"another credential": func(v *notesTenancy) { v.outcomes[0].OldID = "ocid1.credential.oc1..y" },
		"one more": func(v *notesTenancy) {
			v.outcomes = append(v.outcomes, refusal("ocid1.user.oc1..ofb", "x"))
		},
		"another cause": func(v *notesTenancy) { v.denied = fault.New(fault.Throttled, "ListUsers", "") },
	} {
		t.Run(name, func(t *testing.T) {
			v := newNotesTenancy()
			v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "the secret is full")}
			v.denied = fault.New(fault.Denied, "ListUsers", "")
			v.sweep(t, config.Config{})
			if mails := v.after(t, time.Hour); len(mails) != 0 {
				t.Fatalf("the same finding is mailed again:\n%s", mails[0])
			}
			change(v)
			mails := v.after(t, time.Hour)
			if len(mails) != 1 || !strings.Contains(mails[0], "An earlier mail reported 1 more") &&
				!strings.Contains(mails[0], "reported 2 more") {
				t.Fatalf("%d mails came of the change: %q", len(mails), mails)
			}
			if mails := v.after(t, time.Hour); len(mails) != 0 {
				t.Errorf("what changed is mailed twice")
			}
		})
	}
}

func TestTimesCountsAndIdsOfRequestsAreNoChange(t *testing.T) {
	v := newNotesTenancy()
	say := func(n int) {
		v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", fmt.Sprintf(
			"UpdateSecret: denied (404 NotAuthorizedOrNotFound) [opc-request-id 8F%X/%d] at "+
				"2026-05-%02dT10:00:00Z, %d tries", n*7919, n, n+1, n))}
	}
	say(1)
	v.sweep(t, config.Config{})
	for n := 2; n < 20; n++ {
		say(n)
		if mails := v.after(t, time.Hour); len(mails) != 0 {
			t.Fatalf("sweep %d mails it again:\n%s", n, mails[0])
		}
	}
}

func TestARefusalThatWasFixedAndComesBackIsMailedAgain(t *testing.T) {
	v := newNotesTenancy()
	o := refusal("ocid1.user.oc1..ofa", "the secret is full")
	v.outcomes = []outcome.Outcome{o}
	v.sweep(t, config.Config{})
	v.outcomes = nil
	v.after(t, time.Hour)
	v.outcomes = []outcome.Outcome{o}
	if mails := v.after(t, time.Hour); len(mails) != 1 {
		t.Errorf("%d mails came", len(mails))
	}
}

func TestAFailureThatComesAndGoesIsNotMailedEachTime(t *testing.T) {
	v := newNotesTenancy()
	sent := 0
	for hour := range 100 {
		v.denied = nil
		if hour%3 == 0 {
			v.denied = fault.New(fault.Throttled, "ListUsers", "")
		}
		sent += len(v.after(t, time.Hour))
	}
	if sent != 1 {
		t.Errorf("%d mails came in four days", sent)
	}
}

func TestARotationIsMailedEveryTime(t *testing.T) {
	v := newNotesTenancy()
	o := refusal("ocid1.user.oc1..ofa", "")
	o.Status = outcome.Rotated
	v.outcomes = []outcome.Outcome{o}
	for range 3 {
		if mails := v.after(t, time.Hour); len(mails) != 1 || !strings.Contains(mails[0], "1 rotated") {
			t.Fatalf("the mails are %q", mails)
		}
	}
	if v.writes != 0 {
		t.Errorf("%d writes for what needs no note", v.writes)
	}
}

func TestNotesAreWrittenOnlyWhenTheyChange(t *testing.T) {
	v := newNotesTenancy()
	for hour := range 48 {
		v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "full"), refusal("ocid1.user.oc1..ofb", "full")}
		v.denied = fault.New(fault.Denied, "ListUsers", "")
		v.after(t, time.Hour)
		if hour == 0 && v.writes != 2 {
			t.Fatalf("the first sweep wrote %d times, want once a secret", v.writes)
		}
	}
	if v.writes != 2 {
		t.Errorf("48 sweeps wrote %d times", v.writes)
	}
	for id, s := range v.secrets {
		if !strings.HasPrefix(string(s.Metadata), `{"team":"web"`) {
			t.Errorf("%s lost the metadata of others: %v", id, s.Metadata)
		}
	}
	v.outcomes, v.denied = nil, nil
	v.after(t, 10*24*time.Hour)
	for id, s := range v.secrets {
		if want := `{"team":"web","` + notesKey + `":""}`; string(s.Metadata) != want {
			t.Errorf("%s keeps notes about what is over: %s", id, s.Metadata)
		}
	}
}

func TestWithoutNotesAFindingIsMailedRatherThanLost(t *testing.T) {
	for name, spoil := range map[string]func(*notesTenancy){
		"a secret that can't be written": func(v *notesTenancy) { v.locked = true },
		"no bound secret":                func(v *notesTenancy) { v.secrets = nil },
		"damaged notes": func(v *notesTenancy) {
			for id, s := range v.secrets {
				s.Metadata = vault.Metadata(`{"` + notesKey + `":"{}}"}`)
				v.secrets[id] = s
			}
		},
		"notes from the future": func(v *notesTenancy) {
			i := itemOf(v.outcomes[0], v.now.AddDate(1, 0, 0))
			for id, s := range v.secrets {
				s.Metadata, _ = notes{i.about: i.note}.into(nil)
				v.secrets[id] = s
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newNotesTenancy()
			v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "full")}
			spoil(v)
			v.sweep(t, config.Config{})
			spoil(v)
			if mails := v.after(t, time.Hour); len(mails) != 1 {
				t.Errorf("%d mails came", len(mails))
			}
		})
	}
}

func TestADryRunKeepsNoNotes(t *testing.T) {
	v := newNotesTenancy()
	v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "full")}
	v.sweep(t, config.Config{DryRun: true})
	if v.writes != 0 {
		t.Errorf("a dry run wrote %d times", v.writes)
	}
}

func TestForeignMetadataAreNeverChanged(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	values := []string{`"text"`, `7.50`, `1234567890123456789`, `1e400`, `true`, `null`, `{"a":"\u0062", "c" :[1]}`}
	spoilt := []string{`""`, `"{"`, `"[]"`, `5.0`, `null`, `"{\"a\":\"b\"}"`, `"{\"a\":{\"on\":\"yesterday\"}}"`}
	for range 300 {
		var members []string
		for i := range random.IntN(5) {
			members = append(members, fmt.Sprintf(`"key-%d":%s`, i, values[random.IntN(len(values))]))
		}
		own := random.IntN(3) // none, spoilt, good
		all := slices.Clone(members)
		if own == 1 {
			all = append(all, fmt.Sprintf("%q:%s", notesKey, spoilt[random.IntN(len(spoilt))]))
		}
		metadata := vault.Metadata("{" + strings.Join(all, ",") + "}")
		n := notesOf(metadata).after([]item{{about: "x", note: note{On: "2026-05-04", State: "s"}}}, nil,
			random.IntN(2) == 0,
			time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		got, err := n.into(metadata)
		if err != nil || notesOf(got)["x"].State != "s" {
			t.Fatalf("the note is lost in %s (%v)", got, err)
		}
		for _, m := range members {
			if !strings.Contains(string(got), m) {
				t.Fatalf("%s lost the member %s", got, m)
			}
		}
	}
}
