package ociemu

import (
	"slices"
	"strconv"
	"strings"
)

// The defaults of lists, according to the identity domains API.
const (
	scimPage    = 50
	scimMaxPage = 1000
)

// scimFilter is a filter `attribute eq "value"`, the only form that is emulated. The attribute is in lower case; empty
// means no filter.
type scimFilter struct{ attribute, value string }

// filter reads the query parameter, which may only name attributes that are searchable.
func (x *exchange) filter(searchable ...string) (scimFilter, *refusal) {
	text := strings.TrimSpace(x.query.Get("filter"))
	if text == "" {
		if x.query.Has("filter") {
			return scimFilter{}, scimBad("The filter is empty.")
		}
		return scimFilter{}, nil
	}
	attribute, rest, _ := strings.Cut(text, " ")
	operator, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
	f := scimFilter{attribute: strings.ToLower(attribute)}
	var isText bool
	f.value, isText = decoded(strings.TrimSpace(value))
	if !strings.EqualFold(operator, "eq") || !isText || !slices.Contains(searchable, f.attribute) {
		return scimFilter{}, scimBad("The filter " + text + " is not supported.")
	}
	return f, nil
}

// scimKeys are the sortable and searchable attributes of a resource, by name in lower case.
type scimKeys[T any] map[string]func(T) string

// matching returns the elements that a filter admits. Only ids and names ignore case.
func (keys scimKeys[T]) matching(list []T, f scimFilter) []T {
	key := keys[f.attribute]
	if key == nil {
		return list
	}
	same := func(a string) bool { return a == f.value }
	if f.attribute == "id" || f.attribute == "username" || f.attribute == "displayname" {
		same = func(a string) bool { return strings.EqualFold(a, f.value) }
	}
	var fit []T
	for _, one := range list {
		if same(key(one)) {
			fit = append(fit, one)
		}
	}
	return fit
}

// order reads sortBy and sortOrder. Without sortBy, lists are in no useful order: that of the SCIM ids.
func (keys scimKeys[T]) order(x *exchange) (by string, descending bool, refused *refusal) {
	by = strings.ToLower(x.query.Get("sortBy"))
	if by == "" {
		by = "id"
	}
	if keys[by] == nil {
		return "", false, scimBad("The list cannot be sorted by " + by + ".")
	}
	ordered := strings.ToLower(x.query.Get("sortOrder"))
	switch {
	case ordered != "" && ordered != "ascending" && ordered != "descending":
		return "", false, scimBad("The sortOrder is ascending or descending.")
	case x.e.opts.DomainAnswers.IgnoresSortBy:
		return "id", false, nil
	}
	return by, ordered == "descending", nil
}

// sorted returns a sorted copy of a list.
func (keys scimKeys[T]) sorted(list []T, by string, descending bool) []T {
	key := keys[by]
	type keyed struct {
		key string
		one T
	}
	pairs := make([]keyed, len(list))
	for i, one := range list {
		pairs[i] = keyed{key(one), one}
	}
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		if descending {
			a, b = b, a
		}
		return strings.Compare(a.key, b.key)
	})
	out := make([]T, len(list))
	for i, p := range pairs {
		out[i] = p.one
	}
	return out
}

// scimNumber reads a number of the query.
func (x *exchange) scimNumber(name string, fallback int) (int, *refusal) {
	text := x.query.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, scimBad("The " + name + " must be a number.")
	}
	return n, nil
}

// listSCIM answers a page of a list. itemsPerPage is the number of resources in the answer, which Options.PageSize can
// make smaller than the requested count.
func listSCIM[T any](x *exchange, list []T, body func(T) map[string]any) (reply, *refusal) {
	start, refused := x.scimNumber("startIndex", 1)
	if refused != nil {
		return reply{}, refused
	}
	count, refused := x.scimNumber("count", scimPage)
	switch {
	case refused != nil:
		return reply{}, refused
	case count < 0 || count > scimMaxPage:
		return reply{}, scimBad("The count must be between 0 and " + strconv.Itoa(scimMaxPage) + ".")
	case x.query.Has("page") || x.query.Has("limit"):
		return reply{}, scimBad("The emulator has no page and no limit; use startIndex and count.")
	}
	start = max(1, start)
	from := min(start-1, len(list))
	to := min(from+min(count, x.e.opts.PageSize), len(list))
	resources := make([]map[string]any, 0, to-from)
	for _, one := range list[from:to] {
		resources = append(resources, body(one))
	}
	return ok(map[string]any{
		"schemas": []string{scimListSchema}, "totalResults": len(list), "Resources": resources, "startIndex": start,
		"itemsPerPage": len(resources),
	}), nil
}

// cached returns a list of a whole domain, which changes only with the state.
func cached[T any](x *exchange, what string, make func() []T) []T {
	type entry struct {
		changes int
		list    []T
	}
	s := x.e.state
	if known, found := s.scimCache[what].(entry); found && known.changes == s.changes {
		return known.list
	}
	list := make()
	if s.scimCache == nil {
		s.scimCache = map[string]any{}
	}
	s.scimCache[what] = entry{s.changes, list}
	return list
}
