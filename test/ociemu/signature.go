package ociemu

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is the maximum difference between a request's date and the services' clock.
const maxSkew = 5 * time.Minute

// signature is the content of an Authorization header according to draft-cavage-http-signatures-08, as OCI uses it
// (https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm).
type signature struct {
	keyID   string
	headers []string
	value   []byte
}

func parseSignature(authorization string) (signature, bool) {
	scheme, rest, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Signature") {
		return signature{}, false
	}
	fields := map[string]string{}
	for rest = strings.TrimSpace(rest); rest != ""; {
		name, after, found := strings.Cut(rest, `="`)
		if !found {
			return signature{}, false
		}
		value, next, found := strings.Cut(after, `"`)
		if !found {
			return signature{}, false
		}
		fields[strings.TrimSpace(name)] = value
		rest = strings.TrimLeft(next, ", ")
	}
	value, err := base64.StdEncoding.DecodeString(fields["signature"])
	if err != nil || fields["algorithm"] != "rsa-sha256" || fields["version"] != "1" {
		return signature{}, false
	}
	return signature{keyID: fields["keyId"], headers: strings.Fields(strings.ToLower(fields["headers"])), value: value},
		true
}

// authenticate identifies the caller. Operations of unsigned services check their credentials themselves.
func (x *exchange) authenticate() (Caller, *refusal) {
	if !x.service.signed || x.route != nil && !x.route.signed {
		return Caller{}, nil
	}
	sig, ok := parseSignature(x.header("Authorization"))
	if !ok || !x.coversEnough(sig) || !x.isFresh() || x.signsBody(sig) && !x.bodyMatches() || !x.namesPort() {
		return Caller{}, &errNotAuthentic
	}
	if !x.e.subscribed(x.call.Region) {
		return Caller{}, &errNotAuthentic
	}
	digest := sha256.Sum256([]byte(x.signedText(sig.headers)))
	genuine := func(key *rsa.PublicKey) bool {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig.value) == nil
	}
	if token, ok := strings.CutPrefix(sig.keyID, "ST$"); ok {
		caller, key, err := x.e.verifyToken(token)
		if err != nil || !genuine(key) {
			return Caller{}, &errNotAuthentic
		}
		return caller, nil
	}
	caller, ok := x.e.verifyAPIKey(sig.keyID, genuine)
	if !ok {
		return Caller{}, &errNotAuthentic
	}
	return caller, nil
}

// coversEnough checks that all required headers are signed.
func (x *exchange) coversEnough(sig signature) bool {
	need := []string{"(request-target)", "host"}
	if x.signsBody(sig) {
		need = append(need, "content-length", "content-type", "x-content-sha256")
	}
	for _, h := range need {
		if !slices.Contains(sig.headers, h) {
			return false
		}
	}
	return slices.Contains(sig.headers, "date") || slices.Contains(sig.headers, "x-date")
}

// signsBody reports whether the signature must cover the body. For PutObject it need not: the SDK excludes the
// body there (oci-go-sdk objectstorage/objectstorage_client.go).
func (x *exchange) signsBody(sig signature) bool {
	free := x.route != nil && x.route.operation == "PutObject" && !slices.Contains(sig.headers, "x-content-sha256")
	return hasBody(x.http.Method) && !free
}

func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

func (x *exchange) isFresh() bool {
	date := x.header("x-date")
	if date == "" {
		date = x.header("date")
	}
	at, err := http.ParseTime(date)
	if err != nil {
		return false
	}
	return x.e.clientsNow().Sub(at).Abs() <= maxSkew
}

func (x *exchange) bodyMatches() bool {
	sum := sha256.Sum256(x.body)
	want := base64.StdEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(x.header("x-content-sha256"))) == 1 &&
		x.http.ContentLength == int64(len(x.body))
}

// signedText rebuilds the text that the client signed.
func (x *exchange) signedText(headers []string) string {
	lines := make([]string, len(headers))
	for i, h := range headers {
		var value string
		switch h {
		case "(request-target)":
			value = strings.ToLower(x.http.Method) + " " + x.http.RequestURI
		case "host":
			value = x.http.Host
		case "content-length":
			value = strconv.FormatInt(x.http.ContentLength, 10)
		default:
			value = strings.Join(x.http.Header.Values(h), ", ")
		}
		lines[i] = h + ": " + value
	}
	return strings.Join(lines, "\n")
}

// verifyAPIKey returns the user of a key id "tenancy/user/fingerprint" if the key made the signature and works. A new
// key is refused for a while.
func (e *Emulator) verifyAPIKey(keyID string, genuine func(*rsa.PublicKey) bool) (Caller, bool) {
	parts := strings.Split(keyID, "/")
	if len(parts) != 3 {
		return Caller{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.state.users[parts[1]]
	if u == nil || u.deactivated || parts[0] != e.state.tenancy {
		return Caller{}, false
	}
	key := u.apiKey(parts[2])
	if key == nil || !genuine(key.public) || !key.admits(e.now()) {
		return Caller{}, false
	}
	return u.caller(), true
}
