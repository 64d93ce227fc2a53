package credential_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/credential"
)

const maker = "k2j5hq7xwn" // as long as those of the engine

func TestARotationsIDIsTheSameForEver(t *testing.T) {
	// Versions in users' vaults have these ids. Computed with: printf 'KIND\nUSER\nID' | sha256sum, the first 10 bytes
	// in RFC 4648 base32.
	for _, c := range []struct {
		ref  credential.Ref
		want credential.RotationID
	}{
		{credential.Ref{Kind: credential.APIKey, User: "ocid1.user.oc1..web",
			ID: "1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"}, "a4bzqdkkrfck3ph5"},
		{credential.Ref{Kind: credential.AuthToken, User: "ocid1.user.oc1..web", ID: "ocid1.credential.oc1..t"},
			"jhe5wpwbsakiymul"},
		{credential.Ref{Kind: credential.Password, User: "ocid1.user.oc1..web", ID: "2026-03-01T12:00:00Z"},
			"m7qgztrrbpjiozn6"},
	} {
		if got := c.ref.RotationID(); got != c.want {
			t.Errorf("the id of %v is %s, want %s", c.ref, got, c.want)
		}
	}
}

func TestARotationsIDDependsOnEachOfTheThreeAndOnNothingElse(t *testing.T) {
	base := credential.Ref{Kind: credential.AuthToken, User: "u", ID: "i"}
	if base.RotationID() != (credential.Ref{ID: "i", User: "u", Kind: credential.AuthToken}).RotationID() {
		t.Error("the same credential has two ids")
	}
	seen := map[credential.RotationID]credential.Ref{}
	for _, r := range []credential.Ref{base, {Kind: credential.APIKey, User: "u", ID: "i"},
		{Kind: credential.AuthToken, User: "v", ID: "i"}, {Kind: credential.AuthToken, User: "u", ID: "j"},
		{Kind: credential.AuthToken, User: "ui"}, {Kind: credential.AuthToken, ID: "ui"},
		{Kind: credential.AuthToken, User: "i", ID: "u"}, {Kind: "auth-tokenu", ID: "i"}} {
		if other, twice := seen[r.RotationID()]; twice {
			t.Errorf("%v and %v have the same id", r, other)
		}
		seen[r.RotationID()] = r
	}
}

func TestAPasswordsIDIsItsTimeToTheSecondInUTC(t *testing.T) {
	zone := time.FixedZone("", 2*60*60)
	if got := credential.TimeID(time.Date(2026, 3, 1, 14, 0, 0, 999, zone)); got != "2026-03-01T12:00:00Z" {
		t.Errorf("the id is %s", got)
	}
}

func TestAVersionsNameReadsBackAndIsOneThatVaultTakes(t *testing.T) {
	allowed := regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	for _, kind := range credential.Kinds() {
		id := credential.Ref{Kind: kind, User: "ocid1.user.oc1..web", ID: "x"}.RotationID()
		for _, attempt := range []int{1, 2, 10, 999999} {
			name := id.VersionName(attempt)
			if !allowed.MatchString(name) {
				t.Errorf("the name %q has characters that Vault doesn't take", name)
			}
			if gotID, got, ok := credential.ParseVersionName(name); !ok || gotID != id || got != attempt {
				t.Errorf("%s reads back as %s, %d, %v", name, gotID, got, ok)
			}
		}
	}
}

func TestAForeignNameIsNotParsed(t *testing.T) {
	id := string(credential.Ref{Kind: credential.APIKey}.RotationID())
	for _, name := range []string{"", "v1", "keyturn", "keyturn-", "keyturn-" + id, "keyturn-" + id + "-", "keyturn-" +
		id + "-0", "keyturn-" + id + "-01", "keyturn-" + id + "--1",
		"keyturn-" + id + "-1 ", " keyturn-" + id + "-1", "keyturn-" + id + "-1\n", "keyturn-" + id + "-1000000",
		"keyturn-" + id[1:] + "-1", "keyturn-" + id + "x-1",
		"keyturn-" + strings.ToUpper(id) + "-1", "KEYTURN-" + id + "-1", "keyturn-" + id[1:] + "1-1", "old-keyturn-" +
			id + "-1"} {
		if _, _, ok := credential.ParseVersionName(name); ok {
			t.Errorf("%q was parsed", name)
		}
	}
}

func mark(id string) credential.Mark {
	return credential.Mark{Rotation: credential.Ref{Kind: credential.AuthToken, ID: id}.RotationID(), Maker: maker,
		Home: credential.Home("ocid1.vaultsecret." + id)}
}

func TestADescriptionKeepsItsTextAndHasOneMark(t *testing.T) {
	m, other := mark("a"), mark("b")
	suffix := strings.TrimPrefix(m.Describe(""), " ")
	for name, c := range map[string]struct{ old, want string }{
		"nothing":              {"", suffix},
		"blanks":               {" \t ", suffix},
		"words":                {"deploys the web shop", "deploys the web shop " + suffix},
		"blanks around":        {"  deploys  it ", "deploys  it " + suffix},
		"an older mark":        {other.Describe("deploys it"), "deploys it " + suffix},
		"its own mark":         {m.Describe("deploys it"), "deploys it " + suffix},
		"several marks":        {other.Describe("") + " " + mark("c").Describe("deploys it"), "deploys it " + suffix},
		"a mark in the middle": {"deploys " + other.Describe("") + " it", "deploys it " + suffix},
		"brackets of its own": {"[prod] keyturn [keyturn] [keyturn x/y/z]", "[prod] keyturn [keyturn] " +
			"[keyturn x/y/z] " + suffix},
		"other scripts": {"部署 ☃ é", "部署 ☃ é " + suffix},
	} {
		got := m.Describe(c.old)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if back, ok := credential.ParseMark(got); !ok || back != m {
			t.Errorf("%s: the mark reads back as %+v, %v", name, back, ok)
		}
	}
}

func TestADescriptionIsCutAtACharacterAndItsMarkSurvives(t *testing.T) {
	m := mark("a")
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "é", "网", "😀", " ", "]", "[keyturn "}
	for range 2000 {
		var old strings.Builder
		for range random.IntN(120) {
			old.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		got := m.Describe(old.String())
		if len(got) > 200 || !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q of %d bytes", old.String(), got, len(got))
		}
		if back, ok := credential.ParseMark(got); !ok || back != m {
			t.Fatalf("%q: the mark reads back as %+v, %v", got, back, ok)
		}
		if again := m.Describe(got); again != got {
			t.Fatalf("describing %q again gives %q", got, again)
		}
	}
	if got := m.Describe(strings.Repeat("x", 1000)); !strings.HasPrefix(got, strings.Repeat("x", 130)+" [") {
		t.Errorf("the words were cut to %q", got)
	}
}

func TestWhatIsNoMarkIsNotTakenForOne(t *testing.T) {
	good := mark("a").Describe("")
	for _, text := range []string{"", "[keyturn]", "keyturn", strings.TrimSuffix(good, "]"),
		strings.TrimPrefix(good, "["), strings.ToUpper(good), strings.ReplaceAll(good, "/", " "),
		strings.Replace(good, maker, "", 1), strings.Replace(good, "[keyturn ", "[keyturn x", 1)} {
		if got, ok := credential.ParseMark(text); ok {
			t.Errorf("%q was taken for the mark %+v", text, got)
		}
	}
}

func TestAHomeIsAShortHashOfTheSecret(t *testing.T) {
	a, b := credential.Home("ocid1.vaultsecret.oc1.iad.a"), credential.Home("ocid1.vaultsecret.oc1.iad.b")
	if a == b || len(a) != 8 || a != credential.Home("ocid1.vaultsecret.oc1.iad.a") {
		t.Errorf("the homes are %q and %q", a, b)
	}
}

func TestEveryKindHasItsNounsLimitAndRoles(t *testing.T) {
	type words struct {
		noun, id string
		limit    int
		role     credential.Role
	}
	for kind, want := range map[credential.Kind]words{
		credential.APIKey:            {"API key", "fingerprint", 3, credential.RolePrivateKey},
		credential.AuthToken:         {"auth token", "token OCID", 2, credential.RoleToken},
		credential.CustomerSecretKey: {"customer secret key", "access key", 2, credential.RoleBundle},
		credential.Password:          {"console password", "made at", 0, credential.RolePassword},
	} {
		if got := (words{kind.Noun(), kind.IDNoun(), kind.Limit(), kind.DefaultRole()}); got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
		if first := kind.Roles()[0]; first != credential.RoleBundle {
			t.Errorf("%s: the first secret to be written has the role %s", kind, first)
		}
	}
	roles := credential.CustomerSecretKey.Roles()
	if roles[1] != credential.RoleSecretKey || roles[2] != credential.RoleAccessKey {
		t.Errorf("the roles are %v; the secret half comes before the half that is no secret", roles)
	}
	if k := credential.Kind("x"); k.Noun() != "credential" || k.IDNoun() != "id" || k.Limit() != 0 || k.Roles() != nil {
		t.Error("an unknown kind has words of its own")
	}
}
