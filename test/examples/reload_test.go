package examples_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// consumer is a machine with a program that counts its reloads.
func consumer(t *testing.T) (r *rig, state string, reloads func() int) {
	t.Helper()
	r = place(t, tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	log := filepath.Join(r.home, "reloads")
	r.tool("systemctl", "printf '%s\\n' \"$*\" >>'"+log+"'")
	return r, filepath.Join(r.home, "orders"), func() int {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(text), "try-reload-or-restart orders.service\n")
	}
}

func (r *rig) onChange(state string, command ...string) result {
	return r.run("keyturn-on-change", append([]string{state, r.secret}, command...)...)
}

func TestAConsumerIsReloadedOnceForEachRotation(t *testing.T) {
	r, state, reloads := consumer(t)
	run := func(want int, what string) {
		t.Helper()
		if got := r.want(r.onChange(state, "systemctl", "try-reload-or-restart", "orders.service")); got != "" {
			t.Errorf("%s: the script printed %q", what, got)
		}
		if n := reloads(); n != want {
			t.Errorf("%s: %d reloads, want %d", what, n, want)
		}
	}
	run(1, "the first run")
	run(1, "without a rotation")
	during := r.whileStaged(func() result {
		return r.onChange(state, "systemctl", "try-reload-or-restart", "orders.service")
	})
	r.rotate()
	r.want(<-during)
	if n := reloads(); n != 1 {
		t.Errorf("a staged version was taken for a new one: %d reloads", n)
	}
	run(2, "after a rotation")
	run(2, "after another look")
	if err := r.Promote(t.Context(), r.secret, 2); err != nil { // an operator undoes the rotation
		t.Fatal(err)
	}
	run(3, "after a rotation was undone")
	for _, c := range r.Calls() {
		if c.Operation == "GetSecretBundle" && c.Caller.Kind == "user" {
			t.Error("the machine read the value")
		}
	}
}

func TestAReloadThatFailsIsTriedAgain(t *testing.T) {
	r, state, reloads := consumer(t)
	r.refused(r.onChange(state, "bash", "-c", "exit 3"), "exit code 3; the next run tries again")
	r.want(r.onChange(state, "systemctl", "try-reload-or-restart", "orders.service"))
	r.rotate()
	r.Inject(ociemu.Fault{Operation: "GetSecret", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	r.refused(r.onChange(state, "systemctl", "try-reload-or-restart", "orders.service"), "could not read the secret")
	r.write(state, "another secret 2")
	r.want(r.onChange(state, "systemctl", "try-reload-or-restart", "orders.service"))
	if n := reloads(); n != 2 {
		t.Errorf("%d reloads, want 2", n)
	}
	for _, args := range [][]string{{state, r.secret}, {"orders", r.secret, "true"}, {state, "orders-token", "true"}} {
		if got := r.run("keyturn-on-change", args...); got.code == 0 || got.err == "" {
			t.Errorf("%v is accepted", args[:1])
		}
	}
}

func TestTheUnitReloadsAnotherUnitWithTheScript(t *testing.T) {
	service, timer := unit(t, "reload/keyturn-orders-reload.service"), unit(t, "reload/keyturn-orders-reload.timer")
	command := strings.Fields(service["Service.ExecStart"])
	if len(command) != 6 || filepath.Base(command[0]) != "keyturn-on-change" || command[2] != "${KEYTURN_SECRET}" ||
		!slices.Equal(command[3:], []string{"systemctl", "try-reload-or-restart", "orders.service"}) {
		t.Fatalf("the unit runs %q", command)
	}
	if filepath.Dir(command[1]) != "/var/lib/"+service["Service.StateDirectory"] {
		t.Errorf("the state is %s, which the unit may not write", command[1])
	}
	if service["Service.Type"] != "oneshot" || timer["Install.WantedBy"] != "timers.target" ||
		timer["Timer.OnUnitActiveSec"] != "5min" {
		t.Errorf("the units are %v and %v", service, timer)
	}
}

// cronJob, role and binding are the parts of the Kubernetes API that the example uses. Misspelt fields are refused.
// Source: the API reference of Kubernetes 1.32.
type cronJob struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Spec       struct {
		Schedule  string `yaml:"schedule"`
		Policy    string `yaml:"concurrencyPolicy"`
		Deadline  int    `yaml:"startingDeadlineSeconds"`
		Succeeded int    `yaml:"successfulJobsHistoryLimit"`
		Failed    int    `yaml:"failedJobsHistoryLimit"`
		Job       struct {
			Spec struct {
				Backoff  int `yaml:"backoffLimit"`
				Deadline int `yaml:"activeDeadlineSeconds"`
				Template struct {
					Metadata meta   `yaml:"metadata"`
					Spec     jobPod `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"spec"`
		} `yaml:"jobTemplate"`
	} `yaml:"spec"`
}

type jobPod struct {
	ServiceAccountName string         `yaml:"serviceAccountName"`
	Automount          bool           `yaml:"automountServiceAccountToken"`
	Restart            string         `yaml:"restartPolicy"`
	SecurityContext    podSecurity    `yaml:"securityContext"`
	Containers         []jobContainer `yaml:"containers"`
	Volumes            []struct {
		Name      string `yaml:"name"`
		ConfigMap *struct {
			Name        string `yaml:"name"`
			DefaultMode int    `yaml:"defaultMode"`
		} `yaml:"configMap"`
		EmptyDir *struct{} `yaml:"emptyDir"`
	} `yaml:"volumes"`
}

type jobContainer struct {
	container `yaml:",inline"`
	Command   []string `yaml:"command"`
}

type role struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Rules      []struct {
		Groups    []string `yaml:"apiGroups"`
		Resources []string `yaml:"resources"`
		Names     []string `yaml:"resourceNames"`
		Verbs     []string `yaml:"verbs"`
	} `yaml:"rules"`
}

type binding struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Role       struct {
		Group string `yaml:"apiGroup"`
		Kind  string `yaml:"kind"`
		Name  string `yaml:"name"`
	} `yaml:"roleRef"`
	Subjects []struct {
		Kind      string `yaml:"kind"`
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"subjects"`
}

// rollout is the content of cronjob.yaml.
type rollout struct {
	account serviceAccount
	role    role
	binding binding
	job     cronJob
}

func readRollout(t *testing.T) (r rollout) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "reload/cronjob.yaml")))
	decoder.KnownFields(true)
	for _, into := range []any{&r.account, &r.role, &r.binding, &r.job} {
		if err := decoder.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("there is more than four resources: %v", err)
	}
	got := []string{r.account.APIVersion, r.account.Kind, r.role.APIVersion, r.role.Kind, r.binding.APIVersion,
		r.binding.Kind, r.job.APIVersion, r.job.Kind}
	const rbac = "rbac.authorization.k8s.io/v1"
	if !slices.Equal(got, []string{"v1", "ServiceAccount", rbac, "Role", rbac, "RoleBinding", "batch/v1", "CronJob"}) {
		t.Errorf("the resources are %v", got)
	}
	return r
}

func TestTheJobMayChangeItsDeploymentAndNothingElse(t *testing.T) {
	r := readRollout(t)
	pod := r.job.Spec.Job.Spec.Template.Spec
	command := pod.Containers[0].Command
	if len(command) != 4 || filepath.Base(command[0]) != "keyturn-rollout" {
		t.Fatalf("the job runs %q", command)
	}
	rule := r.role.Rules[0]
	if len(r.role.Rules) != 1 || !slices.Equal(rule.Groups, []string{"apps"}) ||
		!slices.Equal(rule.Resources, []string{"deployments"}) || !slices.Equal(rule.Names, command[2:3]) ||
		!slices.Equal(rule.Verbs, []string{"get", "patch"}) {
		t.Errorf("the role is %+v", r.role.Rules)
	}
	name := r.account.Metadata.Name
	if len(r.binding.Subjects) != 1 || r.binding.Subjects[0].Name != name ||
		r.binding.Role.Name != r.role.Metadata.Name || pod.ServiceAccountName != name || r.account.Automount ||
		!pod.Automount {
		t.Errorf("the job doesn't run as %s, or that has another role", name)
	}
	for _, m := range []meta{r.account.Metadata, r.role.Metadata, r.binding.Metadata, r.job.Metadata} {
		if m.Namespace != command[1] {
			t.Errorf("%s is in the namespace %s, the Deployment in %s", m.Name, m.Namespace, command[1])
		}
	}
	c := pod.Containers[0]
	if pod.Restart != "Never" || r.job.Spec.Policy != "Forbid" || !pod.SecurityContext.RunAsNonRoot ||
		c.SecurityContext.Escalation || !c.SecurityContext.ReadOnlyRoot ||
		!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
		t.Error("the pod has more than it needs")
	}
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	for _, v := range pod.Volumes {
		if mounts[v.Name] == "" || v.ConfigMap != nil && (v.ConfigMap.DefaultMode != 0o555 ||
			mounts[v.Name] != filepath.Dir(command[0]) ||
			!strings.Contains(read(t, "reload/README.md"), "configmap "+v.ConfigMap.Name)) {
			t.Errorf("the volume %s is not mounted, or has no scripts", v.Name)
		}
	}
}

func TestTheReloadsPolicyAllowsNoValue(t *testing.T) {
	form := regexp.MustCompile(`^Allow dynamic-group \S+ to \{SECRET_READ\} in compartment id \S+ where ` +
		`target\.secret\.name = '[a-z-]+'\n$`)
	if policy := read(t, "reload/policy.txt"); !form.MatchString(policy) {
		t.Errorf("the policy is %q", policy)
	}
}

// The fake kubectl applies the patch to the annotations of a Deployment, and counts the changes, as Kubernetes replaces
// the pods only if their template has changed.
func TestADeploymentIsRestartedOnceForEachRotation(t *testing.T) {
	r := place(t, tenancy.Want{Kind: tenancy.APIKey, Bundle: true})
	log := filepath.Join(r.home, "patches")
	r.tool("kubectl", "printf '%s\\n' \"$9\" >>'"+log+"'; [ \"$*\" = \"--namespace orders patch deployment orders "+
		"--type merge --patch $9\" ]")
	annotations, changes, runs := map[string]string{}, 0, 0
	run := func(want int, what string) {
		t.Helper()
		runs++
		r.want(r.run("keyturn-rollout", "orders", "orders", r.secret))
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		var patch struct {
			Spec struct {
				Template struct {
					Metadata struct{ Annotations map[string]string }
				}
			}
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &patch); err != nil || len(lines) != runs {
			t.Fatalf("%s: the patches are %q: %v", what, lines, err)
		}
		got := patch.Spec.Template.Metadata.Annotations
		before := maps.Clone(annotations)
		maps.Copy(annotations, got)
		if !maps.Equal(before, annotations) {
			changes++
		}
		for name := range got {
			if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,61}[a-z0-9]$`).MatchString(name) {
				t.Errorf("%q is no name of an annotation", name)
			}
		}
		if changes != want || len(got) != 1 {
			t.Errorf("%s: %d restarts, want %d; the annotations are %v", what, changes, want, got)
		}
	}
	run(1, "the first run")
	run(1, "without a rotation")
	r.rotate()
	run(2, "after a rotation")
	run(2, "after another look")
	r.tool("kubectl", "exit 1")
	r.refused(r.run("keyturn-rollout", "orders", "orders", r.secret), "could not change the Deployment")
	r.Inject(ociemu.Fault{Operation: "GetSecret", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	r.refused(r.run("keyturn-rollout", "orders", "orders", r.secret), "could not read the secret")
}
