package ociemu

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Vault: the management API of secrets, base path 20180608 (oci-go-sdk vault/vault_vaults_client.go).

// Limits of one secret (https://docs.oracle.com/iaas/Content/secret-management/Concepts/secret-versions.htm).
const (
	maxActiveVersions  = 30
	maxDeletedVersions = 30
	maxSecretContent   = 25 << 10 // decoded bytes
)

func vaultService() service {
	get, post, put := http.MethodGet, http.MethodPost, http.MethodPut
	return service{name: "vault", base: "20180608", signed: true, routes: []route{
		{operation: "ListSecrets", method: get, path: "/secrets", handle: listSecrets},
		{operation: "CreateSecret", method: post, path: "/secrets", handle: createSecret},
		{operation: "GetSecret", method: get, path: "/secrets/{secretId}", handle: ofSecret(getSecret)},
		{operation: "UpdateSecret", method: put, path: "/secrets/{secretId}", handle: ofSecret(updateSecret)},
		{operation: "ListSecretVersions", method: get, path: "/secrets/{secretId}/versions",
			handle: ofSecret(listSecretVersions)},
		{operation: "GetSecretVersion", method: get, path: "/secrets/{secretId}/version/{number}",
			handle: ofSecret(getSecretVersion)},
		{operation: "ScheduleSecretVersionDeletion", method: post,
			path:   "/secrets/{secretId}/version/{number}/actions/scheduleDeletion",
			handle: ofSecret(scheduleVersionDeletion)},
		{operation: "ScheduleSecretDeletion", method: post, path: "/secrets/{secretId}/actions/scheduleDeletion",
			handle: ofSecret(scheduleSecretDeletion)},
	}}
}

// secret is a secret with its versions, oldest first. current, previous and pending determine the stages of the
// versions.
type secret struct {
	id, name, compartment, region, description string
	vault                                      vaultRecord
	created, deletion                          time.Time
	metadata                                   map[string]any
	freeform                                   map[string]string
	defined                                    map[string]map[string]any
	rules                                      []secretRule
	versions                                   []*version
	current, previous                          int64
	numbered                                   int64 // the highest version number so far
	etag, settledEtag                          string
	busy                                       string // CREATING or UPDATING until busyUntil
	busyUntil                                  time.Time
	fixedState                                 string // overrides the lifecycle state
	replica                                    bool
}

type version struct {
	number            int64
	name              string
	content           []byte
	pending           bool
	created, deletion time.Time
	lag               int // how many more reads the retrieval service answers with 404
}

type secretRule struct {
	RuleType                          string `json:"ruleType"`
	IsEnforcedOnDeletedSecretVersions bool   `json:"isEnforcedOnDeletedSecretVersions,omitempty"`
}

func (s *secret) state(now time.Time) string {
	switch {
	case s.fixedState != "":
		return s.fixedState
	case s.busy != "" && now.Before(s.busyUntil):
		return s.busy
	}
	return "ACTIVE"
}

// touch marks the secret as changed now: it is busy for a moment and has a new etag.
func (x *exchange) touch(s *secret, busy string) {
	s.busy, s.busyUntil = busy, x.now.Add(x.e.opts.Settle)
	s.etag, s.settledEtag = x.e.state.ids.etag(), ""
	if x.e.opts.Answers.EtagOnSettle {
		s.settledEtag = x.e.state.ids.etag()
	}
	x.changed = true
}

func (s *secret) etagNow(now time.Time) string {
	if s.settledEtag != "" && !now.Before(s.busyUntil) {
		return s.settledEtag
	}
	return s.etag
}

// live returns the versions that have not been deleted yet.
func (s *secret) live(now time.Time) []*version {
	return slices.DeleteFunc(slices.Clone(s.versions), func(v *version) bool {
		return !v.deletion.IsZero() && !now.Before(v.deletion)
	})
}

func (s *secret) version(number int64, now time.Time) *version {
	return find(s.live(now), func(v *version) bool { return v.number == number })
}

func (s *secret) stages(v *version) []string {
	var stages []string
	switch {
	case v.number == s.current:
		stages = append(stages, "CURRENT")
	case v.pending:
		stages = append(stages, "PENDING")
	case v.number == s.previous:
		stages = append(stages, "PREVIOUS")
	default:
		stages = append(stages, "DEPRECATED")
	}
	if v.number == s.numbered {
		stages = append(stages, "LATEST")
	}
	return stages
}

// add appends a version, as the pending or the current one.
func (s *secret) add(v *version) {
	s.numbered++
	v.number = s.numbered
	s.versions = append(s.versions, v)
	if !v.pending {
		s.promote(v)
	}
}

// promote makes a version the current one.
func (s *secret) promote(v *version) {
	v.pending = false
	if s.current != v.number {
		s.previous, s.current = s.current, v.number
	}
}

func (e *Emulator) secretByID(id, region string) *secret {
	if s := e.state.secret(id); s != nil && (region == "" || s.region == region) {
		return s
	}
	return nil
}

// ofSecret returns the secret named in the path, in the region of the call.
func ofSecret(handle func(*exchange, *secret) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		s := x.e.secretByID(x.params["secretId"], x.call.Region)
		if s == nil {
			return errNotFound.reply()
		}
		return handle(x, s)
	}
}

func getSecret(x *exchange, s *secret) reply {
	return ok(secretBody(s, s.state(x.now), false)).with("etag", s.etagNow(x.now))
}

func secretBody(s *secret, state string, summary bool) map[string]any {
	body := map[string]any{
		"id": s.id, "compartmentId": s.compartment, "secretName": s.name, "description": s.description,
		"lifecycleState": state,
		"timeCreated":    timestamp(s.created), "vaultId": s.vault.vault, "keyId": s.vault.key,
		"freeformTags": s.freeform,
		"definedTags":  s.defined, "isReplica": s.replica, "isAutoGenerationEnabled": false,
	}
	if !s.deletion.IsZero() {
		body["timeOfDeletion"] = timestamp(s.deletion)
	}
	if !summary {
		body["currentVersionNumber"], body["metadata"], body["secretRules"] = s.current, s.metadata, s.rules
	}
	return body
}

func listSecrets(x *exchange) reply {
	q := x.query
	if q.Get("compartmentId") == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	var list []*secret
	for _, s := range x.e.state.secrets {
		if s.region != x.call.Region || s.compartment != q.Get("compartmentId") || !fits(q.Get("name"), s.name) ||
			!fits(q.Get("vaultId"), s.vault.vault) || !fits(q.Get("lifecycleState"), s.state(x.now)) {
			continue
		}
		list = append(list, s)
	}
	newestFirst := q.Get("sortBy") != "NAME" && q.Get("sortOrder") != "ASC" || q.Get("sortOrder") == "DESC"
	slices.SortStableFunc(list, func(a, b *secret) int {
		order := a.created.Compare(b.created)
		if q.Get("sortBy") == "NAME" {
			order = cmp.Compare(a.name, b.name)
		}
		if newestFirst {
			return -order
		}
		return order
	})
	bodies := make([]map[string]any, len(list))
	for i, s := range list {
		bodies[i] = secretBody(s, s.state(x.now), true)
	}
	return listReply(x, bodies, bare)
}

// fits reports whether a filter is absent or allows the value.
func fits(filter, value string) bool { return filter == "" || filter == value }

func versionBody(s *secret, v *version) map[string]any {
	body := map[string]any{
		"secretId": s.id, "versionNumber": v.number, "contentType": "BASE64", "stages": s.stages(v),
		"timeCreated":            timestamp(v.created),
		"isContentAutoGenerated": false, "name": nil, "timeOfDeletion": nil,
	}
	if v.name != "" {
		body["name"] = v.name
	}
	if !v.deletion.IsZero() {
		body["timeOfDeletion"] = timestamp(v.deletion)
	}
	return body
}

func listSecretVersions(x *exchange, s *secret) reply {
	list := []map[string]any{}
	for _, v := range s.live(x.now) {
		list = append(list, versionBody(s, v))
	}
	if x.query.Get("sortOrder") != "ASC" {
		slices.Reverse(list)
	}
	return listReply(x, list, bare)
}

func getSecretVersion(x *exchange, s *secret) reply {
	v, refused := x.pathVersion(s)
	if refused != nil {
		return refused.reply()
	}
	return ok(versionBody(s, v)).with("etag", s.etagNow(x.now))
}

func (x *exchange) pathVersion(s *secret) (*version, *refusal) {
	number, err := strconv.ParseInt(x.params["number"], 10, 64)
	if err != nil {
		bad := errInvalid.because("The secret version number must be a number.")
		return nil, &bad
	}
	if v := s.version(number, x.now); v != nil {
		return v, nil
	}
	return nil, &errNotFound
}

func scheduleVersionDeletion(x *exchange, s *secret) reply {
	v, refused := x.pathVersion(s)
	if refused != nil {
		return refused.reply()
	}
	wanted, refused := x.mayDelete(s)
	if refused != nil {
		return refused.reply()
	}
	if !slices.Contains(s.stages(v), "DEPRECATED") || !v.deletion.IsZero() {
		return errState.because("Only a secret version that is DEPRECATED and not scheduled yet can be scheduled " +
			"for deletion.").reply()
	}
	at, refused := x.deletionAt(wanted)
	if refused != nil {
		return refused.reply()
	}
	if count(s.live(x.now), func(v *version) bool { return !v.deletion.IsZero() }) >= maxDeletedVersions {
		return errLimit.because("The secret has 30 versions that are pending deletion.").reply()
	}
	v.deletion = at
	s.etag, s.settledEtag = x.e.state.ids.etag(), ""
	x.changed = true
	return reply{status: http.StatusNoContent}.with("etag", s.etag)
}

func count[T any](list []T, is func(T) bool) int {
	n := 0
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}
