package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// BindCommand is the OCI CLI command that binds a secret by defined tags. They work under every policy of the stack:
// with secret_policy = tags the functions may read no secret that has freeform tags alone. The CLI replaces all tags
// of a form, so the command repeats the others that the secret has, and takes Keyturn's freeform ones off.
func BindCommand(s vault.Secret, kind credential.Kind, user string) string {
	ours := map[string]any{tagUser: user, tagKind: string(kind)}
	t := TagsOf(s)
	if role := credential.Role(t.Role); role != "" && !slices.Contains(t.Clash, tagRole) &&
		(len(kind.Roles()) == 0 || kind.Fits(role)) {
		ours[tagRole] = t.Role
	}
	command := "oci vault secret update" + address(s) + " --defined-tags " + quote(readable(withOurs(s.Defined, ours)))
	if left := foreign(s.Freeform); len(left) < len(s.Freeform) {
		command += " --freeform-tags " + quote(readable(left))
	}
	return command
}

// UnbindCommand is the OCI CLI command that takes Keyturn's freeform tags off a secret, keeping the others.
func UnbindCommand(s vault.Secret) string {
	return "oci vault secret update" + address(s) + " --freeform-tags " + quote(readable(foreign(s.Freeform)))
}

// cancelCommand is the OCI CLI command that keeps a secret whose deletion is scheduled.
func cancelCommand(s vault.Secret) string {
	return "oci vault secret cancel-secret-deletion" + address(s)
}

// address are the CLI's options that lead to a secret.
func address(s vault.Secret) string {
	text := " --secret-id " + s.ID
	if s.Region != "" {
		text += " --region " + s.Region
	}
	return text
}

// withOurs puts Keyturn's tags into a copy of the defined tags. OCI compares the names of namespaces and tags without
// regard to case: an existing spelling is kept.
func withOurs(defined map[string]map[string]any, ours map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	namespace := tagNamespace
	for name, tags := range defined {
		all[name] = maps.Clone(tags)
		if strings.EqualFold(name, tagNamespace) {
			namespace = name
		}
	}
	if all[namespace] == nil {
		all[namespace] = map[string]any{}
	}
	for name, value := range ours {
		for has := range all[namespace] {
			if strings.EqualFold(has, name) {
				delete(all[namespace], has)
			}
		}
		all[namespace][name] = value
	}
	return all
}

// foreign are the freeform tags that don't bind anything.
func foreign(freeform map[string]string) map[string]string {
	left := map[string]string{}
	for key, value := range freeform {
		if !slices.ContainsFunc([]string{tagUser, tagKind, tagRole}, func(name string) bool {
			return strings.EqualFold(key, tagNamespace+"-"+name)
		}) {
			left[key] = value
		}
	}
	return left
}

// readable is a JSON text for a person: < and & stay as they are.
func readable(v any) string {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // tags came out of JSON, so they encode
		panic(fmt.Sprintf("guard: encoding tags: %T", err))
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// quote quotes a text as one word of a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
