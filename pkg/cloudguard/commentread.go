package cloudguard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// reading is the state of reading one comment: what was understood, what was
// wrong, and what the corrected comment needs a placeholder for.
type reading struct {
	rule    Rule
	faults  []Fault
	claims  map[Role][]OCID // distinct values by role, in the order of the text
	replace []bool          // distinct values
	dryRun  []bool
	grace   []time.Duration
	spoilt  map[string]bool // keys whose right value isn't known
	free    []string        // good free text
	loose   []string        // text with an OCID in it and no key
	rest    []string        // free text found in faulty items, for the corrected comment
}

func newReading(rule Rule) *reading {
	return &reading{rule: rule, claims: map[Role][]OCID{}, spoilt: map[string]bool{}}
}

func (r *reading) fault(item, problem string) {
	r.faults = append(r.faults, Fault{clip(item), problem})
}

func (r *reading) read(text string) {
	for _, item := range splitItems(text) {
		for _, s := range splitGlued(item) {
			r.segment(s)
		}
	}
	r.checkLoose()
	r.checkRepeated()
	r.checkShared()
	r.checkWhole()
}

// segment sorts one piece of the comment.
func (r *reading) segment(s segment) {
	if key, value, ok := knownPair(s.text); ok {
		if s.glued {
			r.fault(key, "has no comma before it")
		}
		r.pair(key, value)
		return
	}
	if r.likeKey(s.text) {
		return
	}
	if secretOCID().MatchString(s.text) {
		r.loose = append(r.loose, s.text)
		return
	}
	r.free = append(r.free, s.text)
}

// pair reads a value for a key that is right.
func (r *reading) pair(key, value string) {
	switch key {
	case keyReplace:
		r.yesNo(key, value, &r.replace)
	case keyDryRun:
		r.yesNo(key, value, &r.dryRun)
	case keyGrace:
		r.graceTime(value)
	default:
		r.secret(key, value)
	}
}

// likeKey reports a text that is nearly a pair. ok is false if it isn't.
func (r *reading) likeKey(text string) (ok bool) {
	key, value, paired := likePair(text)
	if !paired {
		key, value = unquote(text), ""
	}
	right, ok := r.meant(key, value, paired)
	switch {
	case !ok:
		return false
	case right == "":
		r.fault(key, "is not a key: the keys are "+r.keyList())
		r.spoilOwn()
		return true
	case right != asciiLower(key):
		r.fault(key, "is not a key (did you mean "+right+"?)")
	case paired:
		r.fault(key, "needs a colon between key and value")
	}
	r.pair(right, value)
	return true
}

// meant returns the key that was probably meant. It is "" with ok if the text
// looks like a key for a secret, but not which.
func (r *reading) meant(key, value string, paired bool) (right string, ok bool) {
	const longest = 60 // more is prose; it also bounds the work
	folded := strings.NewReplacer(" ", "_", "-", "_").Replace(asciiLower(key))
	if folded == "" || len(folded) > longest {
		return "", false
	}
	best := 3
	for _, k := range secretKeys {
		d := 2 * distance(folded, k.name)
		if k.rule != r.rule && k.rule != "" {
			d++ // of two equally near, the one that fits the problem
		}
		if d/2 <= 2 && (right == "" || d < best) {
			best, right = d, k.name
		}
	}
	if right != "" {
		return right, true
	}
	for _, option := range options {
		if likeOption(option, folded, value, paired) {
			return option, true
		}
	}
	named := strings.Contains(folded, "secret") && strings.Contains(folded, "ocid")
	if !paired || !named || len(strings.Fields(key)) > 3 && !strings.Contains(asciiLower(value), "ocid1.") {
		return "", false
	}
	return r.guess(folded), true
}

// likeOption reports whether key is probably meant as the option. Options have
// short names that are near to plain words ("trace", "replaced"), so the value
// has a say.
func likeOption(option, key, value string, paired bool) bool {
	d := distance(key, option)
	if !paired {
		// "dry run" is nothing but the option; "replaced" and "trace" are words.
		return d == 0 || option == keyDryRun && d == 1
	}
	return d <= 2 && (goodOption(option, unquote(value)) || d == 0) || d == 1 && nearOption(option, value)
}

// guess picks the key for a name such as "token_secret_ocid".
func (r *reading) guess(folded string) string {
	own := r.rule.Roles()
	switch {
	case strings.Contains(folded, "bundle"):
		return RoleBundle.Key()
	case len(own) == 1:
		return own[0].Key()
	case strings.Contains(folded, "access"):
		return RoleAccessKey.Key()
	case strings.Contains(folded, "secretkey"), strings.Contains(folded, "secret_key"):
		return RoleSecretKey.Key()
	}
	return ""
}

// secret reads the value of a key that names a secret.
func (r *reading) secret(key, value string) {
	k := secretKeys[slices.IndexFunc(secretKeys, func(k secretKey) bool { return k.name == key })]
	if k.rule != r.rule && k.rule != "" {
		r.fault(key, "does not belong to "+r.problemName()+": the keys are "+r.keyList())
		if r.rule != PasswordTooOld {
			r.spoilOwn()
		}
		return
	}
	id, err := ParseOCID(unquote(value), TypeSecret)
	if err == nil {
		r.claim(k.role, id)
		return
	}
	if id, rest, ok := findOCID(value); ok {
		r.fault(key, "has more than the OCID as its value: put a comma between the OCID and other text")
		r.claim(k.role, id)
		r.rest = append(r.rest, rest)
		return
	}
	switch v := strings.TrimSpace(value); {
	case unquote(v) == "":
		r.fault(key, "has no value")
	case strings.HasPrefix(v, "<"):
		r.fault(key, "still has the placeholder of the instructions: put the OCID of the Vault secret in its place")
	default:
		r.fault(key, "needs the OCID of a Vault secret, ocid1.vaultsecret...: "+err.Error())
	}
	r.spoilt[key] = true
}

// findOCID finds the one secret's OCID that stands among other words.
func findOCID(value string) (id OCID, rest string, ok bool) {
	var others []string
	for word := range strings.FieldsSeq(value) {
		o, err := ParseOCID(strings.Trim(unquote(word), ".()[]"), TypeSecret)
		switch {
		case err != nil:
			others = append(others, word)
		case ok && o != id:
			return "", "", false
		default:
			id, ok = o, true
		}
	}
	return id, strings.Join(others, " "), ok
}

func (r *reading) claim(role Role, id OCID) {
	if !slices.Contains(r.claims[role], id) {
		r.claims[role] = append(r.claims[role], id)
	}
}

// checkLoose reports the OCIDs of texts that have no key, unless they stand under
// a key elsewhere.
func (r *reading) checkLoose() {
	var ids []OCID
	for _, text := range r.loose {
		loose := false
		for _, found := range secretOCID().FindAllString(text, -1) {
			id, err := ParseOCID(strings.Trim(found, "."), TypeSecret)
			if err == nil && r.claimed(id) {
				continue
			}
			loose = true
			r.fault(found, "stands alone: which secret is it? Write its key and a colon before it")
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if loose {
			r.rest = append(r.rest, text)
		} else {
			r.free = append(r.free, text)
		}
	}
	own := r.rule.Roles()
	switch {
	case len(ids) == 0 || len(r.claims[RoleBundle]) > 0:
	case len(ids) == 1 && ids[0] != "" && len(own) == 1 && len(r.claims[own[0]]) == 0:
		r.claim(own[0], ids[0])
	case r.rule != PasswordTooOld:
		r.spoilOwn()
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

// spoilOwn asks for a placeholder for each of the rule's roles that gets no value.
func (r *reading) spoilOwn() {
	for _, role := range r.rule.Roles() {
		r.spoilt[role.Key()] = true
	}
}

// checkRepeated refuses keys with several values.
func (r *reading) checkRepeated() {
	const problem = "is given more than once, with different values: keep one"
	for _, k := range secretKeys {
		if len(r.claims[k.role]) > 1 {
			r.fault(k.name, problem)
			r.drop(k.role)
		}
	}
	for _, option := range []struct {
		key    string
		values int
	}{{keyReplace, len(r.replace)}, {keyGrace, len(r.grace)}, {keyDryRun, len(r.dryRun)}} {
		if option.values > 1 {
			r.fault(option.key, problem)
			r.spoilt[option.key] = true
		}
	}
}

// checkShared refuses one secret for two roles: the second value would overwrite
// the first.
func (r *reading) checkShared() {
	var shared []Role
	for i, a := range secretKeys {
		for _, b := range secretKeys[i+1:] {
			if x, y := r.claims[a.role], r.claims[b.role]; len(x) == 1 && len(y) == 1 && x[0] == y[0] {
				r.fault(b.name, "names the same secret as "+a.name+": each needs a secret of its own")
				shared = append(shared, a.role, b.role)
			}
		}
	}
	for _, role := range shared {
		r.drop(role)
	}
}

func (r *reading) drop(role Role) {
	delete(r.claims, role)
	r.spoilt[role.Key()] = true
}

// checkWhole refuses a part of the secrets that the rule's credentials need.
func (r *reading) checkWhole() {
	roles := r.rule.Roles()
	given := func(role Role) bool { return len(r.claims[role]) > 0 || r.spoilt[role.Key()] }
	if !slices.ContainsFunc(roles, given) {
		return
	}
	for _, role := range roles {
		if !given(role) {
			r.fault(role.Key(), fmt.Sprintf("is missing: %s needs %s", r.problemName(), r.keyList()))
			r.spoilt[role.Key()] = true
		}
	}
}
