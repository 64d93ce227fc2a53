package ociemu

import (
	"slices"
	"time"
)

// DomainRate is how many SCIM calls a domain answers, by the services' clock. 0: no limit.
type DomainRate struct{ PerSecond, PerMinute int }

// FreeDomainRate is the limit of a domain of the type Free for the group of other endpoints (docs.oracle.com,
// api-rate-limiting.htm).
func FreeDomainRate() DomainRate { return DomainRate{PerSecond: 20, PerMinute: 150} }

// admits counts a call and reports whether the domain answers it. Refused calls don't count.
func (r DomainRate) admits(d *domain, now time.Time) bool {
	if r == (DomainRate{}) {
		return true
	}
	d.recent = slices.DeleteFunc(d.recent, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	second := 0
	for _, at := range d.recent {
		if now.Sub(at) < time.Second {
			second++
		}
	}
	if r.PerSecond > 0 && second >= r.PerSecond || r.PerMinute > 0 && len(d.recent) >= r.PerMinute {
		return false
	}
	d.recent = append(d.recent, now)
	return true
}
