package deploy_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fillArgs = []string{"variables", "--file", "images.auto.tfvars", reference("rotate", "a"), reference("sweep", "b")}

// lines is the output of keyturn deploy variables for images with one letter each.
func lines(rotate, sweep string) string {
	return `rotate_image = "` + reference("rotate", rotate) + "\"\nsweep_image  = \"" + reference("sweep", sweep) +
		"\"\n"
}

func TestTheImagesArePrintedForTerraformInEitherOrder(t *testing.T) {
	b := newBench(t)
	for _, args := range [][]string{{reference("rotate", "a"), reference("sweep", "b")},
		{reference("sweep", "b"), reference("rotate", "a")}} {
		if got := b.good("", append([]string{"variables"}, args...)...); got.out != lines("a", "b") {
			t.Errorf("it prints\n%s", got.out)
		}
	}
}

func TestFillingInTwiceGivesTheSameFile(t *testing.T) {
	b := newBench(t)
	b.good("", fillArgs...)
	first := b.read("images.auto.tfvars")
	got := b.good("", fillArgs...)
	if second := b.read("images.auto.tfvars"); first != lines("a", "b") || second != first ||
		!strings.Contains(got.log, "already has these images") {
		t.Errorf("first\n%ssecond\n%s%s", first, second, got.log)
	}
}

func TestFillingInKeepsEveryOtherLine(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"none of them there": {"dry_run = true\n", "dry_run = true\n" + lines("c", "d")},
		"both there": {"# mine\n" + lines("a", "b") + "\n\n# end\n", "# mine\n" + lines("c", "d") +
			"\n\n# end\n"},
		"one there": {`sweep_image="old"` + "\n", `sweep_image="` + reference("sweep", "d") +
			"\"\nrotate_image = \"" + reference("rotate", "c") + "\"\n"},
		"with comments": {"#rotate_image = \"off\"\n  rotate_image =\t\"\" # the function\nsweep_image = \"old\"// " +
			"and this\n",
			"#rotate_image = \"off\"\n  rotate_image =\t\"" + reference("rotate", "c") +
				"\" # the function\nsweep_image = \"" + reference("sweep", "d") + "\"// and this\n"},
		"no end of the last line": {"dry_run = true", "dry_run = true\n" + lines("c", "d")},
		"names that are longer": {"my_rotate_image = \"x\"\nrotate_image_old = \"x\"\n",
			"my_rotate_image = \"x\"\nrotate_image_old = \"x\"\n" + lines("c", "d")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			path := b.file("images.auto.tfvars", c.before)
			if err := os.Chmod(path, 0o640); err != nil {
				t.Fatal(err)
			}
			args := []string{"variables", "--file", "images.auto.tfvars", reference("rotate", "c"),
				reference("sweep", "d")}
			dry := b.good("", append(args, "--dry-run")...)
			if dry.out != c.after || b.read("images.auto.tfvars") != c.before {
				t.Errorf("a dry run prints\n%s\nand leaves\n%s", dry.out, b.read("images.auto.tfvars"))
			}
			b.good("", args...)
			if got := b.read("images.auto.tfvars"); got != c.after {
				t.Errorf("got\n%s\nwant\n%s", got, c.after)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("the file's mode is %v now: %v", info.Mode(), err)
			}
			rest, err := filepath.Glob(path + ".*")
			if err != nil || len(rest) > 0 {
				t.Errorf("it leaves %v: %v", rest, err)
			}
		})
	}
}

func TestAFillingInWithABadInputIsRefusedAndTheInputNamed(t *testing.T) {
	b := newBench(t)
	rotate, sweep := reference("rotate", "a"), reference("sweep", "b")
	b.file("twice.auto.tfvars", "rotate_image = \"a\"\nrotate_image = \"b\"\n")
	b.file("null.auto.tfvars", "a = 1\nsweep_image = null\n")
	b.file("block.auto.tfvars", "/*\nrotate_image = \"a\"\n*/\n")
	b.file("folder.auto.tfvars/x", "")
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"0 images"}, nil},
		{[]string{"1 images"}, []string{rotate}},
		{[]string{"3 images"}, []string{rotate, sweep, sweep}},
		{[]string{"two images of sweep"}, []string{sweep, sweep}},
		{[]string{"two images of rotate"}, []string{rotate, rotate}},
		{[]string{"'" + repositories + "/sweep:1.0.0'"}, []string{rotate, repositories + "/sweep:1.0.0"}},
		{[]string{"${x}"}, []string{rotate, strings.Replace(sweep, "keyturn", "${x}", 1)}},
		{[]string{"neither in rotate nor in sweep"}, []string{rotate, strings.Replace(sweep, "sweep", "other", 1)}},
		{[]string{"rotate is 1.0.0 and sweep is 1.0.1"}, []string{rotate, strings.Replace(sweep, "1.0.0", "1.0.1", 1)}},
		{[]string{"images.tfvars", "auto.tfvars"}, []string{"--file", "images.tfvars", rotate, sweep}},
		{[]string{"images.auto.tfvars.json"}, []string{"--file", "images.auto.tfvars.json", rotate, sweep}},
		{[]string{"nowhere/a.auto.tfvars", "no such folder"},
			[]string{"--file", "nowhere/a.auto.tfvars", rotate, sweep}},
		{[]string{"folder.auto.tfvars is not a file"}, []string{"--file", "folder.auto.tfvars", rotate, sweep}},
		{[]string{"twice.auto.tfvars, line 2", "rotate_image occurs twice"},
			[]string{"--file", "twice.auto.tfvars", rotate, sweep}},
		{[]string{"null.auto.tfvars, line 2", "sweep_image is not a plain string"},
			[]string{"--file", "null.auto.tfvars", rotate, sweep}},
		{[]string{"block.auto.tfvars, line 1", "block comment"},
			[]string{"--file", "block.auto.tfvars", rotate, sweep}},
	} {
		b.bad(wrong, c.words, "", append([]string{"variables"}, c.args...)...)
	}
	if got := b.read("null.auto.tfvars"); got != "a = 1\nsweep_image = null\n" {
		t.Errorf("a refused file was changed:\n%s", got)
	}
}

// The stack's condition must accept the output of the steps.
func TestTerraformAcceptsTheFilledInImages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "terraform", "variables.tf"))
	if err != nil {
		t.Fatal(err)
	}
	conditions := regexp.MustCompile(
		`regex\("(\^\[a-z0-9\.-\]\+/[^"]+)", var\.(rotate|sweep)_image`).FindAllStringSubmatch(string(text), -1)
	if len(conditions) != 2 {
		t.Fatalf("%d conditions for the images, want 2", len(conditions))
	}
	for _, c := range conditions {
		if image := reference(c[2], "a"); !regexp.MustCompile(c[1]).MatchString(image) {
			t.Errorf("Terraform refuses %s", image)
		}
	}
}

// unzip returns the files of a stack.
func unzip(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	out := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		out[f.Name] = text.String()
	}
	return out
}

func TestTheStackHasTheImagesAsItsDefaultsAndIsOtherwiseTheSame(t *testing.T) {
	b := newBench(t)
	source := []string{"stack", "--source", b.project()}
	b.good("", append(source, "plain.zip")...)
	b.good("", append(source, "filled.zip", reference("sweep", "b"), reference("rotate", "a"))...)
	b.good("", append(source, "again.zip", reference("rotate", "a"), reference("sweep", "b"))...)
	if b.read("filled.zip") != b.read("again.zip") {
		t.Error("two packs of the same differ")
	}
	plain, filled := unzip(t, filepath.Join(b.home, "plain.zip")), unzip(t, filepath.Join(b.home, "filled.zip"))
	for _, f := range functions {
		block := regexp.MustCompile(`(?s)variable "` + f + `_image" \{.*?\n\}\n`)
		empty := block.FindString(plain["variables.tf"])
		letter := map[string]string{"rotate": "a", "sweep": "b"}[f]
		want := strings.Replace(empty, `default     = ""`, `default     = "`+reference(f, letter)+`"`, 1)
		if got := block.FindString(filled["variables.tf"]); got != want || want == empty {
			t.Errorf("the stack has\n%s\nwant\n%s", got, want)
		}
		plain["variables.tf"] = strings.Replace(plain["variables.tf"], empty, want, 1)
	}
	if len(plain) != len(filled) || len(plain) < 15 {
		t.Errorf("%d and %d files", len(plain), len(filled))
	}
	for name, text := range plain {
		if filled[name] != text {
			t.Errorf("%s differs", name)
		}
	}
}

func TestAPackWithABadInputIsRefusedAndTheInputNamed(t *testing.T) {
	b := newBench(t)
	b.bad(wrong, []string{"stack.tar", ".zip"}, "", "stack", "stack.tar")
	b.bad(wrong, []string{"nowhere/stack.zip", "no such folder"}, "", "stack", "nowhere/stack.zip")
	b.bad(wrong, []string{"1 images"}, "", "stack", "stack.zip", reference("rotate", "a"))
	b.bad(wrong, []string{"unknown flag"}, "", "stack", "--no-such")
	b.bad(failed, []string{"terraform has no Terraform files", "--source"}, "", "stack", "stack.zip")
	dry := b.good("", "stack", "--dry-run", "--source", b.project(), "stack.zip")
	if _, err := os.Stat(filepath.Join(b.home, "stack.zip")); err == nil ||
		!strings.Contains(dry.out, "schema.yaml\n") {
		t.Errorf("a dry run prints\n%s: %v", dry.out, err)
	}
}

// project is the project's folder.
func (b *bench) project() string {
	b.t.Helper()
	path, err := filepath.Abs(root)
	if err != nil {
		b.t.Fatal(err)
	}
	return path
}
