package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Fault is one thing that is wrong with the environment.
type Fault struct {
	Key     string // the variable, as it is set
	Problem string // completes the sentence that Key begins
	Remedy  string // what to do
	Unsafe  bool   // whoever is called with it in the environment may be somebody else, or be overheard: nobody may be
}

// Error lists everything that is wrong with the environment.
type Error struct {
	Faults []Fault // at least one, in the order of [Keys], other variables last
}

// Error gives all faults in one line, each with its remedy.
func (e *Error) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Key + " " + f.Problem + ": " + f.Remedy
	}
	return "the configuration is not usable: " + strings.Join(texts, "; ")
}

// Unsafe tells that one of the faults is.
func (e *Error) Unsafe() bool {
	return slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.Unsafe })
}

// unsafe are variables of the OCI SDK (v65.129.0, common/log.go and common.go).
//
// OCI_GO_SDK_DEBUG makes it write the bodies of failed requests to the log, and so
// the new secrets in them; its presence alone does, whatever the value. The others
// name the domain to which it sends the requests for a region that it doesn't
// know, and an OCID may name any region.
var unsafe = []struct{ name, problem string }{
	{"OCI_GO_SDK_DEBUG", "is set, which writes secrets to the log"},
	{"OCI_DEFAULT_REALM", elsewhere},
	{"OCI_DEVELOPER_TOOL_CONFIGURATION_FILE_PATH", elsewhere},
}

const elsewhere = "is set, which may send requests to another host"

// The platform's word on where the function runs (Oracle's "Environment Variables
// Populated by OCI Functions").
const (
	regionMetadata = "OCI_REGION_METADATA"
	ownRegion      = "OCI_RESOURCE_PRINCIPAL_REGION"
)

// strayRegion tells that OCI_REGION_METADATA describes another region than the
// function's own. It would make the SDK send whatever goes to the realm that it
// names, and be it one that the SDK knows, to the domain that it names
// (addRegionSchema in common.go), from the first unknown region in an OCID on.
func strayRegion(env map[string]string) bool {
	var m struct{ RegionIdentifier, RegionKey string }
	own := env[ownRegion]
	if json.Unmarshal([]byte(env[regionMetadata]), &m) != nil || own == "" || m.RegionIdentifier == "" {
		return false // the SDK leaves it alone, or can't sign at all
	}
	if len(own) <= 3 {
		return !strings.EqualFold(own, m.RegionKey)
	}
	return !strings.EqualFold(own, m.RegionIdentifier)
}

// certificate begins a certificate in PEM. One in a variable can be made a root of
// trust by SSL_CERT_FILE=/proc/self/environ, since Go takes every certificate that
// it finds in that file. With a proxy, that is the end of TLS.
const certificate = "-----BEGIN CERTIFICATE-----"

// Read makes a Config of an environment in the form of os.Environ. Values are
// trimmed; words match regardless of case; a variable that is set to nothing
// counts as not set, apart from ons_topic, which must have a value. Of a variable
// given twice the last one counts, as for os/exec.
//
// The error is an [*Error] and lists malformed values, a missing ons_topic, every
// variable whose name is nearly a key (one letter off, in another case, with '-'
// for '_'), those of the OCI SDK that betray secrets or requests if they are set at
// all, and variables that hold a certificate. Other variables are the platform's
// and ignored.
func Read(environ []string) (Config, error) {
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = strings.TrimSpace(value)
	}
	var c Config
	var e Error
	for _, s := range specs {
		value := env[s.Name]
		if value == "" {
			value = s.Default
		}
		switch {
		case value == required:
			e.Faults = append(e.Faults, Fault{s.Name, "is not set", "set it to the " + plain(s.Values), false})
		case value != "":
			if problem := s.read(&c, value); problem != "" {
				e.Faults = append(e.Faults, Fault{s.Name, problem, "set it to " + plain(s.Values), false})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if key := nearKey(name); key != "" {
			e.Faults = append(e.Faults, Fault{name, "is not a key", "did you mean " + key + "?", false})
		}
	}
	e.Faults = append(e.Faults, betrayals(environ, env)...)
	if len(e.Faults) > 0 {
		return Config{}, &e
	}
	return c, nil
}

// betrayals are the faults for which nobody may be called. Certificates are looked
// for in the entries as they stand, like those who would read them in a file: also
// in the first of two entries with one name.
func betrayals(environ []string, env map[string]string) (out []Fault) {
	for _, u := range unsafe {
		if _, ok := env[u.name]; ok {
			out = append(out, Fault{u.name, u.problem, "remove it", true})
		}
	}
	if strayRegion(env) {
		out = append(out, Fault{regionMetadata, "describes another region than " + ownRegion + ", which may send " +
			"requests to another host", "remove it: the platform sets it", true})
	}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		if strings.Contains(entry, certificate) {
			name, _, _ := strings.Cut(entry, "=")
			out = append(out, Fault{quote(name), "holds a certificate, which could be made a root of trust",
				"remove it", true})
		}
	}
	return out
}

// nearKey returns the key that a variable was probably meant to be, or "".
func nearKey(name string) string {
	folded := strings.ReplaceAll(fold(name), "-", "_")
	near := ""
	for _, s := range specs {
		if name == s.Name {
			return ""
		}
		if phrase.Near(folded, s.Name, 1) {
			near = s.Name
		}
	}
	return near
}

// plain takes the Markdown out of a description of values.
func plain(values string) string { return strings.ReplaceAll(values, "`", "") }

// quote shows a value in a message, shortened.
func quote(value string) string {
	return fmt.Sprintf("%q", phrase.Excerpt(value))
}
