package credential

import "time"

// Issued is a credential as IAM lists it, without its value.
type Issued struct {
	ID          string // see Ref.ID; for a password its creation time (TimeID)
	Description string // description of an auth token, display name of a customer secret key; else empty
	Created     time.Time
}

// Listing is the list of a user's credentials of one kind.
type Listing struct {
	Credentials []Issued
	At          time.Time // the server's time of the answer
}

// Draft has the input for a new credential.
type Draft struct {
	PublicKey   string // PEM; API keys only
	Description string // has the mark; auth tokens and customer secret keys only
	RetryToken  string // opc-retry-token: the same for every repetition of one request
}

// Created is a new credential. Value is empty for an API key, whose private key OCI never gets, and if the answer to a
// repeated request doesn't have the value.
type Created struct {
	Issued
	Value Value
}
