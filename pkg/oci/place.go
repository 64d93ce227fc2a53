package oci

import (
	"cmp"
	"context"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Place returns the OCID of the function and of its compartment, and the identifier of its region, as far as the
// token's claims and the principal have them. It makes no call.
func (c *Cloud) Place(ctx context.Context) (function, compartment, region string) {
	if claims, err := c.Claims(ctx); err == nil {
		function, _ = claims["res_id"].(string)
		compartment, _ = claims["res_compartment"].(string)
	}
	region, _ = c.Region(ctx)
	return function, compartment, region
}

// WhoAmI returns the OCID and the name of the caller: of the user whose key signs, or the OCID of the resource whose
// principal does. A part that isn't known is empty; err says why the name of a user isn't.
func (c *Cloud) WhoAmI(ctx context.Context) (id, name string, err error) {
	p, err := c.provider()
	if err != nil {
		return "", "", classify("WhoAmI", err)
	}
	id, err = p.UserOCID()
	if err != nil || id == "" { // a token says for whom it was issued
		claims, _ := c.Claims(ctx)
		subject, _ := claims["sub"].(string)
		resource, _ := claims["res_id"].(string)
		id = cmp.Or(resource, subject)
	}
	if !strings.HasPrefix(strings.ToLower(id), "ocid1.user.") {
		return id, "", nil
	}
	name, err = c.UserName(ctx, id)
	return id, name, err
}

// Console returns the address of OCI's Console for a region. The commercial realm has one address; other realms have
// one per region, under the realm's domain (github.com/oci-landing-zones/terraform-oci-core-landingzone, README). It is
// empty for a region whose realm the SDK doesn't know.
func (c *Cloud) Console(region string) string {
	r := common.StringToRegion(region)
	realm, err := r.RealmID()
	switch {
	case err != nil:
		return ""
	case realm == "oc1":
		return "https://cloud.oracle.com"
	}
	return "https://console." + string(r) + "." + r.SecondLevelDomain()
}
