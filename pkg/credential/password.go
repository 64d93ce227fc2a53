package credential

// Password is the password with which a user signs in to the Console.
const Password Kind = "password"

// RolePassword is the role of a secret that holds a one-time password.
const RolePassword Role = "password"

// A reset takes effect at once, so a password has no limit, no overlap and no proof. Its bundle has the creation time,
// since OCI asks for a new password at the first sign-in.
var password = Record{
	Kind: Password, Noun: "console password", IDNoun: "made at", Origin: Reset,
	Parts: []Part{{Role: RolePassword, Key: "password_secret_ocid", Thing: "one-time password",
		Near: map[string]int{"passwordsecret": 1}}},
	Bundle:      [2]string{"made_at", "password"},
	Detection:   Detection{Rule: "PASSWORD_TOO_OLD", Problem: "Password is too old"},
	Permissions: []string{"USER_UIPASS_RESET"},
	Operations:  []string{"CreateOrResetUIPassword"},
	Resource:    "UIPassword",
	Capability:  "--can-use-console-password",
}
