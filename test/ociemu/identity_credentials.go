package ociemu

import (
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
)

func listAPIKeys(x *exchange, u *user) reply {
	list := []map[string]any{}
	for _, k := range listed(x, u.goneAPIKeys, u.apiKeys) {
		list = append(list, x.apiKeyBody(u, k))
	}
	return ok(list) // never paged: the SDK's request has no page parameter
}

func (x *exchange) apiKeyBody(u *user, k *apiKey) map[string]any {
	return map[string]any{
		"keyId": x.e.state.tenancy + "/" + u.id + "/" + k.fingerprint, "keyValue": k.pem, "fingerprint": k.fingerprint,
		"userId": u.id, "timeCreated": orNil(k.shownCreated()), "lifecycleState": k.lifecycle(x.now),
		"inactiveStatus": nil,
	}
}

func uploadAPIKey(x *exchange, u *user) reply {
	return x.once(func() (reply, func() bool) {
		var details struct{ Key *string }
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		if details.Key == nil {
			return errMissing.because("The key is missing.").reply(), nil
		}
		public, err := parsePublicKey(*details.Key)
		if err != nil {
			if errors.Is(err, errNoHeader) { // message and code: public instructions for uploading keys
				return x.byDomain(http.StatusBadRequest, "error.common.validation.invalidPublicKey",
					"Invalid public key header or footer.").reply(), nil
			}
			return errInvalid.because("The key is not acceptable: " + err.Error() + ".").reply(), nil
		}
		print := fingerprintOf(public)
		if u.apiKey(print) != nil {
			status, code := statusAndCode(string(x.e.opts.Answers.DuplicateKey))
			return errConflict.as(status, code).because("The user has an API key with this fingerprint.").reply(), nil
		}
		if slots(x, u.apiKeys) >= maxAPIKeys {
			return x.full(domainAPIKey, maxAPIKeys), nil
		}
		k := &apiKey{birth: x.born(x.e.spread().APIKey), fingerprint: print, pem: *details.Key, public: public}
		u.apiKeys = append(u.apiKeys, k)
		x.e.state.named[k.fingerprint] = true
		x.changed = true
		return ok(x.apiKeyBody(u, k)).with("etag", k.etag), func() bool { return u.apiKey(print) == k }
	})
}

var errNoHeader = errors.New("it must be a public key in PEM, BEGIN PUBLIC KEY")

func parsePublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errNoHeader
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("its DER cannot be parsed")
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA {
		return nil, errors.New("it must be an RSA key")
	}
	if key.N.BitLen() < 2048 {
		return nil, errors.New("it must have at least 2048 bits")
	}
	return key, nil
}

// fingerprintOf is the MD5 of the key's DER, in the IAM API's form.
func fingerprintOf(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("ociemu: internal error: encoding a public key: " + err.Error())
	}
	sum := md5.Sum(der)
	return fingerprintForm(sum[:])
}

func fingerprintForm(sum []byte) string {
	pairs := make([]string, len(sum))
	for i := range sum {
		pairs[i] = hex.EncodeToString(sum[i : i+1])
	}
	return strings.Join(pairs, ":")
}

func deleteAPIKey(x *exchange, u *user) reply {
	k := u.apiKey(x.params["fingerprint"])
	if k == nil {
		return errNotFound.reply()
	}
	if refused := x.checkEtag(k.etag); refused != nil {
		return refused.reply()
	}
	u.apiKeys, u.goneAPIKeys = remove(u.apiKeys, k), buried(x, u.goneAPIKeys, k)
	x.changed = true
	return x.deleted()
}

func listAuthTokens(x *exchange, u *user) reply {
	list := []map[string]any{}
	for _, t := range listed(x, u.goneAuthTokens, u.authTokens) {
		list = append(list, x.authTokenBody(u, t, nil))
	}
	return ok(list)
}

func (x *exchange) authTokenBody(u *user, t *authToken, value any) map[string]any {
	return map[string]any{
		"token": value, "id": t.id, "userId": u.id, "description": t.description,
		"timeCreated": orNil(t.shownCreated()), "timeExpires": timeOrNil(t.expires),
		"lifecycleState": x.lifecycle(&t.birth), "inactiveStatus": nil,
	}
}

func createAuthToken(x *exchange, u *user) reply {
	return x.once(func() (reply, func() bool) {
		description, refused := x.label("description")
		if refused != nil {
			return refused.reply(), nil
		}
		if slots(x, u.authTokens) >= maxAuthTokens {
			return x.full(domainAuthToken, maxAuthTokens), nil
		}
		t := x.e.newAuthToken(u, x.born(x.e.spread().AuthToken), description)
		x.changed = true
		return ok(x.authTokenBody(u, t, t.token)).with("etag", t.etag), func() bool { return u.authToken(t.id) == t }
	})
}

// maxLabel is the maximum length of a credential's description or display name. The real limit is not documented; for
// other resources it is 400.
const maxLabel = 400

// label reads the field that names an auth token or customer secret key. It is required but may be empty.
func (x *exchange) label(field string) (string, *refusal) {
	var details map[string]any
	if refused := x.read(&details); refused != nil {
		return "", refused
	}
	value, isString := details[field].(string)
	switch {
	case details[field] == nil:
		missing := errMissing.because("The " + field + " is missing.")
		return "", &missing
	case !isString || len(value) > maxLabel:
		bad := errInvalid.because("The " + field + " must be a string of at most 400 characters.")
		return "", &bad
	}
	return value, nil
}

func updateAuthToken(x *exchange, u *user) reply {
	t := u.authToken(x.params["id"])
	if t == nil {
		return errNotFound.reply()
	}
	if refused := x.checkEtag(t.etag); refused != nil {
		return refused.reply()
	}
	description, refused := x.label("description")
	if refused != nil {
		return refused.reply()
	}
	t.description, t.etag, t.modified = description, x.e.state.ids.etag(), x.now
	x.changed = true
	return ok(x.authTokenBody(u, t, nil)).with("etag", t.etag)
}

func deleteAuthToken(x *exchange, u *user) reply {
	t := u.authToken(x.params["id"])
	if t == nil {
		return errNotFound.reply()
	}
	if refused := x.checkEtag(t.etag); refused != nil {
		return refused.reply()
	}
	u.authTokens, u.goneAuthTokens = remove(u.authTokens, t), buried(x, u.goneAuthTokens, t)
	x.changed = true
	return x.deleted()
}

func listSecretKeys(x *exchange, u *user) reply {
	list := []map[string]any{}
	for _, k := range listed(x, u.goneSecretKeys, u.secretKeys) {
		list = append(list, x.secretKeyBody(u, k))
	}
	return ok(list)
}

func (x *exchange) secretKeyBody(u *user, k *secretKey) map[string]any {
	return map[string]any{
		"id": k.shown, "userId": u.id, "displayName": k.displayName, "timeCreated": orNil(k.shownCreated()),
		"timeExpires":    timeOrNil(k.expires),
		"lifecycleState": x.lifecycle(&k.birth), "inactiveStatus": nil,
	}
}

func createSecretKey(x *exchange, u *user) reply {
	return x.once(func() (reply, func() bool) {
		name, refused := x.label("displayName")
		if refused != nil {
			return refused.reply(), nil
		}
		if slots(x, u.secretKeys) >= maxSecretKeys {
			return x.full(domainSecretKey, maxSecretKeys), nil
		}
		k := x.e.newSecretKey(u, x.born(x.e.spread().CustomerSecretKey), name)
		x.changed = true
		body := x.secretKeyBody(u, k)
		body["key"] = k.key
		return ok(body).with("etag", k.etag), func() bool { return u.secretKey(k.id) == k }
	})
}

func updateSecretKey(x *exchange, u *user) reply {
	k := u.secretKey(x.params["id"])
	if k == nil || k.shown != x.params["id"] {
		return errNotFound.reply()
	}
	if refused := x.checkEtag(k.etag); refused != nil {
		return refused.reply()
	}
	name, refused := x.label("displayName")
	if refused != nil {
		return refused.reply()
	}
	k.displayName, k.etag, k.modified = name, x.e.state.ids.etag(), x.now
	x.changed = true
	return ok(x.secretKeyBody(u, k)).with("etag", k.etag)
}

func deleteSecretKey(x *exchange, u *user) reply {
	k := u.secretKey(x.params["id"])
	if k == nil || k.shown != x.params["id"] {
		return errNotFound.reply()
	}
	if refused := x.checkEtag(k.etag); refused != nil {
		return refused.reply()
	}
	u.secretKeys, u.goneSecretKeys = remove(u.secretKeys, k), buried(x, u.goneSecretKeys, k)
	x.changed = true
	return x.deleted()
}
