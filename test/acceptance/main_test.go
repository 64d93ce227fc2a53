package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
	"github.com/keyturn/keyturn/test/tenancy"
)

var rotateBinary, sweepBinary, command string

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue { // most tests wait
		_ = parallel.Value.Set("6")
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyturn")
		if err != nil {
			fmt.Fprintln(os.Stderr, "making a folder:", err)
			return 1
		}
		defer os.RemoveAll(dir)
		command, err = tenancy.BuildCommand(context.Background(), dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return tenancy.RunTests(m, &rotateBinary, &sweepBinary)
	}())
}

// customer is a tenancy with the stack.
type customer struct {
	*ociemu.Emulator
	t             *testing.T
	clock         tenancy.Clock
	rotate, sweep ociemu.Principal
	keyturn       string // compartment
	topic         string
	config        string // path of the administrator's OCI configuration
	admin         string // OCID
	vault, key    string
	domain        string // OCID

	mu    sync.Mutex
	hosts map[string]*fnhost.Host // by function and configuration
}

// want are a tenancy's deviations from the defaults.
type want struct {
	options ociemu.Options
	config  map[string]string // of the function rotate, in addition to its topic; a nil value removes a key
	without string            // a permission that the stack's policies don't grant
	domain  bool              // another identity domain
}

func newTenancy(t *testing.T, w want) *customer {
	t.Helper()
	if err := tenancy.DependOn("go.mod", "pkg", "functions", "deploy"); err != nil {
		t.Fatal(err)
	}
	ten := &customer{t: t, hosts: map[string]*fnhost.Host{}}
	w.options.Now = ten.clock.Now
	e := ociemu.New(t, w.options)
	ten.Emulator = e
	ten.keyturn = e.AddCompartment("keyturn", "")
	workload := e.AddCompartment("workload", "")
	ten.rotate, ten.sweep = e.NewFunction("rotate", ten.keyturn), e.NewFunction("sweep", ten.keyturn)
	ten.topic = e.AddTopicIn(ten.keyturn, "secops")
	operator := e.AddOperator("ada@example.com")
	ten.admin = operator.UserID
	ten.config = filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(ten.config, []byte(e.Config(operator)), 0o600); err != nil {
		t.Fatal(err)
	}
	ten.vault = "ocid1.vault.oc1.iad.amaaaaaaacceptance"
	ten.key = "ocid1.key.oc1.iad.amaaaaaaacceptance"
	if w.domain {
		ten.domain = e.AddDomain(ociemu.DomainSeed{Name: "Partners"})
	}
	e.SetPolicies(&ociemu.Policies{Set: ten.policies(workload, w.without)})
	config := map[string]string{"ons_topic": ten.topic, "secret_compartments": ten.keyturn + "," + workload,
		"protected_users": "breakglass@example.com,admin-*", "identity_domains": ten.domain}
	maps.DeleteFunc(config, func(_, v string) bool { return v == "" })
	ten.deploy(ten.sweep, sweepBinary, maps.Clone(config))
	config["event_check"] = "off"
	maps.Copy(config, w.config)
	maps.DeleteFunc(config, func(_, v string) bool { return v == "" })
	ten.deploy(ten.rotate, rotateBinary, config)
	t.Cleanup(ten.end)
	return ten
}

// policies reads the stack's statements and matching rules from test/leastprivilege, with this tenancy's OCIDs.
func (ten *customer) policies(workload, without string) ocipolicy.Set {
	t := ten.t
	t.Helper()
	name := "complete"
	if ten.domain != "" {
		name = "domains"
	}
	text, err := os.ReadFile("../leastprivilege/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var stack struct {
		Statements                 []struct{ Name, Text string }
		Rules                      map[string]string `json:"matching_rules"`
		Functions                  map[string]string
		Domains                    map[string]string `json:"identity_domains"`
		Tenancy, Keyturn, Workload string
	}
	if err := json.Unmarshal(text, &stack); err != nil {
		t.Fatal(err)
	}
	replace := []string{stack.Tenancy, ten.Tenancy(), stack.Keyturn, ten.keyturn, stack.Workload, workload,
		stack.Functions["rotate"], ten.rotate.FunctionID, stack.Functions["sweep"], ten.sweep.FunctionID}
	if ten.domain != "" {
		partners := stack.Domains["Partners"]
		if partners == "" {
			t.Fatal("the stack has no identity domain Partners")
		}
		replace = append(replace, partners, ten.domain)
	}
	here := strings.NewReplacer(replace...)
	var set ocipolicy.Set
	taken := 0
	for _, s := range stack.Statements {
		parsed, err := ocipolicy.Parse(here.Replace(s.Text))
		if err != nil {
			t.Fatal(err)
		}
		before := len(parsed.Permissions)
		parsed.Permissions = slices.DeleteFunc(parsed.Permissions, func(p string) bool { return p == without })
		taken += before - len(parsed.Permissions)
		set.Statements = append(set.Statements, parsed)
	}
	for name, text := range stack.Rules {
		rule, err := ocipolicy.ParseRule(here.Replace(text))
		if err != nil {
			t.Fatal(err)
		}
		set.DynamicGroups = append(set.DynamicGroups, ocipolicy.DynamicGroup{Name: name, Rule: rule})
	}
	if len(set.Statements) < 20 || len(set.DynamicGroups) != 2 || without != "" && taken == 0 {
		t.Fatalf("the stack has %d statements and %d groups, and %d of them grant %q", len(set.Statements),
			len(set.DynamicGroups), taken, without)
	}
	return set
}

// deploy runs a function for its callers, in processes with its current configuration.
func (ten *customer) deploy(p ociemu.Principal, binary string, config map[string]string) {
	ten.Deploy(p, ociemu.Deployment{Config: config, Invoke: func(ctx context.Context, config map[string]string,
		body []byte) (int, []byte, string) {
		host, err := ten.host(p, binary, config)
		if err != nil {
			ten.t.Errorf("starting the function: %v", err)
			return 502, nil, ""
		}
		reply, err := host.Invoke(ctx, body)
		if err != nil {
			return 502, nil, reply.CallID
		}
		return reply.Status, reply.Body, reply.CallID
	}})
}

func (ten *customer) host(p ociemu.Principal, binary string, config map[string]string) (*fnhost.Host, error) {
	env := ten.Env(p)
	for _, key := range slices.Sorted(maps.Keys(config)) {
		env = append(env, key+"="+config[key])
	}
	id := p.FunctionID + strings.Join(env, "\n")
	ten.mu.Lock()
	defer ten.mu.Unlock()
	if h := ten.hosts[id]; h != nil {
		return h, nil
	}
	h, err := fnhost.Start(context.Background(), fnhost.Options{Binary: binary, Env: env, Timeout: 5 * time.Minute,
		StartTimeout: time.Minute})
	if err == nil {
		ten.hosts[id] = h
	}
	return h, err
}

func (ten *customer) end() {
	ten.mu.Lock()
	defer ten.mu.Unlock()
	for _, h := range ten.hosts {
		if err := h.Close(); err != nil {
			ten.t.Errorf("ending the function: %v", err)
		}
	}
}

// played is the result of a run of the command.
type played struct {
	code   int
	stdout string
	stderr string
	report struct {
		Passed bool
		Checks []struct {
			Name, Detail string
			Passed       bool
		}
		Facts []fact
		Left  struct {
			Users, Secrets, Scheduled int
			Troubles                  []string
		}
	}
	jsonText string
}

type fact struct{ Fact, Assumed, Matters, Saw, Verdict string }

// of returns the observation of a fact.
func (p played) of(t *testing.T, id string) fact {
	t.Helper()
	for _, f := range p.report.Facts {
		if f.Fact == id {
			return f
		}
	}
	t.Fatalf("the report has no fact %s", id)
	return fact{}
}

// start starts the command with flags in a new folder.
func (ten *customer) start(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	ten.t.Helper()
	cmd := exec.Command(command, append([]string{"accept", "--yes", "--config-file", ten.config}, args...)...)
	cmd.Dir = ten.t.TempDir()
	cmd.Env = []string{"HTTPS_PROXY=" + ten.URL(), "SSL_CERT_FILE=" + ten.CAFile(), "HOME=" + cmd.Dir, "PATH=" +
		os.Getenv("PATH")}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		ten.t.Fatal(err)
	}
	return cmd, &stdout, &stderr
}

// run runs the command to its end.
func (ten *customer) run(args ...string) played {
	ten.t.Helper()
	cmd, stdout, stderr := ten.start(args...)
	_ = cmd.Wait() // the exit code has the result
	return played{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// flags are those of an acceptance run.
func (ten *customer) flags(more ...string) []string {
	args := []string{"--function", ten.rotate.FunctionID, "--vault", ten.vault, "--key", ten.key}
	if ten.domain != "" {
		args = append(args, "--domain", ten.domain)
	}
	return append(args, more...)
}

// accept runs the command with a report in JSON.
func (ten *customer) accept(more ...string) played {
	ten.t.Helper()
	file := filepath.Join(ten.t.TempDir(), "report.json")
	p := ten.run(ten.flags(append([]string{"--report", file}, more...)...)...)
	text, err := os.ReadFile(file)
	if err != nil {
		ten.t.Fatalf("there is no report: %v\n%s%s", err, p.stdout, p.stderr)
	}
	p.jsonText = string(text)
	if err := json.Unmarshal(text, &p.report); err != nil {
		ten.t.Fatal(err)
	}
	return p
}

// nothingLeft checks that a run left no user and no secret, and did not change the function.
func (ten *customer) nothingLeft(before map[string]string) {
	ten.t.Helper()
	var users, secrets []string
	ten.AddUser("a change") // calls the view
	ten.OnChange(func(v ociemu.View) {
		users, secrets = v.Users(), v.Secrets()
	})
	ten.AddUser("another change")
	for _, id := range users {
		if name := ten.User(id).Name; strings.HasPrefix(name, "keyturn-acceptance-") {
			ten.t.Errorf("the user %s is left", name)
		}
	}
	for _, id := range secrets {
		if s := ten.Secret(id); strings.HasPrefix(s.Name, "keyturn-acceptance-") && s.State != "PENDING_DELETION" {
			ten.t.Errorf("the secret %s is left, %s", s.Name, s.State)
		}
	}
	if now := ten.Configuration(ten.rotate.FunctionID); !maps.Equal(now, before) {
		ten.t.Errorf("the function's configuration is %v, before it was %v", now, before)
	}
}
