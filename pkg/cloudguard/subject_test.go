package cloudguard_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

const aTenancy = "ocid1.tenancy.oc1..aaaaaaaaten"

// read returns the subject of a problem, and checks that it is the same in an event and in a record.
func read(t *testing.T, rule cloudguard.Rule, resource, name string, details map[string]string) cloudguard.Subject {
	t.Helper()
	body, err := json.Marshal(map[string]any{"data": map[string]any{"resourceId": aProblem,
		"additionalDetails": map[string]any{
			"problemName": rule, "resourceId": resource, "resourceName": name, "problemAdditionalDetails": details}}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := cloudguard.ParseEvent(body)
	if err != nil {
		t.Fatal(err)
	}
	s := cloudguard.Problem{ID: aProblem, Rule: rule, ResourceID: resource, ResourceName: name,
		Details: details}.Subject()
	if e.Rule != s.Rule || !slices.Equal(e.Users, s.Users) || !slices.Equal(e.IDs, s.IDs) {
		t.Errorf("%s %q %q %v: of the event %+v, of the record %+v", rule, resource, name, details, e.Subject, s)
	}
	return s
}

func TestACredentialIsReadInEveryForm(t *testing.T) {
	var api, token, pair = cloudguard.APIKeyTooOld, cloudguard.AuthTokenTooOld, cloudguard.SecretKeyTooOld
	upper := strings.ToUpper
	for _, c := range []struct {
		rule           cloudguard.Rule
		resource, name string
		detail         string // "key=value"
		want           string // "" if none can be read
		user           string // that the resource names
	}{
		{api, aTenancy + "/" + aUser + "/" + fingerprint, "", "", fingerprint, aUser},
		{api, "x/y/" + upper(fingerprint), "", "", fingerprint, ""},
		{api, fingerprint, "", "", fingerprint, ""},
		{api, aUser + "/" + fingerprint, "", "", fingerprint, aUser},
		{api, upper(aUser) + " / " + upper(fingerprint) + " ", "", "", fingerprint, aUser},
		{api, "/" + aTenancy + "/" + aUser + "/" + fingerprint + "/", "", "", fingerprint, aUser},
		{api, "a/b/c/" + fingerprint, "", "", fingerprint, ""},
		{api, fingerprint + "\n", "", "", fingerprint, ""},
		{api, "[" + fingerprint + "]", "", "", fingerprint, ""},
		{api, `"` + fingerprint + `"`, "", "", fingerprint, ""},
		{api, "\u200b" + fingerprint + "\u00a0", "", "", fingerprint, ""},
		{api, strings.ReplaceAll(fingerprint, ":", "-"), "", "", fingerprint, ""},
		{api, strings.ReplaceAll(fingerprint, ":", " "), "", "", fingerprint, ""},
		{api, "md5:" + fingerprint, "", "", fingerprint, ""},
		{api, aUser, fingerprint, "", fingerprint, aUser},
		{api, "jane@example.com", upper(fingerprint), "", fingerprint, ""},
		{api, aUser, "", "Fingerprint=" + upper(fingerprint), fingerprint, aUser},
		{api, aUser, "", "API Key ID=" + aTenancy + "/" + aUser + "/" + fingerprint, fingerprint, aUser},
		{api, aUser, "my key", "", "", aUser},
		{api, strings.ReplaceAll(fingerprint, ":", ""), "", "", strings.ReplaceAll(fingerprint, ":", ""), ""},
		{api, scim, "", "", scim, ""},
		{api, aToken, "", "", aToken, ""},
		{api, "key-7", "", "", "", ""},
		{api, "x/y/" + fingerprint[3:], "", "", "", ""},
		{api, "x/y/" + fingerprint + ":00", "", "", "", ""},
		{api, "x/y/" + fingerprint + "?a=b", "", "", "", ""},
		{api, "x/y/" + fingerprint + "/..", "", "", "", ""},
		{api, "x/y/" + strings.Replace(fingerprint, ":", "%", 1), "", "", "", ""},
		{api, "x/y/" + strings.Replace(fingerprint, "a", "g", 1), "", "", "", ""},
		{api, "", "", "", "", ""},
		{token, aToken, "", "", aToken, ""},
		{token, upper(aToken), "", "", aToken, ""},
		{token, " " + aToken + "\t", "", "", aToken, ""},
		{token, aUser + "/" + aToken, "", "", aToken, aUser},
		{token, aTenancy + "/" + upper(aUser) + "/" + upper(aToken), "", "", aToken, aUser},
		{token, scim, "", "", scim, ""},
		{token, upper(scim), "", "", scim, ""},
		{token, aUser, "", "authTokenId=" + upper(aToken), aToken, aUser},
		{token, aUser, "", "Token OCID=" + aToken, aToken, aUser},
		{token, aUser, "", "credential_ocid=" + aToken, aToken, aUser},
		{token, aUser, aToken, "", aToken, aUser},
		{token, "jane@example.com", "", "", "", ""},
		{token, aUser, "the token of the pipeline", "", "", aUser},
		{token, "token-7", "", "", "token-7", ""}, // of no known form: its absence shows nothing
		{token, "a\n", "", "", "a", ""},
		{token, "token-7", "", "tokenOcid=" + aToken, aToken, ""},
		{token, accessKey, "", "", accessKey, ""},
		{token, "ocid1.credential.oc1..aa/../x", "", "", "", ""},
		{token, "ocid1.vaultsecret.oc1.iad.aaaa", "", "", "", ""},
		{token, "ocid1.credential.oc1", "", "", "", ""},
		{token, "a/b", "", "", "", ""},
		{token, "a?b", "", "", "", ""},
		{token, "a%2fb", "", "", "", ""},
		{token, "..", "", "", "", ""},
		{token, ".", "", "", "", ""},
		{token, "a b", "", "", "", ""},
		{token, "ab\u0456", "", "", "", ""},
		{token, strings.Repeat("a", 256), "", "", "", ""},
		{token, aProblem, "", "", "", ""},
		{pair, accessKey, "", "", accessKey, ""},
		{pair, upper(accessKey), "", "", accessKey, ""},
		{pair, aToken, "", "", aToken, ""},
		{pair, upper(aToken), "", "", aToken, ""},
		{pair, aTenancy + "/" + aUser + "/" + accessKey, "", "", accessKey, aUser},
		{pair, aUser, "", "Access Key=" + accessKey, accessKey, aUser},
		{pair, aUser, accessKey, "", accessKey, aUser},
		{pair, scim, "", "", scim, ""},
		{pair, "key+with/base64=", "", "", "", ""},
		{pair, "", "", "", "", ""},
		{cloudguard.PasswordTooOld, aUser, "", "", "", aUser},
		{cloudguard.PasswordTooOld, upper(aUser), "jane", "", "", aUser},
		{cloudguard.PasswordTooOld, aTenancy + "/" + aUser, "", "", "", aUser},
		{cloudguard.PasswordTooOld, "jane@example.com", aToken, "", "", ""},
	} {
		details := map[string]string{}
		if key, value, ok := strings.Cut(c.detail, "="); ok {
			details[key] = value
		}
		s := read(t, c.rule, c.resource, c.name, details)
		id, err := s.ID()
		if id != c.want || (err == nil) != (c.want != "" || c.rule == cloudguard.PasswordTooOld) {
			t.Errorf("%s %q %q %q: the id is %q (%v), want %q", c.rule, c.resource, c.name, c.detail, id, err, c.want)
		}
		if user, err := s.User(); user != c.user || err != nil {
			t.Errorf("%s %q: the user is %q (%v), want %q", c.rule, c.resource, user, err, c.user)
		}
		if id != "" && (!safeInPath(id) || !cloudguard.ValidID(c.rule, id)) {
			t.Errorf("%q could change a path", id)
		}
	}
}

func TestTheOwnerIsReadUnderEverySpellingOfTheKey(t *testing.T) {
	for key, want := range map[string]string{
		"User OCID": aUser, "userOcid": aUser, "user_ocid": aUser, "USER-OCID": aUser, " User  Ocid ": aUser,
		"userId": aUser, "User ID": aUser,
		"user.ocid": aUser, "user": aUser, "IAM User OCID": aUser,
		"Created By": "", "actorOcid": "", "Group OCID": "", "users": "",
	} {
		for _, value := range []string{aUser, strings.ToUpper(aUser), "  " + aUser + "\n", "[" + aUser + "]"} {
			s := read(t, cloudguard.AuthTokenTooOld, aToken, "", map[string]string{key: value})
			if got, err := s.User(); got != want || err != nil {
				t.Errorf("%q: %q: the user is %q (%v), want %q", key, value, got, err, want)
			}
		}
	}
	for _, value := range []string{"jane@example.com", aUser + "?x", aUser + "/..", aTenancy, aToken, "", "[" + aUser +
		", " + otherUser + "]"} {
		s := read(t, cloudguard.AuthTokenTooOld, aToken, "", map[string]string{"User OCID": value})
		if got, err := s.User(); got != "" || err != nil || s.Missing() == nil {
			t.Errorf("%q: the user is %q (%v)", value, got, err)
		}
	}
}

func TestContradictingUsersOrIDsAreRefused(t *testing.T) {
	for name, s := range map[string]cloudguard.Subject{
		"two users": read(t, cloudguard.AuthTokenTooOld, aToken, "", map[string]string{"User OCID": aUser,
			"userOcid": otherUser}),
		"a user and a path": read(t, cloudguard.APIKeyTooOld, "t/"+otherUser+"/"+fingerprint, "",
			map[string]string{"User OCID": aUser}),
		"a user and a user": read(t, cloudguard.PasswordTooOld, otherUser, "",
			map[string]string{"User OCID": aUser}),
		"two tokens": read(t, cloudguard.AuthTokenTooOld, aToken, "", map[string]string{"User OCID": aUser,
			"tokenId": aToken + "2"}),
		"two fingerprints": read(t, cloudguard.APIKeyTooOld, fingerprint, "", map[string]string{"User OCID": aUser,
			"fingerprint": "ff" + fingerprint[2:]}),
		"two keys' other OCID": read(t, cloudguard.SecretKeyTooOld, aToken, "", map[string]string{"User OCID": aUser,
			"credential id": aToken + "2"}),
	} {
		if _, ok := errors.AsType[*cloudguard.FormatError](s.Missing()); !ok {
			t.Errorf("%s: %v, want a fault", name, s.Missing())
		}
	}
	both := read(t, cloudguard.SecretKeyTooOld, aToken, "", map[string]string{"User OCID": aUser,
		"Access Key": accessKey})
	if id, err := both.ID(); id != aToken || err != nil {
		t.Errorf("two forms of one credential: %q, %v", id, err)
	}
}

// The property: a hint either contradicts the record or agrees with it.
func TestAHintNeverChangesWhatARecordSays(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 1))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	odd := func(s string) string {
		switch random.IntN(5) {
		case 0:
			return strings.ToUpper(s)
		case 1:
			return " " + s + "\u200b"
		case 2:
			return "[" + s + "]"
		case 3:
			return s[:random.IntN(len(s)+1)]
		}
		return s
	}
	details := func() map[string]string {
		d := map[string]string{}
		for range random.IntN(3) {
			d[pick("User OCID", "userId", "fingerprint", "Token ID", "x")] = odd(pick(aUser, otherUser, aToken,
				fingerprint, "jane"))
		}
		return d
	}
	for range 5000 {
		rule := cloudguard.Rules()[random.IntN(4)]
		record := cloudguard.Problem{Rule: rule, ResourceID: odd(pick(aToken, aToken+"2", fingerprint, accessKey, aUser,
			scim)), Details: details()}.Subject()
		hint := cloudguard.Problem{Rule: cloudguard.Rule(odd(string(rule))),
			ResourceID: odd(pick(aToken, fingerprint, accessKey, aUser, otherUser+"/"+aToken)),
			Details:    details()}.Subject()
		for _, id := range slices.Concat(record.IDs, record.Users, hint.IDs, hint.Users) {
			if !safeInPath(id) {
				t.Fatalf("%q could change a path", id)
			}
		}
		if record.Contradicts(hint) != "" {
			continue
		}
		if user, err := record.User(); err == nil && user != "" && len(hint.Users) > 0 &&
			!slices.Equal(hint.Users, record.Users) {
			t.Fatalf("the record's user is %s, the hint's %s, and that is no contradiction", user, hint.Users)
		}
		for _, id := range hint.IDs {
			for _, own := range record.IDs {
				if cloudguard.FormOf(id) == cloudguard.FormOf(own) && !slices.Contains(record.IDs, id) {
					t.Fatalf("%s and %s are no contradiction", id, own)
				}
			}
		}
	}
}
