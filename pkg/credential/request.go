package credential

import "time"

// Target is a Vault secret, and the part of a credential that it holds or is to hold.
type Target struct {
	Role     Role
	SecretID string // OCID
}

// Targets returns the secrets as targets, in the order of the kind's roles.
func Targets[ID ~string](k Kind, secrets map[Role]ID) (targets []Target) {
	for _, role := range k.Roles() {
		if id, ok := secrets[role]; ok {
			targets = append(targets, Target{Role: role, SecretID: string(id)})
		}
	}
	return targets
}

// Options change how a credential is rotated.
type Options struct {
	Replace    bool          // the old credential may be deleted first if the user has no free slot
	Grace      time.Duration // how long the old credential stays
	GraceGiven bool          // the source itself gives Grace: it then also ends or extends an overlap that runs already
	DryRun     bool          // only report what would be done
}

// Closure is the closure of a Cloud Guard problem by a person, as Cloud Guard has it on record.
type Closure struct {
	Problem string    // OCID of the problem
	By      string    // name of the user who closed it; empty if not known (event_check=off)
	At      time.Time // zero if not known
	Comment string
}

// Request asks for the rotation of one credential. Each source of rotations reads OCI's records and makes a Request;
// the guard and the engine don't ask where it came from.
type Request struct {
	Ref     Ref
	Secrets []Target // none for a password whose value is not kept
	Options
	Closure // zero if no closed problem is the source
	// UserHinted reports that only the event names the user, and no record of OCI does. It then proves nothing that the
	// credential isn't among this user's.
	UserHinted bool
}

// Authorized is what the guard knows of a request that may be carried out.
type Authorized struct {
	Owner    Owner
	Contacts map[string]string // the person or team to notify of a change, by the OCID of the secret
	// Topics are the topics that the tags of secrets ask for, by the OCID of the secret, as they are written. Only
	// secrets that are bound to the request's user and kind may ask.
	Topics   map[string]string
	Warnings []Warning
}

// Warning is something that doesn't prevent a rotation and that a person should look at.
type Warning struct {
	Text   string
	Remedy string
}
