package examples_test

import (
	"bytes"
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

// workload is the content of workload.yaml.
type workload struct {
	account    serviceAccount
	class      providerClass
	config     configMap
	deployment deployment
}

func readWorkload(t *testing.T) workload {
	t.Helper()
	var w workload
	var namespace struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   meta   `yaml:"metadata"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "oke-csi/workload.yaml")))
	decoder.KnownFields(true)
	for _, into := range []any{&namespace, &w.account, &w.class, &w.config, &w.deployment} {
		if err := decoder.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("there is more than five resources: %v", err)
	}
	got := []string{namespace.APIVersion, namespace.Kind, w.account.APIVersion, w.account.Kind, w.class.APIVersion,
		w.class.Kind,
		w.config.APIVersion, w.config.Kind, w.deployment.APIVersion, w.deployment.Kind}
	want := []string{"v1", "Namespace", "v1", "ServiceAccount", "secrets-store.csi.x-k8s.io/v1", "SecretProviderClass",
		"v1", "ConfigMap", "apps/v1", "Deployment"}
	if !slices.Equal(got, want) {
		t.Errorf("the resources are %v, want %v", got, want)
	}
	for _, m := range []meta{w.account.Metadata, w.class.Metadata, w.config.Metadata, w.deployment.Metadata} {
		if m.Namespace != namespace.Metadata.Name || m.Name == "" {
			t.Errorf("%+v is in another namespace than %s", m, namespace.Metadata.Name)
		}
	}
	return w
}

// requests reads the parameter `secrets`.
func (w workload) requests(t *testing.T) []secretRequest {
	t.Helper()
	var out []secretRequest
	decoder := yaml.NewDecoder(strings.NewReader(w.class.Spec.Parameters["secrets"]))
	decoder.KnownFields(true)
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// mount is the container's path of a volume.
func (w workload) mount(t *testing.T, name string) string {
	t.Helper()
	for _, m := range w.deployment.Spec.Template.Spec.Containers[0].VolumeMounts {
		if m.Name == name && m.ReadOnly {
			return m.MountPath
		}
	}
	t.Fatalf("the volume %s is not mounted, or not read-only", name)
	return ""
}

func TestTheProviderClassAsksForTheCurrentVersionAsTheWorkload(t *testing.T) {
	w := readWorkload(t)
	if w.class.Spec.Provider != "oci" {
		t.Errorf("the provider is %s; oci is the name of Oracle's socket", w.class.Spec.Provider)
	}
	if got := slices.Sorted(maps.Keys(w.class.Spec.Parameters)); !slices.Equal(got,
		[]string{"authType", "secrets", "vaultId"}) {
		t.Errorf("the parameters are %v", got)
	}
	if got := w.class.Spec.Parameters["authType"]; got != "workload" {
		t.Errorf("the provider signs in as %s", got)
	}
	requests := w.requests(t)
	if len(requests) != 1 || requests[0].Stage != "CURRENT" || requests[0].VersionNumber != 0 ||
		requests[0].FileName == "" {
		t.Errorf("it asks for %+v", requests)
	}
}

func TestTheDeploymentMountsWhatItsConfigurationNames(t *testing.T) {
	w := readWorkload(t)
	d := w.deployment.Spec
	p := d.Template.Spec
	if !maps.Equal(d.Selector.MatchLabels, d.Template.Metadata.Labels) ||
		p.ServiceAccountName != w.account.Metadata.Name {
		t.Error("the labels or the service account don't agree")
	}
	if p.Automount || w.account.Automount || !p.SecurityContext.RunAsNonRoot || len(p.Containers) != 1 {
		t.Error("the pod has more than it needs")
	}
	c := p.Containers[0]
	if c.SecurityContext.Escalation || !c.SecurityContext.ReadOnlyRoot ||
		!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
		t.Error("the container has more than it needs")
	}
	for _, v := range p.Volumes {
		w.mount(t, v.Name)
		switch {
		case v.CSI != nil:
			if v.CSI.Driver != "secrets-store.csi.k8s.io" || !v.CSI.ReadOnly ||
				v.CSI.Attributes["secretProviderClass"] != w.class.Metadata.Name {
				t.Errorf("the volume %s is %+v", v.Name, *v.CSI)
			}
		case v.Name == "aws":
			if v.ConfigMap.Name != w.config.Metadata.Name {
				t.Errorf("the volume aws is %s", v.ConfigMap.Name)
			}
		case v.Name == "scripts":
			if v.ConfigMap.DefaultMode != 0o555 || !strings.Contains(read(t, "oke-csi/README.md"), "configmap "+
				v.ConfigMap.Name) {
				t.Error("the scripts are not executable, or have no config map")
			}
		default:
			t.Errorf("the volume %s is of no kind", v.Name)
		}
	}
	command := w.mount(t, "scripts") + "/keyturn-s3-credentials " + w.mount(t, "keyturn") + "/" +
		w.requests(t)[0].FileName
	if !strings.Contains(w.config.Data["config"], "credential_process = "+command+"\n") {
		t.Errorf("the configuration doesn't run %s", command)
	}
	if i := slices.IndexFunc(c.Env, func(e struct{ Name, Value string }) bool {
		return e.Name == "AWS_CONFIG_FILE"
	}); i < 0 || c.Env[i].Value != w.mount(t, "aws")+"/config" {
		t.Error("the SDK looks for its configuration somewhere else")
	}
}

func TestThePolicyNamesTheWorkloadAndItsSecretAndNoMore(t *testing.T) {
	w := readWorkload(t)
	policy := strings.TrimSpace(read(t, "oke-csi/policy.txt"))
	form := regexp.MustCompile(`^Allow any-user to read secret-bundles in compartment id \S+ where all \{(.*)\}$`)
	found := form.FindStringSubmatch(policy)
	if found == nil {
		t.Fatal("the policy is not one statement that reads secret bundles of a compartment")
	}
	conditions := map[string]string{}
	for _, c := range strings.Split(found[1], ", ") {
		name, value, _ := strings.Cut(c, " = ")
		conditions[name] = strings.Trim(value, "'")
	}
	cluster := conditions["request.principal.cluster_id"]
	want := map[string]string{"request.principal.type": "workload",
		"request.principal.namespace":       w.account.Metadata.Namespace,
		"request.principal.service_account": w.account.Metadata.Name, "request.principal.cluster_id": cluster,
		"target.secret.name": w.requests(t)[0].Name}
	if !maps.Equal(conditions, want) || !strings.HasPrefix(cluster, "ocid1.cluster.") {
		t.Errorf("the conditions are %v, want %v", conditions, want)
	}
}

func TestTheChartsValuesTurnRotationOnAndTheOtherPrincipalsOff(t *testing.T) {
	type switched struct {
		Enabled bool   `yaml:"enabled"`
		Version string `yaml:"resourcePrincipalVersion"`
		Region  string `yaml:"resourcePrincipalRegion"`
	}
	// Source: charts/oci-secrets-store-csi-driver-provider/values.schema.json in Oracle's repository, chart 0.4.1.
	var values struct {
		Provider struct {
			OCI struct {
				Auth struct {
					Types struct{ Instance, User, Workload switched }
				}
			} `yaml:"oci"`
		}
		Driver struct {
			Install    bool
			SyncSecret switched `yaml:"syncSecret"`
			Rotation   bool     `yaml:"enableSecretRotation"`
			Poll       string   `yaml:"rotationPollInterval"`
		} `yaml:"secrets-store-csi-driver"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "oke-csi/values.yaml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&values); err != nil {
		t.Fatal(err)
	}
	types := values.Provider.OCI.Auth.Types
	if types.Instance.Enabled || types.User.Enabled || !types.Workload.Enabled || types.Workload.Version != "2.2" ||
		types.Workload.Region == "" {
		t.Errorf("the principals are %+v", types)
	}
	if d := values.Driver; !d.Install || d.SyncSecret.Enabled || !d.Rotation || d.Poll != "2m" {
		t.Errorf("the driver's values are %+v", d)
	}
}

func TestAPodsSDKUsesTheRotatedKeyWithoutARestart(t *testing.T) {
	w := readWorkload(t)
	r := placeS3(t)
	volume := &csiVolume{rig: r, folder: filepath.Join(r.home, w.mount(t, "keyturn")), requests: w.requests(t),
		vault: r.Secret(r.secret).Vault}
	for i := range volume.requests { // the test's secret has another name than the example's
		volume.requests[i].Name = r.Secret(r.secret).Name
	}
	// The container's folders, at their paths below the machine's home.
	command := regexp.MustCompile(`credential_process = (.*)`).FindStringSubmatch(w.config.Data["config"])[1]
	script, file, _ := strings.Cut(command, " ")
	use := func() result { return r.run(filepath.Base(script), filepath.Join(r.home, file)) }
	poll := func() {
		if err := volume.publish(); err != nil {
			t.Fatal(err)
		}
	}
	poll()
	first := r.process(r.want(use()))
	during := r.whileStaged(func() result {
		if err := volume.publish(); err != nil {
			return result{err: err.Error(), code: 1}
		}
		return use()
	})
	r.rotate()
	if got := r.process(r.want(<-during)); got.AccessKeyID != first.AccessKeyID {
		t.Error("the pod got a key that was not yet proven")
	}
	if got := r.process(r.want(use())); got.AccessKeyID != first.AccessKeyID {
		t.Error("the file changed without a poll: this test shows nothing")
	}
	poll()
	second := r.process(r.want(use()))
	if status := r.c.Try(tenancy.Credential{ID: second.AccessKeyID, Value: second.SecretAccessKey}); status != 200 ||
		second.AccessKeyID == first.AccessKeyID {
		t.Errorf("after the poll the pod's key is answered %d", status)
	}
	r.Inject(ociemu.Fault{Operation: "GetSecretBundleByName", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if err := volume.publish(); err == nil {
		t.Error("the poll went well: this test shows nothing")
	}
	if got := r.process(r.want(use())); got.AccessKeyID != second.AccessKeyID {
		t.Error("a poll that failed took the key away")
	}
}

func TestTheWriterOfVolumesNeverShowsHalfAFile(t *testing.T) {
	v := &csiVolume{folder: t.TempDir()}
	for _, text := range []string{"one", "two"} {
		if err := v.write(map[string][]byte{"x": []byte(text)}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(v.folder, "x"))
		if err != nil || !bytes.Equal(got, []byte(text)) {
			t.Errorf("the file has %q: %v", got, err)
		}
	}
}
