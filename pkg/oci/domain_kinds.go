package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// domainKinds has the behaviour of each kind of credential of users outside the Default domain that the domain lists.
var domainKinds = map[credential.Kind]domainKind{credential.APIKey: domainAPIKeys,
	credential.AuthToken: domainAuthTokens, credential.CustomerSecretKey: domainCustomerSecretKeys}

// domainKind has the names with which an identity domain handles the credentials of one kind.
type domainKind struct {
	list, create, remove string // names of the operations
	resource             string // in paths
	schema               string
	attributes           string                        // of a list; never a secret value
	id                   func(domainCredential) string // the identifier outside of the domain: credential.Issued.ID
	description          func(domainCredential) string
	value                func(domainCredential) credential.Value
	fill                 func(*domainDraft, credential.Draft)
}

// domainCredential is a credential as a domain returns it. An answer has the attributes of its kind.
type domainCredential struct {
	ID               scimID
	OCID             credentialOCID
	Fingerprint      string
	AccessKey        string
	DisplayName      string
	Description      string
	Token            hiddenText
	SecretKey        hiddenText
	DeleteInProgress bool
	ExpiresOn        string
	Name             string // of an OAuth 2.0 client credential
	LastSetDate      string // of a database password
	Expired          bool   // of a database password
	User             struct {
		Value scimID
		OCID  string
		Name  string // "" unless asked for
	}
	Meta struct {
		Created time.Time
		Version string
	}
}

// domainDraft is the body of a create.
type domainDraft struct {
	Schemas     []string   `json:"schemas"`
	Key         string     `json:"key,omitempty"`
	DisplayName string     `json:"displayName,omitempty"`
	Description string     `json:"description,omitempty"`
	User        domainUser `json:"user"`
}

// domainUser refers to a user. The OCID alone may be enough; the SCIM id is documented for all kinds.
type domainUser struct {
	Value scimID `json:"value"`
	OCID  string `json:"ocid"`
}

// hiddenText is a secret value in an answer.
type hiddenText struct{ credential.Value }

// UnmarshalJSON implements json.Unmarshaler.
func (h *hiddenText) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return errors.New("a value that is not a string")
	}
	h.Value = credential.NewValue([]byte(s))
	return nil
}

// domainKindOf returns the behaviour of a kind. Passwords have none: see domainPassword.
func domainKindOf(k credential.Kind) (domainKind, error) {
	if b, ok := domainKinds[k]; ok {
		return b, nil
	}
	return domainKind{}, fault.New(fault.Invalid, string(k), "Keyturn can't rotate a "+k.Noun()+
		" of a user outside the Default identity domain")
}

// domainBackendOf returns the backend of a kind of a user outside the Default domain.
func domainBackendOf(k credential.Kind, c *Cloud, m *Member) (backend, error) {
	if k == credential.Password {
		return domainPassword{c, m}, nil
	}
	b, err := domainKindOf(k)
	return domainBackend{b, c, m}, err
}

// domainBackend has the credentials of one kind of a user outside the Default domain.
type domainBackend struct {
	domainKind
	cloud  *Cloud
	member *Member
}

func (k domainKind) issued(c domainCredential) credential.Issued {
	i := credential.Issued{ID: k.id(c), Description: k.description(c), Created: c.Meta.Created, Inactive: c.Expired}
	if set, err := time.Parse(time.RFC3339, c.LastSetDate); err == nil {
		i.Created = set
	}
	if end, err := time.Parse(time.RFC3339, c.ExpiresOn); err == nil {
		i.Expires = end.UTC().Round(time.Millisecond)
	}
	i.Created = i.Created.UTC().Round(time.Millisecond)
	return i
}

// find lists the member's credentials.
func (b domainBackend) find(ctx context.Context) ([]domainCredential, time.Time, error) {
	filter, err := scimEq("user.ocid", b.member.User)
	if err != nil {
		return nil, time.Time{}, err
	}
	all, at, err := listDomain(ctx, b.cloud, b.member.Domain, scimQuery{b.list, b.resource, filter, b.attributes},
		func(found domainCredential) scimID { return found.ID })
	if err != nil {
		return nil, at, err
	}
	for _, found := range all {
		if !strings.EqualFold(found.User.OCID, b.member.User) || b.id(found) == "" {
			return nil, at, fault.New(fault.Unclear, b.list, "the list has an entry that is not a "+b.resource+
				" entry of the user that was asked for")
		}
	}
	return slices.DeleteFunc(all, func(found domainCredential) bool { return found.DeleteInProgress }), at, nil
}

func (b domainBackend) List(ctx context.Context) (credential.Listing, error) {
	all, at, err := b.find(ctx)
	if err != nil {
		return credential.Listing{}, err
	}
	l := credential.Listing{At: at}
	for _, found := range all {
		l.Credentials = append(l.Credentials, b.issued(found))
	}
	return l, nil
}

// Create makes a credential. It is sent once: no source says whether a domain answers a repeated request with the same
// opc-retry-token like the first one.
func (b domainBackend) Create(ctx context.Context, d credential.Draft) (credential.Created, error) {
	draft := domainDraft{Schemas: []string{b.schema}, User: domainUser{b.member.id, b.member.User}}
	b.fill(&draft, d)
	r := scimRequest{operation: b.create, repeat: once, method: http.MethodPost, path: b.resource, body: draft,
		retryToken: d.RetryToken}
	made, err := askDomain(ctx, b.cloud, b.member.Domain, r, func(a scimAnswer) (made domainCredential, err error) {
		if json.Unmarshal(a.body, &made) != nil || made.ID == "" || b.id(made) == "" ||
			made.User.OCID != "" && !strings.EqualFold(made.User.OCID, b.member.User) {
			return domainCredential{}, errors.New("the answer is not the user's new credential")
		}
		return made, nil
	})
	if err != nil {
		return credential.Created{}, err
	}
	b.cloud.noteMade(madeKey{b.resource, b.member.Domain.ID, b.id(made)}, made.ID)
	return credential.Created{Issued: b.issued(made), Value: b.value(made)}, nil
}

// Delete deletes a credential. The domain takes the credential's SCIM id, which a list of the user's credentials has.
// If the list doesn't have the credential yet, and this process made it, the SCIM id of its creation is used.
func (b domainBackend) Delete(ctx context.Context, id string) error {
	all, _, err := b.find(ctx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, func(found domainCredential) bool { return b.id(found) == id }); i >= 0 {
		return b.removeVersion(ctx, all[i])
	}
	if made := b.cloud.madeID(madeKey{b.resource, b.member.Domain.ID, id}); made != "" {
		return b.removeByID(ctx, made, "")
	}
	return fault.New(fault.Absent, b.remove, "the user has no such credential in the identity domain")
}

// removeVersion deletes a credential if it is still as listed. The version in a list may be wrong in a domain that was
// converted from IDCS ("Known Issues" of identity domains). So after a conflict, the credential is read, and deleted in
// the version of that answer if it is still the same one.
func (b domainBackend) removeVersion(ctx context.Context, listed domainCredential) error {
	err := b.removeByID(ctx, listed.ID, listed.Meta.Version)
	if err == nil || fault.Of(err) != fault.Conflict || listed.Meta.Version == "" {
		return err
	}
	version, readErr := b.version(ctx, listed)
	if readErr != nil || version == listed.Meta.Version {
		return err
	}
	return b.removeByID(ctx, listed.ID, version)
}

// version reads the current version of a credential.
func (b domainBackend) version(ctx context.Context, listed domainCredential) (string, error) {
	r := scimRequest{operation: b.list, repeat: harmless, method: http.MethodGet,
		path: b.resource + "/" + string(listed.ID), query: map[string][]string{"attributes": {b.attributes}}}
	return askDomain(ctx, b.cloud, b.member.Domain, r, func(a scimAnswer) (string, error) {
		var now domainCredential
		if json.Unmarshal(a.body, &now) != nil || now.ID != listed.ID || b.issued(now) != b.issued(listed) {
			return "", errors.New("the credential is another one than in the list")
		}
		if a.etag == "" {
			return now.Meta.Version, nil
		}
		return a.etag, nil
	})
}

// removeByID deletes the credential with the SCIM id, if it has the version; any version if it is empty.
func (b domainBackend) removeByID(ctx context.Context, id scimID, version string) error {
	r := scimRequest{operation: b.remove, repeat: once, method: http.MethodDelete, path: b.resource + "/" + string(id),
		ifMatch: version}
	_, err := askDomain(ctx, b.cloud, b.member.Domain, r, func(a scimAnswer) (struct{}, error) {
		if a.status != http.StatusNoContent {
			return struct{}{}, errors.New("the answer doesn't say that the credential was deleted")
		}
		return struct{}{}, nil
	})
	return err
}

// madeKey names a credential that this process made in a domain.
type madeKey struct{ resource, domain, id string }

func (c *Cloud) noteMade(key madeKey, id scimID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil || len(c.made) >= directoryLimit {
		c.made = map[madeKey]scimID{}
	}
	c.made[key] = id
}

func (c *Cloud) madeID(key madeKey) scimID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made[key]
}
