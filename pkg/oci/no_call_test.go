package oci_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

// frail is a principal that lacks one of its values. Its error quotes a path.
type frail struct {
	common.ConfigurationProvider
	lacks *string
}

var errFrail = errors.New("open /hush")

func (f frail) TenancyOCID() (string, error) {
	if *f.lacks == "tenancy" {
		return "", errFrail
	}
	return f.ConfigurationProvider.TenancyOCID()
}

func (f frail) Region() (string, error) {
	if *f.lacks == "region" {
		return "", errFrail
	}
	return f.ConfigurationProvider.Region()
}

func (f frail) PrivateRSAKey() (*rsa.PrivateKey, error) {
	if *f.lacks == "key" {
		return nil, errFrail
	}
	return f.ConfigurationProvider.PrivateRSAKey()
}

func (f frail) GetClaim(string) (any, error) {
	if *f.lacks == "claim" {
		return tenancy, errFrail
	}
	return tenancy, nil
}

// more are calls that operations has only in combination with others.
var more = map[string]func(context.Context, *oci.Cloud) error{
	"the tenancy": func(ctx context.Context, c *oci.Cloud) error { _, err := c.Tenancy(ctx); return err },
	"one in Ashburn": func(ctx context.Context, c *oci.Cloud) error {
		return c.TenancyIn(ctx, tenancy, "us-ashburn-1")
	},
	"the hosts": func(ctx context.Context, c *oci.Cloud) error {
		_, err := c.Hosts("us-ashburn-1", "acmens")
		return err
	},
	"the region": func(ctx context.Context, c *oci.Cloud) error { _, err := c.Region(ctx); return err },
}

func TestACallOfAPrincipalThatLacksSomethingIsAFaultAndNothingIsAsked(t *testing.T) {
	for _, lack := range []string{"tenancy", "region", "key"} {
		check := func(name string, run func(context.Context, *oci.Cloud) error) {
			cloud := oci.NewWith(frail{plainPrincipal(), &lack})
			s := &stub{answer: always(200, `{}`)}
			cloud.AnsweredBy(s)
			var err error
			synctest.Test(t, func(t *testing.T) { err = run(t.Context(), cloud) })
			if !isFault(err) || strings.Contains(err.Error(), "hush") || len(s.asked) > 0 {
				t.Errorf("%s without %s: %v after %d requests", name, lack, err, len(s.asked))
			}
			if cause := errors.Unwrap(err); cause == nil || !strings.Contains(cause.Error(), "hush") {
				t.Errorf("%s without %s: the cause is %v", name, lack, cause)
			}
		}
		for _, o := range operations() {
			if !strings.HasPrefix(o.name, "prove") { // its principal is the credential
				check(o.name, o.run)
			}
		}
		for name, run := range more {
			if lack == "region" || strings.Contains(name, "the tenancy") || strings.Contains(name, "one in") {
				check(name, run)
			}
		}
	}
}

func TestACallAfterThePrincipalHasFailedIsAFaultAndNothingIsAsked(t *testing.T) {
	for _, later := range []string{"region", "key"} {
		for _, o := range operations() {
			if strings.HasPrefix(o.name, "prove") {
				continue // its principal is the credential
			}
			lack := ""
			cloud := oci.NewWith(frail{plainPrincipal(), &lack})
			s := &stub{answer: always(200, `{}`)}
			cloud.AnsweredBy(s)
			if _, err := cloud.Tenancy(t.Context()); err != nil {
				t.Fatal(err)
			}
			lack = later
			var err error
			synctest.Test(t, func(t *testing.T) { err = o.run(t.Context(), cloud) })
			if !isFault(err) || strings.Contains(err.Error(), "hush") || len(s.asked) > 0 {
				t.Errorf("%s without %s: %v after %d requests", o.name, later, err, len(s.asked))
			}
		}
	}
}

func TestAPrincipalThatFailsLaterIsAFaultOfThatCall(t *testing.T) {
	lack := ""
	cloud := oci.NewWith(frail{plainPrincipal(), &lack})
	s := &stub{answer: always(200, `{"items":[]}`)}
	cloud.AnsweredBy(s)
	if _, err := cloud.Problem(t.Context(), problem); err != nil {
		t.Fatal(err)
	}
	n := len(s.asked)
	lack = "tenancy"
	if _, err := cloud.Problem(t.Context(), problem); !isFault(err) || len(s.asked) > n {
		t.Errorf("a problem gives %v after %d more requests", err, len(s.asked)-n)
	}
	lack = "claim"
	if id, err := cloud.Compartment(t.Context()); fault.Of(err) != fault.Invalid || id != "" {
		t.Errorf("the compartment is %q (%v)", id, err)
	}
	lack = "region"
	if cloud.Console("") != "" {
		t.Error("there is a Console of no region")
	}
	if _, _, region := cloud.Place(t.Context()); region != "" {
		t.Errorf("the region is %q", region)
	}
}

func TestAMissingPrincipalIsAFaultOfEveryCall(t *testing.T) {
	t.Setenv("OCI_RESOURCE_PRINCIPAL_VERSION", "")
	cloud := oci.New()
	for _, o := range operations() {
		if err := o.run(t.Context(), cloud); !isFault(err) {
			t.Errorf("%s gives %v", o.name, err)
		}
	}
	for name, run := range more {
		if err := run(t.Context(), cloud); !isFault(err) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if _, err := cloud.Compartment(t.Context()); !isFault(err) || contains(err.Error(), "set secret_compartments") {
		t.Errorf("the compartment gives %v, which no configuration changes", err)
	}
	claims, err := cloud.Claims(t.Context())
	if claims != nil || fault.Of(err) != fault.Invalid || !contains(err.Error(), "no resource principal") {
		t.Errorf("the claims are %v (%v)", claims, err)
	}
	if function, compartment, region := cloud.Place(t.Context()); function+compartment+region != "" {
		t.Errorf("the place is %q, %q, %q", function, compartment, region)
	}
}

func TestWhatIsAskedOfAnotherRealmIsRefusedAndNothingIsAsked(t *testing.T) {
	const elsewhere = ".oc2.us-langley-1.amaaaaaa"
	for name, run := range map[string]func(*oci.Cloud) error{
		"a topic": func(c *oci.Cloud) error {
			_, _, _, err := c.Topic(t.Context(), "ocid1.onstopic"+elsewhere)
			return err
		},
		"a mail": func(c *oci.Cloud) error {
			return c.Publish(t.Context(), "ocid1.onstopic"+elsewhere, "title", "body")
		},
		"a version": func(c *oci.Cloud) error {
			return c.Vault().ScheduleDeletion(t.Context(), "ocid1.vaultsecret"+elsewhere, 1)
		},
		"versions": func(c *oci.Cloud) error {
			_, err := c.Vault().Versions(t.Context(), "ocid1.vaultsecret"+elsewhere)
			return err
		},
		"a content": func(c *oci.Cloud) error {
			_, _, err := c.Vault().Read(t.Context(), "ocid1.vaultsecret"+elsewhere, "")
			return err
		},
		"an update": func(c *oci.Cloud) error {
			_, err := c.Vault().Update(t.Context(), "ocid1.vaultsecret"+elsewhere, "", someUpdate())
			return err
		},
		"a summary": func(c *oci.Cloud) error {
			_, _, err := c.Vault().Summary(t.Context(), "ocid1.vaultsecret"+elsewhere, []string{tenancy})
			return err
		},
		"the tenancy": func(c *oci.Cloud) error { return c.TenancyIn(t.Context(), tenancy, "us-langley-1") },
	} {
		cloud, s := offline(t, always(200, `{}`))
		if err := run(cloud); fault.Of(err) != fault.Invalid || err == nil || len(s.asked) > 0 {
			t.Errorf("%s: %v after %d requests", name, err, len(s.asked))
		}
	}
}

// homes are networks without a usable home region, and the class of the fault.
var homes = map[string]struct {
	answer http.RoundTripper
	want   fault.Class
}{
	"a refusal":     {refusing{}, fault.Absent},
	"another realm": {home{"LFI", "[]"}, fault.Invalid},
	"none": {home{"ZZZ",
		`[{"regionName":"us-ashburn-1"},{"regionName":"us-phoenix-1","isHomeRegion":false}]`}, fault.Absent},
	"no list of them":   {home{"ZZZ", `refused`}, fault.Unclear},
	"none that is made": {home{"", "[]"}, fault.Absent},
}

// refusing is a network that answers 404 for the tenancy.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
}

// counting counts the requests that aren't for the tenancy.
type counting struct {
	http.RoundTripper
	n *atomic.Int32
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/20160918/tenancies/") {
		c.n.Add(1)
	}
	return c.RoundTripper.RoundTrip(r)
}

func TestNothingIsAskedInAHomeRegionThatCannotBeUsed(t *testing.T) {
	for name, h := range homes {
		refused := 0
		for _, o := range operations() {
			var n atomic.Int32
			cloud, _ := offline(t, nil)
			cloud.AnsweredBy(counting{h.answer, &n})
			var err error
			synctest.Test(t, func(t *testing.T) { err = o.run(t.Context(), cloud) })
			if n.Load() > 0 {
				continue // it needs no home region
			}
			refused++
			if fault.Of(err) != h.want || err == nil {
				t.Errorf("%s, %s: %v, want %s", name, o.name, err, h.want)
			}
		}
		want := 15 // those of the kinds, the users, and the closed problems
		if name == "another realm" {
			want = 14 // the problems are listed in the function's region
		}
		if refused != want {
			t.Errorf("%s: %d calls were refused, want %d", name, refused, want)
		}
	}
}

func TestATenancyThatIsRefusedIsNotAskedForItsRegions(t *testing.T) {
	var paths []string
	cloud, _ := offline(t, nil)
	cloud.AnsweredBy(roundTrip(func(r *http.Request) (*http.Response, error) {
		paths = append(paths, r.URL.Path)
		return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
	}))
	if got, err := cloud.Tenancy(t.Context()); fault.Of(err) != fault.Absent || got.ID != "" || len(paths) != 1 {
		t.Errorf("the tenancy is %+v (%v) after the requests %q", got, err, paths)
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheTenancyOfAFunctionInAnUnknownRealmIsNotAskedFor(t *testing.T) {
	cloud, s := of(t, "xx-nowhere-1")
	if _, err := cloud.Tenancy(t.Context()); fault.Of(err) != fault.Invalid || err == nil || len(s.asked) > 0 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

func TestASecretWithoutAnIDIsNotAskedFor(t *testing.T) {
	for name, run := range map[string]func(context.Context, *oci.Vault) error{
		"the secret": func(ctx context.Context, v *oci.Vault) error { _, err := v.Secret(ctx, ""); return err },
		"a version":  func(ctx context.Context, v *oci.Vault) error { _, _, err := v.Read(ctx, "", ""); return err },
		"an update": func(ctx context.Context, v *oci.Vault) error {
			_, err := v.Update(ctx, "", "etag", someUpdate())
			return err
		},
		"versions": func(ctx context.Context, v *oci.Vault) error { _, err := v.Versions(ctx, ""); return err },
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud, s := offline(t, always(200, `{}`))
			if err := run(t.Context(), cloud.Vault()); !isFault(err) || len(s.asked) > 0 {
				t.Errorf("%s: %v after %d requests", name, err, len(s.asked))
			}
		})
	}
}
