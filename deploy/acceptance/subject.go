package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// subject is a throw-away user with a credential, and the secrets that take the new one.
type subject struct {
	label    string
	kind     credential.Kind
	userName string
	owner    credential.Owner
	old      credential.Material // of a password: no value
	oldMade  time.Time
	now      credential.Material // what its rotation made; empty before
	secrets  []target
}

// target is a secret and its place in a closure comment.
type target struct {
	key  string // of the comment
	role credential.Role
	name string
	id   string
}

// comment names the subject's secrets, and asks for the old credential to go at once, whatever grace_period says.
func (s *subject) comment(more string) string {
	text := ""
	for _, t := range s.secrets {
		text += t.key + ":" + t.id + ","
	}
	return text + more
}

// plan is what a run makes: a subject for each kind, with its plain secrets, and one more with a bundle where those are
// two.
func plan() (all []*subject) {
	for _, k := range credential.Kinds() {
		plain := &subject{label: string(k), kind: k}
		for _, p := range k.Record().Parts {
			plain.secrets = append(plain.secrets, target{key: p.Key, role: p.Role})
		}
		if all = append(all, plain); k.Pair() {
			plain.label += "-pair"
			all = append(all, &subject{label: string(k) + "-bundle", kind: k,
				secrets: []target{{key: credential.BundleKey, role: credential.RoleBundle}}})
		}
	}
	return all
}

// newUser makes a user in no group. Its address is one of a domain that takes no mail (RFC 2606, RFC 7505).
func (r *run) newUser(ctx context.Context, label string) (name, id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	name = prefix + r.state.Run + "-" + label
	if err := r.state.announce(&r.state.Users, name); err != nil {
		return "", "", err
	}
	token := random(32)
	u, err := patiently(ctx, func(ctx context.Context) (identity.CreateUserResponse, error) {
		return r.identity.CreateUser(ctx, identity.CreateUserRequest{OpcRetryToken: &token,
			CreateUserDetails: identity.CreateUserDetails{
				CompartmentId: &r.tenancy, Name: &name, Email: common.String(name + "@example.com"),
				Description: common.String("Throw-away user of a Keyturn acceptance run. Delete it if the run " +
					"is over.")}})
	})
	noted := r.state.settle(&r.state.Users, name, text(u.Id), err)
	if err != nil {
		return name, "", fmt.Errorf("making the user %s: %s", name, told(err))
	}
	return name, text(u.Id), noted
}

// seed is what a secret holds before a rotation.
const seed = "Keyturn acceptance run: nothing was rotated yet."

// newSecret makes a secret, bound to a user and kind unless user is empty, and waits until it is ACTIVE.
func (r *run) newSecret(ctx context.Context, label, user string, kind credential.Kind) (name, id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	name = prefix + r.state.Run + "-" + label
	if err := r.state.announce(&r.state.Secrets, name); err != nil {
		return "", "", err
	}
	details := vault.CreateSecretDetails{CompartmentId: &r.state.Compartment, VaultId: &r.state.Vault,
		KeyId: &r.options.key, SecretName: &name,
		Description:   common.String("Throw-away secret of a Keyturn acceptance run."),
		SecretContent: vault.Base64SecretContentDetails{Content: encoded([]byte(seed)), Name: common.String("seed")}}
	switch {
	case user == "":
	case r.options.freeform:
		details.FreeformTags = map[string]string{"keyturn-user": user, "keyturn-kind": string(kind)}
	default:
		details.DefinedTags = map[string]map[string]any{"keyturn": {"user": user, "kind": string(kind)}}
	}
	token := random(32)
	s, err := patiently(ctx, func(ctx context.Context) (vault.CreateSecretResponse, error) {
		return r.vault.CreateSecret(ctx, vault.CreateSecretRequest{OpcRetryToken: &token, CreateSecretDetails: details})
	})
	noted := r.state.settle(&r.state.Secrets, name, text(s.Id), err)
	if err != nil {
		hint := ""
		if user != "" && !r.options.freeform {
			hint = "; if it is the tag namespace keyturn that is missing, the stack binds by freeform tags: give " +
				"-freeform-tags"
		}
		return name, "", fmt.Errorf("making the secret %s: %s%s", name, told(err), hint)
	}
	if noted != nil {
		return name, text(s.Id), noted
	}
	_, err = r.active(ctx, text(s.Id))
	return name, text(s.Id), err
}

func encoded(content []byte) *string {
	return common.String(base64.StdEncoding.EncodeToString(content))
}

// active waits until a secret is ACTIVE.
func (a *admin) active(ctx context.Context, id string) (s vault.GetSecretResponse, err error) {
	_, err = until(ctx, settlingTime, func() (bool, error) {
		s, err = patiently(ctx, func(ctx context.Context) (vault.GetSecretResponse, error) {
			return a.vault.GetSecret(ctx, vault.GetSecretRequest{SecretId: &id})
		})
		return err == nil && s.LifecycleState == vault.SecretLifecycleStateActive, err
	})
	if err != nil {
		return s, fmt.Errorf("waiting for the secret %s to be ACTIVE: %s", id, told(err))
	}
	return s, nil
}

// equip makes the subject's user, credential and secrets.
func (r *run) equip(ctx context.Context, s *subject) error {
	name, id, err := r.newUser(ctx, s.label)
	if err != nil {
		return err
	}
	s.userName = name
	s.owner = credential.Owner{Tenancy: r.tenancy, User: id, UserName: name, Region: r.home, Namespace: r.namespace,
		Hosts: r.hosts}
	if s.old, s.oldMade, err = r.newCredential(ctx, id, s.kind, "keyturn acceptance run "+r.state.Run); err != nil {
		return err
	}
	for i := range s.secrets {
		t := &s.secrets[i]
		label := s.label
		if len(s.secrets) > 1 {
			label += "-" + string(t.role)
		}
		if t.name, t.id, err = r.newSecret(ctx, label, id, s.kind); err != nil {
			return err
		}
	}
	return nil
}

// newCredential makes a credential. What may have taken effect isn't repeated: a lost answer loses the value, and the
// run ends. A user that was made a moment ago may not be known everywhere yet.
func (a *admin) newCredential(ctx context.Context, user string, kind credential.Kind, description string) (
	m credential.Material, at time.Time, err error) {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return m, at, err
		}
		m, at, err = a.create(context.WithoutCancel(ctx), user, kind, description)
		status, _ := answer(err)
		if err == nil || status != 404 && status != 429 || attempt == 10 || sleep(ctx, pauseOf(attempt)) != nil {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("making the %s: %s", kind.Noun(), seen(err))
	}
	return m, at, err
}

// create makes a credential, with one call.
func (a *admin) create(ctx context.Context, user string, kind credential.Kind, description string) (
	m credential.Material, at time.Time, err error) {
	if kind.Origin() == credential.Local {
		if m, err = credential.GenerateAPIKey(2048); err != nil {
			return m, at, err
		}
		made, err := a.upload(ctx, user, m)
		return m, made.Created, err
	}
	made, err := oci.DirectCalls(kind).Create(ctx, a.identity, user, credential.Draft{Description: description})
	m = credential.Material{Kind: kind, Value: made.Value}
	if kind.Origin() != credential.Reset { // events name no id of a password
		m.ID = made.ID
	}
	return m, made.Created, err
}

// upload uploads the public half of an API key.
func (a *admin) upload(ctx context.Context, user string, m credential.Material) (credential.Created, error) {
	public, err := m.PublicPEM()
	if err != nil {
		return credential.Created{}, err
	}
	return oci.DirectCalls(m.Kind).Create(ctx, a.identity, user, credential.Draft{PublicKey: public})
}

func when(t *common.SDKTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
