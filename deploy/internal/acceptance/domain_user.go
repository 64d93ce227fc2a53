package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

// identityDomain is an identity domain whose API the run uses.
type identityDomain struct {
	credential.Domain
	compartment, license string
}

// member is a user that the run created in an identity domain.
type member struct {
	domain *identityDomain
	id     string // of SCIM
}

// identityDomain reads a domain, and refuses one whose address is not of the realm.
func (a *admin) identityDomain(ctx context.Context, id string) (*identityDomain, error) {
	r, err := ask(ctx, a.identity.GetDomain, identity.GetDomainRequest{DomainId: &id})
	if err != nil {
		return nil, fmt.Errorf("reading the identity domain %s: %s", id, detailed(err))
	}
	return a.reachable(&identityDomain{credential.Domain{ID: id, Name: text(r.DisplayName), URL: text(r.Url),
		Region: text(r.HomeRegion), Default: r.Type == identity.DomainTypeDefault, State: string(r.LifecycleState)},
		text(r.CompartmentId), text(r.LicenseType)})
}

// defaultDomain finds the Default domain.
func (a *admin) defaultDomain(ctx context.Context) (*identityDomain, error) {
	kind := string(identity.DomainTypeDefault)
	r, err := ask(ctx, a.identity.ListDomains, identity.ListDomainsRequest{CompartmentId: &a.tenancy, Type: &kind})
	if err != nil {
		return nil, err
	}
	if len(r.Items) == 0 {
		return nil, errors.New("the tenancy shows no Default domain")
	}
	d := r.Items[0]
	return a.reachable(&identityDomain{Domain: credential.Domain{ID: text(d.Id), Name: text(d.DisplayName),
		URL: text(d.Url), Default: true}})
}

// reachable checks the address of a domain before anything is signed for it.
func (a *admin) reachable(d *identityDomain) (*identityDomain, error) {
	address, err := a.cloud.DomainURL(d.Domain)
	if err != nil {
		return nil, err
	}
	d.URL = strings.TrimSuffix(address, "/")
	return d, nil
}

// fits refuses a domain with which a run is impossible. The error says how to fix it.
func (d *identityDomain) fits(f *deployment, tenancy string) error {
	covered := slices.ContainsFunc(strings.Split(f.config["identity_domains"], ","), func(item string) bool {
		return is(item, d.ID) || is(item, d.compartment) || is(item, "all") && d.compartment == tenancy
	})
	switch {
	case d.Default:
		return errors.New("--domain names the Default domain, which each run tests: name another one, or omit --domain")
	case d.State != string(identity.DomainLifecycleStateActive):
		return fmt.Errorf("--domain: the identity domain %q is %s, not ACTIVE", d.Name, d.State)
	case !covered:
		return fmt.Errorf("--domain: the function's identity_domains doesn't include the identity domain %q. Add %s "+
			"to it (Terraform: identity_domains), or omit --domain", d.Name, d.ID)
	}
	return nil
}

// newDomainUser makes a user in no group in the run's identity domain. Without mail, the user has no e-mail address.
func (r *run) newDomainUser(ctx context.Context, label, mail string) (name, id string, err error) {
	body := map[string]any{"schemas": []string{scimUser}, "name": map[string]any{"familyName": "Keyturn acceptance"},
		// no mail about the new user
		scimSchemas + "extension:user:User": map[string]any{"bypassNotification": true}}
	return r.make(ctx, &r.state.DomainUsers, "user", label, func(ctx context.Context, name, token string) (*string,
		error) {
		body["userName"] = name
		if mail != "" {
			body["emails"] = []map[string]any{{"value": mail, "type": "work", "primary": true}}
		}
		u, err := r.scimAt(ctx, r.within.URL, scimRequest{method: http.MethodPost, path: "Users", body: body,
			header: map[string]string{"Opc-Retry-Token": token}})
		if err == nil && (u.ID == "" || u.OCID == "") {
			err = errors.New("the answer has no id")
		}
		if err != nil {
			return nil, err
		}
		r.members[u.OCID] = member{r.within, u.ID}
		return &u.OCID, nil
	})
}

// findDomainUser returns the OCID of the user with the thing's name in a domain, or "" if there is none.
func (a *admin) findDomainUser(ctx context.Context, d *identityDomain, u thing) (string, error) {
	all, err := a.scimList(ctx, d, "Users", url.Values{"filter": {`userName eq "` + u.Name + `"`},
		"attributes": {"ocid,userName"}})
	if err != nil {
		return "", fmt.Errorf("looking for it: %s", detailed(err))
	}
	for _, found := range all {
		if strings.EqualFold(found.UserName, u.Name) {
			a.members[found.OCID] = member{d, found.ID}
			return found.OCID, nil
		}
	}
	return "", nil
}

func (a *admin) deleteDomainUser(ctx context.Context, id string) error {
	m := a.members[id]
	_, err := a.scim(ctx, m.domain, scimRequest{method: http.MethodDelete, path: "Users/" + m.id,
		query: url.Values{"forceDelete": {"true"}}})
	return err
}

// ofMember lists a member's credentials of a kind, with the given attributes; empty means the default ones.
func (a *admin) ofMember(ctx context.Context, m member, user string, k domainKind, attributes string) ([]scimThing,
	error) {
	query := url.Values{"filter": {`user.ocid eq "` + user + `"`}}
	if attributes != "" {
		query.Set("attributes", attributes)
	}
	return a.scimList(ctx, m.domain, k.resource, query)
}

// safeAttributes leave out every secret value.
const safeAttributes = "ocid,fingerprint,accessKey,displayName,description,expiresOn,user,meta"

func (a *admin) listInDomain(ctx context.Context, m member, user string, kind credential.Kind) (out []credential.Issued,
	err error) {
	k, ok := domainKinds[kind]
	if !ok {
		return nil, nil
	}
	all, err := a.ofMember(ctx, m, user, k, safeAttributes)
	for _, t := range all {
		out = append(out, credential.Issued{ID: k.id(t), Description: k.description(t), Created: t.Meta.Created})
	}
	return out, err
}

// createInDomain makes a credential with one call. more adds to the request.
func (a *admin) createInDomain(ctx context.Context, m member, user string, kind credential.Kind, more map[string]any,
	header map[string]string) (scimThing, error) {
	k, ok := domainKinds[kind]
	if !ok {
		return scimThing{}, fmt.Errorf("a %s of a user in an identity domain can't be made", kind.Noun())
	}
	body := map[string]any{"schemas": []string{scimSchemas + k.schema},
		"user": map[string]any{"value": m.id, "ocid": user}}
	for name, v := range more {
		body[name] = v
	}
	return a.scimAt(ctx, m.domain.URL, scimRequest{method: http.MethodPost, path: k.resource, body: body,
		header: header})
}

// makeInDomain makes a credential of a kind whose value the domain makes.
func (a *admin) makeInDomain(ctx context.Context, m member, user string, kind credential.Kind, description string) (
	made credential.Material, at time.Time, err error) {
	k := domainKinds[kind]
	t, err := a.createInDomain(ctx, m, user, kind, map[string]any{k.describes: description}, nil)
	if err != nil {
		return made, at, err
	}
	return credential.Material{Kind: kind, ID: k.id(t), Value: k.value(t)}, t.Meta.Created, nil
}

// deleteInDomain deletes a credential with the id that other services know.
func (a *admin) deleteInDomain(ctx context.Context, m member, user string, kind credential.Kind, id string) error {
	k := domainKinds[kind]
	all, err := a.ofMember(ctx, m, user, k, safeAttributes)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(t scimThing) bool { return k.id(t) == id })
	if i < 0 {
		return &scimRefusal{status: http.StatusNotFound, detail: "the list doesn't have it"}
	}
	_, err = a.scim(ctx, m.domain, scimRequest{method: http.MethodDelete, path: k.resource + "/" + all[i].ID})
	return err
}

// uploadInDomain adds the public part of an API key.
func (a *admin) uploadInDomain(ctx context.Context, m member, user string, kind credential.Kind, public,
	description string) (credential.Created, error) {
	more := map[string]any{"key": public}
	if description != "" {
		more["description"] = description
	}
	t, err := a.createInDomain(ctx, m, user, kind, more, nil)
	return credential.Created{Issued: credential.Issued{ID: t.Fingerprint, Created: t.Meta.Created}}, err
}

var _ common.ServiceError = (*scimRefusal)(nil)
