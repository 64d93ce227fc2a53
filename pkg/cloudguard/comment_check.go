package cloudguard

import (
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// checkRepeated refuses keys with several values.
func (r *reading) checkRepeated() {
	const problem = "is given more than once, with different values: keep one"
	for _, k := range secretKeys() {
		if len(r.claims[k.role]) > 1 {
			r.fault(k.name, problem)
		}
	}
	for _, option := range []struct {
		key    string
		values int
	}{{keyRotate, len(r.rotate)}, {keyReplace, len(r.replace)}, {keyGrace, len(r.grace)}, {keyDryRun, len(r.dryRun)}} {
		if option.values > 1 {
			r.fault(option.key, problem)
		}
	}
}

// checkShared refuses one secret for two roles: the second value would overwrite
// the first.
func (r *reading) checkShared() {
	for i, a := range secretKeys() {
		for _, b := range secretKeys()[i+1:] {
			if slices.ContainsFunc(r.claims[a.role], func(id OCID) bool {
				return slices.Contains(r.claims[b.role], id)
			}) {
				r.fault(b.name, "names the same secret as "+a.name+": each needs a secret of its own")
			}
		}
	}
}

// checkWhole refuses a part of the secrets that the rule's credentials need.
func (r *reading) checkWhole() {
	roles := r.rule.Roles()
	given := func(role credential.Role) bool { return len(r.claims[role]) > 0 || r.spoilt[role.Key()] }
	if !slices.ContainsFunc(roles, given) {
		return
	}
	for _, role := range roles {
		if !given(role) {
			r.fault(role.Key(), "is missing: "+r.rule.noun()+" needs "+r.rule.keyList())
		}
	}
}

// checkLoose refuses the OCIDs of secrets in free text, unless they stand under a
// key as well.
func (r *reading) checkLoose() {
	for _, text := range r.free {
		r.checkLooseIn(text)
	}
}

func (r *reading) checkLooseIn(text string) {
	named := slices.ContainsFunc(findNames(fold(text)), func(f finding) bool {
		return strings.HasSuffix(f.key, anySecret)
	})
	for _, found := range secretOCID().FindAllString(text, -1) {
		id, problem := readSecretOCID(strings.TrimRight(found, "."))
		switch {
		case problem != "":
			r.fault("the text", problem)
		case !r.claimed(id) && !named: // a key in another form is a fault of its own
			r.fault(found, "stands alone: which secret is it? Write its key and a colon before it")
		}
	}
}

func (r *reading) claimed(id OCID) bool {
	for ids := range maps.Values(r.claims) {
		if slices.Contains(ids, id) {
			return true
		}
	}
	return false
}

// keyList names the keys of secrets that fit the rule.
func (r Rule) keyList() string {
	var names []string
	for _, role := range r.Roles() {
		names = append(names, role.Key())
	}
	if len(names) > 1 {
		return strings.Join(names, " and ") + ", or " + credential.RoleBundle.Key()
	}
	return names[0] + " or " + credential.RoleBundle.Key()
}
