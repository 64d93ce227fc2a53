package e2e

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// filled adds a secret of the case with this content.
func filled(s *tenancy.Deployment, c *tenancy.Case, name, content string, more ociemu.SecretSeed) string {
	more.Name, more.Content = name, []byte(content)
	more.FreeformTags = map[string]string{"team": "web", "keyturn-user": c.User, "keyturn-kind": string(c.Kind)}
	return s.AddSecret(more)
}

func TestAnUnreadableSecretIsRefusedIfItMayHoldAnotherKey(t *testing.T) {
	const locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG\n-----END " +
		"ENCRYPTED PRIVATE KEY-----\n"
	for name, content := range map[string]string{"a passphrase": locked, "JSON": `{"app":"billing","port":443}`,
		"sealed": strings.Repeat("c2VhbGVk", 100)} {
		t.Run(name, func(t *testing.T) {
			for _, others := range []int{0, 1} {
				s := newTenancy(t, calm)
				c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bystander: others})
				c.Secrets["api_secret_ocid"] = filled(s, c, "theirs", content, ociemu.SecretSeed{})
				a := closeProblem(t, s, c, c.Comment())
				if others == 0 {
					rotated(t, s, c)
				} else if a.Outcome != "refused" || a.Changed || !strings.Contains(a.Reason, c.Bystander[0]) ||
					c.Try(c.Old) != 200 || s.Secret(c.Secrets["api_secret_ocid"]).CurrentVersion != 1 {
					t.Errorf("the answer is %+v", a)
				}
			}
		})
	}
}

func TestSwappedSecretsOfAPairAreRefusedWithTheRightComment(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.CustomerSecretKey})
	key, id := c.Secrets["secretkey_secret_ocid"], c.Secrets["accesskey_secret_ocid"]
	want := "accesskey_secret_ocid:" + id + ",secretkey_secret_ocid:" + key
	refused(t, s, c, closeProblem(t, s, c, "accesskey_secret_ocid:"+key+",secretkey_secret_ocid:"+id),
		"wrong way round", want)
	if a := closeProblem(t, s, c, want); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	rotated(t, s, c)
}

func TestABundleIsRefusedWhereTheCommentNamesAPlainKey(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	text, _ := json.Marshal(map[string]string{"kind": "api-key", "user": c.User, "fingerprint": c.OldID,
		"private_key": c.Old.Value})
	c.Secrets["api_secret_ocid"] = filled(s, c, "bundle", string(text), ociemu.SecretSeed{})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || a.Changed ||
		!strings.Contains(a.Reason, "a bundle") {
		t.Errorf("the answer is %+v", a)
	}
}

func TestOtherMetadataAndBundleFieldsAreKept(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bundle: true})
	content := `{"port" : 443,"account":1234567890123456789,"kind":"api-key","user":"` + c.User + `","private_key":""}`
	id := filled(s, c, "extended", content, ociemu.SecretSeed{Metadata: map[string]any{
		"account": json.Number("1234567890123456789"), "rate": json.Number("1.50"), "big": json.Number("1e400")}})
	c.Secrets["bundle_secret_ocid"] = id
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	secret := s.Secret(id)
	var b struct {
		Fingerprint string `json:"fingerprint"`
		PrivateKey  string `json:"private_key"`
	}
	if err := json.Unmarshal(secret.Current(), &b); err != nil ||
		c.Try(tenancy.Credential{ID: b.Fingerprint, Value: b.PrivateKey}) != 200 {
		t.Errorf("the new key doesn't work (%v)", err)
	}
	for key, want := range map[string]json.Number{"account": "1234567890123456789", "rate": "1.50", "big": "1e400"} {
		if secret.Metadata[key] != want {
			t.Errorf("%s became %v", key, secret.Metadata[key])
		}
	}
	if text := string(secret.Current()); !strings.Contains(text, `"port" : 443,"account":1234567890123456789`) {
		t.Error("the bundle has lost what was added to it")
	}
}

func TestAKeyStoredInBase64IsRecognized(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	other, value := s.AddAPIKey(c.User)
	c.Secrets["api_secret_ocid"] = filled(s, c, "theirs", base64.StdEncoding.EncodeToString(value), ociemu.SecretSeed{})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" || a.Changed ||
		!strings.Contains(a.Reason, other) {
		t.Errorf("another's: the answer is %+v", a)
	}
	c.Secrets["api_secret_ocid"] = filled(s, c, "ours", base64.StdEncoding.EncodeToString([]byte(c.Old.Value)),
		ociemu.SecretSeed{})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Errorf("the old one: the answer is %+v", a)
	}
}

func TestASecretThatAcceptsNoChangeIsRefusedOnceItsOrderIsOld(t *testing.T) {
	t.Parallel()
	for _, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken} {
		t.Run(string(kind), func(t *testing.T) {
			// the event's time counts
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"event_check=off"}})
			c := s.Add(tenancy.Want{Kind: kind})
			refusing := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1,
				Do: ociemu.Answer(409, "IncorrectState")})
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			if r, mails := s.Replies(), s.Mails(); r[0].Status != 502 || len(mails) != 1 ||
				!strings.Contains(mails[0].Title, "NOT FINISHED") || len(c.IDs()) != 1 {
				t.Errorf("at once: %d, %d mails, the user has %v", r[0].Status, len(mails), c.IDs())
			}
			old := regexp.MustCompile(`"eventTime":\s*"[^"]*"`).ReplaceAll(s.Events()[0],
				[]byte(`"eventTime":"`+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)+`"`))
			if _, err := s.Invoke(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			if a := lastAnswer(t, s); a.Outcome != "refused" || !strings.Contains(a.Reason, "takes no change") ||
				!strings.Contains(a.Remedy, "--current-version-number") || len(c.IDs()) != 1 {
				t.Errorf("an hour later: %+v, the user has %v", a, c.IDs())
			}
			refusing.Remove()
			if _, err := s.Invoke(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			rotated(t, s, c)
		})
	}
}
