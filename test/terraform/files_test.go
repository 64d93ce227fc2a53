package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// input is a variable of the stack, output is one of its outputs.
type input struct {
	section, name, description, kind, def string
	required                              bool
	words                                 []string // allowed values, if they are a short list
}

type output struct{ section, name, description string }

var (
	banner    = regexp.MustCompile(`^# -{16,} (.+)$`)
	begins    = regexp.MustCompile(`^(variable|output) "([a-z0-9_]+)" \{$`)
	attribute = regexp.MustCompile(`^  (description|type|default) += (.+)$`)
	contains  = regexp.MustCompile(`^    condition += contains\(\[([^\]]+)\], var\.([a-z0-9_]+)\)$`)
)

// readBlocks reads the variables and outputs of the stack. It needs no HCL parser, because terraform fmt formats the
// files. Text that it doesn't understand fails the test.
func readBlocks(t *testing.T, files ...string) ([]input, []output) {
	t.Helper()
	var ins []input
	var outs []output
	for _, file := range files {
		section, open := "", ""
		var in input
		lines := strings.Split(read(t, "terraform/"+file), "\n")
		for i := 0; i < len(lines); i++ {
			line := lines[i]
			if m := banner.FindStringSubmatch(line); m != nil {
				section = m[1]
			} else if m := begins.FindStringSubmatch(line); m != nil {
				open, in = m[1], input{section: section, name: m[2], required: true}
			} else if m := attribute.FindStringSubmatch(line); m != nil && open != "" {
				value := m[2]
				for depth(value) > 0 { // a type over several lines
					i++
					value += "\n" + lines[i]
				}
				switch m[1] {
				case "description":
					in.description = strings.ReplaceAll(strings.Trim(value, `"`), `\"`, `"`)
				case "type":
					in.kind = strings.Join(strings.Fields(value), " ")
				case "default":
					in.def, in.required = value, false
				}
			} else if m := contains.FindStringSubmatch(line); m != nil && m[2] == in.name {
				for w := range strings.SplitSeq(m[1], ", ") {
					in.words = append(in.words, strings.Trim(w, `"`))
				}
			} else if line == "}" && open != "" {
				if open == "variable" {
					ins = append(ins, in)
				} else {
					outs = append(outs, output{in.section, in.name, in.description})
				}
				open = ""
			}
		}
	}
	return ins, outs
}

func depth(s string) int {
	return strings.Count(s, "(") + strings.Count(s, "{") - strings.Count(s, ")") - strings.Count(s, "}")
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func stack(t *testing.T) ([]input, []output) {
	t.Helper()
	ins, _ := readBlocks(t, "variables.tf", "variables_platform.tf")
	_, outs := readBlocks(t, "outputs.tf")
	if len(ins) < 40 || len(outs) < 15 {
		t.Fatalf("%d inputs and %d outputs were read, want 40 and 15 or more", len(ins), len(outs))
	}
	return ins, outs
}

func TestEveryInputAndOutputIsTypedAndExplained(t *testing.T) {
	ins, outs := stack(t)
	for _, in := range ins {
		if in.kind == "" || len(in.description) < 12 || in.section == "" {
			t.Errorf("input %s has the type %q, the description %q and the section %q", in.name, in.kind,
				in.description, in.section)
		}
	}
	for _, out := range outs {
		if len(out.description) < 12 || out.section == "" {
			t.Errorf("output %s has the description %q and the section %q", out.name, out.description, out.section)
		}
	}
}

func TestEveryValidationNamesItsInputInTheMessage(t *testing.T) {
	text := read(t, "terraform/variables.tf") + read(t, "terraform/variables_platform.tf")
	checks := regexp.MustCompile(`(?m)^variable "([a-z0-9_]+)"|^    error_message = "([^"]*)`).FindAllStringSubmatch(
		text, -1)
	name, seen := "", 0
	for _, c := range checks {
		if c[1] != "" {
			name = c[1]
			continue
		}
		seen++
		if !strings.HasPrefix(c[2], name) {
			t.Errorf("a message of %s begins with %.40q", name, c[2])
		}
	}
	if seen < 40 {
		t.Errorf("%d messages were looked at, want 40 or more", seen)
	}
}

// sections is the order of the sections in every file.
var sections = []string{"General", "IAM", "Events", "Functions", "Network", "Vault", "Notifications", "Alarms",
	"Schedule", "Report", "Hardening"}

func TestTheSectionsComeInTheSameOrderInEveryFile(t *testing.T) {
	ins, outs := stack(t)
	var inputs, outputs []string
	for _, in := range ins {
		inputs = append(inputs, in.section)
	}
	for _, out := range outs {
		outputs = append(outputs, out.section)
	}
	var example []string
	for line := range strings.Lines(read(t, "terraform/examples/complete/main.tf")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok && len(name) < 20 {
			example = append(example, name)
		}
	}
	for what, order := range map[string][]string{"inputs": inputs, "outputs": outputs, "complete example": example} {
		at, seen := 0, map[string]bool{}
		for _, s := range order {
			for at < len(sections) && sections[at] != s {
				at++
			}
			seen[s] = true
			if at == len(sections) {
				t.Errorf("%s: the section %s is unknown or out of order", what, s)
				break
			}
		}
		if len(seen) < len(sections)-1 {
			t.Errorf("%s: only %d of %d sections", what, len(seen), len(sections))
		}
	}
}

func TestTheCompleteExampleSetsWhatItCan(t *testing.T) {
	ins, _ := stack(t)
	text := read(t, "terraform/examples/complete/main.tf")
	missing := 0
	for _, in := range ins {
		if !regexp.MustCompile(`(?m)^  ` + in.name + ` +=`).MatchString(text) {
			missing++
			if !strings.HasSuffix(in.name, "_ocid") && !strings.HasSuffix(in.name, "_ocids") {
				t.Errorf("the complete example doesn't show %s", in.name)
			}
		}
	}
	if missing == len(ins) {
		t.Error("the example sets nothing: this test looks in the wrong place")
	}
}

func TestEveryVariableAndLocalValueIsUsed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "terraform", "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		all.WriteString(read(t, "terraform/"+filepath.Base(f)))
	}
	text := all.String()
	declared := 0
	for _, m := range regexp.MustCompile(`(?m)^variable "([a-z0-9_]+)"`).FindAllStringSubmatch(text, -1) {
		declared++
		// A variable's own rules don't count as a use.
		own := regexp.MustCompile(`(?s)variable "` + m[1] + `" \{.*?\n\}\n`).FindString(text)
		use := regexp.MustCompile(`var\.` + m[1] + `\b`)
		if len(use.FindAllString(text, -1)) == len(use.FindAllString(own, -1)) {
			t.Errorf("the variable %s is unused", m[1])
		}
	}
	for _, block := range regexp.MustCompile(`(?ms)^locals \{\n(.*?)^\}`).FindAllStringSubmatch(text, -1) {
		for _, m := range regexp.MustCompile(`(?m)^  ([a-z0-9_]+) +=`).FindAllStringSubmatch(block[1], -1) {
			declared++
			if !regexp.MustCompile(`local\.` + m[1] + `\b`).MatchString(text) {
				t.Errorf("the local value %s is unused", m[1])
			}
		}
	}
	if declared < 70 {
		t.Errorf("%d declarations were looked at, want 70 or more", declared)
	}
}
