package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// The tags of a user that say that some of its credentials need no rotation. Credentials have no tags of their own. In
// their defined form they are keyturn.exempt and keyturn.exempt_until, in their freeform one keyturn-exempt and
// keyturn-exempt_until.
//
//	exempt        "vendor can't change it", "api-key: vendor can't change it until 2027-03-01", or several with ";"
//	exempt_until  "2027-03-01", for each that has no date
const (
	tagExempt      = "exempt"
	tagExemptUntil = "exempt_until"
)

// Exemption is one exemption of a user's tags.
type Exemption struct {
	Kinds  []credential.Kind // nil: all
	Reason string
	Until  time.Time // the last day, 0:00 UTC; zero if it can't be read
	Flaw   string    // why it doesn't count; "" if it counts
}

// Covers reports whether the exemption is about credentials of the kind.
func (e Exemption) Covers(k credential.Kind) bool {
	return e.Kinds == nil || slices.Contains(e.Kinds, k)
}

// String is the reason with the last day.
func (e Exemption) String() string { return e.Reason + ", until " + e.Until.Format(time.DateOnly) }

var (
	exemptKinds = regexp.MustCompile(`^([A-Za-z0-9_.-]+(?:\s*,\s*[A-Za-z0-9_.-]+)*)\s*:(.*)$`)
	exemptUntil = regexp.MustCompile(`(?i)^(.*?)[\s,]*\buntil\s+(\S+)$`)
)

// Exemptions reads the tags of a user. One that has ended by now, or lacks its reason or its end, has a Flaw.
func Exemptions(tags map[string]string, now time.Time) []Exemption {
	text, clash := exemptTag(tags, tagExempt)
	until, clashUntil := exemptTag(tags, tagExemptUntil)
	var all []Exemption
	for one := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		e := readExemption(strings.TrimSpace(one), until)
		if clash || clashUntil {
			e.Kinds, e.Flaw = nil, "the defined and the freeform tag contradict each other"
		} else if e.Flaw == "" && !now.Before(e.Until.AddDate(0, 0, 1)) {
			e.Flaw = "it ended on " + e.Until.Format(time.DateOnly)
		}
		all = append(all, e)
	}
	if len(all) == 0 && (until != "" || clash || clashUntil) {
		all = []Exemption{{Flaw: "it has no reason"}}
	}
	return all
}

// exemptTag reads one of the tags in both its forms.
func exemptTag(tags map[string]string, name string) (value string, clash bool) {
	defined, freeform := strings.TrimSpace(tags["keyturn."+name]), strings.TrimSpace(tags["keyturn-"+name])
	if defined == "" {
		return freeform, false
	}
	return defined, freeform != "" && freeform != defined
}

func readExemption(text, until string) (e Exemption) {
	if m := exemptKinds.FindStringSubmatch(text); m != nil {
		text = strings.TrimSpace(m[2])
		for name := range strings.SplitSeq(m[1], ",") {
			k := credential.Kind(strings.ToLower(strings.TrimSpace(name)))
			e.Kinds = append(e.Kinds, k)
			if !slices.Contains(credential.Observed(), k) {
				e.Kinds = nil
				e.Flaw = fmt.Sprintf("%q before its colon is no kind of credential, such as api-key", name)
				break
			}
		}
	}
	e.Reason = text
	if m := exemptUntil.FindStringSubmatch(text); m != nil {
		e.Reason, text = strings.TrimSpace(m[1]), m[2]
		if until != "" && until != text {
			e.Flaw = "its two ends contradict each other"
		}
		until = text
	}
	var err error
	if until != "" {
		e.Until, err = time.Parse(time.DateOnly, until)
	}
	switch {
	case e.Flaw != "":
	case strings.Trim(e.Reason, " .,-") == "":
		e.Flaw = "it has no reason"
	case until == "":
		e.Flaw = "it has no end, such as 2027-03-01"
	case err != nil:
		e.Flaw = fmt.Sprintf("its end %q is no date such as 2027-03-01", until)
	}
	return e
}

// exemptionOf is what a user's exemptions say about credentials of a kind: the one that counts and lasts longest, or
// why none of them counts.
func exemptionOf(all []Exemption, k credential.Kind) (exempt *Exemption, flaw string) {
	for i, e := range all {
		switch {
		case !e.Covers(k):
		case e.Flaw != "" && flaw == "":
			flaw = e.Flaw
		case e.Flaw == "" && (exempt == nil || e.Until.After(exempt.Until)):
			exempt = &all[i]
		}
	}
	if exempt != nil {
		return exempt, ""
	}
	return nil, flaw
}
