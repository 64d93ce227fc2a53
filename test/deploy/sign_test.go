package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

// account is an emulated tenancy with the repositories and the signing key of the stack's first apply.
type account struct {
	*ociemu.Emulator
	compartment, key string
}

func newAccount(t *testing.T) account {
	t.Helper()
	o := ociemu.Calm()
	o.Region = region
	e := ociemu.New(t, o)
	a := account{Emulator: e, compartment: e.AddCompartment("keyturn", "")}
	a.key = e.AddSigningKey(ociemu.SigningKeySeed{Name: "keyturn-signing", Compartment: a.compartment})
	for _, f := range functions {
		e.AddRepository(a.compartment, "keyturn/"+f)
	}
	return a
}

// signIn writes the operator's configuration file on a bench.
func (a account) signIn(b *bench) { b.file(".oci/config", a.Config(a.AddOperator("ann@example.com"))) }

// signRig is a bench in a tenancy with both images, and similar ones. It returns the references of both.
func signRig(t *testing.T) (*bench, account, []string) {
	t.Helper()
	b, a := newBench(t), newAccount(t)
	a.signIn(b)
	b.env = append(b.env, "HTTPS_PROXY="+a.URL(), "SSL_CERT_FILE="+a.CAFile())
	a.NoteImage("keyturn/rotate", "0.9.0", digestOf("0"))
	a.NoteImage("keyturn/rotate", "1.0.0", digestOf("a"))
	a.NoteImage("keyturn/rotate", "latest", digestOf("a"))
	a.NoteImage("keyturn/sweep", "1.0.0", digestOf("b"))
	a.NoteImage("elsewhere", "1.0.0", digestOf("a"))
	return b, a, []string{reference("rotate", "a"), reference("sweep", "b")}
}

// digestOf returns a digest of one repeated letter.
func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// reference returns a line that keyturn deploy push prints.
func reference(function, letter string) string {
	return repositories + "/" + function + ":1.0.0@" + digestOf(letter)
}

// signed returns the repositories and digests that a key has signed.
func (a account) signed(key string) (out []string) {
	for _, s := range a.ImageSignatures() {
		if s.Key == key {
			out = append(out, s.Repository+"@"+s.Digest)
		}
	}
	return out
}

// count returns the number of calls of an operation.
func (a account) count(operation string) (n int) {
	for _, c := range a.Calls() {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

var both = []string{"keyturn/rotate@" + digestOf("a"), "keyturn/sweep@" + digestOf("b")}

func TestBothImagesAreSignedWithTheKeysCurrentVersion(t *testing.T) {
	b, a, images := signRig(t)
	version := a.RotateSigningKey(a.key)
	got := b.good("", append([]string{"sign", "--yes"}, images...)...)
	if !slices.Equal(a.signed(a.key), both) || strings.Count(got.log, "\nsigned: ") != 2 ||
		got.out != strings.Join(images, "\n")+"\n" {
		t.Fatalf("signed are %v:\n%s%s", a.signed(a.key), got.out, got.log)
	}
	for n, s := range a.ImageSignatures() {
		want := map[string]string{"description": "Keyturn 1.0.0", "imageDigest": []string{digestOf("a"),
			digestOf("b")}[n], "kmsKeyId": a.key, "kmsKeyVersionId": version, "metadata": "{}", "region": region,
			"repositoryName": "keyturn/" + functions[n], "signingAlgorithm": "SHA_512_RSA_PKCS_PSS"}
		for field, value := range want {
			if s.Message[field] != value || len(s.Message) != len(want) {
				t.Errorf("the signature says %v, want %v", s.Message, want)
				break
			}
		}
	}
}

func TestSigningAgainSignsNothingAndSaysSo(t *testing.T) {
	b, a, images := signRig(t)
	b.good("", append([]string{"sign", "--yes"}, images...)...)
	a.RotateSigningKey(a.key) // a signature of an older version counts, too
	got := b.good("", append([]string{"sign"}, images...)...)
	if !slices.Equal(a.signed(a.key), both) || strings.Count(got.log, "already signed: ") != 2 {
		t.Errorf("signed are %v:\n%s", a.signed(a.key), got.log)
	}
}

func TestASignatureOfAnotherKeyOrADeletedOneDoesNotCount(t *testing.T) {
	b, a, images := signRig(t)
	other := a.AddSigningKey(ociemu.SigningKeySeed{Name: "other", Compartment: a.compartment})
	b.good("", append([]string{"sign", "--yes", "--key", a.key}, images...)...)
	a.DeleteImageSignatures()
	b.good("", append([]string{"sign", "--yes", "--key", other}, images...)...)
	b.good("", append([]string{"sign", "--yes", "--key", a.key}, images...)...)
	if !slices.Equal(a.signed(a.key), both) || !slices.Equal(a.signed(other), both) {
		t.Errorf("signed are %v", a.ImageSignatures())
	}
}

func TestAnInterruptedSigningContinuesWhereItStopped(t *testing.T) {
	b, a, images := signRig(t)
	a.Inject(ociemu.Fault{Operation: "CreateContainerImageSignature", Skip: 1, When: ociemu.Before,
		Do: ociemu.Answer(409, "Conflict")})
	b.bad(failed, []string{"could not sign keyturn/sweep:1.0.0", "run this again", "Conflict"}, "",
		append([]string{"sign", "--yes"}, images...)...)
	if !slices.Equal(a.signed(a.key), both[:1]) {
		t.Fatalf("signed are %v", a.signed(a.key))
	}
	b.good("", append([]string{"sign", "--yes"}, images...)...)
	if got := a.signed(a.key); !slices.Equal(got, both) {
		t.Errorf("signed are %v", got)
	}
}

func TestNothingIsSignedIfOneImageIsMissing(t *testing.T) {
	b, a, images := signRig(t)
	for name, c := range map[string]struct {
		words  []string
		second string
	}{
		"another digest": {[]string{"no image " + digestOf("c"), "keyturn/sweep", a.compartment, "--region",
			"--compartment"}, reference("sweep", "c")},
		"another repository": {[]string{"no image " + digestOf("0"), "keyturn/sweep"}, reference("sweep", "0")},
	} {
		t.Run(name, func(t *testing.T) {
			b.bad(failed, c.words, "", "sign", "--yes", images[0], c.second)
		})
	}
	elsewhere := a.AddCompartment("elsewhere", "")
	b.bad(failed, []string{"no repository keyturn/rotate in " + elsewhere, "repositories = true"}, "",
		append([]string{"sign", "--yes", "--compartment", elsewhere}, images...)...)
	if len(a.ImageSignatures()) > 0 {
		t.Errorf("signed are %v", a.ImageSignatures())
	}
}

func TestADrySigningSignsNothing(t *testing.T) {
	b, a, images := signRig(t)
	b.good("", "sign", "--yes", images[0])
	got := b.good("", append([]string{"sign", "--dry-run"}, images...)...)
	for _, want := range []string{"already signed: " + images[0], "will be signed with ocid1.keyversion.",
		": " + images[1], "dry run: nothing was changed"} {
		if !strings.Contains(got.log, want) {
			t.Errorf("it doesn't say %q:\n%s", want, got.log)
		}
	}
	b.bad(declined, []string{"sign 1 images", "--yes"}, "", append([]string{"sign"}, images...)...)
	if len(a.ImageSignatures()) != 1 || a.count("Sign") != 1 {
		t.Error("something was signed")
	}
}

func TestAKnownKeyVersionIsNotAskedFor(t *testing.T) {
	b, a, images := signRig(t)
	version := a.RotateSigningKey(a.key)
	b.good("", "sign", "--yes", "--key", a.key, "--key-version", version, images[0])
	if a.count("GetKey") != 0 || a.count("ListVaults") != 0 || len(a.signed(a.key)) != 1 {
		t.Error("the key was asked for its version, or nothing was signed")
	}
}

func TestASigningWithoutAUsableKeySaysWhatToDo(t *testing.T) {
	b, a, images := signRig(t)
	second := a.AddSigningKey(ociemu.SigningKeySeed{Name: "keyturn-signing", Compartment: a.compartment})
	b.bad(failed, []string{"2 enabled keys of " + a.compartment, "keyturn-signing", "--key"}, "", "sign", images[0])
	a.DisableSigningKey(second)
	a.DisableSigningKey(a.key)
	b.bad(failed, []string{"0 enabled keys", "--key none"}, "", "sign", images[0])
	b.bad(failed, []string{"no current version"}, "", "sign", "--key", a.key, images[0])
	unknown := a.key[:len(a.key)-4] + "zzzz"
	b.bad(failed, []string{"could not read the key " + unknown, "use keys"}, "", "sign", "--key", unknown, images[0])
	a.Inject(ociemu.Fault{Operation: "ListContainerImageSignatures", Times: -1,
		Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	b.bad(failed, []string{"could not list the signatures of " + images[0]}, "", "sign", "--key", a.key,
		"--key-version", "ocid1.keyversion.oc1..x", images[0])
	if len(a.ImageSignatures()) > 0 {
		t.Error("it was signed all the same")
	}
}

func TestASigningWithABadInputIsRefusedAndTheInputNamed(t *testing.T) {
	b, a, images := signRig(t)
	vault := strings.Split(a.key, ".")[4]
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"--compartment 'keyturn'"}, []string{"--compartment", "keyturn", images[0]}},
		{[]string{"--key 'ocid1.key.oc1..short'"}, []string{"--key", "ocid1.key.oc1..short", images[0]}},
		{[]string{"--key '" + a.key + "x'"}, []string{"--key", a.key + "x", images[0]}},
		{[]string{"--key none"}, []string{"--key", "none", images[0]}},
		{[]string{"-crypto.", "management endpoint"}, []string{"--key", a.key, "--endpoint",
			"https://" + vault + "-crypto.kms.eu-frankfurt-1.oraclecloud.com", images[0]}},
		{[]string{"--key-version '" + a.key}, []string{"--key", a.key, "--key-version", a.key, images[0]}},
		{[]string{"--key-version without --key"}, []string{"--key-version", "ocid1.keyversion.oc1..x", images[0]}},
		{[]string{"requires at least 1 arg"}, nil},
		{[]string{"'" + repositories + "/rotate:1.0.0'"}, []string{repositories + "/rotate:1.0.0"}},
		{[]string{"two registries"}, []string{images[0], strings.Replace(images[1], host, longHost, 1)}},
		{[]string{host, "is in eu-frankfurt-1", "--region is us-ashburn-1"}, []string{"--region", "us-ashburn-1",
			images[0]}},
		{[]string{"unknown flag: --no-such"}, []string{"--no-such", images[0]}},
		{[]string{"--outputs"}, []string{"--outputs", "nowhere", images[0]}},
	} {
		b.bad(wrong, c.words, "", append([]string{"sign"}, c.args...)...)
	}
	if calls := a.Calls(); len(calls) > 0 {
		t.Errorf("OCI was asked in spite of a bad input: %v", calls[0].Operation)
	}
}
