package oci

import "strings"

// userTags is the schema of a user's tags (oci-go-sdk, identitydomains.ExtensionOciTags).
const userTags = scimSchemas + "extension:OCITags"

// scimTags are the tags of a user of an identity domain.
type scimTags struct {
	FreeformTags []struct{ Key, Value string }
	DefinedTags  []struct{ Namespace, Key, Value string }
}

// ours returns the tags for Keyturn, see credential.User.Tags.
func (t scimTags) ours() map[string]string {
	freeform, defined := map[string]string{}, map[string]map[string]any{}
	for _, tag := range t.FreeformTags {
		freeform[tag.Key] = tag.Value
	}
	for _, tag := range t.DefinedTags {
		if defined[tag.Namespace] == nil {
			defined[tag.Namespace] = map[string]any{}
		}
		defined[tag.Namespace][tag.Key] = tag.Value
	}
	return oursOf(freeform, defined)
}

// oursOf picks the tags whose namespace or prefix is Keyturn's; nil if there are none. OCI compares the names of tags
// without regard to case.
func oursOf(freeform map[string]string, defined map[string]map[string]any) map[string]string {
	var ours map[string]string
	add := func(name, value string) {
		if ours == nil {
			ours = map[string]string{}
		}
		ours[name] = value
	}
	for name, value := range freeform {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "keyturn-") {
			add(lower, value)
		}
	}
	for namespace, tags := range defined {
		if !strings.EqualFold(namespace, "keyturn") {
			continue
		}
		for name, value := range tags {
			if text, ok := value.(string); ok {
				add("keyturn."+strings.ToLower(name), text)
			}
		}
	}
	return ours
}
