package need

import "strings"

// Named is a suite: tests that take minutes, or need more than Go.
type Named struct {
	Name     string
	What     string // what it tests
	Packages string // where its tests are
	Tools    string // what it needs besides Go; "": nothing
}

// The suites.
var (
	Acceptance   = Named{"acceptance", "the acceptance run in every kind of tenancy", "./test/acceptance", ""}
	Bench        = Named{"bench", "what the benchmark measures, on the binaries of a release", "./test/bench", ""}
	Combinations = Named{"combinations", "every kind and form of a credential with every undocumented answer of OCI, " +
		"lost answer, kill and operator's action", "./test/e2e", ""}
	Images = Named{"images", "the images: built in both ways, compared, run in a Docker engine", "./test/image",
		"root, docker.io, ldd"}
	LeastPrivilege = Named{"least-privilege", "each permission of the policies removed alone",
		"./test/leastprivilege",
		"Terraform with a stand-in for Oracle's provider, for one test"}
	Registry = Named{"registry", "the push of the images to a registry server, and the files of a release",
		"./test/deploy", "docker-registry"}
	Stack = Named{"stack", "the Terraform stack: its own tests, a plan, an apply and a destroy", "./test/terraform",
		"Terraform, with a stand-in for Oracle's provider"}
)

// Suites lists all suites.
var Suites = []Named{Acceptance, Bench, Combinations, Images, LeastPrivilege, Registry, Stack}

// Command is the shell command that runs the suite.
func (s Named) Command() string { return "KEYTURN_SUITE=" + s.Name + " go test " + s.Packages }

// Table is the table of the suites in CONTRIBUTING.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| suite | what it tests | needs besides Go | command |\n| --- | --- | --- | --- |\n")
	for _, s := range Suites {
		tools := s.Tools
		if tools == "" {
			tools = "nothing"
		}
		b.WriteString("| `" + s.Name + "` | " + s.What + " | " + tools + " | `" + s.Command() + "` |\n")
	}
	return b.String()
}
