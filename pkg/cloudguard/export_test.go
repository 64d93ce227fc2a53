package cloudguard

import "github.com/keyturn/keyturn/pkg/credential"

// ValidID reports whether an id is a normal id of the rule's credentials, and so is safe as one element of a URL's
// path.
func ValidID(rule Rule, id string) bool {
	if rule.onlyFingerprints() {
		return FormOf(id) != credential.FormUnknown && normalID(id) == id
	}
	return rule.hasIDs() && credentialIDForm().MatchString(id) && !isOtherThing(id) && normalID(id) == id
}

// Realm returns the third part, such as "oc1".
func (o OCID) Realm() string { return o.part(2) }
