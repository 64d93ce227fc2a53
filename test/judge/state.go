package judge

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// State is one moment of a rotation, as far as it matters here. The values are reduced to the ids of the living
// credentials that can be read.
type State struct {
	Call     int                 // the sequence number of the call of a function that led here; 0: something else did
	Living   []string            // ids of the user's credentials of the kind
	Readable []string            // ids of the living ones whose value can be read in some version of a secret
	Current  map[string][]string // secret -> ids of the living ones whose value its CURRENT version holds
	// ids of the living ones that can be read in CURRENT versions, where the case has more secrets than those
	Beside   []string
	Versions map[string]int64  // secret -> number of its CURRENT version
	Newest   map[string]int64  // secret -> number of its newest version
	Bound    map[string]string // secret -> the user that its tags name
	Orders   int               // how often somebody has closed the problem
	Replace  bool              // some closure allows to delete first; who follows it may not know of a later one
	Password time.Time         // when it was made; zero: there is none
	Kept     map[string]bool   // secret -> its CURRENT version holds the user's password
}

// Look reduces what the emulator holds to a state.
func Look(v ociemu.View, c *tenancy.Case) State {
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
	if c.Kind == tenancy.Password {
		s.Password, s.Kept = v.User(c.User).PasswordCreated, map[string]bool{}
	} else {
		s.Living = c.IDsIn(v)
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
		if c.Kind == tenancy.Password {
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
	for _, id := range s.Living {
		if readable(v, c, id, readings) {
			s.Readable = append(s.Readable, id)
		}
		if len(c.AllSecrets()) > len(c.Secrets) && readable(v, c, id, everywhere) {
			s.Beside = append(s.Beside, id)
		}
		for key := range c.Secrets {
			if half(v, c, id, key, current[key]) {
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

// reading is what a version says: an id, if it names one, and a value.
type reading struct{ id, value string }

// read reads content as a bundle, if it is one, and as a bare value.
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

// readable: the value of the living credential can be put together from what can be read. A customer secret key also
// needs its access key, which may be in another secret.
func readable(v ociemu.View, c *tenancy.Case, id string, all []reading) bool {
	named := c.Kind != tenancy.CustomerSecretKey || slices.ContainsFunc(all, func(r reading) bool {
		return r.id == id || r.value == id
	})
	return named && slices.ContainsFunc(all, func(r reading) bool { return works(v, c, id, r) })
}

// half: the secret's readings hold the value of the living credential, or the half of it that belongs there.
func half(v ociemu.View, c *tenancy.Case, id, key string, readings []reading) bool {
	return slices.ContainsFunc(readings, func(r reading) bool {
		if key == "accesskey_secret_ocid" {
			return r.value == id
		}
		return works(v, c, id, r)
	})
}

// works says whether the reading is the value of the living credential with the id.
func works(v ociemu.View, c *tenancy.Case, id string, r reading) bool {
	return r.value != "" && (r.id == "" || r.id == id) && v.Holds(string(c.Kind), c.User, id, r.value)
}
