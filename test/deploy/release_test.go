package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// builder replaces `go run ./deploy/image`, which has its own tests, and writes the test's layouts.
func (b *bench) builder(layouts string) {
	b.t.Helper()
	b.logged("go", `if [ "$1 $2" = 'run ./deploy/image' ]; then
  while [ $# -gt 0 ]; do [ "$1" != -o ] || folder=$2; shift; done
  '`+b.find("mkdir")+`' -p "$folder" && '`+b.find("cp")+`' -R '`+layouts+`'/. "$folder"
  exit
fi
exec '`+b.find("go")+`' "$@"`)
}

func TestBuildingCallsTheImageBuilderInTheProject(t *testing.T) {
	b := newBench(t)
	b.builder(t.TempDir())
	b.good("", "build", "-V", "1.0.0", "-o", "out")
	want := "go run ./deploy/image -function all -o " + b.home + "/out -version 1.0.0\n"
	if b.calls(want) != 1 {
		t.Errorf("it doesn't call %s", want)
	}
	dry := b.good("", "build", "-n")
	project, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if b.calls("go run") != 1 || !strings.Contains(dry.log, "go run ./deploy/image -function all -o "+project+"/dist") {
		t.Errorf("a dry run says\n%s", dry.log)
	}
	b.bad([]string{"-V 1 0"}, "", "build", "-V", "1 0")
	b.bad([]string{"surplus"}, "", "build", "surplus")
	b.bad([]string{"no option -x"}, "", "build", "-x")
	b.bad([]string{"-o is empty"}, "", "build", "-o", "")
	b.remove("go")
	b.bad([]string{"Go is missing"}, "", "build")
}

// releaseRig has everything that a release needs. The tenancy contains the images that it pushes.
func releaseRig(t *testing.T) (*bench, *registry, map[string]string, []string) {
	t.Helper()
	needRegistry(t)
	b := newBench(t)
	r := newRegistry(t, true)
	r.admit(b)
	r.login(b)
	made := t.TempDir()
	digests := layouts(t, made, 7)
	b.builder(made)
	s := shop()
	s.Images = nil
	for _, f := range functions {
		s.Images = append(s.Images, stored("ocid1.containerimage.oc1.."+f, f, digests[f]))
	}
	b.oci(s)
	b.file("stack/terraform.tfvars", "dry_run = true\n")
	return b, r, digests, []string{"-r", repositories, "-V", "1.0.0", "-c", compartment, "-k", key, "-e", endpoint,
		"-o", "dist", "-a", "stack/images.auto.tfvars"}
}

func TestAReleaseTakesAllStepsAndASecondOneChangesNothing(t *testing.T) {
	b, r, digests, args := releaseRig(t)
	first := b.good("", "release", args...)
	if want := references(digests, "1.0.0"); first.out != want {
		t.Errorf("it prints\n%swant\n%s", first.out, want)
	}
	for _, f := range functions {
		if r.pull(repositories+"/"+f+":1.0.0") != digests[f] {
			t.Errorf("%s is not there", f)
		}
		if !strings.Contains(b.read("stack/images.auto.tfvars"), f+":1.0.0@"+digests[f]) {
			t.Errorf("%s is not filled in", f)
		}
		if stack := unzip(t, filepath.Join(b.home, "dist", "keyturn-stack.zip")); !strings.Contains(
			stack["variables.tf"], f+":1.0.0@"+digests[f]) {
			t.Errorf("%s is not in the stack", f)
		}
	}
	if got := b.tenancy().signed(); len(got) != 2 {
		t.Errorf("signed are %v", got)
	}
	sent, zip := r.written(), b.read("dist/keyturn-stack.zip")
	second := b.good("", "release", args...)
	if r.written() != sent || b.calls("sign-upload") != 2 || b.read("dist/keyturn-stack.zip") != zip ||
		second.out != first.out {
		t.Errorf("a second release has changed something:\n%s", second.log)
	}
}

func TestADryReleaseShowsTheStepsAndDoesNothing(t *testing.T) {
	b, r, _, args := releaseRig(t)
	got := b.good("", "release", append([]string{"-n"}, args...)...)
	at := 0
	for _, step := range []string{"build", "push", "sign", "fill-in", "pack-stack"} {
		i := strings.Index(got.log[at:], "== deploy/"+step+" ")
		if i < 0 {
			t.Fatalf("the step %s is not shown, or not in its place:\n%s", step, got.log)
		}
		at += i
	}
	if _, err := os.Stat(filepath.Join(b.home, "dist")); err == nil || r.written() > 0 || b.calls("go run") > 0 ||
		got.out != "" {
		t.Errorf("it has done something:\n%s%s", got.out, got.log)
	}
}

func TestAReleaseEndsAtTheStepThatFails(t *testing.T) {
	b, r, _, args := releaseRig(t)
	r.setDown(true)
	got := b.bad([]string{host + " can't be reached"}, "", "release", args...)
	if strings.Contains(got.log, "== deploy/sign") || b.calls("oci ") > 0 {
		t.Errorf("it has gone on:\n%s", got.log)
	}
}

func TestAnUnsignedReleaseNeedsAFlag(t *testing.T) {
	b, _, _, _ := releaseRig(t)
	base := []string{"-r", repositories, "-V", "1.0.0", "-o", "dist", "-a", "stack/images.auto.tfvars"}
	b.bad([]string{"-k is missing", "none"}, "", "release", base...)
	got := b.good("", "release", append(base, "-k", "none")...)
	if b.calls("oci ") > 0 || !strings.Contains(got.log, "not signed") {
		t.Errorf("it says\n%s", got.log)
	}
}

func TestAReleaseWithABadInputIsRefusedBeforeTheFirstStep(t *testing.T) {
	b := newBench(t)
	b.oci(shop())
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"-r is missing"}, []string{"-V", "1.0.0"}},
		{[]string{"-V is missing"}, []string{"-r", repositories}},
		{[]string{"-V 1 0"}, []string{"-r", repositories, "-V", "1 0"}},
		{[]string{"-c is missing"}, []string{"-r", repositories, "-V", "1.0.0", "-k", key}},
		{[]string{"-e is missing", "-v"}, []string{"-r", repositories, "-V", "1.0.0", "-k", key, "-c", compartment}},
		{[]string{"surplus"}, []string{"surplus"}},
		{[]string{"no option -x"}, []string{"-x"}},
		{[]string{"-s needs a value"}, []string{"-s"}},
	} {
		b.bad(c.words, "", "release", c.args...)
	}
	if b.calls("go run") > 0 {
		t.Error("a step was taken")
	}
	b.remove("zip")
	b.bad([]string{"zip is missing"}, "", "release", "-r", repositories, "-V", "1.0.0", "-k", "none")
}
