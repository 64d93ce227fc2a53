package guard

// Protected refuses a protected user. The function protects reports whether the configuration protects a user of this
// OCID and name. A user whose name is not known counts as protected.
func Protected(protects func(ocid, name string) bool, ocid, name string) error {
	switch {
	case name == "":
		return refuse(
			"Check that the function may read users, with a preflight of the function. Then close the problem again.",
			"the user %s can't be looked up, and so counts as protected", ocid)
	case protects(ocid, name):
		return refuse(
			"Rotate the credential manually, or remove the user from the configuration key protected_users.",
			"the user %s (%s) is protected", name, ocid)
	}
	return nil
}
