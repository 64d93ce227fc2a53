package credential

import "time"

// Held is a credential with its user.
type Held struct {
	User     string // OCID
	UserName string // see Domain.UserName; "" if the list doesn't have it
	Issued
}

// Page is a part of a list of a whole identity domain.
type Page struct {
	Held  []Held // of a list of credentials
	Users []User // of a list of users
	// Entries is how many entries of the list the answer has. Users without a password are entries of a list of
	// passwords, but not in Held.
	Entries int
	// Unreadable is how many of Entries lack the user or the id. They are neither in Held nor in Users.
	Unreadable int
	// Total is how many entries the whole list has.
	Total int
	// At is the server's time of the answer.
	At time.Time
}
