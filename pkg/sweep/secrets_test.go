package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
)

// shelves is a Vault of compartments, each a list of pages.
type shelves struct {
	silent
	pages  map[string][][]secret.Secret
	broken string // the page that can't be read: its compartment and number

	mu    sync.Mutex
	asked []string // the pages that were asked for: the compartment and the token
	read  []string // the secrets that were read
}

var errBroken = errors.New("broken")

func (v *shelves) Secrets(_ context.Context, compartment, page string) ([]secret.Secret, string, error) {
	v.asked = append(v.asked, compartment+page)
	n := 0
	if page != "" {
		if _, err := fmt.Sscanf(page, "-%d", &n); err != nil {
			return nil, "", err
		}
	}
	switch all := v.pages[compartment]; {
	case v.broken == compartment+page:
		return nil, "", errBroken
	case n+1 < len(all):
		return all[n], fmt.Sprintf("-%d", n+1), nil
	default:
		return all[n], "", nil
	}
}

func (v *shelves) Secret(_ context.Context, id string) (secret.Secret, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.read = append(v.read, id)
	return secret.Secret{ID: id}, nil
}

// bound is a secret that is bound to a user and active.
func bound(id string) secret.Secret {
	return secret.Secret{ID: id, State: secret.Active, Freeform: map[string]string{"keyturn-user": "ocid1.user.oc1..u", "keyturn-kind": "auth-token"}}
}

// furnished are two compartments with bound secrets, and some that are none of the sweep's business.
func furnished() *shelves {
	dying := bound("dying")
	dying.State = "PENDING_DELETION"
	return &shelves{pages: map[string][][]secret.Secret{
		"a": {{bound("a1"), dying}, {}, {{ID: "strange", State: secret.Active}, bound("a2")}},
		"b": {{bound("b1")}, {bound("b2"), bound("b3")}},
	}}
}

func (v *shelves) sweep(t *testing.T) error {
	t.Helper()
	s := &Sweeper{Config: config.Config{SecretCompartments: []string{"a", "b"}}, Inventory: silent{}, Vault: v, Notifier: silent{}, Clock: clock.System{}}
	_, err := s.Run(t.Context(), "call")
	slices.Sort(v.read)
	return err
}

func TestTheBoundSecretsAreListedPageByPageAndReadOnce(t *testing.T) {
	v := furnished()
	if err := v.sweep(t); err != nil {
		t.Error(err)
	}
	if want := []string{"a", "a-1", "a-2", "b", "b-1"}; !slices.Equal(v.asked, want) {
		t.Errorf("the pages asked for are %q, want %q", v.asked, want)
	}
	if want := []string{"a1", "a2", "b1", "b2", "b3"}; !slices.Equal(v.read, want) {
		t.Errorf("the secrets read are %q, want %q", v.read, want)
	}
}

func TestAPageOfSecretsThatCantBeReadKeepsTheOthersFromNothing(t *testing.T) {
	for broken, want := range map[string][]string{"a": {"b1", "b2", "b3"}, "a-1": {"a1", "b1", "b2", "b3"}, "b-1": {"a1", "a2", "b1"}} {
		v := furnished()
		v.broken = broken
		if err := v.sweep(t); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "compartment "+broken[:1]) {
			t.Errorf("page %s: the sweep's error is %v", broken, err)
		}
		if !slices.Equal(slices.Compact(v.read), want) { // one of them once more, to note what was mailed
			t.Errorf("page %s: the secrets read are %q, want %q", broken, v.read, want)
		}
	}
}

// drawer is a Vault with one secret, which has no version of any rotation.
type drawer struct {
	silent
	secret secret.Secret
}

func (d drawer) Secrets(context.Context, string, string) ([]secret.Secret, string, error) {
	return []secret.Secret{d.secret}, "", nil
}
func (d drawer) Secret(context.Context, string) (secret.Secret, error) { return d.secret, nil }

// tokens is an issuer whose user has some, old enough to be orphans.
type tokens struct {
	mark credential.Mark
	ids  []string

	mu      sync.Mutex
	deleted []string
}

func (i *tokens) List(context.Context, string) (l credential.Listing, err error) {
	l.At = time.Unix(1_790_000_000, 0)
	for _, id := range i.ids {
		l.Credentials = append(l.Credentials, credential.Issued{ID: id, Description: i.mark.Describe("pulls"), Created: l.At.Add(-rotation.MakerLife)})
	}
	return l, nil
}

func (i *tokens) Delete(_ context.Context, _, id string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.deleted = append(i.deleted, id)
	return nil
}

// people is an Inventory with one user.
type people struct{ silent }

func (people) Users(context.Context, string) ([]string, string, error) {
	return []string{"ocid1.user.oc1..U"}, "", nil
}

func TestACredentialThatTheJournalMentionsIsNoOrphan(t *testing.T) {
	for name, c := range map[string]struct {
		journal rotation.Journal
		known   []string
	}{
		"no journal":        {},
		"an attempt":        {rotation.Journal{Staged: &rotation.Staged{Old: "1", Credential: "2", Phase: rotation.PhaseUndone}}, []string{"1", "2"}},
		"the current one":   {rotation.Journal{Current: &rotation.Holder{Credential: "3"}}, []string{"3"}},
		"one to be retired": {rotation.Journal{Retire: &rotation.Retired{Credential: "4"}}, []string{"4"}},
		"all of them": {rotation.Journal{Staged: &rotation.Staged{Old: "1", Credential: "2", Phase: rotation.PhaseUndone},
			Current: &rotation.Holder{Credential: "1"}, Retire: &rotation.Retired{Credential: "4"}}, []string{"1", "2", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := bound("ocid1.vaultsecret.oc1.iad.s")
			s.Metadata = c.journal.Into(nil)
			made := &tokens{ids: []string{"1", "2", "3", "4", "5"},
				mark: credential.Mark{Rotation: "aaaaaaaaaaaaaaaa", Maker: "maker", Home: credential.Home(s.ID)}}
			sweeper := &Sweeper{Inventory: people{}, Vault: drawer{secret: s}, Notifier: silent{}, Clock: clock.System{},
				Issuers: map[credential.Kind]Issuer{credential.AuthToken: made, credential.CustomerSecretKey: &tokens{}}}
			if _, err := sweeper.Run(t.Context(), "call"); err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(slices.Clone(made.ids), func(id string) bool { return slices.Contains(c.known, id) })
			if !slices.Equal(made.deleted, want) {
				t.Errorf("deleted were %q, want %q", made.deleted, want)
			}
		})
	}
}
