package examples_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func placeConfig(t *testing.T) (r *rig, folder string) {
	t.Helper()
	r = place(t, tenancy.Want{Kind: tenancy.APIKey, Bundle: true})
	folder = filepath.Join(r.home, ".oci", "keyturn")
	r.want(r.run("keyturn-oci-config", r.secret))
	return r, folder
}

// signedIn reports whether a new process with the SDK can sign in with a configuration file.
func (r *rig) signedIn(config string) bool {
	r.t.Helper()
	got := r.exec("", filepath.Join(r.tools, "sdk"), config, r.c.User)
	if got.code != 0 && !strings.Contains(got.err, "NotAuthenticated") {
		r.t.Fatal(got.err)
	}
	return got.code == 0
}

// getUser makes a real call as the user, in this process.
func (r *rig) getUser(provider common.ConfigurationProvider) error {
	r.t.Helper()
	client, err := identity.NewIdentityClientWithConfigurationProvider(provider)
	if err != nil {
		r.t.Fatal(err)
	}
	client.HTTPClient = r.Client()
	return getUser(r.t.Context(), client, r.c.User)
}

func keyFiles(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheSDKSignsInWithTheConfigurationAndAgainAfterARotation(t *testing.T) {
	r, folder := placeConfig(t)
	config := filepath.Join(folder, "config")
	for range 3 {
		if !r.signedIn(config) {
			t.Fatal("the key that was written is refused")
		}
		r.rotate()
		if r.signedIn(config) {
			t.Fatal("the old key still works: this test shows nothing")
		}
		if out := r.want(r.run("keyturn-oci-config", r.secret)); out != "" {
			t.Errorf("it prints %q", out)
		}
	}
	if !r.signedIn(config) {
		t.Error("the key that was written last is refused")
	}
}

// The guide recommends that long-lived Go programs read the bundle and not the configuration, because the SDK reads
// each file once per process.
func TestALongLivedGoProcessNeedsTheBundleRatherThanTheConfiguration(t *testing.T) {
	r, folder := placeConfig(t)
	fromFile := func() error {
		provider, err := common.ConfigurationProviderFromFile(filepath.Join(folder, "config"), "")
		if err != nil {
			t.Fatal(err)
		}
		return r.getUser(provider)
	}
	fromBundle := func() error {
		var b struct {
			Tenancy, User, Region, Fingerprint string
			PrivateKey                         string `json:"private_key"`
		}
		if err := json.Unmarshal([]byte(r.want(r.run("keyturn-bundle", "api-key", r.secret))), &b); err != nil {
			t.Fatal("the bundle is not JSON")
		}
		return r.getUser(common.NewRawConfigurationProvider(b.Tenancy, b.User, b.Region, b.Fingerprint, b.PrivateKey,
			nil))
	}
	if file, bundle := fromFile(), fromBundle(); file != nil || bundle != nil {
		t.Fatalf("before a rotation: %v, %v", file, bundle)
	}
	r.rotate()
	r.want(r.run("keyturn-oci-config", r.secret))
	if err := fromBundle(); err != nil {
		t.Error(err)
	}
	if fromFile() == nil {
		t.Error("the SDK now reads a changed configuration: change the guide")
	}
}

func TestOnlyTheOwnerCanReadWhatIsWritten(t *testing.T) {
	_, folder := placeConfig(t)
	for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, "config"): 0o600,
		keyFiles(t, folder)[0]: 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %o, want %o", path, got, want)
		}
	}
}

func TestTheOldKeyFileStaysForOneRunAndThenGoes(t *testing.T) {
	r, folder := placeConfig(t)
	for i, want := range []int{1, 2, 1} {
		if i == 1 {
			r.rotate()
		}
		r.want(r.run("keyturn-oci-config", r.secret))
		if got := keyFiles(t, folder); len(got) != want {
			t.Errorf("run %d leaves %d key files, want %d", i+1, len(got), want)
		}
	}
}

func TestARunWithoutARotationWritesNothing(t *testing.T) {
	r, folder := placeConfig(t)
	before := tree(t, folder)
	got := r.run("keyturn-oci-config", r.secret)
	r.want(got)
	if !maps.Equal(tree(t, folder), before) || got.err != "" {
		t.Errorf("something was written, or said: %s", got.err)
	}
}

func TestAFetchThatFailsLeavesTheFilesAsTheyWere(t *testing.T) {
	r, folder := placeConfig(t)
	r.rotate() // there is something new to fetch
	before := tree(t, folder)
	refused := func(source, why string) {
		t.Helper()
		r.refused(r.run("keyturn-oci-config", source), why)
		if !maps.Equal(tree(t, folder), before) {
			t.Error("the files have changed")
		}
	}
	for _, answer := range []ociemu.Action{ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		ociemu.Answer(500, "InternalServerError"),
		ociemu.Answer(429, "TooManyRequests"), ociemu.Cut} {
		fault := r.Inject(ociemu.Fault{Operation: "GetSecretBundle", Times: -1, Do: answer})
		refused(r.secret, "could not read the secret")
		fault.Remove()
	}
	whole := string(r.Secret(r.secret).Current())
	fingerprint := r.stored().ID
	other, _ := r.AddAPIKey(r.AddUser("other@example.com"))
	for name, c := range map[string]struct{ old, new, why string }{
		"a line more in the region": {`"region": "us-ashburn-1"`, `"region": "us-ashburn-1\nkey_file=/etc/passwd"`,
			"region is not a region"},
		"a line more in the user": {`"user": "` + r.c.User, `"user": "` + r.c.User + `\nx=y`,
			"user is not an OCID"},
		"no tenancy":                  {`"tenancy": "` + r.Tenancy(), `"tenancy": "mine`, "tenancy is not an OCID"},
		"a path for a fingerprint":    {fingerprint, "../../x", "fingerprint is not a fingerprint"},
		"another key's fingerprint":   {fingerprint, other, "not the one that its fingerprint names"},
		"a key that is cut off":       {`\n-----END`, `-----`, "private key can't be read"},
		"a key with a wrong letter":   {`KEY-----\nMII`, `KEY-----\nMIII`, "private key can't be read"},
		"a file that is no bundle":    {`"kind"`, `"sort"`, "does not hold a bundle"},
		"a bundle of another kind":    {`"api-key"`, `"auth-token"`, "does not hold a bundle"},
		"a bundle without a key file": {`"private_key"`, `"key"`, "does not hold a bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, c.old, c.new, 1)
			if text == whole {
				t.Fatal("the bundle is not changed")
			}
			file := filepath.Join(t.TempDir(), "bundle")
			r.write(file, text)
			refused(file, c.why)
		})
	}
}

func TestARunThatDiesBetweenTwoStepsLeavesAPairThatWorks(t *testing.T) {
	for _, last := range []string{"mktemp", "mv", "mv config"} {
		t.Run(last, func(t *testing.T) {
			r, folder := placeConfig(t)
			config := filepath.Join(folder, "config")
			before, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			r.rotate()
			name, argument, _ := strings.Cut(last, " ")
			r.failing(name, argument)
			if got := r.run("keyturn-oci-config", r.secret); got.code == 0 {
				t.Error("it says that all went well")
			}
			if after, err := os.ReadFile(config); err != nil || string(after) != string(before) {
				t.Errorf("the configuration has changed, or is gone: %v", err)
			}
			if _, err := common.ConfigurationProviderFromFile(config, ""); err != nil {
				t.Error(err)
			}
			for path := range tree(t, folder) {
				if strings.Contains(path, ".new") {
					t.Errorf("%s is left behind", path)
				}
			}
		})
	}
}

// failing makes a program of the machine fail when an argument has this suffix.
func (r *rig) failing(name, argument string) {
	r.t.Helper()
	path := filepath.Join(r.tools, name)
	real := filepath.Join(r.tools, "real-"+name)
	if err := os.Rename(path, real); err != nil {
		r.t.Fatal(err)
	}
	r.tool(name, `for last; do :; done; case $last in *'`+argument+`') exit 1 ;; esac; exec '`+real+`' "$@"`)
}

func TestAReaderFindsAWorkingPairAtEveryStep(t *testing.T) {
	r, folder := placeConfig(t)
	broken := filepath.Join(r.home, "broken")
	look := `config='` + folder + `/config'; key=$(sed -n 's/^key_file=//p' "$config"); [ -s "$key" ] || echo x >>'` +
		broken + `'`
	for _, name := range []string{"mv", "rm"} {
		real := filepath.Join(r.tools, "real-"+name)
		if err := os.Rename(filepath.Join(r.tools, name), real); err != nil {
			t.Fatal(err)
		}
		r.tool(name, look+"\n'"+real+`' "$@"; code=$?`+"\n"+look+"\nexit $code")
	}
	r.rotate()
	r.want(r.run("keyturn-oci-config", r.secret))
	r.want(r.run("keyturn-oci-config", r.secret))
	if _, err := os.Stat(broken); err == nil {
		t.Error("a configuration named a key file that was not there")
	}
}

func TestAnotherProgramsConfigurationIsNotChanged(t *testing.T) {
	r, _ := placeConfig(t)
	folder := filepath.Join(r.home, "mine")
	r.write(filepath.Join(folder, "config"), "[DEFAULT]\nregion=us-ashburn-1\n")
	before := tree(t, folder)
	r.refused(r.run("keyturn-oci-config", r.secret, folder), "was not written by this program")
	if !maps.Equal(tree(t, folder), before) {
		t.Error("the files have changed")
	}
	r.refused(r.run("keyturn-oci-config", r.secret, "relative"), "must be an absolute path")
	r.refused(r.run("keyturn-oci-config"), "usage")
}
