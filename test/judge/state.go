package judge

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// State is one moment of a rotation. It has no secret values, but the ids of the credentials to which they belong.
type State struct {
	Call     int                 // the sequence number of the function's call that led here; 0: not a function
	Existing []string            // ids of the user's credentials of the kind
	Readable []string            // ids of those whose value can be read in some version of a secret
	Current  map[string][]string // secret -> ids of those whose value its CURRENT version holds
	// ids of those that can be read in the CURRENT versions of all secrets, if a second closure may name other secrets
	OtherSecrets []string
	Versions     map[string]int64  // secret -> number of its CURRENT version
	Newest       map[string]int64  // secret -> number of its newest version
	Bound        map[string]string // secret -> the user that its tags name
	Orders       int               // how often an operator has closed the problem
	Replace      bool              // some closure allows to delete the old credential first
	Password     time.Time         // when it was created; zero: there is none
	Kept         map[string]bool   // secret -> its CURRENT version holds the user's password
	Findable     bool              // some version of a secret holds the user's password
}

// StateOf returns the case's state in the emulator.
func StateOf(v ociemu.View, c *tenancy.Case) State {
	s := State{Current: map[string][]string{}, Versions: map[string]int64{}, Newest: map[string]int64{},
		Bound: map[string]string{}}
	if call := v.Cause(); call.Caller.Kind == "function" {
		s.Call = call.Seq
	}
	problem := v.Problem(c.Problem)
	for _, h := range problem.History {
		if h.Status == "RESOLVED" && h.ActorType == "USER" && h.Comment != "" {
			s.Orders++
			s.Replace = s.Replace || replaces(h.Comment)
		}
	}
	if c.Kind.Resets() {
		s.Password, s.Kept = v.User(c.User).PasswordCreated, map[string]bool{}
	} else {
		s.Existing = c.IDsIn(v)
	}
	current, everywhere, readings := map[string][]reading{}, []reading{}, []reading{}
	for key, id := range c.Secrets {
		secret := v.Secret(id)
		s.Versions[key], s.Bound[key] = secret.CurrentVersion, boundTo(secret)
		for _, version := range secret.Versions {
			s.Newest[key] = max(s.Newest[key], version.Number)
			if version.Number == secret.CurrentVersion {
				current[key] = read(version.Content)
			}
		}
		if c.Kind.Resets() {
			s.Kept[key] = slices.ContainsFunc(current[key], func(r reading) bool {
				return v.Works("password", c.User, r.value)
			})
		}
	}
	for _, id := range c.AllSecrets() {
		if secret := v.Secret(id); secret.State != "PENDING_DELETION" {
			for _, version := range secret.Versions {
				readings = append(readings, read(version.Content)...)
			}
			everywhere = append(everywhere, read(secret.Current())...)
		}
	}
	s.Findable = c.Kind.Resets() && slices.ContainsFunc(readings, func(r reading) bool {
		return v.Works("password", c.User, r.value)
	})
	for _, id := range s.Existing {
		if readable(v, c, id, readings) {
			s.Readable = append(s.Readable, id)
		}
		if len(c.AllSecrets()) > len(c.Secrets) && readable(v, c, id, everywhere) {
			s.OtherSecrets = append(s.OtherSecrets, id)
		}
		for key := range c.Secrets {
			if holdsPart(v, c, id, key, current[key]) {
				s.Current[key] = append(s.Current[key], id)
			}
		}
	}
	return s
}

func boundTo(s ociemu.Secret) string {
	if user := s.FreeformTags["keyturn-user"]; user != "" {
		return user
	}
	user, _ := s.DefinedTags["keyturn"]["user"].(string)
	return user
}

// reading is the content of a secret version: an id, if it has one, and a value.
type reading struct{ id, value string }

// read reads content as a bundle, or else as a bare value.
func read(content []byte) []reading {
	var b struct {
		Fingerprint string `json:"fingerprint"`
		TokenID     string `json:"token_id"`
		AccessKey   string `json:"access_key"`
		PrivateKey  string `json:"private_key"`
		Token       string `json:"token"`
		SecretKey   string `json:"secret_key"`
		Password    string `json:"password"`
	}
	if json.Unmarshal(content, &b) != nil {
		return []reading{{value: string(content)}}
	}
	return []reading{{b.Fingerprint + b.TokenID + b.AccessKey, b.PrivateKey + b.Token + b.SecretKey + b.Password}}
}

// readable reports whether the readings have the credential's whole value. A customer secret key also needs its access
// key, which may be in another secret.
func readable(v ociemu.View, c *tenancy.Case, id string, all []reading) bool {
	named := !c.Kind.Pair() || slices.ContainsFunc(all, func(r reading) bool {
		return r.id == id || r.value == id
	})
	return named && slices.ContainsFunc(all, func(r reading) bool { return works(v, c, id, r) })
}

// holdsPart reports whether the secret's readings have the credential's value, or the part that belongs in that secret.
func holdsPart(v ociemu.View, c *tenancy.Case, id, key string, readings []reading) bool {
	return slices.ContainsFunc(readings, func(r reading) bool {
		if key == "accesskey_secret_ocid" {
			return r.value == id
		}
		return works(v, c, id, r)
	})
}

// works reports whether the reading is the value of the existing credential.
func works(v ociemu.View, c *tenancy.Case, id string, r reading) bool {
	return r.value != "" && (r.id == "" || r.id == id) && v.Holds(string(c.Kind), c.User, id, r.value)
}
