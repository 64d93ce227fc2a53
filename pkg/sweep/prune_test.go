package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// numbered returns n versions, with the number of CURRENT; the one before is PREVIOUS.
func numbered(n, current int) (versions []vault.Version) {
	for i := 1; i <= n; i++ {
		v := vault.Version{Number: int64(i), Name: fmt.Sprint("v", i), Current: i == current, Previous: i == current-1}
		v.Stale = !v.Current && !v.Previous
		versions = append(versions, v)
	}
	return versions
}

func numbers(from, to int64) (out []int64) {
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}

func TestTheOldestVersionsOfACrowdedSecretGoAndWhatIsNeededStays(t *testing.T) {
	of := func(old string) string {
		return credential.Ref{Kind: credential.AuthToken, User: owner, ID: old}.RotationID().VersionName(1)
	}
	for name, c := range map[string]struct {
		versions []vault.Version
		change   func(s *fakeTenancy)
		want     []int64
	}{
		"not crowded": {numbered(crowded, crowded), nil, nil},
		"crowded":     {numbered(crowded+1, crowded+1), nil, numbers(1, crowded+1-keptVersions)},
		"full":        {numbered(30, 30), nil, numbers(1, 20)},
		"rolled back": {numbered(25, 2), nil, numbers(3, 17)},
		"PENDING": {numbered(21, 21), func(s *fakeTenancy) {
			s.versions[0].Pending, s.versions[0].Stale = true, false
		}, numbers(2, 12)},
		"PENDING, stale":  {numbered(21, 21), func(s *fakeTenancy) { s.versions[0].Pending = true }, numbers(2, 12)},
		"CURRENT, stale":  {numbered(21, 21), func(s *fakeTenancy) { s.versions[0].Current = true }, numbers(2, 12)},
		"PREVIOUS, stale": {numbered(21, 21), func(s *fakeTenancy) { s.versions[0].Previous = true }, numbers(2, 12)},
		"not deprecated":  {numbered(21, 21), func(s *fakeTenancy) { s.versions[0].Stale = false }, numbers(2, 12)},
		"leaving already": {numbered(21, 21), func(s *fakeTenancy) { s.versions[0].Leaving = true }, nil},
		"in no order":     {numbered(21, 21), func(s *fakeTenancy) { slices.Reverse(s.versions) }, numbers(1, 11)},
		"the staged one": {numbered(21, 21), func(s *fakeTenancy) {
			s.holds(rotation.Journal{Staged: &rotation.Staged{Version: "v1", At: &noon}})
		}, numbers(2, 12)},
		"an earlier attempt": {numbered(21, 21), func(s *fakeTenancy) {
			s.versions[0].Name = of("x")
			s.holds(rotation.Journal{Staged: &rotation.Staged{Version: "v1", Old: "x", At: &noon}})
		}, numbers(2, 12)},
		"the journal's CURRENT": {numbered(21, 21), func(s *fakeTenancy) {
			s.holds(rotation.Journal{Current: &rotation.Holder{Version: 1}})
		}, numbers(2, 12)},
		"of an overlap": {numbered(21, 21), func(s *fakeTenancy) {
			s.versions[0].Name = of("x")
			s.holds(rotation.Journal{Retire: rotation.Overlaps{{Credential: "x", After: noon.Add(1)}}})
		}, numbers(2, 12)},
		"of a rotation that is over": {numbered(21, 21), func(s *fakeTenancy) {
			s.versions[0].Name = of("y")
			s.holds(rotation.Journal{Retire: rotation.Overlaps{{Credential: "x", After: noon.Add(1)}}})
		}, numbers(1, 11)},
		"without names": {numbered(21, 21), func(s *fakeTenancy) {
			for i := range s.versions {
				s.versions[i].Name = ""
			}
			s.holds(rotation.Journal{Staged: &rotation.Staged{At: &noon}})
		}, numbers(1, 11)},
		"all but one needed": {numbered(21, 21), func(s *fakeTenancy) {
			for i := range s.versions {
				s.versions[i].Stale = i == 4
			}
		}, []int64{5}},
		"all needed": {numbered(21, 21), func(s *fakeTenancy) {
			for i := range s.versions {
				s.versions[i].Stale = false
			}
		}, nil},
		"a strange journal": {numbered(21, 21), func(s *fakeTenancy) {
			s.secret.Metadata = vault.Metadata(`{"keyturn":"x"}`)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy()
			s.versions = c.versions
			if c.change != nil {
				c.change(s)
			}
			s.secret.Current = 1
			before := fmt.Sprint(s.versions)
			d := s.sweep(t)
			slices.Sort(s.leaving)
			if !slices.Equal(s.leaving, c.want) || (len(d.Found) == 1) != (len(c.want) > 0) {
				t.Errorf("the deletion of %v is scheduled, want %v; found %q", s.leaving, c.want, d.Found)
			}
			if s.listed != 1 || fmt.Sprint(s.versions) != before {
				t.Errorf("listed %d times, the list is %v", s.listed, s.versions)
			}
		})
	}
}

// A user removes the tags or schedules the secret's deletion after it was listed.
func TestNothingIsScheduledInASecretThatIsNotBoundAnyMore(t *testing.T) {
	for name, change := range map[string]func(*fakeTenancy){
		"unbound":        func(s *fakeTenancy) { s.secret.Freeform = nil },
		"being deleted":  func(s *fakeTenancy) { s.secret.State = "PENDING_DELETION" },
		"being changed":  func(s *fakeTenancy) { s.secret.State = vault.Updating },
		"as it was read": func(*fakeTenancy) {},
	} {
		s := newFakeTenancy()
		s.versions = numbered(21, 21)
		r := s.run()
		r.boundSecrets["x"] = &boundSecret{id: drawer}
		change(s)
		r.pruneAll(t.Context())
		if (len(s.leaving) > 0) != (name == "as it was read") || !r.failures.none() {
			t.Errorf("%s: %v, %v", name, s.leaving, r.failures.err())
		}
	}
}

func TestADryRunSaysWhatItWouldSchedule(t *testing.T) {
	s := newFakeTenancy()
	s.config.DryRun, s.versions = true, numbered(21, 21)
	if d := s.sweep(t); len(s.leaving) != 0 || len(d.Found) != 1 ||
		d.Found[0] != "Secret token-of-web ("+drawer+") had 21 versions; OCI keeps 30. The deletion of 11 "+
			"deprecated ones would be scheduled." {
		t.Errorf("%v, found %q", s.leaving, d.Found)
	}
	s.config.DryRun = false
	if d := s.sweep(t); len(s.leaving) != 11 || d.Found[0] != "Secret token-of-web ("+drawer+") had 21 versions; "+
		"OCI keeps 30. The deletion of 11 deprecated ones is scheduled." {
		t.Errorf("%v, found %q", s.leaving, d.Found)
	}
}

func TestASecretThatNoRoomCanBeMadeInIsAFailure(t *testing.T) {
	for call, want := range map[string]string{
		"Versions":         "listing the versions of secret " + drawer,
		"Secret":           "reading secret " + drawer,
		"ScheduleDeletion": "scheduling the deletion of version 1 of secret " + drawer,
	} {
		s := newFakeTenancy()
		s.versions, s.fails[call] = numbered(21, 21), errBroken
		r := s.run()
		r.boundSecrets["x"] = &boundSecret{id: drawer}
		r.pruneAll(t.Context())
		err, found := r.failures.err(), r.failures.findings()
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), want) || len(found) != 1 ||
			!strings.Contains(found[0].Text, "("+drawer+")") {
			t.Errorf("%s: %v, found %v", call, err, found)
		}
		if len(s.leaving) != 0 || len(r.digest.Found) != 0 {
			t.Errorf("%s: %v go, found %q", call, s.leaving, r.digest.Found)
		}
	}
}
