package config

import (
	"cmp"
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
	Remedy  string // how to fix it
	Unsafe  bool   // with this variable a call may reach another host or be read by others: no call may be made
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

// Unsafe reports whether one of the faults is unsafe.
func (e *Error) Unsafe() bool {
	return slices.ContainsFunc(e.Faults, func(f Fault) bool { return f.Unsafe })
}

// unsafe are variables of the OCI SDK (v65.129.0, common/log.go and common.go).
//
// With OCI_GO_SDK_DEBUG, whatever its value, the SDK logs the bodies of failed requests, and so new secrets. The others
// set the domain for regions that the SDK doesn't know, and an OCID may name any region.
var unsafe = []struct{ name, problem string }{
	{"OCI_GO_SDK_DEBUG", "is set, which writes secrets to the log"},
	{"OCI_DEFAULT_REALM", otherHost},
	{"OCI_DEVELOPER_TOOL_CONFIGURATION_FILE_PATH", otherHost},
}

const otherHost = "is set, which may send requests to another host"

// Variables with which the platform says where the function runs (Oracle's "Environment Variables Populated by OCI
// Functions").
const (
	regionMetadata = "OCI_REGION_METADATA"
	ownRegion      = "OCI_RESOURCE_PRINCIPAL_REGION"
)

// otherRegion reports whether OCI_REGION_METADATA describes another region than the function's. From the first unknown
// region in an OCID on, the SDK would send all requests for the realm in the variable, even a known one, to the domain
// in the variable (addRegionSchema in common.go).
func otherRegion(env map[string]string) bool {
	var m struct{ RegionIdentifier, RegionKey string }
	own := env[ownRegion]
	if json.Unmarshal([]byte(env[regionMetadata]), &m) != nil || own == "" || m.RegionIdentifier == "" {
		return false // the SDK ignores the variable, or can't sign at all
	}
	if len(own) <= 3 {
		return !strings.EqualFold(own, m.RegionKey)
	}
	return !strings.EqualFold(own, m.RegionIdentifier)
}

// certificate begins a certificate in PEM. With SSL_CERT_FILE=/proc/self/environ, Go trusts every certificate in a
// variable. With a proxy, that would break TLS.
const certificate = "-----BEGIN CERTIFICATE-----"

// Read makes a Config from an environment in the form of os.Environ. It trims values and ignores their case. A variable
// with an empty value counts as not set. If a variable is given twice, the last one counts, as for os/exec.
//
// The error is an [*Error]. It lists malformed values, a missing ons_topic, every variable whose name is almost a key
// (one typo, another case, '-' for '_'), the unsafe variables of the OCI SDK, and variables that hold a certificate.
// Other variables are ignored.
func Read(environ []string) (Config, error) {
	env := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = strings.TrimSpace(value)
	}
	var c Config
	var e Error
	for _, s := range specs {
		value := cmp.Or(env[s.Name], s.Default)
		switch {
		case value == required:
			e.Faults = append(e.Faults, Fault{s.Name, "is not set", "set it to the " + plain(s.Values), false})
		case value != "":
			if problem := s.read(&c, value); problem != "" {
				e.Faults = append(e.Faults, Fault{s.Name, problem, "set it to " + plain(s.Values), false})
			}
		}
	}
	if c.DefaultBySCIM && len(c.IdentityDomains) == 0 {
		e.Faults = append(e.Faults, Fault{"default_domain_api", `is "scim", and identity_domains is not set`,
			"set identity_domains, too, so that it includes the Default domain", false})
	}
	if c.RecordsTopic != "" && c.RecordsTopic == c.Topic {
		e.Faults = append(e.Faults, Fault{"records_topic", "is ons_topic, too",
			"set it to another topic, since the readers of mails can't use records", false})
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if key := nearKey(name); key != "" {
			e.Faults = append(e.Faults, Fault{name, "is not a key", "did you mean " + key + "?", false})
		}
	}
	e.Faults = append(e.Faults, unsafeFaults(environ, env)...)
	if len(e.Faults) > 0 {
		return Config{}, &e
	}
	return c, nil
}

// unsafeFaults finds the faults with which no call may be made. It searches all entries for certificates, even those
// that a later entry with the same name replaces: /proc/self/environ has them, too.
func unsafeFaults(environ []string, env map[string]string) (out []Fault) {
	for _, u := range unsafe {
		if _, ok := env[u.name]; ok {
			out = append(out, Fault{u.name, u.problem, "remove it", true})
		}
	}
	if otherRegion(env) {
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
	folded := strings.ReplaceAll(strings.ToLower(name), "-", "_")
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

// plain removes the Markdown from a description of values.
func plain(values string) string { return strings.ReplaceAll(values, "`", "") }

// quote shows a value in a message, shortened.
func quote(value string) string {
	return fmt.Sprintf("%q", phrase.Excerpt(value))
}
