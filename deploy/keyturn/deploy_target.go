package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/keyturn/keyturn/deploy/internal/registry"
	"github.com/keyturn/keyturn/deploy/internal/sign"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/oci"
)

// target is the place that the images go to, and the key that signs them.
type target struct {
	cloud        *oci.Cloud
	repositories string // registry/namespace/prefix
	compartment  string
	key          oci.Key
	unsigned     bool
}

// patience is how long Container Registry's list may take to show an image that was just pushed.
const patience = 30 * time.Second

func (t target) signOptions() sign.Options {
	return sign.Options{Compartment: t.compartment, Key: t.key.ID, Patience: patience, Sleep: clock.System{}.Sleep}
}

func (d *deployment) pushOptions(t target) registry.Options {
	return registry.Options{Repositories: t.repositories, Tag: d.version, User: d.user, TokenFile: d.tokenFile,
		In: d.a.in, Move: d.moveTag}
}

// stackOutputs are the outputs of the stack that a deployment needs.
type stackOutputs struct {
	Registry string `json:"registry"`
	Key      string `json:"signing_key_id"`
	Endpoint string `json:"vault_management_endpoint"`
}

// readOutputs reads what `terraform output -json` prints: the stack's outputs, or one output with all of them.
func readOutputs(file string) (o stackOutputs, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return o, usage("reading --outputs: %w", err)
	}
	var all map[string]struct{ Value json.RawMessage }
	err = json.Unmarshal(text, &all)
	if err != nil {
		return o, usage("--outputs %s is not what terraform output -json prints: %w", file, err)
	}
	fields := map[string]*string{"registry": &o.Registry, "signing_key_id": &o.Key,
		"vault_management_endpoint": &o.Endpoint}
	for name, output := range all {
		if field := fields[name]; field != nil {
			_ = json.Unmarshal(output.Value, field) // null is "", as an output of another stack's type
			continue
		}
		var nested stackOutputs
		if json.Unmarshal(output.Value, &nested) == nil && nested.Registry != "" && o.Registry == "" {
			o = nested
		}
	}
	if o.Registry == "" && o.Key == "" {
		return o, usage("--outputs %s has neither registry nor signing_key_id: is it of Keyturn's stack, with "+
			"repositories = true?", file)
	}
	return o, nil
}

// fromOutputs fills in what the flags leave open.
func (d *deployment) fromOutputs() error {
	if d.outputs == "" {
		return nil
	}
	o, err := readOutputs(d.outputs)
	if err != nil {
		return err
	}
	if d.repository == "" {
		d.repository = o.Registry
	}
	if d.key == "" && o.Key != "" {
		d.key = o.Key
		// The endpoint is that of the stack's vault, which a signing key of its own needn't be in.
		if label := oci.KeyVault(o.Key); d.endpoint == "" && strings.HasPrefix(o.Endpoint, "https://"+label+"-") {
			d.endpoint = o.Endpoint
		}
	}
	return nil
}

// connect returns the connections to OCI in the registry's region.
func (d *deployment) connect(host string) (*oci.Cloud, error) {
	region := oci.RegistryRegion(host)
	switch given := d.a.login.Region; {
	case region == "":
	case given == "":
		d.a.login.Region = region
	case oci.RegionName(given) != region:
		return nil, usage("the registry %s is in %s, and --region is %s: leave it out", host, region, given)
	}
	return d.a.cloud()
}

// target finds the repositories, their compartment and the key.
func (d *deployment) target(ctx context.Context) (t target, err error) {
	err = d.fromOutputs()
	if err == nil {
		err = d.checkSignFlags()
	}
	if err != nil {
		return t, err
	}
	host, _, _ := strings.Cut(d.repository, "/")
	t.cloud, err = d.connect(host)
	if err == nil {
		t.repositories, err = d.repositories(ctx, t.cloud)
	}
	if err != nil {
		return t, err
	}
	t.compartment, err = d.findCompartment(ctx, t)
	if err != nil {
		return t, err
	}
	if d.key == "none" {
		t.unsigned = true
		return t, nil
	}
	t.key, err = d.findKey(ctx, t)
	return t, err
}

// findUser finds the registry's name of the caller, if a token is given without a user.
func (d *deployment) findUser(ctx context.Context, t target) error {
	if d.tokenFile == "" || d.user != "" {
		return nil
	}
	if t.cloud == nil {
		host, _, _ := strings.Cut(t.repositories, "/")
		var err error
		t.cloud, err = d.connect(host)
		if err != nil {
			return err
		}
	}
	id := cmp.Or(d.a.env["OCI_CS_USER_OCID"], t.cloud.Self()) // Cloud Shell's variable
	if id == "" {
		return usage("this login is no user's: name the user of the token with --user <namespace>/<user>")
	}
	name, err := t.cloud.UserName(ctx, id)
	if err != nil {
		return fmt.Errorf("finding the name of %s; a user of another domain than Default names itself with --user "+
			"<namespace>/<domain>/<user>: %w", id, err)
	}
	namespace, err := t.cloud.Namespace(ctx)
	if err != nil {
		return fmt.Errorf("finding the tenancy's namespace, which --user <namespace>/<user> also has: %w", err)
	}
	d.user = namespace + "/" + name
	return nil
}

// repositories is the beginning of the repositories' names.
func (d *deployment) repositories(ctx context.Context, c *oci.Cloud) (string, error) {
	if d.repository != "" {
		return d.repository, nil
	}
	region, err := c.Region(ctx)
	if err != nil {
		return "", err
	}
	hosts, err := c.Hosts(region, "")
	if err != nil {
		return "", err
	}
	namespace, err := c.Namespace(ctx)
	if err != nil {
		return "", fmt.Errorf("finding the tenancy's namespace, which you can give with --repository: %w", err)
	}
	return hosts.Registry + "/" + namespace + "/" + d.prefix, nil
}

// findCompartment finds where the repositories are. A push to a repository that doesn't exist would make one in the
// root compartment.
func (d *deployment) findCompartment(ctx context.Context, t target) (string, error) {
	parts := strings.SplitN(t.repositories, "/", 3)
	if len(parts) < 3 {
		return "", usage("--repository %s: write <registry>/<namespace>/<prefix>, for instance "+
			"fra.ocir.io/mytenancy/keyturn", t.repositories)
	}
	place := d.compartment
	if place == "" {
		tenancy, err := t.cloud.Tenancy(ctx)
		if err != nil {
			return "", err
		}
		place = tenancy.ID
	}
	found := place
	for _, f := range []string{"rotate", "sweep"} {
		name := parts[2] + "/" + f
		ids, err := t.cloud.RepositoryCompartments(ctx, place, name)
		switch {
		case err != nil:
			return "", fmt.Errorf("looking for the repository %s; name its compartment with --compartment: %w", name,
				err)
		case len(ids) == 0:
			return "", fmt.Errorf("there is no repository %s in %s: apply the stack with repositories = true first, "+
				"or look for a wrong region or compartment", name, place)
		case len(ids) > 1 || f == "sweep" && ids[0] != found:
			return "", fmt.Errorf("the repositories of %s are in more than one compartment: name the right one with "+
				"--compartment", parts[2])
		}
		found = ids[0]
	}
	return found, nil
}

var (
	compartmentForm = regexp.MustCompile(`^ocid1\.(compartment|tenancy)\.[A-Za-z0-9._-]+$`)
	versionForm     = regexp.MustCompile(`^ocid1\.keyversion\.[A-Za-z0-9._-]+$`)
)

// checkSignFlags refuses flags that can't be right.
func (d *deployment) checkSignFlags() error {
	switch {
	case d.compartment != "" && !compartmentForm.MatchString(d.compartment):
		return usage("--compartment '%s' is not the OCID of a compartment", d.compartment)
	case d.key != "" && d.key != "none" && !oci.IsKey(d.key):
		return usage("--key '%s' is not the OCID of a key in Vault", d.key)
	case d.keyVersion != "" && !versionForm.MatchString(d.keyVersion):
		return usage("--key-version '%s' is not the OCID of a key's version", d.keyVersion)
	case d.keyVersion != "" && d.key == "":
		return usage("--key-version without --key: whose version is it?")
	case d.endpoint != "" && !oci.IsKeyEndpoint(d.endpoint):
		return usage("--endpoint '%s' is not a vault's management endpoint: "+
			"https://<vault>-management.kms.<region>.oraclecloud.com", d.endpoint)
	}
	return nil
}

// findKey finds the signing key with its version: by its OCID, or by the name that the stack gives it.
func (d *deployment) findKey(ctx context.Context, t target) (oci.Key, error) {
	o := sign.Options{Key: d.key, KeyVersion: d.keyVersion, Endpoint: d.endpoint}
	if o.Key == "" {
		name, compartment := strings.SplitN(t.repositories, "/", 3)[2]+"-signing", t.compartment
		keys, err := t.cloud.KeysNamed(ctx, compartment, name)
		switch {
		case err != nil:
			return oci.Key{}, fmt.Errorf("looking for the key %s in %s; name it with --key (Terraform's output "+
				"signing_key_id): %w", name, compartment, err)
		case len(keys) != 1:
			return oci.Key{}, fmt.Errorf("%d enabled keys of %s are called %s, want one: name the key with --key "+
				"(Terraform's output signing_key_id), or write --key none if require_signed_images is off", len(keys),
				compartment, name)
		}
		o.Key, o.Endpoint = keys[0].ID, keys[0].Endpoint
	}
	return sign.FindKey(ctx, t.cloud, o)
}
