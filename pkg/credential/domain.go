package credential

import "cmp"

// Domain is an identity domain: a directory of the tenancy's users. Every tenancy that has domains has one that is
// called Default.
type Domain struct {
	ID      string // OCID
	Name    string // display name
	URL     string // as OCI returns it, with the port
	Region  string // identifier of its home region
	Default bool   // it is the domain of the classic IAM API's users
	Classic bool   // the credentials of its users are handled by the classic IAM API; only for Default
	State   string // lifecycle state, such as ACTIVE
}

// UserName is the name by which Keyturn shows one of the domain's users: the name alone in the Default domain, and
// <domain>/<name> in every other one, since users of two domains may have the same name.
func (d Domain) UserName(name string) string {
	if d.Default {
		return name
	}
	return cmp.Or(d.Name, d.ID) + "/" + name
}
