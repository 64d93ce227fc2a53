package oci

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// readRegions makes the SDK read OCI_REGION_METADATA and ~/.oci/regions-config.json. Otherwise it reads them at the
// first unknown region, without a lock (common.go of oci-go-sdk v65.129).
var readRegions = sync.OnceFunc(func() { common.StringToRegion("none") })

var regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)

// Hosts returns the hosts at which a credential is used in a region of the function's realm. Sources: OCI's
// documentation of Container Registry ("ocir.<region-identifier>.oci.<domain>", seen in the realms oc1 to oc4 and
// oc19) and of Object Storage's Amazon S3 Compatibility API. With an empty namespace, the S3 host is left out.
func (c *Cloud) Hosts(region, namespace string) (credential.Hosts, error) {
	domain, err := c.domain(region)
	if err != nil {
		return credential.Hosts{}, err
	}
	return hostsOf(region, domain, namespace), nil
}

// HostsOf returns the hosts in a region that the SDK knows, for tools that run outside a function.
func HostsOf(region, namespace string) (credential.Hosts, error) {
	readRegions()
	domain, err := domainOf(region, region)
	if err != nil {
		return credential.Hosts{}, err
	}
	return hostsOf(region, domain, namespace), nil
}

func hostsOf(region, domain, namespace string) credential.Hosts {
	h := credential.Hosts{Registry: "ocir." + region + ".oci." + domain}
	if namespace != "" {
		h.S3 = namespace + ".compat.objectstorage." + region + "." + domain
	}
	return h
}

// domain is the domain of a region's services: oraclecloud.com in the commercial realm.
func (c *Cloud) domain(region string) (string, error) {
	own, err := c.ownRegion()
	if err != nil {
		return "", err
	}
	return domainOf(region, own)
}

// ownRegion is the identifier of the function's region.
func (c *Cloud) ownRegion() (string, error) {
	p, err := c.provider()
	if err != nil {
		return "", classify("ResourcePrincipal", err)
	}
	region, err := p.Region()
	if err != nil {
		return "", classify("ResourcePrincipal", err)
	}
	return string(common.StringToRegion(region)), nil
}

// domainOf is the domain of a region for a function in the region own. All regions of a tenancy are in one realm, so a
// region that is newer than the SDK has the domain of own. If the realm can't be determined, domainOf returns an error;
// the SDK would use the commercial realm's domain.
func domainOf(region, own string) (string, error) {
	realm, unknown := common.Region(region).RealmID()
	ownRealm, lost := common.Region(own).RealmID()
	// for an unknown region: OCI_DEFAULT_REALM or the commercial realm's
	domain := common.Region(region).SecondLevelDomain()
	const commercial = "us-ashburn-1"
	switch {
	case !regionName.MatchString(region):
		return "", noHost("%q is no region's identifier, such as eu-frankfurt-1: look for a mistyped OCID", region)
	case unknown == nil && lost == nil && realm != ownRealm:
		return "", noHost("the region %s is in the realm %s and the function's region %s in %s: a tenancy has "+
			"one realm; look for an OCID of another tenancy", region, realm, own, ownRealm)
	case unknown == nil || domain != common.Region(commercial).SecondLevelDomain():
		return domain, nil
	case lost == nil:
		return common.Region(own).SecondLevelDomain(), nil
	}
	return "", noHost("the realm of the region %s isn't known, so its host names aren't either: set "+
		"OCI_REGION_METADATA, as OCI "+
		`Functions does, to {"realmKey":"...","realmDomainComponent":"...","regionKey":"...","regionIdentifier":"%s"}, `+
		"or deploy a newer version of Keyturn", region, own)
}

// noHost is the error for a host name that can't be determined.
func noHost(why string, args ...any) error {
	return fault.New(fault.Invalid, "hosts", fmt.Sprintf(why, args...))
}

// setHost points a client to a region, and to the realm's domain if the SDK uses another one.
func (c *Cloud) setHost(base *common.BaseClient, region string, setRegion func(string)) error {
	own, err := c.ownRegion()
	if err != nil {
		return err
	}
	effective := cmp.Or(region, own)
	domain, err := domainOf(effective, own)
	if err != nil {
		return err
	}
	if region != "" {
		setRegion(region)
	}
	base.Host = strings.Replace(base.Host, common.Region(effective).SecondLevelDomain(), domain, 1)
	return nil
}

// RegistryRegion returns the region of a registry's host: ocir.<region>.oci.<domain>, or <key>.ocir.<domain>. It is
// empty for another host, and for a key that the SDK doesn't know.
func RegistryRegion(host string) string {
	readRegions()
	name, rest, _ := strings.Cut(host, ".")
	if name == "ocir" {
		name, rest, _ = strings.Cut(rest, ".")
		if !strings.HasPrefix(rest, "oci.") {
			return ""
		}
	} else if !strings.HasPrefix(rest, "ocir.") {
		return ""
	}
	region := RegionName(name)
	if !regionName.MatchString(region) {
		return ""
	}
	return region
}

// RegionName returns the identifier of a region that is given by its identifier or its key.
func RegionName(text string) string {
	readRegions()
	return string(common.StringToRegion(text))
}
