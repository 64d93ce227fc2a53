package sweep

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

const day90 = 90 * 24 * time.Hour

// old is a credential of Plant/web that is that many days older than the maximum at midnight.
func old(id string, days int) credential.Held {
	created := noon.Truncate(24*time.Hour).AddDate(0, 0, -90-days)
	return credential.Held{User: owner, UserName: "Plant/web", Issued: credential.Issued{ID: id, Created: created}}
}

// withAges is a tenancy with the domain Plant and a maximum age.
func withAges() *fakeDomains {
	d := newFakeDomains(plant, main)
	d.config.MaximumAge, d.keeps = day90, true
	return d
}

func TestCredentialsThatAreTooOldAreReportedForDomainsOtherThanDefault(t *testing.T) {
	d := withAges()
	d.held["Plant api-key"] = []credential.Held{old("aa:bb", 1), old("young", 0), old("cc:dd", 30)}
	d.held["Plant password"] = []credential.Held{old("2026-01-01T00:00:00Z", 7)}
	d.held["Default auth-token"], d.held["classic auth-token"] = d.held["Plant api-key"], d.held["Plant api-key"]
	d.run(t)
	if len(d.mails) != 1 {
		t.Fatalf("the mails are %q", d.mails)
	}
	for _, want := range []string{"1 need you", "In domain Plant, 3 credentials are older than 90 days: 2 API keys, " +
		"1 console password.", "API key of Plant/web, 120 days old (fingerprint cc:dd)",
		"console password of Plant/web, 97 days old (made at 2026-01-01T00:00:00Z)"} {
		if !strings.Contains(strings.Join(strings.Fields(d.mails[0]), " "), want) {
			t.Errorf("the mail lacks %q:\n%s", want, d.mails[0])
		}
	}
	if strings.Contains(d.mails[0], "young") || strings.Contains(d.mails[0], "Default") {
		t.Errorf("the mail is\n%s", d.mails[0])
	}
}

func TestWithoutAMaximumAgeOrADomainNothingIsReadForAges(t *testing.T) {
	for name, change := range map[string]func(*fakeDomains){
		"no maximum": func(d *fakeDomains) { d.config.MaximumAge = 0 },
		"no domain":  func(d *fakeDomains) { d.domains = nil },
	} {
		d := withAges()
		for _, list := range []string{"Plant auth-token", "classic auth-token"} {
			d.held[list] = []credential.Held{old("x", 10)}
		}
		change(d)
		d.run(t)
		if len(d.mails) != 0 || d.calls["Plant api-key"]+d.calls["Plant password"]+d.calls["Plant users"] != 0 {
			t.Errorf("%s: the calls are %v, the mails %q", name, d.calls, d.mails)
		}
	}
}

func TestAgesAreMailedOnceAndThenWhenANewerCredentialIsTooOld(t *testing.T) {
	d := withAges()
	list := "Plant auth-token"
	d.held[list] = []credential.Held{old("1", 1), old("2", 2), old("3", 3)}
	for _, c := range []struct {
		step   string
		change func()
		mails  int
	}{
		{"the first sweep", func() {}, 1},
		{"nothing changes", func() { d.now = d.now.Add(time.Hour) }, 1},
		{"another order", func() { slices.Reverse(d.held[list]) }, 1},
		{"an older one is gone", func() { d.held[list] = []credential.Held{old("2", 2), old("1", 1)} }, 1},
		{"Partners is down", func() { d.domains = append(d.domains, partners) }, 1},
		{"one grows too old at noon", func() { d.held[list] = append(d.held[list], old("4", 0)) }, 1},
		{"the next day", func() { d.now = d.now.Add(13 * time.Hour) }, 2},
		{"nothing changes again", func() {}, 2},
		{"a page can't be read", func() { d.refused[list] = errBroken }, 3}, // this failure is news
		{"it can't be read again", func() {}, 3},
		{"it can", func() { delete(d.refused, list) }, 3},
	} {
		c.change()
		d.run(t)
		if len(d.mails) != c.mails {
			t.Errorf("%s: %d mails, want %d", c.step, len(d.mails), c.mails)
		}
	}
}

func TestTheOldestCredentialsAreListedAndAllAreCounted(t *testing.T) {
	a := newAges(day90, noon)
	for i := range 100 {
		a.add(credential.AuthToken, old(fmt.Sprint(i), 1+i*37%100), false)
	}
	f, ok := a.finding(plant)
	if !ok || len(f.Items) != maxOldest || !strings.Contains(f.Text, "100 credentials are older than 90 days: 100 "+
		"auth tokens.") || !strings.HasSuffix(f.Text, "The 20 oldest:") {
		t.Fatalf("the finding is %+v", f)
	}
	for i, item := range f.Items {
		if !strings.Contains(item, fmt.Sprintf(", %d days old", 90+100-i)) {
			t.Errorf("item %d is %s", i, item)
		}
	}
	if !f.Needs || f.State != "auth-token 0 false" {
		t.Errorf("the state is %q", f.State)
	}
}

func TestWhatTheAgesOfADomainSay(t *testing.T) {
	for name, c := range map[string]struct {
		add  func(*ages)
		text string // "" for no finding
	}{
		"nothing": {func(*ages) {}, ""},
		"young":   {func(a *ages) { a.add(credential.AuthToken, old("x", 0), false) }, ""},
		"protected users only": {func(a *ages) {
			a.add(credential.AuthToken, old("x", 1), true)
		}, ""},
		"protected users too": {func(a *ages) {
			a.add(credential.AuthToken, old("x", 1), true)
			a.add(credential.AuthToken, old("y", 1), false)
		}, "1 credential is older than 90 days: 1 auth token. Where Cloud Guard has a problem, close it with an " +
			"instruction to rotate. Rotate the others manually. Not counted: 1 old credential of protected users."},
		"no time": {func(a *ages) {
			a.add(credential.AuthToken, credential.Held{User: owner}, false)
		}, "In domain Plant, 1 credential is without a creation time, so that the age isn't known."},
		"an incomplete list": {func(a *ages) {
			a.add(credential.AuthToken, old("x", 1), false)
			a.incomplete(credential.AuthToken)
		}, "Not all auth tokens could be read."},
	} {
		a := newAges(day90, noon)
		c.add(a)
		f, ok := a.finding(plant)
		if ok != (c.text != "") || !strings.Contains(f.Text, c.text) || strings.Contains(fmt.Sprint(f), " x)") &&
			strings.HasPrefix(name, "protected") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for maximum, want := range map[time.Duration]string{24 * time.Hour: "1 day", day90: "90 days",
		36 * time.Hour: "36.0 hours"} {
		if got := span(maximum); got != want {
			t.Errorf("%s is %s", maximum, got)
		}
	}
}

func TestAListThatIsReadInPartDoesNotChangeTheStateOfAges(t *testing.T) {
	finding := func(ids ...int) outcome.Finding {
		a := newAges(day90, noon)
		a.add(credential.APIKey, old("key", 5), false)
		for _, id := range ids {
			a.add(credential.AuthToken, old(fmt.Sprint(id), id), false)
		}
		a.incomplete(credential.AuthToken)
		f, _ := a.finding(plant)
		return f
	}
	one, other := finding(1, 2, 3), finding(4, 5)
	if one.About != other.About || one.State != other.State || one.State != "api-key key false" {
		t.Errorf("%+v and %+v", one, other)
	}
}

func TestAnAgeThatMayBeMissingIsSaid(t *testing.T) {
	const list = "Plant auth-token"
	for name, refuse := range map[string]map[string]error{
		"the domain's list": {list: errBroken},
		"the users":         {list: denied, "Plant users": errBroken},
		"a user's list":     {list: denied, list + " of x": errBroken},
	} {
		d := withAges()
		d.held["Plant api-key"] = []credential.Held{old("1", 1)}
		d.held["Plant users"] = []credential.Held{{User: "x"}}
		d.refused = refuse
		d.run(t)
		if len(d.mails) != 1 || !strings.Contains(strings.Join(strings.Fields(d.mails[0]), " "),
			"Not all auth tokens could be read.") {
			t.Errorf("%s: the mails are %q", name, d.mails)
		}
	}
}

func TestAgesAreReadFromUsersOwnListsToo(t *testing.T) {
	d := withAges()
	d.config.ProtectedUsers = []string{"plant/web"}
	d.held["Plant users"] = []credential.Held{{User: owner, UserName: "Plant/web"}, {User: "x", UserName: "Plant/ops"}}
	ops := old("2", 1)
	ops.User = "x"
	d.held["Plant api-key"] = []credential.Held{old("1", 1), ops}
	d.refused["Plant api-key"] = fault.New(fault.Denied, "x", "")
	d.run(t)
	if len(d.mails) != 1 || !strings.Contains(d.mails[0], "API key of Plant/ops, 91 days old (fingerprint 2)") ||
		strings.Contains(d.mails[0], "of Plant/web") {
		t.Errorf("the mails are %q", d.mails)
	}
}
