package credential

import "time"

// Issued is a credential as IAM lists it: never its value.
type Issued struct {
	ID          string // see Ref.ID; for a password the time at which it was made (TimeID)
	Description string // description of an auth token, display name of a customer secret key; else empty
	Created     time.Time
}

// Listing is what a user has of one kind.
type Listing struct {
	Credentials []Issued
	At          time.Time // the server's clock when it answered
}

// Draft is what a new credential is made from.
type Draft struct {
	PublicKey   string // PEM; API keys only
	Description string // carries the mark; auth tokens and customer secret keys only
	RetryToken  string // opc-retry-token: the same for every repetition of one request
}

// Created is a new credential. Value is empty for an API key (OCI never sees its private half), and where the answer
// to a repeated request didn't show it again.
type Created struct {
	Issued
	Value Value
}
