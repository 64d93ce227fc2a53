package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

// moment is a call of the administrator's at which the command is interrupted.
type moment struct {
	operation string
	skip      int
	domain    bool // in a run with another identity domain
}

// The moments cover each part of a run: it switches the function, creates users, credentials and secrets, waits for the
// function, probes, and removes.
var moments = []moment{
	{"UpdateFunction", 0, false}, {"PublishMessage", 0, false}, {"CreateUser", 0, false}, {"UploadApiKey", 0, false},
	{"CreateSecret", 0, false}, {"CreateSecret", 4, false}, {"CreateOrResetUIPassword", 0, false},
	{"InvokeFunction", 1, false}, {"InvokeFunction", 5, false}, {"InvokeFunction", 6, false},
	{"CreateAuthToken", 3, false}, {"UpdateSecret", 2, false}, {"DeleteUser", 1, false},
	{"ScheduleSecretDeletion", 1, false},
	// the first 5 users and the probe's are in Default
	{"CreateUser", 5, true}, {"CreateApiKey", 0, true}, {"PatchAuthToken", 1, true},
	{"PutUserPasswordChanger", 0, true}, {"DeleteUser", 9, true},
}

func (m moment) String() string { return m.operation + string(rune('a'+m.skip)) }

// share reports whether to run the i-th case: in the suite all of them, otherwise every fifth from first on.
func share(t *testing.T, i, first int) bool {
	t.Helper()
	return need.Chosen(t, need.Acceptance) || i%5 == first
}

// at calls do once, before or after a call of the administrator's takes effect. The call continues after do returns.
func (ten *customer) at(m moment, when ociemu.When, do func()) {
	skip, reached := m.skip, make(chan struct{})
	ten.Inject(ociemu.Fault{When: when, Do: ociemu.Hold(reached), Match: func(c ociemu.Call) bool {
		if c.Operation != m.operation || c.Caller.ID != ten.admin {
			return false
		}
		skip--
		if skip != -1 {
			return false
		}
		go func() {
			defer close(reached)
			do()
		}()
		return true
	}})
}

func TestAnInterruptedRunRemovesWhatItCreated(t *testing.T) {
	for i, m := range moments {
		if !share(t, i, 2) { // both signals, and a moment while it removes
			continue
		}
		signal := []os.Signal{os.Interrupt, syscall.SIGTERM}[i%2]
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			ten := newTenancy(t, want{config: map[string]string{"event_check": "on"}, domain: m.domain})
			before := ten.Configuration(ten.rotate.FunctionID)
			state := filepath.Join(t.TempDir(), "state.json")
			ready, reached := make(chan struct{}), false
			var stop func() error
			ten.at(m, ociemu.Before, func() {
				<-ready
				reached = true
				if err := stop(); err != nil {
					t.Errorf("sending the signal: %v", err)
				}
			})
			cmd, stdout, stderr := ten.start(ten.flags("--switch-event-check", "--state", state)...)
			stop = func() error { return cmd.Process.Signal(signal) }
			close(ready)
			_ = cmd.Wait() // the exit code has the result
			removing := m.operation == "DeleteUser" || m.operation == "ScheduleSecretDeletion"
			if code := cmd.ProcessState.ExitCode(); !reached || removing != (code == 0) ||
				!strings.Contains(stderr.String(), "interrupted") {
				t.Errorf("the command ended with %d (the moment was reached: %t)\n%s%s", code, reached, stdout, stderr)
			}
			if _, err := os.Stat(state); !os.IsNotExist(err) {
				t.Errorf("the state file is left: %v", err)
			}
			ten.nothingLeft(before)
		})
	}
}

func TestTheStateFileOfAKilledRunRemovesWhatItLeft(t *testing.T) {
	for i, m := range moments {
		if !share(t, i, 3) {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			ten := newTenancy(t, want{config: map[string]string{"event_check": "on"}, domain: m.domain})
			before := ten.Configuration(ten.rotate.FunctionID)
			state := filepath.Join(t.TempDir(), "state.json")
			ready := make(chan struct{})
			var kill func() error
			ten.at(m, ociemu.After, func() {
				<-ready
				if err := kill(); err != nil {
					t.Errorf("killing: %v", err)
				}
			})
			cmd, _, _ := ten.start(ten.flags("--switch-event-check", "--state", state)...)
			kill = func() error { return cmd.Process.Kill() }
			close(ready)
			_ = cmd.Wait() // it was killed
			if cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("the command ended with %d before it was killed", cmd.ProcessState.ExitCode())
			}
			onlyIDs(t, state)
			p := ten.run("--clean-up", state)
			if p.code != 0 || !strings.Contains(p.stdout, "left: 0 users, 0 secrets") {
				t.Errorf("the clean-up ended with %d\n%s%s", p.code, p.stdout, p.stderr)
			}
			ten.nothingLeft(before)
			if p := ten.run("--clean-up", state); p.code != 2 || !strings.Contains(p.stderr, "no such file") {
				t.Errorf("a second clean-up ended with %d\n%s", p.code, p.stderr)
			}
		})
	}
}

// named is an entry of a state file.
type named struct {
	Name, ID  string
	Announced time.Time
}

// onlyIDs checks that only its owner can read the state file, and that it contains only names and OCIDs.
func onlyIDs(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the state file has mode %o", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var s struct {
		Version                          int
		Run, Tenancy, Vault, Compartment string
		Function                         struct {
			ID     string
			Before *string `json:"event_check_before"`
		}
		Domain         string
		Users, Secrets []named
		DomainUsers    []named `json:"domain_users"`
	}
	if err := d.Decode(&s); err != nil {
		t.Errorf("the state file has something else: %v", err)
	}
	for _, one := range slices.Concat(s.Users, s.DomainUsers, s.Secrets) {
		if !strings.HasPrefix(one.Name, "keyturn-acceptance-"+s.Run) || one.ID != "" &&
			!strings.HasPrefix(one.ID, "ocid1.") {
			t.Errorf("the state file has %+v", one)
		}
	}
}

func TestASecondSignalStopsAtOnceAndSaysHowToRemoveTheRest(t *testing.T) {
	ten := newTenancy(t, want{})
	before := ten.Configuration(ten.rotate.FunctionID)
	state := filepath.Join(t.TempDir(), "state.json")
	ready := make(chan struct{})
	ended := make(chan struct{})
	var stop func(os.Signal) error
	ten.at(moment{"CreateSecret", 1, false}, ociemu.Before, func() {
		<-ready
		for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} { // two equal signals may arrive as one
			if err := stop(signal); err != nil {
				t.Errorf("sending the signal: %v", err)
			}
		}
		<-ended // the call isn't answered before
	})
	cmd, stdout, stderr := ten.start(ten.flags("--state", state)...)
	stop = cmd.Process.Signal
	close(ready)
	_ = cmd.Wait() // the exit code has the result
	close(ended)
	if code := cmd.ProcessState.ExitCode(); code != 130 ||
		!strings.Contains(stderr.String(), "keyturn accept --clean-up "+state) {
		t.Errorf("the command ended with %d\n%s%s", code, stdout, stderr)
	}
	if p := ten.run("--clean-up", state); p.code != 0 {
		t.Errorf("the clean-up ended with %d\n%s%s", p.code, p.stdout, p.stderr)
	}
	ten.nothingLeft(before)
}

func TestAResourceThatAppearsDuringTheCleanUpIsRemoved(t *testing.T) {
	need.Suite(t, need.Acceptance)
	ten := newTenancy(t, want{})
	before := ten.Configuration(ten.rotate.FunctionID)
	state := filepath.Join(t.TempDir(), "state.json")
	ready := make(chan struct{})
	var kill func() error
	asked := 0
	ten.Inject(ociemu.Fault{Operation: "CreateUser", Do: ociemu.Late, Match: func(ociemu.Call) bool {
		<-ready
		if err := kill(); err != nil {
			t.Errorf("killing: %v", err)
		}
		return true
	}})
	ten.Inject(ociemu.Fault{Operation: "ListUsers", When: ociemu.After, Do: ociemu.Delay(0), Times: -1,
		Match: func(c ociemu.Call) bool {
			asked++
			if asked == 2 {
				go ten.ReleaseLate() // ReleaseLate waits for the faults' lock, which is held here
			}
			return false
		}})
	cmd, _, _ := ten.start(ten.flags("--state", state)...)
	kill = cmd.Process.Kill
	close(ready)
	_ = cmd.Wait() // it was killed
	p := ten.run("--clean-up", state)
	if p.code != 0 || asked < 3 {
		t.Errorf("the clean-up ended with %d after %d looks\n%s%s", p.code, asked, p.stdout, p.stderr)
	}
	made := 0
	for _, c := range ten.Calls() {
		if c.Operation == "DeleteUser" && c.Status == 204 {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d users were deleted, want the late one", made)
	}
	ten.nothingLeft(before)
}
