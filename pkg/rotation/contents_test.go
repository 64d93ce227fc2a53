package rotation_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func secretOf(role credential.Role) string { return "ocid1.vaultsecret.oc1.iad." + string(role) }

// put sets the content of the secret's CURRENT version.
func (w *world) put(role credential.Role, text string) {
	s := w.secrets[secretOf(role)]
	s.contents[s.Current] = credential.NewValue([]byte(text))
}

// addOther adds a living credential that something else uses.
func (w *world) addOther() fakeCredential {
	id := w.add("a bystander", -10*24*time.Hour)
	w.hands[id] = true
	return *w.find(id)
}

// untouched fails the test unless the rotation was refused for the reason and changed nothing.
func (w *world) untouched(t *testing.T, what string, r rotation.Result, want rotation.Reason) {
	t.Helper()
	if r.End != rotation.Refuse || r.Reason != want || r.Detail == "" || r.Acted || w.writes != 0 ||
		w.find(w.oldID) == nil && w.kind != credential.Password {
		t.Errorf("%s: %s (%s: %s, %v), acted %v, %d versions; want %q", what, r.End, r.Reason, r.Detail, r.Cause,
			r.Acted, w.writes, want)
	}
}

const encryptedKey = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG\n-----END " +
	"ENCRYPTED PRIVATE KEY-----\n"

func TestWhatCanNotBeReadIsOverwrittenOnlyIfNoOtherLivingCredentialCanBeInThere(t *testing.T) {
	texts := map[string]string{"a passphrase": encryptedKey,
		"in Base64": base64.StdEncoding.EncodeToString([]byte(encryptedKey)),
		"JSON":      `{"app":"billing","port":443}`,
		"cut off":   "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n",
		"sealed":    strings.Repeat("c2VhbGVk", 100), "a reference": "ocid1.vaultsecret.oc1.iad.other"}
	for name, text := range texts {
		for _, role := range credential.APIKey.Roles() {
			w := newWorld(t, credential.APIKey, role)
			w.put(role, text)
			if r := w.process().run(); r.End != rotation.Done {
				t.Errorf("%s, as %s, with no other key: %s (%s: %s)", name, role, r.End, r.Reason, r.Detail)
			}
			w = newWorld(t, credential.APIKey, role)
			other := w.addOther()
			w.put(role, text)
			r := w.process().run()
			w.untouched(t, name+" as "+string(role), r, rotation.SecretUnknown)
			if !strings.Contains(r.Detail, other.ID) || strings.Contains(r.Detail, w.oldID) {
				t.Errorf("%s: the refusal says %q", name, r.Detail)
			}
		}
	}
	for _, c := range []struct {
		kind credential.Kind
		role credential.Role
		text string
	}{{credential.AuthToken, credential.RoleToken, `{"auths":{"iad.ocir.io":{"auth":"dTpw"}}}`},
		{credential.AuthToken, credential.RoleBundle, "machine iad.ocir.io\npassword x\n"},
		{credential.CustomerSecretKey, credential.RoleBundle, "[default]\naws_secret_access_key = x\n"},
		{credential.CustomerSecretKey, credential.RoleBundle, `{"s3":{"id":"gone"}}`}} {
		w := newWorld(t, c.kind, c.role)
		w.addOther()
		w.replace = true
		w.put(c.role, c.text)
		w.untouched(t, fmt.Sprint(c.kind, c.role), w.process().run(), rotation.SecretUnknown)
	}
}

func TestAKeyIsKnownInEveryLayoutAndOnlyTheOldOneOrADeadOneIsOverwritten(t *testing.T) {
	layouts := map[string]func(string) string{
		"PEM": func(s string) string { return s }, "Base64": func(s string) string {
			return base64.StdEncoding.EncodeToString([]byte(s))
		},
		"one line": func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) },
		"blanks":   func(s string) string { return strings.ReplaceAll(s, "\n", " ") },
		"CRLF":     func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, "configuration": func(
			s string) string {
			return "[DEFAULT]\nregion=x\nkey_content=" + strings.ReplaceAll(s, "\n", `\n`)
		},
		"JSON": func(s string) string { return fmt.Sprintf(`{"key":%q}`, s) }, "two keys": func(s string) string {
			return string(testKey(t).Value.Reveal()) + s
		},
	}
	for name, layout := range layouts {
		for _, role := range credential.APIKey.Roles() {
			for _, whose := range []string{"old", "dead", "another's"} {
				w := newWorld(t, credential.APIKey, role)
				other := w.addOther()
				value := map[string]credential.Value{"old": w.find(w.oldID).value, "dead": testKey(t).Value,
					"another's": other.value}[whose]
				w.put(role, layout(string(value.Reveal())))
				r := w.process().run()
				if whose == "another's" {
					w.untouched(t, name+" as "+string(role), r, rotation.SecretTaken)
				} else if r.End != rotation.Done || r.Reason != rotation.Rotated {
					t.Errorf("%s as %s, %s: %s (%s: %s)", name, role, whose, r.End, r.Reason, r.Detail)
				}
			}
		}
	}
}

// unreadableVault is a vault whose CURRENT versions can't be read.
type unreadableVault struct {
	vaultOf
	class fault.Class
}

func (b unreadableVault) Read(ctx context.Context, id, name string) (int64, credential.Value, error) {
	if name == "" {
		return 0, credential.Value{}, fault.New(b.class, "GetSecretBundle", "not now")
	}
	return b.vaultOf.Read(ctx, id, name)
}

func (p *process) on(vault rotation.Vault, change ...func(*rotation.Job)) rotation.Result {
	e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vault, Prover: p,
		Clock: clock{p.world}, RSABits: bits, Prove: p.prove}
	job := p.job()
	for _, c := range change {
		c(&job)
	}
	return e.Run(context.Background(), job)
}

func TestACurrentVersionThatCanNotBeReadStopsNothingThatDoesNotNeedIt(t *testing.T) {
	for _, f := range forms() {
		for _, class := range []fault.Class{fault.Absent, fault.Denied, fault.Invalid, fault.Busy, fault.Conflict} {
			if f.replace {
				continue
			}
			w := f.world(t)
			p := w.process()
			if r := p.on(unreadableVault{vaultOf{p}, class}); r.End != rotation.Done {
				t.Errorf("%v, %s: %s (%s: %v)", f, class, r.End, r.Reason, r.Cause)
			}
			w.finished(t, f.String())
			if f.kind != credential.APIKey {
				continue
			}
			w = f.world(t)
			w.addOther()
			p = w.process()
			w.untouched(t, f.String(), p.on(unreadableVault{vaultOf{p}, class}), rotation.SecretUnknown)
		}
	}
}

func TestACurrentVersionThatMayBeReadableInAMomentIsWaitedForAndNotForEver(t *testing.T) {
	for _, class := range []fault.Class{fault.Unclear, fault.Throttled} {
		w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
		p := w.process()
		if r := p.on(unreadableVault{vaultOf{p}, class}); r.End != rotation.Wait || r.Acted {
			t.Errorf("%s: %s (%s)", class, r.End, r.Reason)
		}
		w.wait(rotation.BlockedTime)
		p = w.process()
		if r := p.on(unreadableVault{vaultOf{p}, class}); r.End != rotation.Done {
			t.Errorf("%s, half an hour later: %s (%s: %v)", class, r.End, r.Reason, r.Cause)
		}
	}
}

// pair returns a world with the two secrets of a customer secret key, which hold the given texts.
func pair(t *testing.T, key, id string) *world {
	w := newWorld(t, credential.CustomerSecretKey, credential.RoleSecretKey, credential.RoleAccessKey)
	w.put(credential.RoleSecretKey, key)
	w.put(credential.RoleAccessKey, id)
	return w
}

func swapRoles(j *rotation.Job) {
	j.Secrets[0].SecretID, j.Secrets[1].SecretID = j.Secrets[1].SecretID, j.Secrets[0].SecretID
}

func TestTheTwoSecretsOfAPairAreTakenTheRightWayRoundOnly(t *testing.T) {
	const dead = "0123456789abcdef0123456789abcdef01234567"
	value := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for name, c := range map[string]struct {
		key, id string
		want    rotation.Reason
	}{
		"right":                       {value, "OLD", rotation.Rotated},
		"right, nothing in there":     {credential.Placeholder, credential.Placeholder, rotation.Rotated},
		"right, one filled":           {value, credential.Placeholder, rotation.Rotated},
		"right, the other filled":     {"", "OLD\n", rotation.Rotated},
		"right, a dead one":           {value, dead, rotation.Rotated},
		"right, of no form":           {"a short secret", "OLD", rotation.SecretUnknown},
		"turned round":                {"OLD", value, rotation.SecretsSwapped},
		"turned round, in upper case": {"OLD\r\n", value + "\n", rotation.SecretsSwapped},
		"turned round, quoted":        {`"OLD"`, `"` + value + `"`, rotation.SecretsSwapped},
		"turned round, a dead one":    {dead, value, rotation.SecretsSwapped},
		"turned round, one filled":    {"OLD", credential.Placeholder, rotation.SecretsSwapped},
		"turned round, other filled":  {"", value, rotation.SecretsSwapped},
		"turned round, no known form": {"OLD", "word", rotation.SecretsSwapped},
		"turned round, another's":     {"OTHER", value, rotation.SecretsSwapped},
		"two access keys":             {"OLD", dead, rotation.WrongContent},
		"two secret keys":             {value, value, rotation.WrongContent},
		"a bundle": {`{"kind":"customer-secret-key","user":"` + user +
			`","access_key":"a","secret_key":"b"}`, "OLD", rotation.WrongContent},
		"a private key": {value, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
			rotation.WrongContent},
		"an OCID for the secret key":   {"ocid1.vaultsecret.oc1.iad.aaaa", "OLD", rotation.WrongContent},
		"another living one's secrets": {value, "OTHER", rotation.SecretTaken},
	} {
		w := pair(t, "", "")
		other := w.addOther()
		w.replace = true
		fill := strings.NewReplacer("OLD", w.oldID, "OTHER", other.ID)
		w.put(credential.RoleSecretKey, fill.Replace(c.key))
		w.put(credential.RoleAccessKey, fill.Replace(c.id))
		r := w.process().run()
		if c.want == rotation.Rotated {
			w.finished(t, name+": "+r.Detail)
		} else {
			w.untouched(t, name, r, c.want)
		}
	}
}

func TestAPairThatKeyturnHasWrittenIsKnownByItsJournal(t *testing.T) {
	w := pair(t, "", "")
	if r := w.process().run(func(j *rotation.Job) { j.Grace = 72 * time.Hour }); r.Reason != rotation.GraceRunning {
		t.Fatal(r.Reason)
	}
	p := w.process()
	r := p.run(swapRoles, given(w.now.Add(time.Hour), 0))
	if r.Reason != rotation.SecretsSwapped || r.Acted || w.find(w.oldID) == nil {
		t.Errorf("in its overlap: %s (%s: %v)", r.End, r.Reason, r.Cause)
	}
	if r.Placed[0].Role != credential.RoleSecretKey || r.Placed[0].SecretID != secretOf(credential.RoleAccessKey) {
		t.Errorf("the refusal doesn't say which secrets were named for what: %+v", r.Placed)
	}
	next := *w.find(rotation.JournalOf(w.secrets[secretOf(credential.RoleAccessKey)].Metadata).Current.Credential)
	w.process().run(given(w.now, 0))
	w.oldID = next.ID // the next rotation, with secrets that can't be read
	w.writes = 0
	p = w.process()
	w.untouched(t, "the next one", p.on(unreadableVault{vaultOf{p}, fault.Denied}, swapRoles), rotation.SecretsSwapped)
}

func TestASecretThatHoldsSomethingElseIsRefused(t *testing.T) {
	pem := string(testKey(t).Value.Reveal())
	bundle := func(kind, user string) string { return fmt.Sprintf(`{"kind":%q,"user":%q,"x":1}`, kind, user) }
	for _, c := range []struct {
		kind credential.Kind
		role credential.Role
		text string
	}{
		{credential.AuthToken, credential.RoleToken, pem}, {credential.AuthToken, credential.RoleBundle, pem},
		{credential.AuthToken, credential.RoleToken, encryptedKey},
		{credential.AuthToken, credential.RoleToken, base64.StdEncoding.EncodeToString([]byte(pem))},
		{credential.AuthToken, credential.RoleToken, bundle("auth-token", user)},
		{credential.AuthToken, credential.RoleBundle, bundle("api-key", user)},
		{credential.AuthToken, credential.RoleBundle, bundle("auth-token", user+"x")},
		{credential.AuthToken, credential.RoleToken, "ocid1.credential.oc1..aaaa"},
		{credential.APIKey, credential.RolePrivateKey, bundle("api-key", user)},
		{credential.APIKey, credential.RoleBundle, bundle("password", user)},
		{credential.APIKey, credential.RolePrivateKey, "[DEFAULT]\nuser=" + user + "x\n" + pem},
		{credential.CustomerSecretKey, credential.RoleBundle, pem},
		{credential.CustomerSecretKey, credential.RoleBundle, bundle("auth-token", user)},
		{credential.Password, credential.RolePassword, pem}, {credential.Password, credential.RolePassword,
			bundle("password", user)}, {credential.Password, credential.RoleBundle, bundle("api-key", user)},
	} {
		w := newWorld(t, c.kind, c.role)
		w.put(c.role, c.text)
		w.untouched(t, fmt.Sprintf("%s as %s", c.kind, c.role), w.process().run(), rotation.WrongContent)
	}
}

func TestWhatKeyturnHasWrittenForOnePartIsNotOverwrittenWithAnother(t *testing.T) {
	for _, f := range []form{{kind: credential.APIKey, roles: []credential.Role{credential.RoleBundle}},
		{kind: credential.AuthToken, roles: []credential.Role{credential.RoleBundle}},
		{kind: credential.AuthToken, roles: []credential.Role{credential.RoleToken}}} {
		w := f.world(t)
		w.process().run()
		w.oldID = rotation.JournalOf(w.secrets[secretOf(f.roles[0])].Metadata).Current.Credential
		w.writes = 0
		other := map[credential.Role]credential.Role{credential.RoleToken: credential.RoleBundle}[f.roles[0]]
		if other == "" {
			other = f.kind.DefaultRole()
		}
		r := w.process().run(func(j *rotation.Job) { j.Secrets[0].Role = other })
		w.untouched(t, f.String(), r, rotation.WrongContent)
	}
}

func TestMembersThatAUserAddedToABundleOutliveItsRotations(t *testing.T) {
	const added = `"account" : 1234567890123456789, "huge":1e400,"note":"<ask \u00e9>" `
	for _, kind := range credential.Kinds() {
		w := newWorld(t, kind, credential.RoleBundle)
		w.put(credential.RoleBundle, fmt.Sprintf("{\n %s,\"kind\":%q,\"user\":%q}\n", added, kind, user))
		for range 2 {
			if r := w.process().run(); r.End != rotation.Done {
				t.Fatalf("%s: %s (%s: %s %v)", kind, r.End, r.Reason, r.Detail, r.Cause)
			}
			s := w.secrets[secretOf(credential.RoleBundle)]
			if text := string(s.contents[s.Current].Reveal()); !strings.Contains(text, added) || s.Current < 2 {
				t.Errorf("%s: version %d has lost what was added", kind, s.Current)
			}
			w.finished(t, string(kind))
			if kind != credential.Password {
				w.oldID = w.creds[len(w.creds)-1].ID
			}
		}
	}
}

func TestForeignMetadataOutliveEveryStepByteForByte(t *testing.T) {
	const foreign = ` {"account":1234567890123456789, "huge":1e400,"one":1.0,"b":2,"a":{"z":null,"y":[1E+2]},"html":"<&>\/\u00e9","twice":1,"twice":2}`
	for _, f := range forms() {
		w := f.world(t)
		for _, s := range w.secrets {
			s.Metadata = vault.Metadata(foreign)
		}
		for _, grace := range []time.Duration{time.Hour, 2 * time.Hour, 0} { // each given by a closure of its own
			w.process().run(given(w.now, grace))
			w.wait(3 * time.Minute)
		}
		w.finished(t, f.String())
		for role, s := range w.secrets {
			text := string(s.Metadata)
			if at := strings.Index(text, `,"keyturn":`); at < 0 || text[:at]+"}" != foreign ||
				!strings.HasSuffix(text, "}") {
				t.Errorf("%v, %s: the metadata became %s", f, role, text)
			}
		}
	}
}

func TestMetadataThatCanNotTakeTheJournalAreLeftAlone(t *testing.T) {
	for _, text := range []string{`[]`, `"x"`, `{"keyturn":{"their":"own"}}`, `{"keyturn":7}`,
		`{"keyturn":"their own text"}`, `{"keyturn":"[1]"}`, `{"keyturn":"{\"staged\":\"yes\"}"}`, `{`} {
		for _, f := range forms() {
			if len(f.roles) == 0 {
				continue
			}
			w := f.world(t)
			last := w.secrets[secretOf(f.roles[len(f.roles)-1])]
			last.Metadata = vault.Metadata(text)
			w.untouched(t, f.String()+" "+text, w.process().run(), rotation.MetadataForeign)
			if string(last.Metadata) != text {
				t.Errorf("%v: %s became %s", f, text, last.Metadata)
			}
		}
	}
	for _, text := range []string{"", "null", "{}", `{"keyturn":""}`, `{"keyturn":null}`, `{"keyturn":"  "}`,
		`{"keyturn":"{}"}`} {
		w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
		w.secrets[secretOf(credential.RolePrivateKey)].Metadata = vault.Metadata(text)
		w.process().run()
		w.finished(t, text)
	}
}
