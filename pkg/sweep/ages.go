package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// maxOldest is how many credentials a finding about ages lists.
const maxOldest = 20

// ages adds up the credentials of a domain that are too old. It keeps only the oldest ones. A nil *ages adds nothing.
type ages struct {
	maximum time.Duration
	now     time.Time
	today   time.Time // 0:00 UTC: what grows too old in the course of a day is reported together

	mu        sync.Mutex
	old       map[credential.Kind]int
	newest    map[credential.Kind]aged // of the old ones
	part      map[credential.Kind]bool // the kinds of which some credentials weren't read
	protected int                      // old ones of protected users
	undated   int                      // those whose age isn't known
	oldest    []aged
}

// aged is a credential with its kind.
type aged struct {
	kind credential.Kind
	credential.Held
}

func newAges(maximum time.Duration, now time.Time) *ages {
	return &ages{maximum: maximum, now: now, today: now.UTC().Truncate(24 * time.Hour),
		old: map[credential.Kind]int{}, newest: map[credential.Kind]aged{}, part: map[credential.Kind]bool{}}
}

// order is by creation, and then by id.
func (c aged) order(other aged) int {
	return cmp.Or(c.Created.Compare(other.Created), strings.Compare(string(c.kind)+" "+c.ID,
		string(other.kind)+" "+other.ID))
}

// add adds a credential if it is too old.
func (a *ages) add(kind credential.Kind, h credential.Held, protected bool) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case h.Created.IsZero():
		a.undated++
		return
	case !h.Created.Before(a.today.Add(-a.maximum)):
		return
	case protected:
		a.protected++
		return
	}
	c := aged{kind, h}
	c.Description = ""
	if a.old[kind] == 0 || a.newest[kind].order(c) < 0 {
		a.newest[kind] = c
	}
	a.old[kind]++
	at, _ := slices.BinarySearchFunc(a.oldest, c, aged.order)
	if at < maxOldest {
		a.oldest = slices.Insert(a.oldest, at, c)
		a.oldest = a.oldest[:min(len(a.oldest), maxOldest)]
	}
}

// incomplete records that some credentials of a kind were not read.
func (a *ages) incomplete(kind credential.Kind) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.part[kind] = true
}

// finding returns the finding about the credentials that are too old; false if there are none.
//
// Its state is the newest of them: the same while nothing grows too old, and also if an older one is rotated. The kinds
// that weren't read completely don't count for it, since every sweep may see another part of them. They are in About,
// so that a domain that fails now and then isn't news each time.
func (a *ages) finding(d credential.Domain) (f outcome.Finding, ok bool) {
	if a == nil {
		return f, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var counts, parts []string
	var newest aged
	total := 0
	for _, k := range credential.Kinds() {
		if n := a.old[k]; n > 0 {
			total += n
			counts = append(counts, phrase.Count(n, k.Noun()))
		}
		if a.part[k] {
			parts = append(parts, k.Noun()+"s")
		} else if c := a.newest[k]; newest.order(c) < 0 {
			newest = c
		}
	}
	if total+a.undated == 0 {
		return f, false
	}
	f = outcome.Finding{About: "ages in " + d.ID + " without " + strings.Join(parts, ", "), Needs: true}
	f.State = strings.TrimSpace(fmt.Sprintf("%s %s %t", newest.kind, newest.ID, a.undated > 0))
	f.Text = a.text(place(d), total, counts, parts)
	for _, c := range a.oldest {
		days := int(a.now.Sub(c.Created).Hours() / 24)
		f.Items = append(f.Items, fmt.Sprintf("%s of %s, %d days old (%s %s)", c.kind.Noun(),
			cmp.Or(c.UserName, c.User), days, c.kind.IDNoun(), c.ID))
	}
	return f, true
}

// text is the finding's text.
func (a *ages) text(domain string, total int, counts, parts []string) string {
	var all []string
	if total > 0 {
		all = append(all, fmt.Sprintf("In %s, %s older than %s: %s. Where Cloud Guard has a problem, close it with an "+
			"instruction to rotate. Rotate the others manually.", domain,
			phrase.Count(total, "credential is", "credentials are"), span(a.maximum), strings.Join(counts, ", ")))
	}
	if a.protected > 0 {
		all = append(all, "Not counted: "+phrase.Count(a.protected, "old credential")+" of protected users.")
	}
	if a.undated > 0 {
		all = append(all, fmt.Sprintf("In %s, %s without a creation time, so that the age isn't known.", domain,
			phrase.Count(a.undated, "credential is", "credentials are")))
	}
	if len(parts) > 0 {
		all = append(all, "Not all "+strings.Join(parts, ", ")+" could be read.")
	}
	if len(a.oldest) < total {
		all = append(all, fmt.Sprintf("The %d oldest:", len(a.oldest)))
	}
	return strings.Join(all, " ")
}

// span is a time in days, or in hours if it isn't a whole number of days.
func span(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return phrase.Count(int(d/(24*time.Hour)), "day")
	}
	return fmt.Sprintf("%.1f hours", d.Hours())
}
