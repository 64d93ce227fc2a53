package credential

import "time"

// Issued is a credential as IAM lists it, without its value.
type Issued struct {
	ID          string // see Ref.ID; for a password its creation time (TimeID)
	Description string // description of an auth token, display name of a customer secret key; else empty
	Created     time.Time
	Expires     time.Time // zero if it never expires, or if the list doesn't say it
	Inactive    bool      // the list says that it can't be used now
}

// Listing is the list of a user's credentials of one kind.
type Listing struct {
	Credentials []Issued
	At          time.Time // the server's time of the answer
	// Chosen says that the caller chooses the value of a new credential (Draft.Value). Without a value, OCI mails the
	// user a link.
	Chosen bool
	// Version is the etag of what a new credential would change, for Draft.Version; empty if it isn't known.
	Version string
	// Refusal says why the user can't get a new credential; nil if nothing is known that prevents it.
	Refusal error
	// Unmailed says why OCI can't mail the user a link; nil if it can, or if it never does.
	Unmailed error
}

// Draft has the input for a new credential.
type Draft struct {
	PublicKey   string // PEM; API keys only
	Description string // has the mark; not kept for API keys of the classic API, and not used for passwords
	RetryToken  string // opc-retry-token: the same for every repetition of one request
	Value       Value  // the chosen value; only if Listing.Chosen, and empty if OCI is to mail a link
	// Version is the Listing's Version. OCI refuses the request, with the class Conflict, if it is another one by now.
	// Empty: the request is unconditional.
	Version string
}

// Created is a new credential. Value is empty for an API key, whose private key OCI never gets; for a value that the
// caller has chosen; for a mailed link; and if the answer to a repeated request doesn't have the value.
type Created struct {
	Issued
	Value Value
}
