package cloudguard

import (
	"maps"
	"slices"
	"strings"
)

// comment returns what was read; only for a reading without faults.
func (r *reading) comment() Comment {
	c := Comment{Free: r.free}
	for role, ids := range r.claims {
		if c.Secrets == nil {
			c.Secrets = map[Role]OCID{}
		}
		c.Secrets[role] = ids[0]
	}
	c.Replace = slices.Contains(r.replace, true)
	c.DryRun = slices.Contains(r.dryRun, true)
	if len(r.grace) > 0 {
		c.Grace = &r.grace[0]
	}
	return c
}

// corrected returns the comment to write instead.
func (r *reading) corrected() string {
	kept := Comment{Secrets: map[Role]OCID{}}
	for role, ids := range r.claims {
		if len(ids) == 1 {
			kept.Secrets[role] = ids[0]
			delete(r.spoilt, role.Key()) // spoilt by a wrong key beside the right one
		}
	}
	kept.Replace = !r.spoilt[keyReplace] && slices.Contains(r.replace, true)
	kept.DryRun = !r.spoilt[keyDryRun] && slices.Contains(r.dryRun, true)
	if !r.spoilt[keyGrace] && len(r.grace) > 0 {
		kept.Grace = &r.grace[0]
	}
	items := slices.DeleteFunc([]string{kept.String()}, func(s string) bool { return s == "" })
	for _, k := range secretKeys {
		if r.spoilt[k.name] {
			items = append(items, k.name+":<OCID of the "+k.thing+" secret>")
		}
	}
	for _, option := range []struct{ key, placeholder string }{
		{keyReplace, "<yes or no>"}, {keyGrace, "<72h or 3d or 0>"}, {keyDryRun, "<yes or no>"},
	} {
		if r.spoilt[option.key] {
			items = append(items, option.key+":"+option.placeholder)
		}
	}
	for _, text := range slices.Concat(r.free, r.rest) {
		if text = r.harmless(text, kept.Secrets); text != "" {
			items = append(items, text)
		}
	}
	return strings.Join(items, ",")
}

// harmless returns the text without the OCIDs of secrets that aren't kept, or ""
// if what is left would not be read as free text.
func (r *reading) harmless(text string, kept map[Role]OCID) string {
	ids := slices.Collect(maps.Values(kept))
	text = secretOCID().ReplaceAllStringFunc(text, func(found string) string {
		if id, err := ParseOCID(strings.Trim(found, "."), TypeSecret); err == nil && slices.Contains(ids, id) {
			return found
		}
		return " "
	})
	text = strings.Join(strings.Fields(text), " ")
	again := newReading(r.rule)
	for _, id := range ids {
		again.claim(RoleBundle, id)
	}
	for _, item := range splitItems(text) {
		for _, s := range splitGlued(item) {
			again.segment(s)
		}
	}
	if len(again.faults) > 0 || len(again.free)+len(again.loose) != 1 {
		return ""
	}
	return text
}

var yesNoWords = map[string]bool{"yes": true, "true": true, "no": false, "false": false}

// nearYesNo are words for which the right one can be told.
var nearYesNo = map[string]bool{"y": true, "on": true, "1": true, "n": false, "off": false, "0": false}

func (r *reading) yesNo(key, value string, into *[]bool) {
	word := asciiLower(unquote(value))
	answer, ok := yesNoWords[word]
	if !ok {
		if word == "" {
			r.fault(key, "has no value: write yes or no")
		} else {
			r.fault(key, "must be yes or no")
		}
		if answer, ok = nearYesNo[word]; !ok {
			r.spoilt[key] = true
			return
		}
	}
	if !slices.Contains(*into, answer) {
		*into = append(*into, answer)
	}
}

func (r *reading) graceTime(value string) {
	v := unquote(value)
	d, err := parseGrace(v)
	if err != nil {
		if v == "" {
			err = errNoGrace
		}
		r.fault(keyGrace, err.Error())
		var ok bool
		if d, ok = mendGrace(v); !ok {
			r.spoilt[keyGrace] = true
			return
		}
	}
	if !slices.Contains(r.grace, d) {
		r.grace = append(r.grace, d)
	}
}

// goodOption reports whether value is one that the option can have. It is false
// for keys that aren't options.
func goodOption(key, value string) bool {
	switch key {
	case keyReplace, keyDryRun:
		_, ok := yesNoWords[asciiLower(value)]
		return ok
	case keyGrace:
		_, err := parseGrace(value)
		return err == nil
	}
	return false
}

var looksLikeTime = lazily(func() string { return `^[0-9]{1,4} ?[A-Za-z]{0,8}$` })

// nearOption reports whether value is what somebody may write for the option.
func nearOption(key, value string) bool {
	value = unquote(value)
	if key == keyGrace {
		return looksLikeTime().MatchString(value)
	}
	_, ok := nearYesNo[asciiLower(value)]
	return ok
}

// keyList names the keys of secrets that fit the rule.
func (r *reading) keyList() string {
	var names []string
	for _, role := range r.rule.Roles() {
		names = append(names, role.Key())
	}
	if len(names) > 1 {
		return strings.Join(names, " and ") + ", or " + RoleBundle.Key()
	}
	return names[0] + " or " + RoleBundle.Key()
}

// problemName names the rule in a sentence.
func (r *reading) problemName() string {
	return map[Rule]string{
		APIKeyTooOld:    "an API key",
		AuthTokenTooOld: "an auth token",
		SecretKeyTooOld: "a customer secret key",
		PasswordTooOld:  "a password",
	}[r.rule]
}
