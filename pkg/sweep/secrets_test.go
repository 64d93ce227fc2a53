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
	"github.com/keyturn/keyturn/pkg/vault"
)

// pagedVault is a Vault of compartments, each a list of pages.
type pagedVault struct {
	silent
	pages  map[string][][]vault.Secret
	broken string // the page that can't be read: its compartment and number

	mu    sync.Mutex
	asked []string // the pages that were asked for: the compartment and the token
	read  []string // the secrets that were read
}

var errBroken = errors.New("broken")

func (v *pagedVault) Secrets(_ context.Context, compartment, page string) ([]vault.Secret, string, error) {
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

func (v *pagedVault) Secret(_ context.Context, id string) (vault.Secret, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.read = append(v.read, id)
	return vault.Secret{ID: id}, nil
}

// bound returns an active secret that is bound to a user.
func bound(id string) vault.Secret {
	return vault.Secret{ID: id, State: vault.Active, Freeform: map[string]string{"keyturn-user": "ocid1.user.oc1..u",
		"keyturn-kind": "auth-token"}}
}

// twoCompartments returns two compartments with bound secrets and others.
func twoCompartments() *pagedVault {
	dying := bound("dying")
	dying.State = "PENDING_DELETION"
	return &pagedVault{pages: map[string][][]vault.Secret{
		"a": {{bound("a1"), dying}, {}, {{ID: "strange", State: vault.Active}, bound("a2")}},
		"b": {{bound("b1")}, {bound("b2"), bound("b3")}},
	}}
}

func (v *pagedVault) sweep(t *testing.T) error {
	t.Helper()
	s := &Sweeper{Config: config.Config{SecretCompartments: []string{"a", "b"}}, Inventory: silent{}, Vault: v,
		Notifier: silent{}, Directory: silent{}, Clock: clock.System{}}
	_, err := s.Run(t.Context(), "call")
	slices.Sort(v.read)
	return err
}

func TestTheBoundSecretsAreListedPageByPageAndReadOnce(t *testing.T) {
	v := twoCompartments()
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
	for broken, want := range map[string][]string{"a": {"b1", "b2", "b3"}, "a-1": {"a1", "b1", "b2", "b3"},
		"b-1": {"a1", "a2", "b1"}} {
		v := twoCompartments()
		v.broken = broken
		if err := v.sweep(t); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "compartment "+broken[:1]) {
			t.Errorf("page %s: the sweep's error is %v", broken, err)
		}
		if !slices.Equal(slices.Compact(v.read), want) { // one of them once more, to note what was mailed
			t.Errorf("page %s: the secrets read are %q, want %q", broken, v.read, want)
		}
	}
}

func TestTheConfiguredCompartmentsAreListedOrElseTheFunctionsOwn(t *testing.T) {
	for _, c := range []struct{ configured, asked []string }{
		{nil, []string{"own"}},
		{[]string{"b"}, []string{"b", "b-1"}},
		{[]string{"b", "own"}, []string{"b", "b-1", "own"}},
	} {
		v := twoCompartments()
		v.pages["own"] = [][]vault.Secret{{}}
		s := newFakeTenancy()
		s.config.SecretCompartments = c.configured
		r := s.run()
		r.Vault = v
		r.readSecrets(t.Context())
		if !slices.Equal(v.asked, c.asked) || !r.failures.none() {
			t.Errorf("configured are %q: the pages asked for are %q (%v)", c.configured, v.asked, r.failures.err())
		}
	}
}

func TestAFunctionThatCantFindItsCompartmentListsNoSecretsAndSaysSo(t *testing.T) {
	s := newFakeTenancy()
	s.config.SecretCompartments, s.fails["Compartment"] = nil, errBroken
	d, err := s.sweeper().Run(t.Context(), "call")
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "finding the function's compartment") {
		t.Errorf("the sweep's error is %v", err)
	}
	if len(d.Unfinished) != 1 || d.Unfinished[0].About != "find the function's own compartment" || s.opened != 0 {
		t.Errorf("found %v, secrets read %d times", d.Unfinished, s.opened)
	}
}

func TestASecretThatCantBeReadIsAFailureWithItsID(t *testing.T) {
	s := newFakeTenancy()
	s.fails["Secret"] = errBroken
	r := s.run()
	r.readSecrets(t.Context())
	err, found := r.failures.err(), r.failures.findings()
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "reading secret "+drawer) || len(found) != 1 ||
		!strings.Contains(found[0].Text, "("+drawer+")") {
		t.Errorf("%v, found %v", err, found)
	}
	if len(r.boundSecrets) != 0 || len(r.noted) != 0 {
		t.Errorf("homes %v, notes %v", r.boundSecrets, r.noted)
	}
}

// A user removes the tags after it was listed.
func TestTheJournalOfASecretThatIsNotBoundAnyMoreOrdersNothingAndItsNotesCount(t *testing.T) {
	s := newFakeTenancy().holds(overdue(problem))
	s.secret.Freeform = nil
	s.secret.Metadata, _ = notes{"x": {On: "2026-05-04"}}.into(s.secret.Metadata)
	r := s.run()
	if err := r.inspect(t.Context(), drawer); err != nil || len(r.duties) != 0 || len(r.boundSecrets) != 0 ||
		len(r.noted[drawer]) != 1 {
		t.Errorf("%v: claims %v, homes %v, notes %v", err, r.duties, r.boundSecrets, r.noted)
	}
}
