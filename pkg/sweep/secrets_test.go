package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
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
	s := &Sweeper{Config: config.Config{SecretCompartments: []string{"a", "b"}}, Inventory: silent{}, Vault: v, Notifier: silent{}, Directory: silent{}, Clock: clock.System{}}
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
