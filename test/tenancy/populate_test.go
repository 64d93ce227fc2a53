package tenancy_test

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func populate(t *testing.T, seed int64) (*ociemu.Emulator, tenancy.Census) {
	t.Helper()
	e := ociemu.New(t, ociemu.Calm())
	c, err := tenancy.Populate(e, seed, tenancy.Size{Contractors: 2, Retired: true})
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

func TestOneSeedGivesTheSameAges(t *testing.T) {
	_, a := populate(t, 7)
	_, b := populate(t, 7)
	days := func(c tenancy.Census) (all []int) {
		for _, s := range c.Credentials {
			all = append(all, s.Days)
		}
		return all
	}
	if !slices.Equal(days(a), days(b)) {
		t.Errorf("the ages are %v and %v", days(a), days(b))
	}
}

func TestAPopulatedTenancyHasACaseOfEverything(t *testing.T) {
	e, c := populate(t, 1)
	for _, k := range tenancy.Kinds() {
		n := c.Count(k, nil)
		if n.Old == 0 || n.Soon == 0 && k != tenancy.APIKey || n.All < 8 || k != tenancy.Password && n.Bound == 0 {
			t.Errorf("of the kind %s there are %+v", k, n)
		}
	}
	for name, fits := range map[string]func(tenancy.Seeded) bool{
		"exempt":                func(s tenancy.Seeded) bool { return s.Exempt && s.Old() },
		"without a time":        func(s tenancy.Seeded) bool { return s.Days < 0 },
		"of a leaver":           func(s tenancy.Seeded) bool { return s.Left },
		"INACTIVE":              func(s tenancy.Seeded) bool { return s.Inactive },
		"with a problem":        func(s tenancy.Seeded) bool { return s.Problem != "" },
		"in Plant":              func(s tenancy.Seeded) bool { return s.Domain == tenancy.Plant },
		"of an administrator":   func(s tenancy.Seeded) bool { return s.Admin && s.Kind == tenancy.APIKey },
		"90 days and an hour":   func(s tenancy.Seeded) bool { return s.Days == 90 },
		"bound without problem": func(s tenancy.Seeded) bool { return len(s.Secrets) > 0 && s.Problem == "" },
	} {
		if !slices.ContainsFunc(c.Credentials, fits) {
			t.Errorf("no credential is %s", name)
		}
	}
	for _, s := range c.Credentials {
		if u := e.User(s.User); u.Domain != s.Domain {
			t.Errorf("the user of %+v is in the domain %q", s, u.Domain)
		}
	}
	if len(c.People) < 40 || c.Problems < 8 || c.Secrets < 8 || len(c.Values) < 30 {
		t.Errorf("there are %d people, %d problems, %d secrets, %d values", len(c.People), c.Problems, c.Secrets,
			len(c.Values))
	}
}
