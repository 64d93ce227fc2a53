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

// ruleTitles are the display names that Cloud Guard gives to problems of the
// four rules, lower-cased. Events of 2021 carried only these.
var ruleTitles = map[string]Rule{
	"api key is too old":                 APIKeyTooOld,
	"iam auth token is too old":          AuthTokenTooOld,
	"iam customer secret key is too old": SecretKeyTooOld,
	"password is too old":                PasswordTooOld,
}

// ruleOf takes the rule from the detector rule id or, where the event has none,
// from the problem's display name. The result may be a rule that isn't ours, or
// empty.
func ruleOf(problemName, displayName string) Rule {
	if problemName != "" {
		return Rule(strings.ToUpper(problemName))
	}
	return ruleTitles[strings.ToLower(strings.Join(strings.Fields(displayName), " "))]
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
