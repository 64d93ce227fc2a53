package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// bundled returns a fixture whose secret is a bundle.
func bundled(kind credential.Kind, holds string) (*fixture, *credential.Material) {
	s := newFixture(kind, plain(credential.RoleBundle))
	s.mem.Found = []int64{1}
	s.one().Holds = Content{Number: 1, Value: credential.NewValue([]byte(holds))}
	return s, &credential.Material{Kind: kind, ID: "new", Value: credential.NewValue([]byte("value"))}
}

func TestAValueThatCanNotBeWrittenAsItsSecretWantsItIsNotWritten(t *testing.T) {
	known := credential.Owner{User: "u", UserName: "n", Namespace: "ns",
		Hosts: credential.Hosts{Registry: "r.example", S3: "s.example"}}
	for what, c := range map[string]struct {
		kind  credential.Kind
		owner credential.Owner
		fits  bool
	}{
		"all is known":      {credential.CustomerSecretKey, known, true},
		"nothing is known":  {credential.CustomerSecretKey, credential.Owner{}, false},
		"a token":           {credential.AuthToken, known, true},
		"an unknown user's": {credential.AuthToken, credential.Owner{}, false},
		"a password":        {credential.Password, credential.Owner{}, true},
	} {
		s, m := bundled(c.kind, "")
		s.snap.Owner = c.owner
		v := newFakeVault(s)
		err := s.on(v).stage(t.Context(), Case{Version: s.name(1), Material: m})
		if (err == nil) != c.fits || (len(v.calls) > 0) != c.fits {
			t.Errorf("%s: %v after %v", what, err, v.calls)
		}
	}
}

func TestABundleKeepsWhatWasAddedToItAndAPlainSecretNothing(t *testing.T) {
	const there = `{"kind":"password","user":"u","password":"before","made_at":"then","added":"mine"}`
	for _, role := range []credential.Role{credential.RoleBundle, credential.RolePassword} {
		s, m := bundled(credential.Password, there)
		s.one().Role = role
		v := newFakeVault(s)
		if err := s.on(v).stage(t.Context(), Case{Version: s.name(1), Material: m}); err != nil {
			t.Fatal(err)
		}
		got := string(v.contents["secret-12"].Reveal())
		bundle := role == credential.RoleBundle
		if strings.Contains(got, `"mine"`) != bundle || strings.Contains(got, "before") || !strings.Contains(got,
			"value") || !bundle && got != "value" {
			t.Errorf("%s: %s", role, got)
		}
	}
}

func TestAKeyPairIsStagedOnceAndTheNextAttemptGetsAnotherOne(t *testing.T) {
	s := newFixture(credential.APIKey, plain(credential.RolePrivateKey))
	s.mem.Found = []int64{1}
	v := newFakeVault(s)
	r := s.on(v)
	r.RSABits = 1024
	r.key = newKeyPair(r.bits())
	first, err := r.key.wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.stage(t.Context(), Case{Version: s.name(1), State: State{Origin: credential.Local}}); err != nil {
		t.Fatal(err)
	}
	if r.mem.Value == nil || r.mem.Value.ID != first.ID || r.mem.Kept != s.name(1) ||
		!v.contents["secret-12"].Equal(first.Value) {
		t.Errorf("staged %+v, kept in %q", r.mem.Value, r.mem.Kept)
	}
	if e := JournalOf(v.is["secret-1"].Metadata).Staged; e == nil || e.Credential != first.ID ||
		e.Phase != PhaseStaged {
		t.Errorf("the journal says %+v", e)
	}
	if next, err := r.key.wait(t.Context()); err != nil || next.ID == first.ID {
		t.Errorf("the next attempt gets %q, %v", next.ID, err)
	}
	for _, kind := range credential.Kinds() {
		other := s.on(v)
		other.job.Ref.Kind, other.key = kind, r.key
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		other.key = newKeyPair(4096)
		c := Case{Version: s.name(2), State: State{Origin: kind.Origin()}}
		if err := other.stage(ended, c); err == nil ||
			(fault.Of(err) == fault.Invalid) != (kind != credential.APIKey) {
			t.Errorf("%s, when the time is up: %v", kind, err)
		}
	}
	if n := len(v.versions["secret-1"]); n != 2 {
		t.Errorf("%d versions", n)
	}
}

func TestWhatWasStagedBeforeAFailureIsNotStagedAgain(t *testing.T) {
	s, m := paired()
	v := newFakeVault(s)
	denied := fault.New(fault.Denied, "UpdateSecret", "no")
	v.fails = func(call string) error {
		if call == "Update secret-2" {
			return denied
		}
		return nil
	}
	r := s.on(v)
	err := r.stage(t.Context(), Case{Version: s.name(1), Material: m})
	if fault.Of(err) != fault.Denied || !strings.Contains(err.Error(), "secret-2") || r.mem.Kept != s.name(1) {
		t.Errorf("%v, kept in %q", err, r.mem.Kept)
	}
	if r.snap.Secrets[0].version(s.name(1)) == nil || r.snap.Secrets[1].version(s.name(1)) != nil {
		t.Errorf("the picture is %+v", r.snap.Secrets)
	}
	v.fails, v.calls = nil, nil
	if r.stage(t.Context(), Case{Version: s.name(1), Material: m}) != nil ||
		!slices.Equal(v.calls, []string{"Update secret-2"}) {
		t.Errorf("the second time: %v", v.calls)
	}
}

func TestASecretIsUnchangedIfAllButItsEtagTimeAndMetadataFormIsTheSame(t *testing.T) {
	const one = `{"a":1,"b":"x"}`
	for is, same := range map[string]bool{one: true, ` { "b" : "x", "a" : 1 } `: true, `{"a":1,"b":"y"}`: false,
		`{"a":1}`: false, ``: false, `{`: false, `null`: false} {
		for _, turned := range []bool{false, true} {
			was, now := vault.Secret{Metadata: vault.Metadata(one), ETag: "1", At: noon},
				vault.Secret{Metadata: vault.Metadata(is), ETag: "2"}
			if turned {
				was, now = now, was
			}
			if got := unchanged(was, now); got != same {
				t.Errorf("%s became %s: %v", was.Metadata, now.Metadata, got)
			}
		}
	}
	for _, text := range []string{"", "{", "null"} {
		s := vault.Secret{Metadata: vault.Metadata(text)}
		if !unchanged(s, s) {
			t.Errorf("%q isn't as it was", text)
		}
	}
	if unchanged(vault.Secret{Metadata: vault.Metadata("{")}, vault.Secret{Metadata: vault.Metadata("[")}) {
		t.Error("two texts that are no JSON are taken for the same")
	}
	for what, now := range map[string]vault.Secret{"id": {ID: "x"}, "name": {Name: "x"},
		"compartment": {Compartment: "x"}, "vault": {Vault: "x"},
		"state": {State: "x"}, "replica": {Replica: true}, "current": {Current: 1},
		"freeform tags": {Freeform: map[string]string{"a": "b"}},
		"defined tags":  {Defined: map[string]map[string]any{"a": {"b": "c"}}}} {
		if unchanged(vault.Secret{}, now) {
			t.Errorf("another %s isn't noticed", what)
		}
	}
}
