package cloudguard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// Subject is what an event or Cloud Guard's record says about the credential of a problem: by which rule it is too
// old, whose it is and which it is. Both are read by the same rules, so that one spelling is never taken for another
// credential. What can't be read is left out: a Subject holds only ids that are safe as one element of a URL's path.
type Subject struct {
	Rule  Rule     // "" if none can be read
	Users []string // the OCIDs of users that it names as the owner, each once
	// IDs are the ids that it gives the credential, each once, the one to use first. A fingerprint, an OCID and an
	// access key may all be names of one credential. A password has none.
	IDs []string

	source source
}

// source says where the fields of a subject come from, for errors.
type source struct{ user, credential, who string }

var (
	fromEvent = source{`data.additionalDetails.problemAdditionalDetails["User OCID"]`,
		"data.additionalDetails.resourceId", "the event"}
	fromRecord = source{`additionalDetails["User OCID"]`, "resourceId", "Cloud Guard's record of the problem"}
)

// userKeys are the keys of the additional details that may name the owner, as foldKey writes them. "User OCID" is the
// one that Oracle's tutorial reads; no list of all of them is published. Those that may name the credential are in the
// record of its kind.
var userKeys = []string{"userocid", "userid", "user", "iamuserocid", "iamuserid", "useridentifier"}

// readSubject is the one reader. resourceID and resourceName are the problem's; details are its additional details.
func readSubject(rule Rule, resourceID, resourceName string, details map[string]string, from source) Subject {
	s := Subject{Rule: rule, source: from}
	path := strings.Split(strings.Trim(bare(resourceID), "/"), "/")
	for _, element := range path {
		s.user(element)
	}
	named := func(key string) []string { // the values under one folded key
		var values []string
		for _, k := range slices.Sorted(maps.Keys(details)) {
			if foldKey(k) == key {
				values = append(values, bare(details[k]))
			}
		}
		return values
	}
	for _, key := range userKeys {
		for _, value := range named(key) {
			s.user(value)
		}
	}
	s.credential(path[len(path)-1])
	for _, key := range rule.record().Detection.Details {
		for _, value := range named(key) {
			s.credential(value[strings.LastIndex(value, "/")+1:])
		}
	}
	if len(s.IDs) == 0 { // Cloud Guard may show a fingerprint as the resource's name; other names are free text
		s.credential(resourceName)
	}
	// An id of no known form counts only as the whole resource, and only if nothing better names the credential.
	if id := bare(resourceID); len(s.IDs) == 0 && rule.hasIDs() && !rule.onlyFingerprints() && !isOtherThing(id) &&
		credentialIDForm().MatchString(id) {
		s.IDs = append(s.IDs, id)
	}
	return s
}

// user adds the owner, if text is the OCID of a user.
func (s *Subject) user(text string) {
	if id, err := ParseOCID(text, TypeUser); err == nil && !slices.Contains(s.Users, string(id)) {
		s.Users = append(s.Users, string(id))
	}
}

// credential adds an id, if text has a form that ids of the rule's credentials have.
func (s *Subject) credential(text string) {
	id := normalID(text)
	if slices.Contains(s.Rule.record().IDForms, FormOf(id)) && !slices.Contains(s.IDs, id) {
		s.IDs = append(s.IDs, id)
	}
}

// User is the OCID of the owner; "" if the subject names none. It fails with a [*FormatError] if it names several.
func (s Subject) User() (string, error) {
	switch len(s.Users) {
	case 0:
		return "", nil
	case 1:
		return s.Users[0], nil
	}
	return "", s.fault(s.source.user, "names several users: %s has %s", s.source.who, strings.Join(s.Users, " and "))
}

// ID is the credential's id among those of its user: the fingerprint of an API key, the OCID of an auth token, the
// access key or OCID of a customer secret key; "" for a password. It fails with a [*FormatError] if none can be read,
// and if there are two different ones of one form.
func (s Subject) ID() (string, error) {
	if !s.Rule.hasIDs() {
		return "", nil
	}
	if len(s.IDs) == 0 {
		return "", s.fault(s.source.credential, "names no credential: %s has no %s that can be read", s.source.who,
			s.Rule.idNoun())
	}
	for i, id := range s.IDs {
		for _, other := range s.IDs[i+1:] {
			if FormOf(id) == FormOf(other) {
				return "", s.fault(s.source.credential, "names two credentials: %s has %s and %s", s.source.who, id,
					other)
			}
		}
	}
	return s.IDs[0], nil
}

// Missing says what the subject lacks to be acted on without any other source, as a [*FormatError]; nil if nothing.
func (s Subject) Missing() error {
	user, err := s.User()
	if err == nil && user == "" {
		err = s.fault(s.source.user, "names no user: %s has no OCID of a user that can be read", s.source.who)
	}
	if err != nil {
		return err
	}
	_, err = s.ID()
	return err
}

// Contradicts says what hint says otherwise than s about whom and what; "" if nothing. Ids of different forms don't
// contradict each other, since they may name the same credential. What one of the two lacks is no contradiction.
func (s Subject) Contradicts(hint Subject) string {
	if hint.Rule.Known() && hint.Rule != s.Rule {
		return fmt.Sprintf("the event says %s, Cloud Guard's record of the problem says %s", hint.Rule,
			phrase.Excerpt(string(s.Rule)))
	}
	for _, user := range hint.Users {
		if len(s.Users) > 0 && !slices.Contains(s.Users, user) {
			return fmt.Sprintf("the event is about the user %s, Cloud Guard's record of the problem about %s",
				user, strings.Join(s.Users, ", "))
		}
	}
	for _, id := range hint.IDs {
		same := slices.DeleteFunc(slices.Clone(s.IDs), func(own string) bool { return FormOf(own) != FormOf(id) })
		if len(same) > 0 && !slices.Contains(same, id) {
			return fmt.Sprintf("the event is about the credential %s, Cloud Guard's record of the problem about %s",
				id, strings.Join(same, ", "))
		}
	}
	return ""
}

func (s Subject) fault(field, format string, args ...any) error {
	return &FormatError{field, fmt.Sprintf(format, args...), remedySubject}
}

const remedySubject = "rotate this credential in the Console or with the OCI CLI, then dismiss the problem"

// idNoun is what an id of the rule's credentials is called: "fingerprint of an API key".
func (r Rule) idNoun() string {
	var forms []string
	for _, form := range r.record().IDForms {
		if form != credential.FormSCIM { // the classic API shows none
			forms = append(forms, string(form))
		}
	}
	slices.Sort(forms)
	slices.Reverse(forms)
	return strings.Join(forms, " or ") + " of " + r.noun()
}
