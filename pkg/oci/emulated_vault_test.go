package oci_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestEveryPageIsRead(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	cloud, e := emulated(t, o)
	var ids []string
	for i := range 5 {
		ids = append(ids, e.AddSecret(ociemu.SecretSeed{Name: fmt.Sprintf("s%d", i),
			FreeformTags: map[string]string{"n": fmt.Sprint(i)}}))
	}
	all, err := cloud.Vault().List(t.Context(), e.Tenancy())
	if err != nil || len(all) != len(ids) {
		t.Fatalf("%d secrets (%v), want %d", len(all), err, len(ids))
	}
	for _, s := range all {
		if !slices.Contains(ids, s.ID) || s.State != vault.Active || s.Freeform["n"] == "" ||
			s.Compartment != e.Tenancy() {
			t.Errorf("a secret is %+v", s)
		}
	}
	many := e.AddSecret(ociemu.SecretSeed{Name: "many", Versions: 7})
	versions, err := cloud.Vault().Versions(t.Context(), many)
	if err != nil || len(versions) != 7 {
		t.Errorf("%d versions (%v), want 7", len(versions), err)
	}
	p := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: e.AddUser("web@example.com")})
	for i := range 5 {
		e.CloseProblem(p, fmt.Sprintf("closure %d", i), "secops@example.com")
	}
	got, err := cloud.Problem(t.Context(), p)
	if err != nil || len(got.History) != len(e.Problem(p).History) || len(got.History) < 5 {
		t.Errorf("the history has %d records (%v), want %d", len(got.History), err, len(e.Problem(p).History))
	}
	if n := len(called(e, "ListSecretVersions")); n != 4 {
		t.Errorf("%d pages of versions, want 4", n)
	}
}

func TestASecretIsWrittenReadAndPromotedUnderItsEtag(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	v := cloud.Vault()
	id := e.AddSecret(ociemu.SecretSeed{Name: "s", Content: []byte("first"), Region: "ap-mumbai-1",
		FreeformTags: map[string]string{"team": "web"}})
	before, err := v.Secret(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	staged, err := v.Update(t.Context(), id, before.ETag, someUpdate())
	if err != nil || staged.ETag == before.ETag || staged.Current != 1 {
		t.Fatalf("staging gives %+v (%v)", staged, err)
	}
	if n, content, err := v.Read(t.Context(), id, "keyturn-x-1"); err != nil || n != 2 ||
		!content.Equal(credential.NewValue([]byte(confidential))) {
		t.Errorf("the staged version reads as %d (%v)", n, err)
	}
	if n, content, err := v.Read(t.Context(), id, ""); err != nil || n != 1 ||
		!content.Equal(credential.NewValue([]byte("first"))) {
		t.Errorf("CURRENT reads as %d (%v)", n, err)
	}
	if _, err := v.Update(t.Context(), id, before.ETag, vault.Update{Promote: 2}); fault.Of(err) != fault.Conflict {
		t.Errorf("a stale etag gives %v", err)
	}
	if _, err := v.Update(t.Context(), id, staged.ETag, someUpdate()); fault.Of(err) != fault.Conflict {
		t.Errorf("a name that is taken gives %v", err)
	}
	if _, err := v.Update(t.Context(), id, staged.ETag,
		vault.Update{Promote: 2, Metadata: vault.Metadata(`{"k":"v"}`)}); err != nil {
		t.Errorf("promoting gives %v", err)
	}
	after := e.Secret(id)
	if !bytes.Equal(after.Current(), []byte(confidential)) || after.Metadata["k"] != "v" ||
		after.FreeformTags["team"] != "web" {
		t.Errorf("the secret has the metadata %v and tags %v", after.Metadata, after.FreeformTags)
	}
	if _, _, err := v.Read(t.Context(), id, "keyturn-nobody-1"); fault.Of(err) != fault.Absent {
		t.Errorf("a version that doesn't exist gives %v", err)
	}
}

func TestWhatTheServicesRefuseHasItsClassOverTheWire(t *testing.T) {
	o := ociemu.Calm()
	o.Settle = time.Hour
	cloud, e := emulated(t, o)
	v := cloud.Vault()
	busy, full := e.AddSecret(ociemu.SecretSeed{Name: "busy"}),
		e.AddSecret(ociemu.SecretSeed{Name: "full", Versions: 30})
	if _, err := v.Update(t.Context(), busy, "", vault.Update{Metadata: vault.Metadata(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if s, err := v.Secret(t.Context(), busy); err != nil || s.State != vault.Updating {
		t.Errorf("the secret is %s (%v)", s.State, err)
	}
	if _, err := v.Update(t.Context(), busy, "", someUpdate()); fault.Of(err) != fault.Busy {
		t.Errorf("an UPDATING secret gives %v", err)
	}
	if _, err := v.Update(t.Context(), full, "", someUpdate()); fault.Of(err) != fault.Full {
		t.Errorf("a secret with 30 versions gives %v", err)
	}
	if _, err := v.Secret(t.Context(), "ocid1.vaultsecret.oc1.iad.nobody"); fault.Of(err) != fault.Absent {
		t.Errorf("a secret that doesn't exist gives %v", err)
	}
}

func TestTagsAreReplacedFormByFormAndASecretIsMadeWithThem(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	v := cloud.Vault()
	made, err := v.Create(t.Context(), vault.New{Name: "new", Compartment: e.Tenancy(), Vault: e.Vault(e.Region()),
		Key: "ocid1.key.oc1.iad.a.b", Content: credential.NewValue([]byte(confidential)),
		Tags: vault.Tags{Freeform: map[string]string{"team": "web"},
			Defined: map[string]map[string]any{"cost": {"center": "7"}}}})
	if err != nil || made.Name != "new" || made.Freeform["team"] != "web" {
		t.Fatalf("it made %+v (%v)", made, err)
	}
	before, err := v.Secret(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Update(t.Context(), made.ID, before.ETag, vault.Update{Tags: vault.Tags{
		Defined: map[string]map[string]any{"keyturn": {"user": "<a> & b"}}}}); err != nil {
		t.Fatal(err)
	}
	after := e.Secret(made.ID)
	if after.FreeformTags["team"] != "web" || len(after.DefinedTags) != 1 ||
		after.DefinedTags["keyturn"]["user"] != "<a> & b" {
		t.Errorf("the tags are %v and %v", after.FreeformTags, after.DefinedTags)
	}
	if content, err := v.ReadNumber(t.Context(), made.ID, 1); err != nil ||
		!content.Equal(credential.NewValue([]byte(confidential))) {
		t.Errorf("version 1 can't be read (%v)", err)
	}
	if _, err := v.ReadNumber(t.Context(), made.ID, 2); fault.Of(err) != fault.Absent {
		t.Errorf("version 2 gives %v", err)
	}
	if _, err := v.Create(t.Context(), vault.New{Name: "new", Compartment: e.Tenancy(), Vault: e.Vault(e.Region()),
		Key: "ocid1.key.oc1.iad.a.b", Content: credential.NewValue([]byte("x"))}); fault.Of(err) != fault.Conflict {
		t.Errorf("a name that is taken gives %v", err)
	}
}

func TestAProblemIsResolvedUnlessItHasChanged(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	id := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: e.AddUser("web@example.com")})
	p, err := cloud.Afresh(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := cloud.Resolve(t.Context(), p, "rotate:yes"); err != nil {
		t.Fatal(err)
	}
	if now := e.Problem(id); now.Status != "RESOLVED" || now.History[len(now.History)-1].Comment != "rotate:yes" {
		t.Errorf("the problem is %+v", now)
	}
	if err := cloud.Resolve(t.Context(), p, "again"); fault.Of(err) != fault.Conflict {
		t.Errorf("a problem that has changed gives %v", err)
	}
}
