package guard

import (
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Binding tags are written in one of two forms. Policies can use only defined tags.
const (
	DefinedTags  = false
	FreeformTags = true
)

// TagsFor returns the tags that bind a secret to the user, the kind and the role, with all other tags that it has. A
// secret with these tags is bound according to BoundTo, and has no tags of the other form that bind it. freeform is
// DefinedTags or FreeformTags. An empty role is that of a secret without a tag for it: credential.Kind.DefaultRole.
//
// s must come from GetSecret: a list may have changed the values of other tags.
func TagsFor(s vault.Secret, kind credential.Kind, user string, role credential.Role, freeform bool) vault.Tags {
	ours := map[string]any{tagUser: user, tagKind: string(kind)}
	if role != "" && role != kind.DefaultRole() {
		ours[tagRole] = string(role)
	}
	t := vault.Tags{Freeform: foreign(s.Freeform), Defined: withoutOurs(s.Defined)}
	if !freeform {
		t.Defined = withOurs(t.Defined, ours)
		return t
	}
	for name, value := range ours {
		t.Freeform[tagNamespace+"-"+name] = value.(string)
	}
	return t
}

// withoutOurs returns a copy of the defined tags without those that bind a secret.
func withoutOurs(defined map[string]map[string]any) map[string]map[string]any {
	left := map[string]map[string]any{}
	for namespace, tags := range defined {
		kept := maps.Clone(tags)
		if strings.EqualFold(namespace, tagNamespace) {
			maps.DeleteFunc(kept, func(key string, _ any) bool {
				return slices.ContainsFunc([]string{tagUser, tagKind, tagRole},
					func(name string) bool { return strings.EqualFold(key, name) })
			})
			if len(kept) == 0 {
				continue
			}
		}
		left[namespace] = kept
	}
	return left
}

// RoleOf returns the role of a secret that is bound to a credential of the kind: its tag role, or else the kind's
// default. ok is false if the tag names no role of the kind, or if the two forms of the tag contradict each other.
func RoleOf(s vault.Secret, kind credential.Kind) (role credential.Role, ok bool) {
	has, clash := tag(s, tagRole)
	if has == "" {
		return kind.DefaultRole(), !clash
	}
	return credential.Role(has), !clash && kind.Fits(credential.Role(has))
}
