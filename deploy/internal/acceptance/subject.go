package acceptance

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
	kvault "github.com/keyturn/keyturn/pkg/vault"
)

// subject is a throw-away user with a credential, and the secrets for the new one.
type subject struct {
	label    string
	kind     credential.Kind
	inDomain bool // the user is in the identity domain of --domain
	owner    credential.Owner
	old      credential.Material // a password has no id here
	oldMade  time.Time           // zero if the domain doesn't say when a password was set
	now      credential.Material // made by its rotation; empty before
	secrets  []target
}

// target is a secret and its key in a closure comment.
type target struct {
	key  string
	role credential.Role
	name string
	id   string
}

// comment is a closure comment with the subject's secrets and one more option.
func (s *subject) comment(more string) string {
	text := ""
	for _, t := range s.secrets {
		text += t.key + ":" + t.id + ","
	}
	return text + more
}

// plan returns a subject for each kind with one secret per part. A kind with two parts gets another subject, with a
// bundle. With inDomain, more subjects are users of the identity domain of --domain.
func plan(inDomain bool) (all []*subject) {
	for _, k := range credential.Kinds() {
		plain := &subject{label: string(k), kind: k}
		for _, p := range k.Record().Parts {
			plain.secrets = append(plain.secrets, target{key: p.Key, role: p.Role})
		}
		all = append(all, plain)
		if k.Pair() {
			plain.label += "-pair"
			all = append(all, &subject{label: string(k) + "-bundle", kind: k,
				secrets: []target{{key: credential.BundleKey, role: credential.RoleBundle}}})
		}
	}
	for _, s := range all {
		if inDomain && len(s.secrets) == len(s.kind.Record().Parts) {
			all = append(all, &subject{label: "domain-" + s.label, kind: s.kind, inDomain: true,
				secrets: slices.Clone(s.secrets)})
		}
	}
	return all
}

// nameOf is the name of something that the run creates.
func (r *run) nameOf(label string) string { return prefix + r.state.Run + "-" + label }

// address is the e-mail address of a user with a label. It is in a domain that accepts no mail (RFC 2606, RFC 7505).
func (r *run) address(label string) string { return r.nameOf(label) + "@example.com" }

// make announces a user or a secret in the state file, makes it with call, and records the answer there.
func (r *run) make(ctx context.Context, list *[]thing, noun, label string,
	call func(ctx context.Context, name, retryToken string) (id *string, err error)) (name, id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	name = r.nameOf(label)
	if err := r.state.announce(list, name); err != nil {
		return "", "", err
	}
	token := random(32)
	made, err := patiently(ctx, func(ctx context.Context) (*string, error) { return call(ctx, name, token) })
	noted := r.state.settle(list, name, text(made), err)
	if err != nil {
		return name, "", fmt.Errorf("creating the %s %s: %s", noun, name, detailed(err))
	}
	return name, text(made), noted
}

// newUser makes a user in no group.
func (r *run) newUser(ctx context.Context, label string) (name, id string, err error) {
	return r.make(ctx, &r.state.Users, "user", label, func(ctx context.Context, name, token string) (*string, error) {
		u, err := r.identity.CreateUser(ctx, identity.CreateUserRequest{OpcRetryToken: &token,
			CreateUserDetails: identity.CreateUserDetails{
				CompartmentId: &r.tenancy, Name: &name, Email: common.String(r.address(label)),
				Description: common.String("Throw-away user of a Keyturn acceptance run. Delete it after the run.")}})
		return u.Id, err
	})
}

// seed is what a secret contains before a rotation.
const seed = "Keyturn acceptance run: nothing was rotated yet."

// newSecret makes a secret and waits until it is ACTIVE. Unless user is empty, it binds the secret to the user and
// kind.
func (r *run) newSecret(ctx context.Context, label, user string, kind credential.Kind) (name, id string, err error) {
	details := vault.CreateSecretDetails{CompartmentId: &r.state.Compartment, VaultId: &r.state.Vault,
		KeyId:         &r.options.Key,
		Description:   common.String("Throw-away secret of a Keyturn acceptance run."),
		SecretContent: vault.Base64SecretContentDetails{Content: encoded([]byte(seed)), Name: common.String("seed")}}
	hint := ""
	switch {
	case user == "":
	case r.options.FreeformTags:
		details.FreeformTags = map[string]string{"keyturn-user": user, "keyturn-kind": string(kind)}
	default:
		details.DefinedTags = map[string]map[string]any{"keyturn": {"user": user, "kind": string(kind)}}
		hint = "; if the tag namespace keyturn is missing, the stack binds by freeform tags: give --freeform-tags"
	}
	name, id, err = r.make(ctx, &r.state.Secrets, "secret", label,
		func(ctx context.Context, name, token string) (*string,
			error) {
			details.SecretName = &name
			s, err := r.vault.CreateSecret(ctx, vault.CreateSecretRequest{OpcRetryToken: &token,
				CreateSecretDetails: details})
			return s.Id, err
		})
	switch {
	case err != nil && id == "" && name != "":
		return name, "", fmt.Errorf("%w%s", err, hint)
	case err != nil:
		return name, id, err
	}
	_, err = r.active(ctx, id)
	return name, id, err
}

func encoded(content []byte) *string {
	return common.String(base64.StdEncoding.EncodeToString(content))
}

// active waits until a secret is ACTIVE.
func (a *admin) active(ctx context.Context, id string) (s kvault.Secret, err error) {
	_, err = until(ctx, settlingTime, func() (bool, error) {
		s, err = a.cloud.Vault().Secret(ctx, id)
		return err == nil && s.State == kvault.Active, err
	})
	if err != nil {
		err = fmt.Errorf("waiting for the secret %s to be ACTIVE: %w", id, err)
	}
	return s, err
}

func (r *run) equip(ctx context.Context, s *subject) error {
	var name, id string
	var err error
	if s.inDomain {
		name, id, err = r.newDomainUser(ctx, s.label, r.address(s.label))
	} else {
		name, id, err = r.newUser(ctx, s.label)
	}
	if err != nil {
		return err
	}
	s.owner = r.owner(name, id)
	s.old, s.oldMade, err = r.newCredential(ctx, id, s.kind, "keyturn acceptance run "+r.state.Run)
	if err != nil {
		return err
	}
	for i := range s.secrets {
		t := &s.secrets[i]
		label := s.label + pick(len(s.secrets) > 1, "-"+string(t.role), "")
		t.name, t.id, err = r.newSecret(ctx, label, id, s.kind)
		if err != nil {
			return err
		}
	}
	return nil
}

// owner describes a user that the run created.
func (r *run) owner(name, id string) credential.Owner {
	if m, ok := r.members[id]; ok {
		name = m.domain.UserName(name)
	}
	return credential.Owner{Tenancy: r.tenancy, User: id, UserName: name, Region: r.home, Namespace: r.namespace,
		Hosts: r.hosts}
}

// newCredential makes a credential. It doesn't repeat a request that may have taken effect: a lost answer loses the
// value, and the run ends. A new user may not be known everywhere yet, so it repeats a request after a 404.
func (a *admin) newCredential(ctx context.Context, user string, kind credential.Kind, description string) (
	m credential.Material, at time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return m, at, err
	}
	m, err = retry(ctx, func(err error) bool { return statusIs(err, 404, 429) || unknownUser(err) },
		func(ctx context.Context) (credential.Material, error) {
			m, made, err := a.create(ctx, user, kind, description)
			at = made
			return m, err
		})
	if err != nil {
		err = fmt.Errorf("creating the %s: %s", kind.Noun(), seen(err))
	}
	return m, at, err
}

// create makes a credential with one call.
func (a *admin) create(ctx context.Context, user string, kind credential.Kind, description string) (
	m credential.Material, at time.Time, err error) {
	if kind.Origin() == credential.Local {
		m, err = credential.GenerateAPIKey(2048)
		if err != nil {
			return m, at, err
		}
		made, err := a.upload(ctx, user, m)
		return m, made.Created, err
	}
	in, ok := a.members[user]
	switch {
	case ok && kind.Origin() == credential.Reset:
		return a.makePassword(ctx, in)
	case ok:
		return a.makeInDomain(ctx, in, user, kind, description)
	}
	made, err := oci.DirectCalls(kind).Create(ctx, a.identity, user, credential.Draft{Description: description})
	m = credential.Material{Kind: kind, Value: made.Value}
	if kind.Origin() != credential.Reset { // events name no id of a password
		m.ID = made.ID
	}
	return m, made.Created, err
}

func (a *admin) upload(ctx context.Context, user string, m credential.Material) (credential.Created, error) {
	public, err := m.PublicPEM()
	if err != nil {
		return credential.Created{}, err
	}
	if in, ok := a.members[user]; ok {
		return a.uploadInDomain(ctx, in, user, m.Kind, public, "")
	}
	return oci.DirectCalls(m.Kind).Create(ctx, a.identity, user, credential.Draft{PublicKey: public})
}

func when(t *common.SDKTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
