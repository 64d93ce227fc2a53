package examples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func placeS3(t *testing.T) *rig {
	t.Helper()
	return place(t, tenancy.Want{Kind: tenancy.CustomerSecretKey, Bundle: true})
}

// process is the output of a credential_process for AWS SDKs. Source: "Sourcing credentials with an external process"
// in the AWS CLI's user guide.
type process struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Expiration      time.Time
}

func (r *rig) process(out string) process {
	r.t.Helper()
	var p process
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&p) != nil || decoder.More() {
		r.t.Fatal("the output is not what an SDK reads")
	}
	return p
}

func TestTheCredentialProcessHandsOutTheCurrentKeyAndAnEnd(t *testing.T) {
	r := placeS3(t)
	for range 3 {
		p := r.process(r.want(r.run("keyturn-s3-credentials", r.secret)))
		if status := r.c.Try(tenancy.Credential{ID: p.AccessKeyID, Value: p.SecretAccessKey}); status != 200 {
			t.Errorf("the key is answered %d", status)
		}
		if rest := time.Until(p.Expiration); p.Version != 1 || rest <= 50*time.Minute || rest > time.Hour {
			t.Errorf("version %d with %s to go, want 1 with an hour", p.Version, rest)
		}
		r.rotate()
		if status := r.c.Try(tenancy.Credential{ID: p.AccessKeyID, Value: p.SecretAccessKey}); status != 403 {
			t.Fatalf("the old key is answered %d: this test shows nothing", status)
		}
	}
	r.extra = []string{"KEYTURN_MAX_AGE=1800"}
	p := r.process(r.want(r.run("keyturn-s3-credentials", r.secret)))
	if rest := time.Until(p.Expiration); rest <= 20*time.Minute || rest > 30*time.Minute {
		t.Errorf("%s to go, want half an hour", rest)
	}
	for _, age := range []string{"0", "-5", "1h", "1;2"} {
		r.extra = []string{"KEYTURN_MAX_AGE=" + age}
		r.refused(r.run("keyturn-s3-credentials", r.secret), "a number of seconds is wanted")
	}
}

func TestACredentialProcessThatCanNotReadTheSecretPrintsNothing(t *testing.T) {
	r := placeS3(t)
	r.Inject(ociemu.Fault{Operation: "GetSecretBundle", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	r.refused(r.run("keyturn-s3-credentials", r.secret), "could not read the secret")
	r.refused(r.run("keyturn-s3-run", r.secret, "cat", "/dev/null"), "could not read the secret")
	r.refused(r.run("keyturn-s3-run", r.secret), "usage")
}

func TestACommandGetsTheKeyInItsEnvironmentAndKeepsItsExitCode(t *testing.T) {
	r := placeS3(t)
	r.extra = []string{"AWS_SESSION_TOKEN=stale", "AWS_PROFILE=other"}
	const print = `printf '%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_ENDPOINT_URL_S3" "$AWS_REGION" "$AWS_DEFAULT_REGION" "${AWS_SESSION_TOKEN-}${AWS_PROFILE-}"; exit 7`
	got := r.run("keyturn-s3-run", r.secret, "bash", "-c", print)
	key := r.stored()
	want := []string{key.ID, key.Value, "https://" + r.s3Host(), r.Region(), r.Region(), "", ""}
	if got.code != 7 || got.out != strings.Join(want, "\n") {
		t.Errorf("exit code %d, and the environment is not as it should be", got.code)
	}
}

func (r *rig) s3Host() string {
	return r.Namespace() + ".compat.objectstorage." + r.Region() + ".oraclecloud.com"
}

// setting is a file of s3-tools with this tenancy's names instead of the example's.
func (r *rig) setting(name string) string {
	r.t.Helper()
	bin, err := filepath.Abs(filepath.Join(examples, "bin"))
	if err != nil {
		r.t.Fatal(err)
	}
	text := read(r.t, "s3-tools/"+name)
	for old, now := range map[string]string{"examplenamespace.compat": r.Namespace() + ".compat",
		"/usr/local/lib/keyturn":            bin,
		"ocid1.vaultsecret.oc1.iad.example": r.secret} {
		text = strings.ReplaceAll(text, old, now)
	}
	path := filepath.Join(r.home, name)
	r.write(path, text)
	return path
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// real installs a third-party program on the machine. The test gets its path from need.Tool before it sets up the
// machine, so that a skipped test has nothing to clean up.
func (r *rig) real(name, path string) string {
	r.t.Helper()
	// A script finds its interpreter in its own folder or in the test's PATH.
	r.tool(name, "PATH='"+r.tools+":"+os.Getenv("PATH")+"' HOME='"+os.Getenv("HOME")+"' exec '"+path+`' "$@"`)
	return filepath.Join(r.tools, name)
}

// listed checks that a real tool lists the buckets with the key of each rotation. The emulator has no bucket, and
// refuses every other key.
func (r *rig) listed(list func() result) {
	r.t.Helper()
	for range 2 {
		r.ResetCalls()
		r.want(list())
		asked := 0
		for _, call := range r.Calls() {
			if call.Operation == "ListBuckets" && call.Status == 200 {
				asked++
			}
		}
		if asked == 0 {
			r.t.Error("the tool did not list the buckets")
		}
		r.rotate()
	}
	fault := r.Inject(ociemu.Fault{Operation: "GetSecretBundle", Times: -1,
		Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if got := list(); got.code == 0 {
		r.t.Error("the tool needs no secret: this test shows nothing")
	}
	fault.Remove()
}

func TestTheAWSCLIUsesTheCredentialProcess(t *testing.T) {
	path := need.Tool(t, "aws")
	version, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	reads, err := readsEndpoint(string(version))
	if err != nil {
		need.Lacking(t, "whether the AWS CLI here reads endpoint_url is unknown: %v", err)
	}
	r := placeS3(t)
	aws := r.real("aws", path)
	r.extra = []string{"AWS_CONFIG_FILE=" + r.setting("aws-config"), "AWS_CA_BUNDLE=" + r.CAFile()}
	args := []string{"--profile", "oci", "s3", "ls"}
	if !reads { // each command must name the endpoint
		args = append(args, "--endpoint-url", "https://"+r.s3Host())
	}
	r.listed(func() result { return r.exec("", aws, args...) })
}

// readsEndpoint reports whether the AWS CLI reads endpoint_url in its configuration, given the output of `aws
// --version`. Source: the changelogs of aws/aws-cli, 1.29.0 and 2.13.0, both of July 2023. Debian 12 has 2.9.19.
func readsEndpoint(printed string) (bool, error) {
	version, ok := strings.CutPrefix(strings.TrimSpace(printed), "aws-cli/")
	if !ok {
		return false, fmt.Errorf("%.60q is not the AWS CLI's version", printed)
	}
	least := "2.13"
	if strings.HasPrefix(version, "1.") {
		least = "1.29"
	}
	return need.AtLeast(version, least)
}

func TestTheAWSCLIsVersionSaysWhetherItReadsTheEndpoint(t *testing.T) {
	for printed, want := range map[string]bool{
		"aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0-18-amd64 source/x86_64.debian.12 prompt/off": false,
		"aws-cli/2.12.7 Python/3.11.4 Linux/5.15 exe/x86_64.ubuntu.22":                         false,
		"aws-cli/2.13.0 Python/3.11.4 Linux/5.15 exe/x86_64.ubuntu.22":                         true,
		"aws-cli/2.31.3 Python/3.13.7 Linux/6.12 source/x86_64.debian.13\n":                    true,
		"aws-cli/3.0.0 Python/3.14.0 Linux/6.12":                                               true,
		"aws-cli/1.18.69 Python/3.8.10 Linux/5.4 botocore/1.16.19":                             false,
		"aws-cli/1.28.85 Python/3.9 Linux/5.4 botocore/1.30":                                   false,
		"aws-cli/1.29.0 Python/3.9 Linux/5.4 botocore/1.31.0":                                  true,
		"aws-cli/1.45.11 Python/3.11.7 Linux/6.18 botocore/1.43.11":                            true,
	} {
		if got, err := readsEndpoint(printed); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", printed, got, err, want)
		}
	}
	for _, printed := range []string{"", "aws-cli/", "aws-cli/two", "pyenv: aws: command not found", "aws 2.13.0"} {
		if _, err := readsEndpoint(printed); err == nil {
			t.Errorf("%q is taken for a version", printed)
		}
	}
}

func TestRcloneListsBucketsWithTheKeyOfItsEnvironment(t *testing.T) {
	path := need.Tool(t, "rclone")
	r := placeS3(t)
	r.real("rclone", path)
	config := r.setting("rclone.conf")
	r.listed(func() result {
		return r.run("keyturn-s3-run", r.secret, "rclone", "--config", config, "--retries", "1", "--low-level-retries",
			"1", "lsd", "oci:")
	})
}

func TestS3cmdListsBucketsWithTheKeyOfItsEnvironment(t *testing.T) {
	path := need.Tool(t, "s3cmd")
	r := placeS3(t)
	r.real("s3cmd", path)
	config := r.setting("s3cfg")
	host, port, _ := strings.Cut(strings.TrimPrefix(r.URL(), "http://"), ":")
	r.write(config, read(t, "s3-tools/s3cfg")+"proxy_host = "+host+"\nproxy_port = "+port+"\nca_certs_file = "+
		r.CAFile()+"\n")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	r.write(config, strings.ReplaceAll(string(text), "examplenamespace.compat", r.Namespace()+".compat"))
	r.listed(func() result { return r.run("keyturn-s3-run", r.secret, "s3cmd", "--config", config, "ls") })
}
