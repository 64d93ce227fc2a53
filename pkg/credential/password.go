package credential

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"
)

// Password is the password with which a user signs in to the Console.
const Password Kind = "password"

// RolePassword is the role of a secret that holds a password: a one-time password that OCI generated, or the one that
// Keyturn chose for a user outside the Default identity domain.
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

// passwordLength is the length of a chosen password. OCI's default policies ask for 8 or 12 characters, and allow 40.
const passwordLength = 20

// The characters of a chosen password: no vowels, so that it spells no name; none that look alike; and no specials that
// a shell, a URL or JSON changes.
const (
	smallLetters   = "bcdfghjkmnpqrstvwxz"
	capitalLetters = "BCDFGHJKLMNPQRSTVWXZ"
	digits         = "23456789"
	specials       = "-_."
)

// chosenID is the form of a chosen password's ID. It has a fraction, so that it never equals a TimeID: a listed
// password of the same second is another one.
const chosenID = "2006-01-02T15:04:05.000Z07:00"

// ChosenID is the ID of a password that is chosen at the given time, which should be the server's.
func ChosenID(at time.Time) string { return at.UTC().Format(chosenID) }

// ChoosePassword chooses a console password. Its ID is the ChosenID of the given time. It has 20 characters, none of
// them twice, drawn by crypto/rand: about 100 bits. It begins with a letter, and has small letters, capitals, digits
// and specials. It contains neither the user's name nor a part of it of three or more letters and digits, in any case.
// So it meets the rules that a domain's password policy can have (oci-go-sdk, identitydomains.PasswordPolicy), unless
// the policy forbids one of the specials, wants another length, or limits how often a password is changed. It returns
// an error if almost every password would contain the name.
func ChoosePassword(at time.Time, userName string) (Material, error) {
	_, bare, found := strings.Cut(userName, "/") // see Domain.UserName
	if !found {
		bare = userName
	}
	for range 1000 {
		text, err := drawPassword()
		if err != nil {
			return Material{}, fmt.Errorf("choosing a password: %w", err)
		}
		if meetsPolicies(text, bare) {
			return Material{Kind: Password, ID: ChosenID(at), Value: NewValue([]byte(text))}, nil
		}
	}
	return Material{}, errors.New("choosing a password: every one contains the user's name")
}

// drawPassword draws different characters.
func drawPassword() (string, error) {
	from := []byte(smallLetters + capitalLetters + digits + specials)
	for i := range passwordLength {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(from)-i)))
		if err != nil {
			return "", err
		}
		k := i + int(n.Int64())
		from[i], from[k] = from[k], from[i]
	}
	return string(from[:passwordLength]), nil
}

func meetsPolicies(text, userName string) bool {
	for _, class := range []string{smallLetters, capitalLetters, digits, specials} {
		if !strings.ContainsAny(text, class) {
			return false
		}
	}
	lower := strings.ToLower(text)
	if strings.ContainsAny(text[:1], digits+specials) || userName != "" &&
		strings.Contains(lower, strings.ToLower(userName)) {
		return false
	}
	for part := range strings.FieldsFuncSeq(strings.ToLower(userName), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if len(part) >= 3 && strings.Contains(lower, part) {
			return false
		}
	}
	return true
}
