package tenancy

import (
	"slices"

	"github.com/keyturn/keyturn/test/ociemu"
)

// The limits with which a Census counts. They repeat what CIS and the documentation say, so that a mistake in
// pkg/report doesn't change them.
const (
	censusLimit = 90 // days
	censusSoon  = 14 // days before the limit
)

// The kinds that Keyturn only reports.
const (
	DatabasePassword Kind = "database-password"
	SMTPCredential   Kind = "smtp-credential"
	OAuth2Credential Kind = "oauth2-credential"
)

// Census is what Populate put into a tenancy: the truth with which tests compare what was read. It comes from the
// seeds alone.
type Census struct {
	Operator    ociemu.Operator // an administrator, who runs the command
	People      []Person
	Credentials []Seeded
	Values      []string // secret values, which no output may have
	Secrets     int
	Problems    int // open
	Protected   []string
}

// Person is a user of a Census.
type Person struct {
	ID, Name, Domain string // the domain's name is Default for users of the classic API
	Admin, Left      bool
	Console          bool              // may have a password
	Tags             map[string]string // freeform
}

// Seeded is a credential of a Census.
type Seeded struct {
	Kind     Kind
	ID       string // "" for a password
	User     string // OCID
	Domain   string
	Days     int // its age; -1 if the lists don't say it
	Flags    []string
	Secrets  []string // the names of the secrets that are bound to the user and kind
	Problem  string   // OCID of the open problem
	Exempt   bool
	Admin    bool
	Left     bool
	Inactive bool
}

// Tally counts credentials as a report does.
type Tally struct{ All, Old, Soon, Undated, Bound, Exempt int }

// Old reports whether a credential is older than the limit.
func (s Seeded) Old() bool { return s.Days >= censusLimit }

// Count counts the credentials of the kind that fit.
func (c Census) Count(kind Kind, fits func(Seeded) bool) (t Tally) {
	for _, s := range c.Credentials {
		if s.Kind != kind || fits != nil && !fits(s) {
			continue
		}
		t.All++
		switch {
		case s.Days < 0:
			t.Undated++
		case s.Old():
			t.Old++
		case s.Days >= censusLimit-censusSoon:
			t.Soon++
		}
		if len(s.Secrets) > 0 {
			t.Bound++
		}
		if s.Exempt {
			t.Exempt++
		}
	}
	return t
}

// Finding is what a recommendation of CIS has to find.
type Finding struct{ Checked, Against, Exempt int }

// Verdict returns what the recommendation has to find: 1.8 to 1.12 or 1.17.
func (c Census) Verdict(recommendation string) (f Finding) {
	switch recommendation {
	case "1.8":
		return c.aged(APIKey)
	case "1.9":
		return c.aged(CustomerSecretKey)
	case "1.10":
		return c.aged(AuthToken)
	case "1.11":
		return c.aged(DatabasePassword)
	}
	most := map[string]int{"1.12": 0, "1.17": 1}[recommendation]
	for _, p := range c.People {
		if recommendation == "1.12" && !p.Admin {
			continue
		}
		f.Checked++
		keys := slices.DeleteFunc(slices.Clone(c.Credentials), func(s Seeded) bool {
			return s.User != p.ID || s.Kind != APIKey
		})
		if len(keys) > most {
			f.Against++
			if keys[0].Exempt {
				f.Exempt++
			}
		}
	}
	return f
}

func (c Census) aged(kind Kind) (f Finding) {
	for _, s := range c.Credentials {
		if s.Kind != kind {
			continue
		}
		f.Checked++
		if s.Old() {
			f.Against++
			if s.Exempt {
				f.Exempt++
			}
		}
	}
	return f
}

// Person returns the user with the OCID.
func (c Census) Person(id string) Person {
	for _, p := range c.People {
		if p.ID == id {
			return p
		}
	}
	return Person{}
}
