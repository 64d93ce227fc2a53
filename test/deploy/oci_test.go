package deploy_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The fake OCI CLI has the four commands that the steps use, with their real options, form of output and exit codes.
// Source: services/artifacts and services/key_management in oracle/oci-cli; the fields are from the models of the
// service's SDK. Like the CLI, it writes dashes for underscores, and sign-upload prints lines before its JSON.

// account is the state of the fake CLI, in a file that the environment names.
type account struct {
	Images     []map[string]any
	Signatures []map[string]any
	Keys       map[string]keyOf // by OCID
	Fail       string           // the OCID of an image whose signing fails
	Garble     bool             // the list of signatures is invalid
}

type keyOf struct{ Endpoint, Current string }

// global are the options of every command that the steps use.
var global = []string{"endpoint", "query", "raw-output", "region", "profile", "auth"}

// commands are the CLI's commands; required options come first.
var commands = map[string]struct{ required, optional []string }{
	"artifacts container image list": {[]string{"compartment-id"}, []string{"compartment-id-in-subtree", "display-name",
		"image-id", "is-versioned",
		"repository-id", "repository-name", "image-version", "lifecycle-state", "image-digest", "limit", "page",
		"sort-by", "sort-order", "all", "page-size"}},
	"artifacts container image-signature list": {[]string{"compartment-id"}, []string{"compartment-id-in-subtree",
		"image-id", "repository-id", "repository-name",
		"image-digest", "display-name", "kms-key-id", "kms-key-version-id", "signing-algorithm", "limit", "page",
		"sort-by", "sort-order", "all", "page-size"}},
	"artifacts container image-signature sign-upload": {[]string{"kms-key-id", "kms-key-version-id",
		"signing-algorithm", "compartment-id", "image-id"},
		[]string{"description", "metadata"}},
	"kms management key get": {[]string{"key-id"}, nil},
}

var flags = []string{"all", "raw-output"} // options without a value

func playOCI(args []string, out, log io.Writer) int {
	command, o, err := understand(args)
	if err != nil {
		fmt.Fprintf(log, "Usage: oci %s [OPTIONS]\n\nError: %v\n", command, err)
		return 2
	}
	file := os.Getenv(standIn)
	text, err := os.ReadFile(file)
	var t account
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err == nil {
		err = t.carryOut(command, o, out)
	}
	if err == nil {
		text, err = json.Marshal(t)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
	}
	if err != nil {
		fmt.Fprintf(log, "ServiceError:\n{\n    \"message\": %q,\n    \"status\": 404\n}\n", err)
		return 1
	}
	return 0
}

// understand parses a command line as strictly as the CLI.
func understand(args []string) (string, map[string]string, error) {
	end := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") })
	if end < 0 {
		end = len(args)
	}
	command := strings.Join(args[:end], " ")
	known, ok := commands[command]
	if !ok {
		return command, nil, fmt.Errorf("No such command '%s'.", command)
	}
	o := map[string]string{}
	for rest := args[end:]; len(rest) > 0; {
		name, isOption := strings.CutPrefix(rest[0], "--")
		switch {
		case !isOption:
			return command, nil, fmt.Errorf("Got unexpected extra argument (%s)", rest[0])
		case !slices.Contains(slices.Concat(global, known.required, known.optional), name):
			return command, nil, fmt.Errorf("No such option: --%s", name)
		case slices.Contains(flags, name):
			o[name], rest = "true", rest[1:]
		case len(rest) == 1:
			return command, nil, fmt.Errorf("Option '--%s' requires an argument.", name)
		default:
			o[name], rest = rest[1], rest[2:]
		}
	}
	var missing []string
	for _, name := range known.required {
		if o[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return command, nil, fmt.Errorf("Missing option(s) --%s.", strings.Join(missing, ", --"))
	}
	return command, o, nil
}

func (t *account) carryOut(command string, o map[string]string, out io.Writer) error {
	switch command {
	case "kms management key get":
		key, ok := t.Keys[o["key-id"]]
		if !ok || key.Endpoint != o["endpoint"] {
			return errors.New("Authorization failed or requested resource not found.")
		}
		if o["query"] != `data."current-key-version"` || o["raw-output"] == "" {
			return errors.New("the fake CLI knows one query")
		}
		_, err := fmt.Fprintln(out, key.Current)
		return err
	case "artifacts container image list":
		return answer(out, collection(t.Images, o, map[string]string{"repository-name": "repository-name",
			"image-digest": "digest"}))
	case "artifacts container image-signature list":
		if t.Garble {
			_, err := fmt.Fprintln(out, "no JSON")
			return err
		}
		return answer(out, collection(t.Signatures, o, map[string]string{"image-id": "image-id"}))
	default:
		return t.sign(o, out)
	}
}

// collection filters by options, each of which names a field.
func collection(all []map[string]any, o, filters map[string]string) any {
	found := []map[string]any{}
	for _, item := range all {
		fits := item["compartment-id"] == o["compartment-id"]
		for option, field := range filters {
			fits = fits && (o[option] == "" || item[field] == o[option])
		}
		if fits {
			found = append(found, item)
		}
	}
	if o["all"] == "" && len(found) > 1 {
		found = found[:1] // one page, without the option for all
	}
	return map[string]any{"items": found, "remaining-items-count": 0}
}

func answer(out io.Writer, data any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"data": data})
}

var keyForm = regexp.MustCompile(`^ocid1\.key\.([\w-]+)\.([\w-]+)\.([\w-]+)\.\w{60}`)

func (t *account) sign(o map[string]string, out io.Writer) error {
	if !keyForm.MatchString(o["kms-key-id"]) {
		return errors.New("Failed to split key ocid. Please check the kms_key_id is correct.")
	}
	if o["metadata"] != "" && !json.Valid([]byte(o["metadata"])) {
		return errors.New("Metadata should be in valid json format")
	}
	n := slices.IndexFunc(t.Images, func(i map[string]any) bool { return i["id"] == o["image-id"] })
	if n < 0 || t.Keys[o["kms-key-id"]].Current != o["kms-key-version-id"] {
		return errors.New("Authorization failed or requested resource not found.")
	}
	fmt.Fprintln(out, "Obtaining container image metadata by the image ID")
	if o["image-id"] == t.Fail {
		return errors.New("the signing fails, as the test has asked for")
	}
	message, err := json.Marshal(map[string]any{"description": o["description"], "imageDigest": t.Images[n]["digest"],
		"kmsKeyId":        o["kms-key-id"],
		"kmsKeyVersionId": o["kms-key-version-id"], "metadata": o["metadata"], "region": "eu-frankfurt-1",
		"repositoryName": t.Images[n]["repository-name"], "signingAlgorithm": o["signing-algorithm"]})
	if err != nil {
		return err
	}
	encoded, signature := base64.StdEncoding.EncodeToString(message),
		base64.StdEncoding.EncodeToString([]byte(fmt.Sprint("signature ", len(t.Signatures))))
	id := fmt.Sprintf("ocid1.containerimagesignature.oc1..%d", len(t.Signatures)+1)
	t.Signatures = append(t.Signatures, map[string]any{"compartment-id": o["compartment-id"], "display-name": "example",
		"id": id, "image-id": o["image-id"],
		"kms-key-id": o["kms-key-id"], "kms-key-version-id": o["kms-key-version-id"], "message": encoded,
		"signature":         signature,
		"signing-algorithm": o["signing-algorithm"], "time-created": "2026-01-01T00:00:00+00:00",
		"lifecycle-state": "AVAILABLE"})
	fmt.Fprintf(out, "Generating signature\nSignature: %s\nUploading signature\nUploaded signature: %s\nMessage: "+
		"%s\nID: %s\n", signature, signature, encoded, id)
	return answer(out, t.Signatures[len(t.Signatures)-1])
}

// oci installs the fake CLI on a bench, for a tenancy with these images.
func (b *bench) oci(t account) {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	b.logged("oci", standIn+"='"+filepath.Join(b.home, "tenancy.json")+"' exec '"+self+`' "$@"`)
	b.put(t)
}

func (b *bench) put(t account) {
	b.t.Helper()
	text, err := json.Marshal(t)
	if err != nil {
		b.t.Fatal(err)
	}
	b.file("tenancy.json", string(text))
}

func (b *bench) tenancy() account {
	b.t.Helper()
	var t account
	text, err := os.ReadFile(filepath.Join(b.home, "tenancy.json"))
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return t
}
