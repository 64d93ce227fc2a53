package oci

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// scimQuery asks for a list of resources.
type scimQuery struct {
	operation string
	resource  string // such as ApiKeys
	filter    string
	// attributes are all that the answer may have. They must not include a secret value: a domain may return the secret
	// key of a customer secret key with each list.
	attributes string
}

// scimPageOf is one page of a list.
type scimPageOf[T any] struct {
	Schemas      []string
	TotalResults *int
	StartIndex   *int
	Resources    []T
	at           time.Time
}

// errChanged is the error of a list that changed while its pages were read.
var errChanged = errors.New("the list changed while it was read")

// listTries is how often a list that changes is read.
const listTries = 3

// listDomain reads a whole list from a domain. id returns the id of a resource. If pages are missing, repeated, or
// count different totals, the list is read again, and at last is an error: a part of a list is never returned. at is
// the server's time of the first page.
func listDomain[T any](ctx context.Context, c *Cloud, d credential.Domain, q scimQuery, id func(T) scimID) (all []T,
	at time.Time, err error) {
	for range listTries {
		all, at, err = listOnce(ctx, c, d, q, id)
		if !errors.Is(err, errChanged) {
			return all, at, err
		}
	}
	return nil, time.Time{}, &fault.Error{Class: fault.Unclear, Operation: q.operation,
		Message: "the list is incomplete: its pages don't fit together"}
}

func listOnce[T any](ctx context.Context, c *Cloud, d credential.Domain, q scimQuery, id func(T) scimID) (all []T,
	at time.Time, err error) {
	seen := map[scimID]bool{}
	for total := -1; len(all) != total; {
		p, err := pageOf[T](ctx, c, d, q, len(all)+1, scimPage)
		if err != nil {
			return nil, at, err
		}
		if total < 0 {
			total, at = *p.TotalResults, p.at
		}
		if *p.TotalResults != total || len(p.Resources) == 0 && len(all) < total {
			return nil, at, errChanged
		}
		for _, r := range p.Resources {
			if seen[id(r)] || id(r) == "" {
				return nil, at, errChanged
			}
			seen[id(r)] = true
		}
		all = append(all, p.Resources...)
		if len(all) > total {
			return nil, at, errChanged
		}
	}
	return all, at, nil
}

// pageOf reads a page of at most that many entries that begins at an index; the first is 1. A page may be shorter than
// asked for.
func pageOf[T any](ctx context.Context, c *Cloud, d credential.Domain, q scimQuery,
	start, most int) (scimPageOf[T], error) {
	query := url.Values{"attributes": {q.attributes}, "count": {strconv.Itoa(most)},
		"startIndex": {strconv.Itoa(start)}, "sortBy": {"ocid"}}
	if q.filter != "" {
		query.Set("filter", q.filter)
	}
	r := scimRequest{operation: q.operation, repeat: harmless, method: http.MethodGet, path: q.resource, query: query}
	return askDomain(ctx, c, d, r, func(a scimAnswer) (p scimPageOf[T], err error) {
		if a.status != http.StatusOK || json.Unmarshal(a.body, &p) != nil || !slices.Contains(p.Schemas, scimList) {
			return p, errors.New("the answer is not an identity domain's list: it may come from a gateway or a proxy")
		}
		if p.TotalResults == nil || *p.TotalResults < 0 {
			return p, errors.New("the list doesn't say how long it is")
		}
		if p.StartIndex != nil && *p.StartIndex != start && len(p.Resources) > 0 {
			return p, errors.New("the list has another page than was asked for")
		}
		if len(p.Resources) > most {
			return p, errors.New("the page has more entries than were asked for")
		}
		p.at = a.at
		return p, nil
	})
}
