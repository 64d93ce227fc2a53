package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// passwordAttributes are what an account needs in addition for its password. The domain returns the time only if it is
// asked for.
const passwordAttributes = ",emails,meta," + passwordSet

// domainPassword is the console password of a user outside the Default domain. The caller chooses a new one, or the
// domain mails the user a link to set one; the domain never returns a value. Sources: oci-go-sdk, identitydomains
// (UserPasswordChanger, UserPasswordResetter), and "Managing User Passwords" of identity domains.
type domainPassword struct {
	cloud  *Cloud
	member *Member
}

// newPassword is the body of both changes.
type newPassword struct {
	Schemas  []string `json:"schemas"`
	Password sent     `json:"password,omitzero"`
}

// sent is a secret value in a request. Only its JSON has the value.
type sent struct{ credential.Value }

// MarshalJSON implements json.Marshaler.
func (s sent) MarshalJSON() ([]byte, error) { return json.Marshal(string(s.Reveal())) }

// IsZero reports whether there is no value.
func (s sent) IsZero() bool { return s.Empty() }

// List returns the user's password with the time at which it was set. A domain that doesn't return the time is an
// error: then nothing shows whether the user has set another one meanwhile.
func (b domainPassword) List(ctx context.Context) (credential.Listing, error) {
	a, err := b.cloud.account(ctx, b.member, passwordAttributes)
	if err != nil {
		return credential.Listing{}, err
	}
	l := credential.Listing{At: a.at, Chosen: true, Version: a.version, Refusal: a.noPassword()}
	if !a.mailed() {
		l.Unmailed = refusedPassword("the user has no primary e-mail address in the identity domain, so a link to " +
			"set a new password would reach nobody: add the address, or name a secret for the new password")
	}
	set, known := a.Password.issued()
	switch {
	case known:
		l.Credentials = []credential.Issued{set}
	case l.Refusal == nil:
		return credential.Listing{}, refusedPassword("the identity domain doesn't say when the user's password was " +
			"set (lastSuccessfulSetDate), so a newer one could be overwritten: reset it in the Console")
	}
	return l, nil
}

// Create sets the draft's value as the password, or has the domain mail a link if the draft has none. The request is
// sent once. If it wasn't answered, List shows whether it took effect.
func (b domainPassword) Create(ctx context.Context, d credential.Draft) (credential.Created, error) {
	name := "UserPasswordChanger"
	if d.Value.Empty() {
		name = "UserPasswordResetter"
	}
	schema := scimSchemas + name
	r := scimRequest{operation: "SCIM Put" + name, repeat: once, method: http.MethodPut,
		path: name + "/" + string(b.member.id), body: newPassword{[]string{schema}, sent{d.Value}},
		ifMatch: d.Version, retryToken: d.RetryToken, hides: d.Value, decided: true}
	at, err := askDomain(ctx, b.cloud, b.member.Domain, r, func(a scimAnswer) (time.Time, error) {
		var body struct{ Schemas []string }
		if a.status != http.StatusNoContent && (json.Unmarshal(a.body, &body) != nil ||
			!slices.ContainsFunc(body.Schemas, func(s string) bool { return strings.EqualFold(s, schema) })) {
			return time.Time{}, errors.New("the answer doesn't say that the password was changed")
		}
		return a.at, nil
	})
	if err != nil {
		return credential.Created{}, err
	}
	return credential.Created{Issued: credential.Issued{ID: credential.TimeID(at), Created: at}}, nil
}

// Delete always fails.
func (b domainPassword) Delete(context.Context, string) error {
	return refusedPassword("a password can be reset, not deleted")
}

// refusedPassword is a refusal without a call.
func refusedPassword(why string) error { return fault.New(fault.Invalid, "console password", why) }

// noPassword says why the user can't have a new password; nil if the domain says nothing that prevents it.
func (a account) noPassword() error {
	switch {
	case a.User.IsFederatedUser != nil && *a.User.IsFederatedUser:
		return refusedPassword("the user signs in with another identity provider, so the identity domain has no " +
			"password of the user: change it there, and dismiss the problem")
	case a.May != nil && a.May.CanUseConsolePassword != nil && !*a.May.CanUseConsolePassword:
		return refusedPassword("the user may not have a console password: the capability canUseConsolePassword is " +
			"off. Dismiss the problem, or switch it on")
	}
	return nil
}

// mailed reports whether the user has a primary e-mail address.
func (a account) mailed() bool {
	for _, e := range a.Emails {
		if e.Primary && e.Value != "" {
			return true
		}
	}
	return false
}

// hiddenRun is how many successive characters of a secret value an error may not have.
const hiddenRun = 6

// quotable reports whether a service's text may be passed on though the request sent a secret value. The text has no 6
// successive characters of the value, whatever the case and the separators. It has only words and short numbers, as an
// explanation has, and an encoded value has not. Without a value, every text is quotable.
func quotable(text string, v credential.Value) bool {
	if v.Empty() {
		return true
	}
	for _, form := range []func(string) string{strings.ToLower, onlyLetters} {
		if sharesRun(form(text), []rune(form(string(v.Reveal())))) {
			return false
		}
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !letterOrDigit(r) }) {
		digits := strings.IndexFunc(word, unicode.IsLetter) < 0
		letters := strings.IndexFunc(word, unicode.IsDigit) < 0
		if !(letters && len(word) <= 30 || digits && len(word) <= 4) {
			return false
		}
	}
	return true
}

// sharesRun reports whether the text has successive characters of the secret, or the secret is too short to tell.
func sharesRun(text string, secret []rune) bool {
	for i := range len(secret) - hiddenRun + 1 {
		if strings.Contains(text, string(secret[i:i+hiddenRun])) {
			return true
		}
	}
	return len(secret) < hiddenRun
}

// onlyLetters returns the letters and digits of a text, in lower case.
func onlyLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if letterOrDigit(r) {
			return r
		}
		return -1
	}, strings.ToLower(text))
}

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
