package tenancy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/test/ociemu"
)

// Retired is the name of the domain that is not ACTIVE.
const Retired = "Retired"

// Size says how much Populate adds.
type Size struct {
	// Contractors are further users of Default, each with one auth token. 0: none.
	Contractors int
	// Retired adds an identity domain that is not ACTIVE.
	Retired bool
}

// populating adds to one tenancy.
type populating struct {
	*ociemu.Emulator
	random *rand.Rand
	census Census
}

// Populate fills an emulated tenancy with some 40 users in three identity domains, their credentials of all kinds and
// ages, bound secrets, rotations that are half-way, problems and exemptions. The same seed gives the same ages. Values
// are always random. The tenancy must have no users yet, except those of AddOperator.
func Populate(e *ociemu.Emulator, seed int64, o Size) (c Census, err error) {
	defer func() {
		if mistake := recover(); mistake != nil { // the seeding methods panic
			err = fmt.Errorf("populating the tenancy: %v", mistake)
		}
	}()
	p := &populating{Emulator: e, random: rand.New(rand.NewPCG(uint64(seed), 0))}
	defer e.SetCreatedOffset(0)
	p.addDomains(o)
	if err := p.adopt(); err != nil {
		return Census{}, err
	}
	p.census.Operator = e.AddOperator("lena.brandt@example.com")
	p.note(p.census.Operator.UserID, p.census.Operator.Name, p.census.Operator.Fingerprint)
	for _, one := range people {
		if err := p.add(one); err != nil {
			return Census{}, fmt.Errorf("adding %s: %w", one.name, err)
		}
	}
	for i := range o.Contractors {
		name := fmt.Sprintf("contractor-%03d@example.com", i)
		if err := p.add(person{name: name, keys: "auth-token=young"}); err != nil {
			return Census{}, err
		}
	}
	p.census.Protected = []string{"svc-terraform"}
	return p.census, nil
}

func (p *populating) addDomains(o Size) {
	seeds := []ociemu.DomainSeed{partners, {Name: Plant, HomeRegion: plant.HomeRegion}}
	if o.Retired {
		seeds = append(seeds, ociemu.DomainSeed{Name: Retired, State: "INACTIVE"})
	}
	for _, seed := range seeds {
		if p.Domain(seed.Name).ID != "" {
			continue
		}
		if seed.Name == Plant {
			seed.Compartment = p.AddCompartment("plant", "")
		}
		p.AddDomain(seed)
	}
}

// adopt counts the operators that the tenancy has already.
func (p *populating) adopt() error {
	var users []ociemu.User
	p.Look(func(v ociemu.View) {
		for _, id := range v.Users() {
			users = append(users, v.User(id))
		}
	})
	for _, u := range users {
		if len(u.APIKeys) != 1 || len(u.AuthTokens)+len(u.CustomerSecretKeys)+len(u.Others) > 0 || u.HasPassword {
			return errors.New("the tenancy has users already")
		}
		p.note(u.ID, u.Name, u.APIKeys[0].Fingerprint)
	}
	return nil
}

// note counts an operator, who is an administrator with a new API key.
func (p *populating) note(id, name, fingerprint string) {
	p.census.People = append(p.census.People, Person{ID: id, Name: name, Domain: ociemu.DefaultDomain, Admin: true,
		Console: true})
	p.census.Credentials = append(p.census.Credentials, Seeded{Kind: APIKey, ID: fingerprint, User: id,
		Domain: ociemu.DefaultDomain, Admin: true})
}

func (p *populating) add(one person) error {
	domain := ShownDomain(one.domain)
	seed := ociemu.UserSeed{Name: one.name, Deactivated: one.left, Without: one.without, FreeformTags: one.tags}
	if one.email {
		seed.Email = one.name
	}
	p.SetCreatedOffset(-2000 * 24 * time.Hour)
	user := Person{ID: p.AddDomainUser(domain, seed), Name: one.name, Domain: domain, Admin: one.admin, Left: one.left,
		Console: !slices.Contains(one.without, "canUseConsolePassword"), Tags: one.tags}
	p.census.People = append(p.census.People, user)
	if user.Admin {
		p.promote(user)
	}
	for spec := range strings.FieldsSeq(one.keys) {
		kind, rest, _ := strings.Cut(spec, "=")
		flags := strings.Split(rest, "+")
		if err := p.give(user, Kind(kind), flags[0], flags[1:]); err != nil {
			return fmt.Errorf("%s: %w", spec, err)
		}
	}
	return nil
}

// promote makes a user an administrator of the tenancy, by a group of the user's domain.
func (p *populating) promote(user Person) {
	if user.Domain == ociemu.DefaultDomain {
		p.AddToGroup(p.Group(user.Domain, ociemu.AdministratorsGroup), user.ID)
		return
	}
	group := user.Domain + "-Admins"
	p.AddGroup(user.Domain, group, user.ID)
	p.AddPolicy(group, "", "Allow group '"+user.Domain+"'/'"+group+"' to manage all-resources in tenancy")
}

// days are the ages that the seed chooses from. They keep away from the limits: the table has those.
func (p *populating) days(age string) (int, error) {
	from, to := 0, 0
	switch age {
	case "young", "undated":
		from, to = 2, 70
	case "soon":
		from, to = 77, 88
	case "old":
		from, to = 92, 260
	case "ancient":
		from, to = 400, 1500
	default:
		return strconv.Atoi(age)
	}
	return from + p.random.IntN(to-from+1), nil
}

func (p *populating) give(user Person, kind Kind, age string, flags []string) error {
	days, err := p.days(age)
	if err != nil {
		return err
	}
	if age == "undated" {
		flags = append(flags, "undated")
	}
	s := Seeded{Kind: kind, User: user.ID, Domain: user.Domain, Days: days, Flags: flags, Admin: user.Admin,
		Left: user.Left, Inactive: slices.Contains(flags, "inactive"), Exempt: exempts(user.Tags, kind)}
	p.SetCreatedOffset(-time.Duration(days)*24*time.Hour - time.Hour)
	value, access := p.credential(&s)
	if s.Inactive {
		p.DeactivateCredential(user.ID, s.ID)
	}
	if slices.Contains(flags, "undated") {
		p.ForgetCreated(user.ID, s.ID)
		s.Days = -1
	}
	p.SetCreatedOffset(-30 * 24 * time.Hour)
	if err := p.secrets(user, &s, value, access); err != nil {
		return err
	}
	p.problem(user, &s)
	p.census.Credentials = append(p.census.Credentials, s)
	return nil
}

// exempts reports whether the tags of the table's people are an exemption that counts.
func exempts(tags map[string]string, kind Kind) bool {
	reason, until := tags["keyturn-exempt"], tags["keyturn-exempt_until"]
	return strings.HasSuffix(reason, " until 2099-06-30") ||
		until == "2099-12-31" && strings.HasPrefix(reason, string(kind)+": ")
}

// credential makes the credential, and returns its value and the access key of a pair.
func (p *populating) credential(s *Seeded) (value, access string) {
	description := descriptions[p.random.IntN(len(descriptions))]
	switch s.Kind {
	case APIKey:
		if s.has("bound", "bundle", "staged", "held") {
			var key []byte
			s.ID, key = p.AddAPIKey(s.User)
			value = string(key)
		} else {
			s.ID = p.AddPublicKeys(s.User, 1)[0]
			return "", ""
		}
	case AuthToken:
		s.ID, value = p.AddAuthToken(s.User, description)
	case CustomerSecretKey:
		s.ID, value = p.AddCustomerSecretKey(s.User, description)
		access = s.ID
	case Password:
		value = p.SetPassword(s.User)
	case DatabasePassword:
		s.ID = p.AddDatabasePassword(s.User)
	case SMTPCredential:
		s.ID = p.AddSMTPCredential(s.User, description)
	case OAuth2Credential:
		s.ID = p.AddOAuth2Credential(s.User, "client of "+description)
	default:
		panic("no kind " + s.Kind)
	}
	if value == "" {
		return "", ""
	}
	p.census.Values = append(p.census.Values, value)
	return value, access
}

func (s *Seeded) has(flags ...string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return slices.Contains(s.Flags, f) })
}

// secrets adds the bound secrets of a credential. A credential in its grace period shares those of its successor.
func (p *populating) secrets(user Person, s *Seeded, value, access string) error {
	if !s.has("bound", "bundle", "misbound", "staged") {
		for _, other := range p.census.Credentials { // a binding is to a user and kind
			if other.User == s.User && other.Kind == s.Kind {
				s.Secrets = other.Secrets
			}
		}
		return nil
	}
	tags := map[string]string{"keyturn-user": user.ID, "keyturn-kind": string(s.Kind), "team": "web"}
	metadata, err := p.journal(user, s)
	if err != nil {
		return err
	}
	for _, key := range s.Kind.keys(s.has("bundle")) {
		seed := ociemu.SecretSeed{Name: strings.TrimSuffix(key, "_ocid") + "-of-" + user.Name, Content: []byte(value),
			FreeformTags: tags, Metadata: metadata}
		switch {
		case s.has("bundle"):
			tags["keyturn-role"] = string(credential.RoleBundle)
			seed.Content = []byte(fmt.Sprintf(`{"kind":%q,"user":%q,"value":%q}`, s.Kind, user.ID, value))
		case key == "accesskey_secret_ocid":
			seed.Content = []byte(access)
			tags["keyturn-role"] = "access-key"
		case s.Kind.Pair():
			tags["keyturn-role"] = "secret-key"
		}
		if s.has("misbound") {
			seed.DefinedTags = map[string]map[string]any{"keyturn": {"user": "ocid1.user.oc1..aaaaaaaaother"}}
		} else {
			s.Secrets = append(s.Secrets, seed.Name)
		}
		p.AddSecret(seed)
		p.census.Secrets++
	}
	p.shareSecrets(*s)
	return nil
}

// shareSecrets binds the secrets to the user's earlier credentials of the kind, too.
func (p *populating) shareSecrets(s Seeded) {
	for i, other := range p.census.Credentials {
		if other.User == s.User && other.Kind == s.Kind && len(other.Secrets) == 0 {
			p.census.Credentials[i].Secrets = s.Secrets
		}
	}
}

// journal is the metadata of a secret whose rotation is half-way, or whose old credential is in its grace period.
func (p *populating) journal(user Person, s *Seeded) (map[string]any, error) {
	j := rotation.Journal{Owner: string(s.Kind) + " " + user.ID, Role: credential.Kind(s.Kind).DefaultRole()}
	at := time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Second)
	var held []Seeded
	for _, other := range p.census.Credentials {
		if other.User == user.ID && other.Kind == s.Kind && other.has("held") {
			held = append(held, other)
		}
	}
	switch {
	case s.has("staged"):
		j.Staged = &rotation.Staged{Version: "keyturn-aaaaaaaaaaaaaaaa-1", Phase: rotation.PhaseStaged, Old: s.ID,
			Maker: "a", At: &at}
	case len(held) > 0:
		j.Current = &rotation.Holder{Version: 1, Credential: s.ID}
		j.Retire = rotation.Overlaps{{Credential: held[0].ID, After: at.Add(72 * time.Hour), Set: &at}}
	default:
		return nil, nil
	}
	text, err := j.Write(nil)
	if err != nil {
		return nil, err
	}
	var metadata map[string]any
	return metadata, json.Unmarshal(text, &metadata)
}

func (p *populating) problem(user Person, s *Seeded) {
	if !s.has("problem", "closed") {
		return
	}
	resource := s.ID
	if s.Kind == APIKey {
		resource = p.Tenancy() + "/" + user.ID + "/" + s.ID
	}
	id := p.AddProblem(ociemu.ProblemSeed{Rule: s.Kind.Rule(), User: user.ID, ResourceID: resource,
		ResourceName: user.Name})
	if s.has("closed") {
		p.CloseProblem(id, "rotate:yes", "secops@example.com")
		return
	}
	s.Problem = id
	p.census.Problems++
}
