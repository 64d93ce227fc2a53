package binding

import (
	"context"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Candidates returns secrets whose contents aren't known.
func Candidates(all []vault.Secret) []Candidate {
	out := make([]Candidate, len(all))
	for i, s := range all {
		out[i].Secret = s
	}
	return out
}

// Contents reads CURRENT versions; see rotation.Vault.
type Contents interface {
	Read(ctx context.Context, id, name string) (int64, credential.Value, error)
}

// ReadContents reads the CURRENT contents of the secrets that are not bound.
func ReadContents(ctx context.Context, from Contents, all []Candidate, progress func(int)) {
	group := background.Group{Limit: workers}
	for i, c := range all {
		if _, _, bound := guard.BoundTo(c.Secret); bound || leaving(c.Secret) || c.Replica {
			progress(1)
			continue
		}
		group.Do(func() {
			defer progress(1)
			_, content, err := from.Read(ctx, c.ID, "")
			if err != nil {
				all[i].Unread = fault.Plain(err)
				return
			}
			all[i].Content, all[i].Read = content, true
		})
	}
	group.Join()
}

// Subjects collects living credentials by user and kind. Its zero value is ready to use.
type Subjects struct {
	all   []Subject
	place map[string]int
}

// Add adds a credential.
func (s *Subjects) Add(e inventory.Entry) {
	if s.place == nil {
		s.place = map[string]int{}
	}
	one := Subject{Kind: e.Kind, User: e.User, Name: e.UserName}
	i, ok := s.place[one.key()]
	if !ok {
		i = len(s.all)
		s.place[one.key()], s.all = i, append(s.all, one)
	}
	if s.all[i].Name == "" {
		s.all[i].Name = e.UserName
	}
	s.all[i].IDs = append(s.all[i].IDs, e.ID)
}

// All returns the subjects. names has the names of users, by OCID, for those whose credentials were listed without one.
func (s *Subjects) All(names map[string]string) []Subject {
	for i, one := range s.all {
		if one.Name == "" {
			s.all[i].Name = names[one.User]
		}
	}
	return s.all
}
