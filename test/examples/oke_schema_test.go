package examples_test

type meta struct {
	Name      string            `yaml:"name"`
	Namespace string            `yaml:"namespace"`
	Labels    map[string]string `yaml:"labels"`
}

// providerClass is the schema of the custom resource, version v1. All its parameters are strings. Source:
// config/crd/bases/secrets-store.csi.x-k8s.io_secretproviderclasses.yaml in kubernetes-sigs/secrets-store-csi-driver.
type providerClass struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Spec       struct {
		Provider   string            `yaml:"provider"`
		Parameters map[string]string `yaml:"parameters"`
	} `yaml:"spec"`
}

// secretRequest is one entry of the parameter `secrets`. The provider parses it as strictly as this test. Source:
// internal/types/types.go and internal/server/server.go in oracle/oci-secrets-store-csi-driver-provider.
type secretRequest struct {
	Name          string `yaml:"name"`
	Stage         string `yaml:"stage"`
	VersionNumber int64  `yaml:"versionNumber"`
	FileName      string `yaml:"fileName"`
}

// serviceAccount, configMap and deployment are the parts of the Kubernetes API that the example uses. Misspelt fields
// are refused. Source: the API reference of Kubernetes 1.32.
type serviceAccount struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Automount  bool   `yaml:"automountServiceAccountToken"`
}

type configMap struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   meta              `yaml:"metadata"`
	Data       map[string]string `yaml:"data"`
}

type deployment struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   meta   `yaml:"metadata"`
	Spec       struct {
		Replicas int `yaml:"replicas"`
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"selector"`
		Template struct {
			Metadata meta `yaml:"metadata"`
			Spec     pod  `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type pod struct {
	ServiceAccountName string      `yaml:"serviceAccountName"`
	Automount          bool        `yaml:"automountServiceAccountToken"`
	SecurityContext    podSecurity `yaml:"securityContext"`
	Containers         []container `yaml:"containers"`
	Volumes            []volume    `yaml:"volumes"`
}

type podSecurity struct {
	RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
	RunAsUser      int64                 `yaml:"runAsUser"`
	SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
}

type container struct {
	Name            string                                        `yaml:"name"`
	Image           string                                        `yaml:"image"`
	Env             []struct{ Name, Value string }                `yaml:"env"`
	Resources       struct{ Limits struct{ CPU, Memory string } } `yaml:"resources"`
	SecurityContext struct {
		Escalation   bool                    `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRoot bool                    `yaml:"readOnlyRootFilesystem"`
		Capabilities struct{ Drop []string } `yaml:"capabilities"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type volume struct {
	Name string `yaml:"name"`
	CSI  *struct {
		Driver     string            `yaml:"driver"`
		ReadOnly   bool              `yaml:"readOnly"`
		Attributes map[string]string `yaml:"volumeAttributes"`
	} `yaml:"csi"`
	ConfigMap *struct {
		Name        string `yaml:"name"`
		DefaultMode int    `yaml:"defaultMode"`
	} `yaml:"configMap"`
}
