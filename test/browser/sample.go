package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/report"
)

// now is when the sample was read.
var now = time.Date(2026, time.November, 29, 6, 30, 0, 0, time.UTC)

const limitDays = 90

// sampleRows makes the rows of a sample tenancy, always the same for a number.
func sampleRows(count int) iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for n, user := 0, 0; n < count; user++ {
			p := newPerson(random, user)
			for _, k := range p.kinds(random) {
				if n == count {
					return
				}
				n++
				if !yield(p.row(random, k), nil) {
					return
				}
			}
		}
	}
}

// person is a user of the sample.
type person struct {
	id, name, domain, state string
	administrator           bool
	machine                 bool
}

func newPerson(random *rand.Rand, n int) person {
	p := person{id: ocid(random, "user"), state: "ACTIVE", administrator: n%173 == 4}
	switch {
	case n%5 == 2:
		p.machine = true
		p.name = fmt.Sprintf("svc-%s-%s-%d", pick(random, machines), pick(random, environments), n/5+1)
		p.domain = "Default"
	case n%7 == 3:
		p.name = human(n) + "@partner.example"
		p.domain = "Partners"
	default:
		p.name = human(n) + "@harbour.example"
		p.domain = pick(random, []string{"Default", "Default", "Engineering"})
	}
	if n%29 == 11 {
		p.state = "INACTIVE"
	}
	return p
}

// human returns a name that no other user has.
func human(n int) string {
	name := first[n%len(first)] + "." + last[n/len(first)%len(last)]
	if again := n / len(first) / len(last); again > 0 {
		name += fmt.Sprint(again + 1)
	}
	return name
}

// kinds returns what credentials the person has.
func (p person) kinds(random *rand.Rand) []credential.Kind {
	if p.machine {
		all := []credential.Kind{credential.APIKey}
		if random.IntN(3) == 0 {
			all = append(all, credential.APIKey)
		}
		return append(all, pick(random, []credential.Kind{credential.CustomerSecretKey, credential.AuthToken,
			credential.SMTPCredential, credential.OAuth2Credential}))
	}
	all := []credential.Kind{credential.Password}
	for range random.IntN(3) {
		all = append(all, pick(random, []credential.Kind{credential.APIKey, credential.AuthToken, credential.AuthToken,
			credential.CustomerSecretKey, credential.DatabasePassword}))
	}
	return all
}

func (p person) row(random *rand.Rand, k credential.Kind) report.Row {
	r := report.Row{Kind: k, ID: ocid(random, "credential"), Domain: p.domain, User: p.id, UserName: p.name,
		UserState: p.state, Administrator: "no", State: "ok"}
	if k == credential.APIKey {
		r.ID = fingerprint(random)
	}
	if p.administrator {
		r.Administrator = "yes"
	}
	age := random.IntN(85)
	if random.IntN(5) == 0 && k != credential.CustomerSecretKey && k != credential.DatabasePassword {
		age = 70 + random.IntN(500)
	}
	r.AgeDays = age
	created := now.Add(-time.Duration(age)*24*time.Hour - time.Duration(random.IntN(86400))*time.Second)
	due := created.AddDate(0, 0, limitDays)
	r.Created, r.Due = &created, &due
	if p.domain == "Partners" && (k == credential.Password || k == credential.AuthToken) && random.IntN(12) == 0 {
		r.Created, r.Due, r.AgeDays = nil, nil, -1
	}
	if k == credential.OAuth2Credential {
		expires := created.AddDate(1, 0, 0)
		r.Expires = &expires
	}
	if p.machine && k.Rotates() && random.IntN(3) > 0 {
		r.Secrets = []string{p.name + "-" + string(k)}
	}
	if p.machine {
		r.Description = "used by " + p.name[4:]
	}
	p.assess(random, &r)
	return r
}

// assess says how a credential stands, and what to do.
func (p person) assess(random *rand.Rand, r *report.Row) {
	switch {
	case r.AgeDays < 0:
		r.State, r.Advice = "not known", "Find out when it was created; replace it if nobody knows."
	case r.AgeDays > limitDays:
		r.State = "old"
		r.Problem = ocid(random, "cloudguardproblem")
	case r.AgeDays >= limitDays-14:
		r.State = "soon"
	}
	switch {
	case r.State == "not known":
	case r.Kind == credential.APIKey && p.administrator:
		r.Advice = "Remove it: an administrator has no API key (CIS 1.12)."
	case p.state != "ACTIVE":
		r.Advice = "Delete it: its owner is inactive."
	case r.State == "ok":
	case !r.Kind.Rotates():
		r.Advice = "Replace it: Keyturn doesn't rotate this kind."
	case r.Kind == credential.Password:
		r.Advice = "Close its problem: Keyturn resets the password."
	case len(r.Secrets) == 0:
		r.Advice = "Bind a secret to it, then rotate it."
	case r.State == "old":
		r.Advice = "Rotate it."
	}
	if r.State == "old" && p.machine && random.IntN(6) == 0 {
		r.Exempt = "vendor can't change it before the upgrade, until 2027-03-31"
		r.Advice = ""
	} else if p.machine && len(r.Secrets) > 0 && r.State == "ok" && random.IntN(12) == 0 {
		r.Rotation = "old one until 2026-12-04"
	}
}

var (
	first = []string{"amara", "benoit", "chiara", "daniel", "elif", "farid", "greta", "hiroshi", "ines", "jakub",
		"katarina", "liam", "maya", "noor", "olga", "pedro", "quentin", "rosa", "sven", "tomoko", "uma", "viktor",
		"wanjiru", "yusuf", "zoe"}
	last = []string{"adeyemi", "becker", "costa", "dubois", "eriksson", "fischer", "garcia", "haddad", "ivanova",
		"jensen", "kowalski", "lindqvist", "moreau", "nakamura", "okafor", "petrov", "rossi", "silva", "tanaka",
		"weber"}
	machines     = []string{"backup", "billing", "ci", "etl", "logship", "mailer", "registry", "scanner", "terraform"}
	environments = []string{"dev", "prod", "stage"}
)

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// letters returns n letters of an alphabet of at most 32.
func letters(random *rand.Rand, alphabet string, n int) string {
	out := make([]byte, n)
	var bits uint64
	for i := range out {
		if i%12 == 0 {
			bits = random.Uint64()
		}
		out[i] = alphabet[bits&31%uint64(len(alphabet))]
		bits >>= 5
	}
	return string(out)
}

func ocid(random *rand.Rand, kind string) string {
	return "ocid1." + kind + ".oc1..aaaaaaaa" + letters(random, "abcdefghijklmnopqrstuvwxyz234567", 52)
}

func fingerprint(random *rand.Rand) string {
	digits := letters(random, "0123456789abcdef", 32)
	pairs := make([]string, 16)
	for i := range pairs {
		pairs[i] = digits[2*i : 2*i+2]
	}
	return strings.Join(pairs, ":")
}
