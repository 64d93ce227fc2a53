package deploy_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const (
	compartment = "ocid1.compartment.oc1..examplekeyturn"
	endpoint    = "https://examplevault-management.kms.eu-frankfurt-1.oraclecloud.com"
	keyVersion  = "ocid1.keyversion.oc1.eu-frankfurt-1.examplevault.exampleversion"
)

var (
	key      = "ocid1.key.oc1.eu-frankfurt-1.examplevault." + strings.Repeat("k", 60)
	otherKey = "ocid1.key.oc1.eu-frankfurt-1.examplevault." + strings.Repeat("o", 60)
)

// digestOf returns a digest of one repeated letter.
func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// reference returns a line of deploy/push's output.
func reference(function, letter string) string {
	return repositories + "/" + function + ":1.0.0@" + digestOf(letter)
}

// stored is an image in the form of ListContainerImages.
func stored(id, function, digest string) map[string]any {
	return map[string]any{"compartment-id": compartment, "digest": digest, "display-name": "keyturn/" + function +
		":1.0.0", "id": id, "lifecycle-state": "AVAILABLE",
		"repository-id": "ocid1.containerrepo.oc1..example", "repository-name": "keyturn/" + function,
		"time-created": "2026-01-01T00:00:00+00:00", "version": "1.0.0"}
}

func signatureOf(image, key, state string) map[string]any {
	return map[string]any{"compartment-id": compartment, "id": "ocid1.containerimagesignature.oc1..before",
		"image-id": image, "kms-key-id": key, "lifecycle-state": state}
}

// shop is a tenancy with both images and similar ones.
func shop() account {
	return account{
		Keys: map[string]keyOf{key: {endpoint, keyVersion}, otherKey: {endpoint, "ocid1.keyversion.oc1..other"}},
		Images: []map[string]any{
			stored("ocid1.containerimage.oc1..old", "rotate", digestOf("0")),
			stored("ocid1.containerimage.oc1..rotate", "rotate", digestOf("a")),
			stored("ocid1.containerimage.oc1..sweep", "sweep", digestOf("b")),
			stored("ocid1.containerimage.oc1..elsewhere", "elsewhere", digestOf("a")),
		},
	}
}

func signArgs(more ...string) []string {
	return append([]string{"-c", compartment, "-k", key, "-e", endpoint, reference("rotate", "a"),
		reference("sweep", "b")}, more...)
}

// signed returns the OCIDs of the images with a signature of the key.
func (t account) signed() []string {
	var out []string
	for _, s := range t.Signatures {
		if s["kms-key-id"] == key {
			out = append(out, s["image-id"].(string))
		}
	}
	return out
}

var both = []string{"ocid1.containerimage.oc1..rotate", "ocid1.containerimage.oc1..sweep"}

func TestBothImagesAreSignedWithTheKeysCurrentVersion(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	got := b.good("", "sign", signArgs()...)
	after := b.tenancy()
	if !slices.Equal(after.signed(), both) || strings.Count(got.log, "\nsigned: ") != 2 {
		t.Fatalf("signed are %v:\n%s", after.signed(), got.log)
	}
	for n, want := range []string{digestOf("a"), digestOf("b")} {
		text, err := base64.StdEncoding.DecodeString(after.Signatures[n]["message"].(string))
		if err != nil {
			t.Fatal(err)
		}
		var message map[string]string
		if err := json.Unmarshal(text, &message); err != nil {
			t.Fatal(err)
		}
		if message["imageDigest"] != want || message["kmsKeyVersionId"] != keyVersion ||
			message["signingAlgorithm"] != "SHA_512_RSA_PKCS_PSS" || message["description"] != "Keyturn 1.0.0" {
			t.Errorf("the signature says %s", text)
		}
	}
}

func TestSigningAgainSignsNothingAndSaysSo(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	b.good("", "sign", signArgs()...)
	got := b.good("", "sign", signArgs()...)
	if !slices.Equal(b.tenancy().signed(), both) || strings.Count(got.log, "already signed: ") != 2 ||
		b.calls("sign-upload") != 2 {
		t.Errorf("signed are %v, sign-upload was called %d times:\n%s", b.tenancy().signed(), b.calls("sign-upload"),
			got.log)
	}
}

func TestASignatureOfAnotherKeyOrADeletedOneDoesNotCount(t *testing.T) {
	b := newBench(t)
	before := shop()
	before.Signatures = []map[string]any{signatureOf(both[0], otherKey, "AVAILABLE"),
		signatureOf(both[1], otherKey, "AVAILABLE"), signatureOf(both[1], key, "DELETED")}
	b.oci(before)
	b.good("", "sign", signArgs()...)
	if got := b.calls("sign-upload"); got != 2 {
		t.Errorf("%d images were signed, want both", got)
	}
}

func TestEveryPageOfAListIsRead(t *testing.T) {
	b := newBench(t)
	before := shop()
	gone := stored("ocid1.containerimage.oc1..gone", "rotate", digestOf("a"))
	gone["lifecycle-state"] = "DELETED"
	before.Images = append([]map[string]any{gone}, before.Images...)
	before.Signatures = []map[string]any{signatureOf(both[0], otherKey, "AVAILABLE"),
		signatureOf(both[0], key, "AVAILABLE")}
	b.oci(before)
	got := b.good("", "sign", signArgs()...)
	if b.calls("sign-upload") != 1 || !strings.Contains(got.log, "already signed: "+reference("rotate", "a")) {
		t.Errorf("what is on the second page is not seen:\n%s", got.log)
	}
}

func TestAnInterruptedSigningContinuesWhereItStopped(t *testing.T) {
	b := newBench(t)
	before := shop()
	before.Fail = both[1]
	b.oci(before)
	b.bad([]string{"could not sign keyturn/sweep:1.0.0", "run this again", "as the test has asked for"}, "", "sign",
		signArgs()...)
	between := b.tenancy()
	if !slices.Equal(between.signed(), both[:1]) {
		t.Fatalf("signed are %v", between.signed())
	}
	between.Fail = ""
	b.put(between)
	b.good("", "sign", signArgs()...)
	if got := b.tenancy().signed(); !slices.Equal(got, both) {
		t.Errorf("signed are %v", got)
	}
}

func TestNothingIsSignedIfOneImageIsMissing(t *testing.T) {
	for name, change := range map[string]func(*account){
		"never pushed":         func(s *account) { s.Images = slices.Delete(s.Images, 2, 3) },
		"another compartment":  func(s *account) { s.Images[2]["compartment-id"] = "ocid1.compartment.oc1..other" },
		"deleted":              func(s *account) { s.Images[2]["lifecycle-state"] = "DELETED" },
		"another digest there": func(s *account) { s.Images[2]["digest"] = digestOf("c") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			before := shop()
			change(&before)
			b.oci(before)
			b.bad([]string{"no image " + digestOf("b"), "keyturn/sweep", compartment, "OCI_CLI_REGION"}, "", "sign",
				signArgs()...)
			if b.calls("sign-upload") != 0 {
				t.Error("the other one was signed")
			}
		})
	}
}

func TestADrySigningSignsNothing(t *testing.T) {
	b := newBench(t)
	before := shop()
	before.Signatures = []map[string]any{signatureOf(both[0], key, "AVAILABLE")}
	b.oci(before)
	got := b.good("", "sign", append([]string{"-n"}, signArgs()...)...)
	for _, want := range []string{"already signed: " + reference("rotate", "a"), "will be signed with " +
		keyVersion + ": " + reference("sweep", "b")} {
		if !strings.Contains(got.log, want) {
			t.Errorf("it doesn't say %q:\n%s", want, got.log)
		}
	}
	if b.calls("sign-upload") != 0 {
		t.Error("something was signed")
	}
}

func TestAKnownKeyVersionIsNotAskedFor(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	b.good("", "sign", "-c", compartment, "-k", key, "-v", keyVersion, reference("rotate", "a"))
	if b.calls("kms management") != 0 || b.calls("sign-upload") != 1 {
		t.Error("the key was asked for its version, or nothing was signed")
	}
}

func TestAnUnreadableListOfSignaturesIsAnError(t *testing.T) {
	b := newBench(t)
	before := shop()
	before.Garble = true
	b.oci(before)
	b.bad([]string{"list of the signatures of " + reference("rotate", "a")}, "", "sign", signArgs()...)
	if b.calls("sign-upload") != 0 {
		t.Error("it was signed all the same")
	}
}

func TestASigningThatTheCLIRefusesSaysWhatCouldNotBeDone(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	wrong := strings.Replace(endpoint, "examplevault", "anothervault", 1)
	b.bad([]string{"could not read the key " + key, "resource not found"}, "", "sign", "-c", compartment, "-k", key,
		"-e", wrong, reference("rotate", "a"))

	disabled := shop()
	disabled.Keys[key] = keyOf{endpoint, ""}
	b.put(disabled)
	b.bad([]string{"no current version"}, "", "sign", signArgs()...)

	b.logged("oci", "echo 'ServiceError: not now' >&2; exit 1")
	b.bad([]string{"could not look for " + reference("rotate", "a"), "ServiceError: not now"}, "", "sign", "-c",
		compartment, "-k", key, "-v", keyVersion, reference("rotate", "a"))
	b.logged("oci", "echo 'no JSON'")
	b.bad([]string{"list of images can't be read"}, "", "sign", "-c", compartment, "-k", key, "-v", keyVersion,
		reference("rotate", "a"))
}

func TestASigningWithABadInputIsRefusedAndTheInputNamed(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	image := reference("rotate", "a")
	cases := []struct {
		words []string
		args  []string
	}{
		{[]string{"-c ''", "compartment"}, []string{"-k", key, "-v", keyVersion, image}},
		{[]string{"-c 'keyturn'"}, []string{"-c", "keyturn", "-k", key, "-v", keyVersion, image}},
		{[]string{"-k ''", "key"}, []string{"-c", compartment, "-v", keyVersion, image}},
		{[]string{"-k 'ocid1.key.oc1..short'"}, []string{"-c", compartment, "-k", "ocid1.key.oc1..short", "-v",
			keyVersion, image}},
		{[]string{"-k '" + key + "x'"}, []string{"-c", compartment, "-k", key + "x", "-v", keyVersion, image}},
		{[]string{"-e ''", "management endpoint"}, []string{"-c", compartment, "-k", key, image}},
		{[]string{"-crypto."}, []string{"-c", compartment, "-k", key, "-e", strings.Replace(endpoint, "-management.",
			"-crypto.", 1), image}},
		{[]string{"-v '" + key}, []string{"-c", compartment, "-k", key, "-v", key, image}},
		{[]string{"-e and -v"}, []string{"-c", compartment, "-k", key, "-v", keyVersion, "-e", endpoint, image}},
		{[]string{"no IMAGE"}, []string{"-c", compartment, "-k", key, "-v", keyVersion}},
		{[]string{"'" + repositories + "/rotate:1.0.0'"}, []string{"-c", compartment, "-k", key, "-v", keyVersion,
			repositories + "/rotate:1.0.0"}},
		{[]string{"-k needs a value"}, []string{"-k"}},
		{[]string{"no option -x"}, []string{"-x"}},
	}
	for _, c := range cases {
		b.bad(c.words, "", "sign", c.args...)
	}
	if b.calls("oci ") > 0 {
		t.Error("the CLI was asked in spite of a bad input")
	}
	b.remove("jq")
	b.bad([]string{"jq is missing"}, "", "sign", signArgs()...)
	b.remove("oci")
	b.bad([]string{"OCI CLI is missing"}, "", "sign", signArgs()...)
}
