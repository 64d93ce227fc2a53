package binding

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/deploy/internal/operate"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

// World is what a list of bindings is checked against.
type World struct {
	Users   []operate.User // all users
	Secrets []Candidate    // all secrets
	Create  bool           // a secret that doesn't exist is made
}

// Row is one binding as an operator states it.
type Row struct {
	User   string // name, <domain>/<name> or OCID
	Kind   string
	Secret string // OCID or name
	Role   string // "" is the kind's default

	line    int
	columns map[string]int // the position of each column in its line, in characters
}

// RowError is one fault in one row.
type RowError struct {
	Line   int    // "" for a row that comes from flags: 0
	Column string // user, kind, secret or role
	At     int    // position of the column in its line; 0 if it isn't known
	Text   string
}

// Error implements error.
func (e RowError) Error() string {
	switch {
	case e.Line == 0:
		return e.Column + ": " + e.Text
	case e.At == 0:
		return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Text)
	}
	return fmt.Sprintf("line %d, column %s (position %d): %s", e.Line, e.Column, e.At, e.Text)
}

var columns = []string{"user", "kind", "secret", "role"}

// ReadRows reads a CSV file. Its first line has the names of the columns: user, kind and secret, and possibly role, in
// any order. All faults are in the error.
func ReadRows(from io.Reader) (rows []Row, err error) {
	r := csv.NewReader(from)
	r.TrimLeadingSpace, r.FieldsPerRecord = true, -1
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the first line, which names the columns user,kind,secret,role: %w", err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	var faults []error
	position := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		switch _, twice := position[name]; {
		case !slices.Contains(columns, name):
			faults = append(faults, RowError{1, fmt.Sprintf("%q", name), 0, "there is no such column: the columns " +
				"are user,kind,secret,role"})
		case twice:
			faults = append(faults, RowError{1, name, 0, "it is there twice"})
		}
		position[name] = i
	}
	for _, name := range columns[:3] {
		if _, ok := position[name]; !ok {
			faults = append(faults, RowError{1, name, 0, "it is missing: the columns are user,kind,secret,role"})
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, errors.Join(faults...)
		}
		if err != nil {
			return nil, errors.Join(append(faults, err)...)
		}
		row := Row{columns: map[string]int{}}
		row.line, _ = r.FieldPos(0)
		if len(record) > len(head) {
			faults = append(faults, RowError{row.line, fmt.Sprint(len(head) + 1), 0, fmt.Sprintf("the line has %d "+
				"fields, and the first line %d", len(record), len(head))})
			continue
		}
		for name, into := range map[string]*string{"user": &row.User, "kind": &row.Kind, "secret": &row.Secret,
			"role": &row.Role} {
			if i, ok := position[name]; ok && i < len(record) {
				*into = strings.TrimSpace(record[i])
				_, row.columns[name] = r.FieldPos(i)
			}
		}
		rows = append(rows, row)
	}
}

// checking is the state of a check of rows.
type checking struct {
	World
	plan    Plan
	bound   boundSecrets
	lines   map[string]int                     // by secret: the line that binds it
	roles   map[string]map[credential.Role]int // by subject: the line of each role
	kinds   map[string]credential.Kind         // by subject
	subject map[string]Subject
	faults  []error
}

// Check makes a plan of rows. All faults are in the error, and then the plan is empty.
func Check(rows []Row, w World) (Plan, error) {
	c := checking{World: w, bound: boundOf(w.Secrets), lines: map[string]int{},
		roles: map[string]map[credential.Role]int{}, kinds: map[string]credential.Kind{}, subject: map[string]Subject{}}
	for _, row := range rows {
		c.row(row)
	}
	c.pairs()
	if len(c.faults) > 0 {
		return Plan{}, errors.Join(c.faults...)
	}
	c.plan.sort()
	return c.plan, nil
}

func (c *checking) fault(r Row, column, format string, args ...any) {
	c.faults = append(c.faults, RowError{r.line, column, r.columns[column], fmt.Sprintf(format, args...)})
}

// row checks one row, and adds it to the plan.
func (c *checking) row(r Row) {
	before := len(c.faults)
	b := Binding{Confidence: Stated, Why: "you say so"}
	user, ok := c.user(r)
	if ok {
		b.User, b.UserName = user.ID, user.Name
	}
	b.Kind = credential.Kind(strings.ToLower(r.Kind))
	if !b.Kind.Rotates() {
		c.fault(r, "kind", "%q is none of %s", r.Kind, joined(credential.Kinds()))
	} else {
		b.Role = b.Kind.DefaultRole()
		if r.Role != "" {
			b.Role = credential.Role(strings.ToLower(r.Role))
		}
		if !b.Kind.Fits(b.Role) {
			c.fault(r, "role", "%q doesn't fit %s: it must be one of %s", r.Role, b.Kind.One(), joined(b.Kind.Roles()))
		}
	}
	secret, create := c.secret(r)
	if len(c.faults) > before {
		return
	}
	s := Subject{Kind: b.Kind, User: b.User, Name: b.UserName}
	if c.roles[s.key()] == nil {
		c.roles[s.key()] = map[credential.Role]int{}
	}
	c.subject[s.key()] = s
	if line, twice := c.roles[s.key()][b.Role]; twice {
		c.fault(r, "secret", "line %d binds a secret to the same user, kind and role", line)
		return
	}
	c.roles[s.key()][b.Role] = r.line
	if create {
		b.SecretName, b.Why = r.Secret, "you say so; it doesn't exist yet"
		c.plan.Create = append(c.plan.Create, b)
		return
	}
	b.Secret, b.SecretName = secret.ID, secret.Name
	c.existing(r, b, secret)
}

// existing checks a binding of a secret that exists.
func (c *checking) existing(r Row, b Binding, secret vault.Secret) {
	if line, twice := c.lines[secret.ID]; twice {
		c.fault(r, "secret", "line %d binds the same secret", line)
		return
	}
	c.lines[secret.ID] = r.line
	kind, user, bound := guard.BoundTo(secret)
	role, _ := guard.RoleOf(secret, kind)
	switch {
	case bound && kind == b.Kind && strings.EqualFold(user, b.User) && role == b.Role:
		c.plan.Bound = append(c.plan.Bound, b)
		return
	case bound && (kind != b.Kind || !strings.EqualFold(user, b.User)):
		c.fault(r, "secret", "secret %s (%s) is bound to the %s of %s. Remove its tags first if that is wrong",
			secret.Name, secret.ID, kind.Noun(), user)
		return
	}
	for _, other := range c.bound[Subject{Kind: b.Kind, User: b.User}.key()][b.Role] {
		if other.ID != secret.ID {
			c.fault(r, "secret", "secret %s (%s) is bound to the same user, kind and role already", other.Name,
				other.ID)
			return
		}
	}
	if err := guard.Writable(secret); err != nil && secret.State != vault.Updating {
		c.fault(r, "secret", "%v", err)
		return
	}
	c.plan.Bind = append(c.plan.Bind, b)
}

// user finds the user of a row.
func (c *checking) user(r Row) (operate.User, bool) {
	if id, err := cloudguard.ParseOCID(r.User, cloudguard.TypeUser); err == nil {
		i := slices.IndexFunc(c.Users, func(u operate.User) bool { return strings.EqualFold(u.ID, string(id)) })
		if i < 0 {
			c.fault(r, "user", "no user has the OCID %s", id)
			return operate.User{}, false
		}
		return c.Users[i], true
	}
	switch found := operate.Named(c.Users, r.User); {
	case r.User == "":
		c.fault(r, "user", "it is empty: write a name, <domain>/<name> or an OCID")
	case len(found) == 0:
		c.fault(r, "user", "no user has the name %q", r.User)
	case len(found) > 1:
		c.fault(r, "user", "%d users have the name %q, such as %s: write <domain>/<name> or the OCID", len(found),
			r.User,
			found[0].ID)
	default:
		return found[0], true
	}
	return operate.User{}, false
}

// secret finds the secret of a row. create is true if it is to be made.
func (c *checking) secret(r Row) (found vault.Secret, create bool) {
	id, err := cloudguard.ParseOCID(r.Secret, cloudguard.TypeSecret)
	var all []vault.Secret
	for _, s := range c.Secrets {
		if err == nil && strings.EqualFold(s.ID, string(id)) || err != nil && s.Name == r.Secret && !leaving(s.Secret) {
			all = append(all, s.Secret)
		}
	}
	switch {
	case r.Secret == "":
		c.fault(r, "secret", "it is empty: write an OCID or a name")
	case len(all) == 1:
		return all[0], false
	case len(all) > 1:
		c.fault(r, "secret", "%d secrets have the name %q, such as %s: write the OCID", len(all), r.Secret, all[0].ID)
	case err == nil:
		c.fault(r, "secret", "no secret has the OCID %s", id)
	case c.Create:
		return vault.Secret{}, true
	default:
		c.fault(r, "secret", "no secret has the name %q. With --create, --vault, --key and --compartment it is made",
			r.Secret)
	}
	return vault.Secret{}, false
}

// pairs refuses one half of a pair.
func (c *checking) pairs() {
	for key, lines := range c.roles {
		s := c.subject[key]
		has, line := map[credential.Role]bool{}, 0
		for role := range c.bound[key] {
			has[role] = true
		}
		for role, n := range lines {
			has[role], line = true, max(line, n)
		}
		half := 0
		for _, p := range s.Kind.Record().Parts {
			if has[p.Role] {
				half++
			}
		}
		if half > 0 && half < len(s.Kind.Record().Parts) {
			c.fault(Row{line: line}, "role", "only one half of the pair of secrets is bound to %s: bind the other "+
				"half, too, or one secret with the role bundle", s)
		}
	}
}

func joined[T ~string](all []T) string {
	var texts []string
	for _, one := range all {
		texts = append(texts, string(one))
	}
	return strings.Join(texts, ", ")
}
