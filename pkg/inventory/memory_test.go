package inventory

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// endless is a tenancy with very many users, which it makes up page by page.
type endless struct {
	*fakeSource
	users int
}

func madeUp(n int) credential.User {
	id := "ocid1.user.oc1.." + strings.Repeat("a", 50) + strconv.Itoa(n)
	return credential.User{ID: id, Name: "user-" + strconv.Itoa(n)}
}

func (s endless) Users(_ context.Context, page string) (some []credential.User, next string, err error) {
	from, _ := strconv.Atoi(page)
	for n := from; n < min(from+1000, s.users); n++ {
		some = append(some, madeUp(n))
	}
	if from+1000 < s.users {
		next = strconv.Itoa(from + 1000)
	}
	return some, next, nil
}

func (s endless) DomainUsers(_ context.Context, _ credential.Domain, start, most int) (credential.Page, error) {
	p := credential.Page{Total: s.users}
	for n := start; n < min(start+most, s.users+1); n++ {
		p.Users = append(p.Users, madeUp(n))
	}
	p.Entries = len(p.Users)
	return p, nil
}

func (s endless) DomainCredentials(_ context.Context, _ credential.Domain, _ credential.Kind, start,
	most int) (credential.Page, error) {
	p := credential.Page{Total: s.users}
	for n := start; n < min(start+most, s.users+1); n++ {
		u := madeUp(n)
		p.Held = append(p.Held, credential.Held{User: u.ID, Issued: credential.Issued{ID: u.ID + "-token"}})
	}
	p.Entries = len(p.Held)
	return p, nil
}

func (s endless) CredentialsOf(_ context.Context, _ credential.Domain, _ credential.Kind,
	user string) (credential.Listing, error) {
	if s.answer(context.Background(), "CredentialsOf") != nil {
		return credential.Listing{}, fmt.Errorf("%s: %w", strings.Repeat(user, 4), denied)
	}
	return credential.Listing{Credentials: []credential.Issued{{ID: user + "-token"}}}, nil
}

func TestTheMemoryOfAReadingDoesNotGrowWithTheUsersAndTheirCredentials(t *testing.T) {
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for name, s := range map[string]endless{
		"two domains":                       {newFakeSource(plant, main), 60_000},
		"the classic API":                   {newFakeSource(), 30_000},
		"the classic API, which refuses it": {newFakeSource(), 30_000},
	} {
		room := uint64(1 << 20)
		if len(s.domains) > 0 {
			room = 16 << 20 // four pages of 1,000 entries are read at once; the collector may be behind
		}
		if strings.Contains(name, "refuses") {
			s.answer = refusing(denied, "CredentialsOf")
		}
		before, entries, users := live(), 0, 0
		byUsers, byEntries := before, before // Visitor's functions run side by side
		r := Reader{Source: s, Clock: s, Kinds: []credential.Kind{credential.AuthToken}}
		gaps := r.Read(t.Context(), Visitor{User: func(credential.Domain, credential.User) {
			users++
			if users%(s.users/4) == 0 {
				byUsers = max(byUsers, live())
			}
		}, Credential: func(Entry) {
			entries++
			if entries%(s.users/4) == 0 {
				byEntries = max(byEntries, live())
			}
		}})
		grown := max(byUsers, byEntries) - before
		if grown > room || users < s.users || entries+len(gaps) == 0 || len(gaps) > 1 {
			t.Errorf("%s: with %d users and %d entries, the memory grew by %d KiB, and there are %d gaps", name, users,
				entries, grown>>10, len(gaps))
		} else {
			t.Logf("%s: %d users, %d entries, %d KiB", name, users, entries, grown>>10)
		}
	}
}
