package oci

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"

	"github.com/keyturn/keyturn/pkg/fault"
)

// operationSignIn names a sign-in in errors.
const operationSignIn = "sign-in"

// session signs in with the token and the key that "oci session authenticate" wrote.
func (l Login) session(p profile) (common.ConfigurationProvider, error) {
	file, err := p.need("security_token_file", "or run oci session authenticate --profile-name "+p.name,
		AuthSecurityToken)
	if err != nil {
		return nil, err
	}
	region, err := l.region(p, AuthSecurityToken)
	if err != nil {
		return nil, err
	}
	tenancy, err := p.need("tenancy", "the OCID of your tenancy", AuthSecurityToken)
	if err != nil {
		return nil, err
	}
	key, err := l.key(p, AuthSecurityToken)
	if err != nil {
		return nil, err
	}
	private, err := common.PrivateKeyFromBytes([]byte(key.pem), &key.passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: the key in %s can't be read", p, key.file)
	}
	s := session{profile: p, file: l.path(file), tenancy: tenancy, region: region, key: private}
	_, err = s.KeyID()
	return s, err
}

// session is the provider of a session token. It reads the token for each request, because "oci session refresh" writes
// it again.
type session struct {
	profile               profile
	file, tenancy, region string
	key                   *rsa.PrivateKey
}

// KeyID implements common.KeyProvider. It refuses a token that has expired, which OCI would answer with 401.
func (s session) KeyID() (string, error) {
	text, err := os.ReadFile(s.file)
	again := "run oci session authenticate --profile-name " + s.profile.name + " --region " + s.region
	if err != nil {
		return "", fault.New(fault.Invalid, operationSignIn, fmt.Sprintf("%s: security_token_file: %v: %s", s.profile,
			plainPath(err, s.file), again))
	}
	token := strings.TrimSpace(string(text))
	expires, ok := expiry(token)
	switch {
	case !ok:
		return "", fault.New(fault.Invalid, operationSignIn, fmt.Sprintf("%s: security_token_file: %s has no session "+
			"token: %s", s.profile, s.file, again))
	case !now().Before(expires):
		return "", fault.New(fault.Denied, operationSignIn, fmt.Sprintf("%s: the session token in %s expired at %s: %s",
			s.profile, s.file, expires.UTC().Format(time.RFC3339), again))
	}
	return "ST$" + token, nil
}

// expiry returns when a token expires, by its claim exp.
func expiry(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct{ Exp int64 }
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}, false
	}
	return time.Unix(claims.Exp, 0), true
}

// The rest of common.ConfigurationProvider.

func (s session) PrivateRSAKey() (*rsa.PrivateKey, error) { return s.key, nil }
func (s session) TenancyOCID() (string, error)            { return s.tenancy, nil }
func (s session) UserOCID() (string, error)               { return "", nil } // the token has it
func (s session) KeyFingerprint() (string, error)         { return "", nil }
func (s session) Region() (string, error)                 { return s.region, nil }
func (s session) AuthType() (common.AuthConfig, error) {
	return common.AuthConfig{AuthType: common.UnknownAuthenticationType}, nil
}

// delegated signs in as the user of a Cloud Shell: as the shell's instance, with the user's delegation token.
func (l Login) delegated(p profile) (signIn, error) {
	file := l.DelegationToken
	if file == "" {
		var err error
		file, err = p.need("delegation_token_file", "which Cloud Shell has as /etc/oci/delegation_token",
			AuthDelegated)
		if err != nil {
			return signIn{}, err
		}
	}
	file = l.path(file)
	text, err := os.ReadFile(file)
	token := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return signIn{}, fmt.Errorf("%s: delegation_token_file: %w: open a new Cloud Shell", p, plainPath(err, file))
	case token == "":
		return signIn{}, fmt.Errorf("%s: delegation_token_file: %s is empty: open a new Cloud Shell", p, file)
	}
	region, err := regionOrNone(cmp.Or(l.Region, p.keys["region"]), p.String()+": region")
	if err != nil {
		return signIn{}, err
	}
	return signIn{AuthDelegated, onInstance(func() (common.ConfigurationProvider, error) {
		return auth.InstancePrincipalDelegationTokenConfigurationProviderForRegion(&token, common.Region(region))
	})}, nil
}

// instancePrincipal signs in as the compute instance.
func instancePrincipal(region string) func() (common.ConfigurationProvider, error) {
	return onInstance(func() (common.ConfigurationProvider, error) {
		return auth.InstancePrincipalConfigurationProviderForRegion(common.Region(region))
	})
}

// metadata is the address of a compute instance's metadata service (instance_principal_key_provider.go of v65.129).
const metadata = "http://169.254.169.254/opc/v2/instance/region"

// onInstance calls make if the metadata service answers. Without one, the SDK would try for two minutes.
func onInstance(make func() (common.ConfigurationProvider, error)) func() (common.ConfigurationProvider, error) {
	return func() (common.ConfigurationProvider, error) {
		ctx, cancel := context.WithTimeout(context.Background(), dialTime)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, metadata, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer Oracle")
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			return nil, fault.New(fault.Invalid, operationSignIn, "the metadata service at 169.254.169.254 doesn't "+
				"answer: instance_principal and instance_obo_user work only on a compute instance and in Cloud Shell")
		}
		_ = answer.Body.Close()
		p, err := make()
		if err != nil { // the SDK's text has several lines and an address
			return nil, &fault.Error{Class: fault.Denied, Operation: operationSignIn, Err: err,
				Message: "the instance got no token: check that the metadata service is on, and that the machine " +
					"reaches OCI's auth service"}
		}
		return p, nil
	}
}

// resourcePrincipal signs in with the resource principal that the environment describes.
func resourcePrincipal(region string) func() (common.ConfigurationProvider, error) {
	return func() (common.ConfigurationProvider, error) {
		p, err := auth.ResourcePrincipalConfigurationProvider()
		if err != nil { // the SDK's text may quote paths
			return nil, &fault.Error{Class: fault.Invalid, Operation: operationSignIn, Err: err,
				Message: "the environment describes no resource principal: resource_principal works only where OCI " +
					"sets OCI_RESOURCE_PRINCIPAL_VERSION, such as in a function"}
		}
		if region == "" {
			return p, nil
		}
		return inRegion{p, region}, nil
	}
}

// inRegion is a principal that is used in another region than its own.
type inRegion struct {
	auth.ConfigurationProviderWithClaimAccess
	region string
}

// Region implements common.ConfigurationProvider.
func (p inRegion) Region() (string, error) { return p.region, nil }

// sign signs a request as the SDK's clients do, also with the delegation token if there is one (client.go of v65.129).
func (p principal) sign(r *http.Request) error {
	headers := common.DefaultGenericHeaders()
	if a, err := p.AuthType(); err == nil && a.OboToken != nil {
		const header = "opc-obo-token"
		r.Header.Set(header, *a.OboToken)
		headers = append(headers, header)
	}
	return common.RequestSigner(p, headers, common.DefaultBodyHeaders()).Sign(r)
}
