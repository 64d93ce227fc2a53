package cloudguard

import (
	"slices"
	"strings"
)

// Rule is the id of a Cloud Guard detector rule, in Cloud Guard's own spelling.
type Rule string

// The four rules of Cloud Guard's configuration recipe about the age of a
// credential that can be rotated. The recipe's rule about MFA devices
// (IAM_MFA_TOTP_DEVICE_TOO_OLD) isn't among them: a device is not a value.
const (
	APIKeyTooOld    Rule = "API_KEY_TOO_OLD"
	AuthTokenTooOld Rule = "AUTH_TOKEN_TOO_OLD"
	SecretKeyTooOld Rule = "SECRET_KEY_TOO_OLD"
	PasswordTooOld  Rule = "PASSWORD_TOO_OLD"
)

// Rules returns the four rules, always in the same order. The slice is the
// caller's own.
func Rules() []Rule {
	return []Rule{APIKeyTooOld, AuthTokenTooOld, SecretKeyTooOld, PasswordTooOld}
}

// Known reports whether r is one of [Rules].
func (r Rule) Known() bool { return slices.Contains(Rules(), r) }

// ruleNames are the names by which events and records call the four rules, as foldKey writes them: the ids of the rules
// and the display names of their problems. Events of 2021 carried only the display names.
var ruleNames = map[string]Rule{
	"apikeytooold":                 APIKeyTooOld,
	"apikeyistooold":               APIKeyTooOld,
	"authtokentooold":              AuthTokenTooOld,
	"iamauthtokenistooold":         AuthTokenTooOld,
	"secretkeytooold":              SecretKeyTooOld,
	"iamcustomersecretkeyistooold": SecretKeyTooOld,
	"passwordtooold":               PasswordTooOld,
	"passwordistooold":             PasswordTooOld,
}

var ruleForm = lazily(func() string { return `^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+$` })

// ruleOf takes the rule from the detector rule id or, where that can't be read, from the problem's display name. The
// result may be a rule that isn't ours; it is empty if neither is the name of a rule.
func ruleOf(problemName, displayName string) Rule {
	if r, ok := ruleNames[foldKey(problemName)]; ok {
		return r
	}
	if ruleForm().MatchString(problemName) {
		return Rule(strings.ToUpper(problemName))
	}
	return ruleNames[foldKey(displayName)]
}

// DisplayName is what Cloud Guard calls a problem of the rule; "" for a rule that isn't ours.
func (r Rule) DisplayName() string {
	return map[Rule]string{
		APIKeyTooOld:    "API key is too old",
		AuthTokenTooOld: "IAM Auth token is too old",
		SecretKeyTooOld: "IAM Customer secret key is too old",
		PasswordTooOld:  "Password is too old",
	}[r]
}
