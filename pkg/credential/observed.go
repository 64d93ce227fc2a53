package credential

import "slices"

// The kinds of credential that Keyturn reports, but doesn't rotate.
const (
	DatabasePassword Kind = "database-password" // the password with which an IAM user signs in to a database
	SMTPCredential   Kind = "smtp-credential"
	OAuth2Credential Kind = "oauth2-credential" // an OAuth 2.0 client credential of a user
)

// observed are the records of kinds that are only reported. They have no roles, permissions and origin.
var observed = []*Record{
	{Kind: DatabasePassword, Noun: "IAM database password", IDNoun: "OCID"},
	{Kind: SMTPCredential, Noun: "SMTP credential", IDNoun: "OCID", Limit: 2},
	{Kind: OAuth2Credential, Noun: "OAuth 2.0 client credential", IDNoun: "OCID"},
}

// Observed lists every kind that Keyturn can report: those of Kinds, and those that it doesn't rotate.
func Observed() []Kind {
	all := Kinds()
	for _, r := range observed {
		all = append(all, r.Kind)
	}
	return all
}

// Rotates reports whether Keyturn can rotate credentials of the kind.
func (k Kind) Rotates() bool { return slices.Contains(Kinds(), k) }
