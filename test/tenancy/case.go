package tenancy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/ociemu"
)

// Kind is a kind of credential, as the binding tag has it.
type Kind string

// The kinds.
const (
	APIKey            Kind = "api-key"
	AuthToken         Kind = "auth-token"
	CustomerSecretKey Kind = "customer-secret-key"
	Password          Kind = "password"
)

// Kinds returns all kinds.
func Kinds() (all []Kind) {
	for _, k := range credential.Kinds() {
		all = append(all, Kind(k))
	}
	return all
}

// Rule is the detector rule for credentials of the kind that are too old.
func (k Kind) Rule() string { return k.Record().Detection.Rule }

// Record returns what Keyturn knows about the kind.
func (k Kind) Record() *credential.Record { return credential.Kind(k).Record() }

// Pair reports whether the kind's value takes two plain secrets, one for each half.
func (k Kind) Pair() bool { return credential.Kind(k).Pair() }

// Resets reports whether a rotation resets the user's only credential of the kind, which has no id.
func (k Kind) Resets() bool { return k.Record().Origin == credential.Reset }

// keys returns the keys of the closure comment, one for each secret. Of a customer secret key's pair the access key
// comes first, as in Oracle's tutorial.
func (k Kind) keys(bundle bool) (keys []string) {
	if bundle {
		return []string{credential.BundleKey}
	}
	for _, p := range k.Record().Parts {
		keys = append(keys, p.Key)
	}
	slices.Sort(keys)
	return keys
}

// Case is one credential that is too old, with its user, its problem and its secrets.
type Case struct {
	env         *Deployment
	compartment string // of its secrets
	secrets     []string

	Kind      Kind
	Bundle    bool
	UserName  string
	Domain    string // of the user; empty: Default
	User      string
	OldID     string
	Old       Credential
	Secrets   map[string]string // key of the closure comment -> OCID
	Problem   string
	Bystander []string // ids of the user's other credentials of the kind
}

// Credential is a credential's id and value, as its user has it.
type Credential struct {
	ID    string
	Value string
}

// Age is how old the old credentials are.
const Age = 120 * 24 * time.Hour

// Want says what case to add.
type Want struct {
	Kind      Kind
	Bundle    bool
	NoSecret  bool // a password without a secret for its one-time value
	Unbound   bool // without the tags that bind the secrets
	Bystander int  // further credentials of the kind
	// Empty: a generated user name, the Default domain, and the compartment of the deployment's secrets.
	UserName, Domain, Compartment string
	// Person has more about a user outside the Default domain. The name comes from UserName.
	Person ociemu.UserSeed
}

// Add adds a user with a credential that is too old, its problem in Cloud Guard, and bound secrets.
func (s *Deployment) Add(w Want) *Case {
	s.mu.Lock()
	s.names++
	name := cmp.Or(w.UserName, fmt.Sprintf("%s-user-%d", w.Kind, s.names))
	s.mu.Unlock()
	c := &Case{env: s, Kind: w.Kind, Bundle: w.Bundle, UserName: name, Domain: w.Domain,
		User: s.addUser(w, name), Secrets: map[string]string{},
		compartment: cmp.Or(w.Compartment, s.places.Secrets)}
	s.SetCreatedOffset(-Age)
	c.Old = c.add("deploys the web shop")
	s.SetCreatedOffset(-Age / 2)
	for range w.Bystander {
		c.Bystander = append(c.Bystander, c.add("a bystander").ID)
	}
	s.SetCreatedOffset(0)
	c.OldID = c.Old.ID
	if !w.NoSecret {
		for _, key := range w.Kind.keys(w.Bundle) {
			c.Secrets[key] = c.AddSecret(key, !w.Unbound)
		}
	}
	c.Problem = s.addProblem(ociemu.ProblemSeed{Rule: w.Kind.Rule(), User: c.User, ResourceID: c.Resource(c.OldID),
		ResourceName: name})
	if s.options.Added != nil {
		s.options.Added(s, c)
	}
	return c
}

func (s *Deployment) addUser(w Want, name string) string {
	if w.Domain == "" {
		return s.AddUser(name)
	}
	w.Person.Name = name
	return s.AddDomainUser(w.Domain, w.Person)
}

// Resource is the resource id by which Cloud Guard names the user's credential with the id.
func (c *Case) Resource(id string) string {
	if c.Kind == APIKey {
		return c.env.Tenancy() + "/" + c.User + "/" + id
	}
	return id
}

// AddSecret adds a secret with the old value. bound says whether its tags bind it to the user and kind.
func (c *Case) AddSecret(key string, bound bool) string { return c.addSecret(key, "", bound) }

// AddSecretIn adds a bound secret in another region.
func (c *Case) AddSecretIn(key, region string) string { return c.addSecret(key, region, true) }

func (c *Case) addSecret(key, region string, bound bool) string {
	seed := ociemu.SecretSeed{Name: strings.TrimSuffix(key, "_ocid") + "-of-" + c.UserName,
		Content: []byte(c.Old.Value), Region: region,
		Compartment: c.compartment, FreeformTags: map[string]string{"team": "web"}}
	if key == "accesskey_secret_ocid" {
		seed.Content = []byte(c.OldID)
	}
	switch {
	case bound && c.env.places.DefinedTags:
		seed.DefinedTags = map[string]map[string]any{"keyturn": {"user": c.User, "kind": string(c.Kind)}}
	case bound:
		seed.FreeformTags["keyturn-user"], seed.FreeformTags["keyturn-kind"] = c.User, string(c.Kind)
	}
	id := c.env.AddSecret(seed)
	c.secrets = append(c.secrets, id)
	return id
}

// AllSecrets returns all secrets that were added for the case, also those that are not in Secrets.
func (c *Case) AllSecrets() []string { return slices.Clone(c.secrets) }

func (c *Case) add(description string) Credential {
	s := c.env
	switch c.Kind {
	case APIKey:
		id, key := s.AddAPIKey(c.User)
		return Credential{id, string(key)}
	case AuthToken:
		id, token := s.AddAuthToken(c.User, description)
		return Credential{id, token}
	case CustomerSecretKey:
		id, key := s.AddCustomerSecretKey(c.User, description)
		return Credential{id, key}
	}
	return Credential{Value: s.SetPassword(c.User)}
}

// Chosen reports whether the case is a password whose value Keyturn chooses and stores before it is set.
func (c *Case) Chosen() bool { return c.Kind.Resets() && c.Domain != "" && len(c.Secrets) > 0 }

// Comment is the closure comment that names the case's secrets, with more after it.
func (c *Case) Comment(more ...string) string {
	var items []string
	for _, key := range c.Kind.keys(c.Bundle) {
		if id := c.Secrets[key]; id != "" {
			items = append(items, key+":"+id)
		}
	}
	return strings.Join(append(items, more...), ",")
}

// IDs are the ids of the user's credentials of the kind.
func (c *Case) IDs() []string { return c.idsOf(c.env.User(c.User)) }

// IDsIn is IDs for OnChange functions, in which IDs would deadlock.
func (c *Case) IDsIn(v ociemu.View) []string { return c.idsOf(v.User(c.User)) }

func (c *Case) idsOf(u ociemu.User) []string {
	var ids []string
	switch c.Kind {
	case APIKey:
		for _, k := range u.APIKeys {
			ids = append(ids, k.Fingerprint)
		}
	case AuthToken:
		for _, t := range u.AuthTokens {
			ids = append(ids, t.ID)
		}
	case CustomerSecretKey:
		for _, k := range u.CustomerSecretKeys {
			ids = append(ids, k.ID)
		}
	case Password:
		ids = append(ids, u.PasswordCreated.UTC().Format(time.RFC3339Nano))
	}
	return ids
}

// Stored returns the credential as a consumer reads it: from the CURRENT versions of the secrets.
func (c *Case) Stored() (Credential, error) {
	if c.Bundle {
		var b map[string]string
		if err := json.Unmarshal(c.current("bundle_secret_ocid"), &b); err != nil {
			return Credential{}, fmt.Errorf("the bundle is not a JSON object of strings")
		}
		return Credential{b["fingerprint"] + b["token_id"] + b["access_key"], b["private_key"] + b["token"] +
			b["secret_key"] + b["password"]}, nil
	}
	switch c.Kind {
	case APIKey:
		return Credential{Value: string(c.current("api_secret_ocid"))}, nil
	case AuthToken:
		return Credential{Value: string(c.current("auth_secret_ocid"))}, nil
	case CustomerSecretKey:
		return Credential{string(c.current("accesskey_secret_ocid")), string(c.current("secretkey_secret_ocid"))}, nil
	}
	return Credential{Value: string(c.current("password_secret_ocid"))}, nil
}

func (c *Case) current(key string) []byte { return c.env.Secret(c.Secrets[key]).Current() }

// Try uses a credential over the wire, as its owner would, and returns the HTTP status: 401 (403 for the S3-compatible
// endpoint) means that it is refused. A password can't be tried.
func (c *Case) Try(v Credential) int {
	switch c.Kind {
	case APIKey:
		return c.env.TryAPIKey(c.User, []byte(v.Value))
	case AuthToken:
		return c.env.TryAuthToken(c.User, v.Value)
	case CustomerSecretKey:
		return c.env.TryCustomerSecretKey(v.ID, v.Value)
	}
	return 0
}

func (s *Deployment) addProblem(seed ociemu.ProblemSeed) string {
	id := s.AddProblem(seed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, id)
	return id
}

// ProblemIDs are the problems of all cases.
func (s *Deployment) ProblemIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.problems...)
}

// CurrentIn returns the CURRENT content of the case's secrets, as arguments for View.Works. It is for OnChange
// functions, in which Stored would deadlock.
func (c *Case) CurrentIn(v ociemu.View) []string {
	text := func(key string) string { return string(v.Secret(c.Secrets[key]).Current()) }
	if c.Bundle {
		var b map[string]string
		if json.Unmarshal([]byte(text("bundle_secret_ocid")), &b) != nil { // the seed is no bundle
			return []string{""}
		}
		if c.Kind == CustomerSecretKey {
			return []string{b["access_key"], b["secret_key"]}
		}
		return []string{b["private_key"] + b["token"] + b["password"]}
	}
	var out []string
	for _, key := range c.Kind.keys(false) {
		out = append(out, text(key))
	}
	return out
}
