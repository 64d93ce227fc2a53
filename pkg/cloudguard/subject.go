package cloudguard

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// Subject identifies the credential of a problem: its rule, its owner and its id, as an event or Cloud Guard's record
// has them. Both are read in the same way, so that two spellings of an id aren't taken for two credentials. A Subject
// has only ids that are safe as one element of a URL's path; others are left out.
type Subject struct {
	Rule  Rule     // "" if none can be read
	Users []string // the distinct OCIDs of users named as the owner
	// IDs are the distinct ids of the credential, the preferred one first. A fingerprint, an OCID and an access key may
	// all be ids of one credential. A password has none.
	IDs []string

	source source
}

// source names the fields that a subject was read from, for errors.
type source struct{ user, credential, who string }

var (
	fromEvent = source{`data.additionalDetails.problemAdditionalDetails["User OCID"]`,
		"data.additionalDetails.resourceId", "the event"}
	fromRecord = source{`additionalDetails["User OCID"]`, "resourceId", "Cloud Guard's record of the problem"}
)

// userKeys are the keys of the additional details that may name the owner, as foldKey writes them. Oracle's tutorial
// reads "User OCID"; no complete list is published. The keys that may name the credential are in the record of its
// kind.
var userKeys = []string{"userocid", "userid", "user", "iamuserocid", "iamuserid", "useridentifier"}

// readSubject reads the subject of a problem from its resource and its additional details.
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
	// An id of an unknown form counts only if it is the whole resource and nothing else names the credential.
	id := bare(resourceID)
	if len(s.IDs) == 0 && rule.hasIDs() && !rule.onlyFingerprints() && !isOtherThing(id) &&
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

// User returns the OCID of the owner; "" if the subject names none. If it names several, the error is a [*FormatError].
func (s Subject) User() (string, error) {
	switch len(s.Users) {
	case 0:
		return "", nil
	case 1:
		return s.Users[0], nil
	}
	return "", s.fault(s.source.user, "names several users: %s has %s", s.source.who, strings.Join(s.Users, " and "))
}

// ID returns the credential's id: the fingerprint of an API key, the OCID of an auth token, the access key or OCID of a
// customer secret key, or an id by which the user's identity domain knows it; "" for a password. If there is none that
// can be read, or two of one form, the error is a [*FormatError].
func (s Subject) ID() (string, error) {
	if !s.Rule.hasIDs() {
		return "", nil
	}
	if len(s.IDs) == 0 {
		return "", s.fault(s.source.credential, "names no credential: %s has no %s that can be read",
			s.source.who, s.Rule.idNoun())
	}
	for i, id := range s.IDs {
		for _, other := range s.IDs[i+1:] {
			if FormOf(id) == FormOf(other) {
				return "", s.fault(s.source.credential, "names two credentials: %s has %s and %s",
					s.source.who, id, other)
			}
		}
	}
	return s.IDs[0], nil
}

// Missing returns a [*FormatError] if the subject alone doesn't identify the owner and the credential.
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

// Contradicts describes how the rule, the user or the credential of hint differs from s; "" if they agree. Ids of
// different forms agree, because they may name the same credential. An absent field agrees with everything.
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

// idNoun names an id of the rule's credentials in a sentence: "fingerprint of an API key".
func (r Rule) idNoun() string {
	var forms []string
	for _, form := range r.record().IDForms {
		if form != credential.FormSCIM { // of no use to a person
			forms = append(forms, string(form))
		}
	}
	slices.Sort(forms)
	slices.Reverse(forms)
	return strings.Join(forms, " or ") + " of " + r.noun()
}
