package oci

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Auth is a way to sign in, by the OCI CLI's name of it.
type Auth string

// The ways to sign in.
const (
	AuthAPIKey            Auth = "api_key"
	AuthSecurityToken     Auth = "security_token"     // of "oci session authenticate"
	AuthInstancePrincipal Auth = "instance_principal" // of a compute instance
	AuthResourcePrincipal Auth = "resource_principal"
	AuthDelegated         Auth = "instance_obo_user" // as the user of a Cloud Shell
)

// Auths returns the ways to sign in.
func Auths() []Auth {
	return []Auth{AuthAPIKey, AuthSecurityToken, AuthInstancePrincipal, AuthResourcePrincipal, AuthDelegated}
}

// Login says with whose rights an operator's command signs its calls. The fields are as the OCI CLI's flags and
// variables; an empty one is not given.
type Login struct {
	File            string // the configuration file; "" for ~/.oci/config
	Profile         string // "" for DEFAULT
	Region          string // replaces the profile's or the principal's; "" keeps it
	Auth            Auth   // "": what the profile has decides
	DelegationToken string // a file, which replaces the profile's delegation_token_file
	Passphrase      credential.Value
	Home            string       // the user's folder, for ~
	Warn            func(string) // gets warnings; may be nil
}

// NewAs returns a Cloud that signs as an operator. It reads the configuration file and the files that it names, and
// makes no call. Its errors name the file, the profile and the key, and the remedy.
func NewAs(l Login) (*Cloud, error) {
	s, err := l.signIn()
	if err != nil {
		return nil, err
	}
	return newCloud(s.provider), nil
}

// signIn is how a Login signs in.
type signIn struct {
	auth     Auth
	provider func() (common.ConfigurationProvider, error) // may call the metadata service
}

// signIn chooses the way to sign in, and checks what it needs.
func (l Login) signIn() (signIn, error) {
	if l.Auth != "" && !slices.Contains(Auths(), l.Auth) {
		var names []string
		for _, a := range Auths() {
			names = append(names, string(a))
		}
		return signIn{}, fmt.Errorf("there is no way to sign in named %q: --auth has %s", l.Auth,
			strings.Join(names, ", "))
	}
	region, err := regionOrNone(l.Region, "--region")
	if err != nil {
		return signIn{}, err
	}
	l.Region = region
	switch l.Auth {
	case AuthInstancePrincipal:
		return signIn{l.Auth, instancePrincipal(l.Region)}, nil
	case AuthResourcePrincipal:
		return signIn{l.Auth, resourcePrincipal(l.Region)}, nil
	}
	p, err := l.profile()
	if err != nil {
		return signIn{}, err
	}
	auth := cmp.Or(l.Auth, p.auth())
	var made common.ConfigurationProvider
	switch auth {
	case AuthSecurityToken:
		made, err = l.session(p)
	case AuthDelegated:
		return l.delegated(p)
	case AuthInstancePrincipal: // the profile says so
		return signIn{auth, instancePrincipal(cmp.Or(l.Region, p.keys["region"]))}, nil
	default:
		made, err = l.apiKey(p)
	}
	if err != nil {
		return signIn{}, err
	}
	return signIn{auth, func() (common.ConfigurationProvider, error) { return made, nil }}, nil
}

// apiKey signs in with a user's API key.
func (l Login) apiKey(p profile) (common.ConfigurationProvider, error) {
	region, err := l.region(p, AuthAPIKey)
	if err != nil {
		return nil, err
	}
	user, err := p.need("user", "the OCID of your user", AuthAPIKey)
	if err != nil {
		return nil, err
	}
	tenancy, err := p.need("tenancy", "the OCID of your tenancy", AuthAPIKey)
	if err != nil {
		return nil, err
	}
	key, err := l.key(p, AuthAPIKey)
	if err != nil {
		return nil, err
	}
	print, err := p.need("fingerprint", "the fingerprint of the key", AuthAPIKey)
	if err != nil {
		return nil, err
	}
	if actual := key.fingerprint; !strings.EqualFold(print, actual) {
		return nil, fmt.Errorf("%s: fingerprint is %s, but the key in %s has %s: correct the one or the other", p,
			print, key.file, actual)
	}
	return common.NewRawConfigurationProvider(tenancy, user, region, print, key.pem, &key.passphrase), nil
}

// region is the region to use with a profile.
func (l Login) region(p profile, auth Auth) (string, error) {
	if l.Region != "" {
		return l.Region, nil
	}
	text, err := p.need("region", "your region, such as eu-frankfurt-1, or use --region", auth)
	if err != nil {
		return "", err
	}
	return regionOrNone(text, p.String()+": region")
}

// regionOrNone returns the identifier of a region that is given by it, or by its key such as FRA.
func regionOrNone(text, from string) (string, error) {
	readRegions()
	region := string(common.StringToRegion(strings.TrimSpace(text)))
	if region != "" && !regionName.MatchString(region) {
		return "", fmt.Errorf("%s: %q is no region: give its identifier, such as eu-frankfurt-1", from, text)
	}
	return region, nil
}

// privateKey is a key that was read.
type privateKey struct{ file, pem, passphrase, fingerprint string }

// key reads the profile's private key.
func (l Login) key(p profile, auth Auth) (privateKey, error) {
	name, err := p.need("key_file", "the path of your private key", auth)
	if err != nil {
		return privateKey{}, err
	}
	k := privateKey{file: l.path(name), passphrase: string(l.Passphrase.Reveal())}
	if k.passphrase == "" {
		k.passphrase = cmp.Or(p.keys["pass_phrase"], p.keys["passphrase"])
	}
	text, err := os.ReadFile(k.file)
	if err != nil {
		return k, fmt.Errorf("%s: key_file: %w: correct the path, or run oci setup config", p, plainPath(err, k.file))
	}
	l.private(k.file)
	k.pem = string(text)
	parsed, err := common.PrivateKeyFromBytes(text, &k.passphrase)
	if err == nil {
		der, _ := x509.MarshalPKIXPublicKey(&parsed.PublicKey)
		k.fingerprint = credential.Fingerprint(der)
		return k, nil
	}
	switch locked := strings.Contains(k.pem, "ENCRYPTED"); { // the SDK's error may quote the key
	case locked && k.passphrase == "":
		return k, fmt.Errorf("%s: the key in %s has a passphrase: set OCI_CLI_PASSPHRASE, or add pass_phrase to the "+
			"profile", p, k.file)
	case locked:
		return k, fmt.Errorf("%s: the passphrase doesn't open the key in %s: correct OCI_CLI_PASSPHRASE or the "+
			"profile's pass_phrase", p, k.file)
	}
	return k, fmt.Errorf("%s: key_file: %s has no RSA key in PEM form (-----BEGIN PRIVATE KEY-----): name the private "+
		"key, not the public one", p, k.file)
}

// private warns if other users can read a file. Windows has no such bits.
func (l Login) private(file string) {
	info, err := os.Stat(file)
	if err == nil && l.Warn != nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		l.Warn(fmt.Sprintf("other users of this machine can read the key %s: run chmod 600 %[1]s", file))
	}
}

// path expands ~.
func (l Login) path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == '\\') {
		return filepath.Join(l.Home, rest)
	}
	return name
}

// plainPath removes the operation from an error of package os: "open x: no such file" becomes "x: no such file".
func plainPath(err error, file string) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", file, e.Err)
	}
	return err
}

// now is the time on this machine; a session token expires by it.
var now = time.Now
