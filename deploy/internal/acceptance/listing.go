package acceptance

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/secrets"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// list lists a user's credentials of a kind. Passwords are not listed.
func (a *admin) list(ctx context.Context, user string, kind credential.Kind) ([]credential.Issued, error) {
	if kind.Origin() == credential.Reset {
		return nil, nil
	}
	if m, ok := a.members[user]; ok {
		return a.listInDomain(ctx, m, user, kind)
	}
	all, err := patiently(ctx, func(ctx context.Context) (credential.Listing, error) {
		return oci.DirectCalls(kind).List(ctx, a.identity, user)
	})
	if err != nil {
		return nil, fmt.Errorf("listing the user's %ss: %w", kind.Noun(), err)
	}
	return all.Credentials, nil
}

func (a *admin) delete(ctx context.Context, user string, kind credential.Kind, id string) error {
	if m, ok := a.members[user]; ok {
		return a.deleteInDomain(ctx, m, user, kind, id)
	}
	return oci.DirectCalls(kind).Delete(context.WithoutCancel(ctx), a.identity, user, id)
}

// passwordMade is the time at which a user's password was set. It is zero if an identity domain doesn't say it.
func (a *admin) passwordMade(ctx context.Context, user string) (time.Time, error) {
	if m, ok := a.members[user]; ok {
		u, err := a.passwordState(ctx, m)
		return u.Password.LastSuccessfulSetDate, err
	}
	p, err := ask(ctx, a.identity.GetUserUIPasswordInformation, identity.GetUserUIPasswordInformationRequest{
		UserId: &user})
	return when(p.TimeCreated), err
}

type content struct {
	number int64
	name   string
	value  credential.Value
}

// read reads the CURRENT version of a secret, or the one with a name.
func (a *admin) read(ctx context.Context, secret, name string) (c content, err error) {
	request := secrets.GetSecretBundleRequest{SecretId: &secret}
	if name != "" {
		request.SecretVersionName = &name
	}
	b, err := a.secrets.GetSecretBundle(context.WithoutCancel(ctx), request)
	if err != nil {
		return c, err
	}
	held, ok := b.SecretBundleContent.(secrets.Base64SecretBundleContentDetails)
	if !ok || b.VersionNumber == nil {
		return c, fmt.Errorf("the version has no Base64 content")
	}
	plain, err := base64.StdEncoding.DecodeString(text(held.Content))
	if err != nil {
		return c, fmt.Errorf("the content is not Base64") // the error would quote it
	}
	return content{*b.VersionNumber, text(b.VersionName), credential.NewValue(plain)}, nil
}

// current waits until the CURRENT version of a secret has the given number and can be read.
func (a *admin) current(ctx context.Context, secret string, number int64) (c content, err error) {
	_, waited := until(ctx, time.Minute, func() (bool, error) {
		c, err = a.read(ctx, secret, "")
		return err == nil && c.number == number, nil
	})
	if err == nil && waited != nil {
		err = fmt.Errorf("CURRENT is version %d, not %d", c.number, number)
	}
	return c, err
}

// serverNow is the time on IAM's clock.
func (a *admin) serverNow(ctx context.Context) (time.Time, error) {
	r, err := ask(ctx, a.identity.GetTenancy, identity.GetTenancyRequest{TenancyId: &a.tenancy})
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the time: %s", detailed(err))
	}
	return dateOf(r.RawResponse.Header.Get("Date"))
}
