package tenancy

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/ociemu"
)

// The identity domains of a tenancy besides Default. Partners is in the root compartment. Plant is in another
// compartment and has another home region.
const (
	Partners = "Partners"
	Plant    = "Plant"
)

const plantCompartment = "ocid1.compartment.oc1..aaaaaaaaplant"

var (
	partners = ociemu.DomainSeed{Name: Partners}
	plant    = ociemu.DomainSeed{Name: Plant, Compartment: plantCompartment, HomeRegion: "eu-frankfurt-1"}
)

// AllDomains lists the domains of WithDomains, as Want.Domain has them: Default, Partners and Plant.
func AllDomains() []string { return []string{"", Partners, Plant} }

// WithDomains returns the options with the domains Partners and Plant. Keyturn is configured to use all three.
func (o Options) WithDomains() Options {
	return o.withDomains("all,"+plantCompartment, partners, plant)
}

// WithPlant returns the options with the domain Plant. Keyturn is configured to use this one only, so that the search
// for the domain of a user makes the same calls every time.
func (o Options) WithPlant() Options { return o.withDomains(plantCompartment, plant) }

func (o Options) withDomains(config string, seeds ...ociemu.DomainSeed) Options {
	o.Emulator.Domains = append(slices.Clone(o.Emulator.Domains), seeds...)
	o.Config = append(slices.Clone(o.Config), "identity_domains="+config)
	return o
}

// ShownName is the name by which Keyturn shows the case's user: <domain>/<name> outside the Default domain.
func (c *Case) ShownName() string {
	if c.Domain == "" {
		return c.UserName
	}
	return c.Domain + "/" + c.UserName
}

// scimPaths are the paths of the kinds in a domain's API.
var scimPaths = map[Kind]string{APIKey: "ApiKeys", AuthToken: "AuthTokens", CustomerSecretKey: "CustomerSecretKeys"}

// deleteInDomain deletes one of the user's credentials, or the user if the id is empty, by the API of the user's
// domain.
func (c *Case) deleteInDomain(ctx context.Context, id string) error {
	return c.callDomain(ctx, http.MethodDelete, id, "")
}

// Deactivate makes one of the user's credentials INACTIVE, as the operator, by the API of the user's domain. API keys
// have no such status.
func (c *Case) Deactivate(ctx context.Context, id string) error {
	return c.callDomain(ctx, http.MethodPatch, id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
		`"Operations":[{"op":"REPLACE","path":"status","value":"INACTIVE"}]}`)
}

// callDomain calls the API of the user's domain as the operator, about one of the user's credentials, or about the user
// if the id is empty.
func (c *Case) callDomain(ctx context.Context, method, id, body string) error {
	path := "Users"
	if id != "" {
		path = scimPaths[c.Kind]
	}
	scim, _ := c.env.SCIMID(c.User, id)
	if path == "" || scim == "" {
		return fmt.Errorf("the domain has no %s %s", c.Kind, id)
	}
	url := c.env.Domain(ShownDomain(c.Domain)).URL + "/admin/v1/" + path + "/" + scim
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("Content-Length", strconv.Itoa(len(body))) // is signed
	}
	if err := common.DefaultRequestSigner(c.env.operatorConfig()).Sign(r); err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	client := c.env.Client()
	defer client.CloseIdleConnections()
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("calling the domain: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the domain answered %s %s with %s", method, path, response.Status)
	}
	return nil
}

// ShownDomain is the name of a domain of Want.Domain.
func ShownDomain(domain string) string { return cmp.Or(domain, ociemu.DefaultDomain) }
