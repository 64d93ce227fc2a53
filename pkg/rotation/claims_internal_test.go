package rotation

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// TestOfDeliveriesThatClaimAtOnceTheOneInTheFirstSecretGoesOn: with both stepping aside, or both going on, the old
// credential would stay until a sweep, or be deleted twice.
func TestOfDeliveriesThatClaimAtOnceTheOneInTheFirstSecretGoesOn(t *testing.T) {
	const none, mine, other, dead = "", "me", "other", "dead"
	for claims, want := range map[[2]string]Grace{
		{none, none}:   GraceOver,
		{mine, mine}:   GraceClaimed,
		{mine, none}:   GraceOver,
		{none, mine}:   GraceOver,
		{mine, other}:  GraceOver,
		{other, mine}:  GraceElsewhere,
		{other, other}: GraceElsewhere,
		{other, none}:  GraceElsewhere,
		{none, other}:  GraceElsewhere,
		{dead, other}:  GraceElsewhere,
		{mine, dead}:   GraceOver,
		{dead, mine}:   GraceOver,
		{dead, dead}:   GraceOver,
	} {
		s := newScene(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
		for i, maker := range claims {
			t := Retired{Credential: "old", After: noon.Add(-time.Hour)}
			if at := noon.Add(-time.Second); maker != none {
				t.Begun, t.Maker = &at, maker
			}
			if at := noon.Add(-MakerLife); maker == dead {
				t.Begun = &at
			}
			s.snap.Secrets[i].Journal.Retire = Overlaps{t}
		}
		if got := s.view().grace(); got != want {
			t.Errorf("claims of %q: %s, want %s", claims, got, want)
		}
	}
}
