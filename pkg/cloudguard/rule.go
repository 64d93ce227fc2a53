package cloudguard

import (
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Rule is the id of a Cloud Guard detector rule, in Cloud Guard's own spelling.
type Rule string

// The four rules of Cloud Guard's configuration recipe about the age of a credential that can be rotated. The rule
// about MFA devices (IAM_MFA_TOTP_DEVICE_TOO_OLD) isn't among them, because a device can't be rotated.
var (
	APIKeyTooOld    = RuleOf(credential.APIKey)
	AuthTokenTooOld = RuleOf(credential.AuthToken)
	SecretKeyTooOld = RuleOf(credential.CustomerSecretKey)
	PasswordTooOld  = RuleOf(credential.Password)
)

// RuleOf returns the rule that reports credentials of the kind; "" if there is none.
func RuleOf(k credential.Kind) Rule { return Rule(k.Record().Detection.Rule) }

// Rules returns the rules of all kinds, in a fixed order. The caller may change the slice.
func Rules() []Rule {
	var rules []Rule
	for _, k := range credential.Kinds() {
		if r := RuleOf(k); r != "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// Known reports whether r is one of [Rules].
func (r Rule) Known() bool { return r.Kind() != "" }

// Kind returns the kind of credential that the rule is about; "" for a rule that isn't one of [Rules].
func (r Rule) Kind() credential.Kind { return r.record().Kind }

// record is the record of the rule's kind; zero for a rule that isn't one of [Rules].
func (r Rule) record() *credential.Record {
	for _, k := range credential.Kinds() {
		if r != "" && RuleOf(k) == r {
			return k.Record()
		}
	}
	return &credential.Record{}
}

var ruleForm = lazily(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+$`)

// ruleOf takes the rule from the detector rule id or, if that can't be read, from the problem's display name. The
// result may be a rule that isn't one of [Rules]; it is "" if neither names a rule.
func ruleOf(problemName, displayName string) Rule {
	if r := ruleNamed(problemName); r != "" {
		return r
	}
	if ruleForm().MatchString(problemName) {
		return Rule(strings.ToUpper(problemName))
	}
	return ruleNamed(displayName)
}

// ruleNamed finds the rule by its id or by the display name of its problems, in any spelling. Events of 2021 had only
// the display names.
func ruleNamed(name string) Rule {
	folded := foldKey(name)
	for _, r := range Rules() {
		if folded == foldKey(string(r)) || folded == foldKey(r.DisplayName()) {
			return r
		}
	}
	return ""
}

// DisplayName is Cloud Guard's name for a problem of the rule; "" for a rule that isn't one of [Rules].
func (r Rule) DisplayName() string { return r.record().Detection.Problem }

// noun names the rule's credential in a sentence, with its article.
func (r Rule) noun() string { return r.Kind().One() }

// resets reports whether a rotation of the rule's credential is a reset, which needs no secret and no instruction.
func (r Rule) resets() bool { return r.Kind().Origin() == credential.Reset }
