package ociemu

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// SCIM: the domain's own API (oci-go-sdk identitydomains). Attributes, what changes them and when they are returned
// follow the "SCIM++ Properties" of the SDK's types; the protocol follows RFC 7644.

const (
	scimService = "identitydomains"
	scimBase    = "admin/v1"
	scimType    = "application/scim+json"

	scimErrorSchema   = "urn:ietf:params:scim:api:messages:2.0:Error"
	scimMessageSchema = "urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"
	scimListSchema    = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	scimPatchSchema   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	idcsSchemas       = "urn:ietf:params:scim:schemas:oracle:idcs:"
)

// The messageIds that public reports or documentation name. Other refusals have none here.
const (
	msgMissing   = "error.common.validation.missingReqAttributes"
	msgReference = "error.common.validation.invalidReferenceResource"
	msgTooLong   = "error.common.validation.stringExceedsMaxLimit"
	msgHeader    = "error.identity.user.invalidHeaderFooter"
)

var (
	scimNotFound = refusal{http.StatusNotFound, "", "The resource does not exist."}
	scimDenied   = refusal{http.StatusUnauthorized, "", "Client is unauthorized."}
	scimBusy     = refusal{http.StatusTooManyRequests, "", "Too many requests."}
	scimDown     = refusal{http.StatusServiceUnavailable, "", "The domain is unavailable."}
)

// scimBad is a 400 without a messageId; no source names one.
func scimBad(detail string) *refusal { return &refusal{http.StatusBadRequest, "", detail} }

func scimBadAs(messageID, detail string) *refusal {
	return &refusal{http.StatusBadRequest, messageID, detail}
}

func scimServiceOf() service {
	get, put := http.MethodGet, http.MethodPut
	routes := []route{
		{operation: "ListUsers", method: get, path: "/Users", handle: inDomain(listDomainUsers)},
		{operation: "GetUser", method: get, path: "/Users/{userId}", handle: inDomain(getDomainUser)},
		{operation: "CreateUser", method: http.MethodPost, path: "/Users", handle: inDomain(createDomainUser)},
		{operation: "DeleteUser", method: http.MethodDelete, path: "/Users/{userId}",
			handle: inDomain(removeDomainUser)},
		{operation: "PutUserPasswordChanger", method: put, path: "/UserPasswordChanger/{userId}",
			handle: inDomain(changePassword)},
		{operation: "PutUserPasswordResetter", method: put, path: "/UserPasswordResetter/{userId}",
			handle: inDomain(sendPassword)},
		{operation: "ListApps", method: get, path: "/Apps", handle: inDomain(listApps)},
		{operation: "GetApp", method: get, path: "/Apps/{id}", handle: inDomain(getApp)},
		{operation: "CreateAppClientSecretRegenerator", method: http.MethodPost, path: "/AppClientSecretRegenerator",
			handle: inDomain(regenerateAppSecret)},
	}
	routes = append(routes, scimGroupRoutes()...)
	for _, k := range allKinds() {
		routes = append(routes, k.routes("", k.path, inDomain)...)
		routes = append(routes, k.routes("My", k.myPath(), ofCaller)...)
	}
	return service{name: scimService, base: scimBase, signed: true, form: scimForm, routes: routes,
		unknown: func(x *exchange) reply { return x.formed(scimNotFound) }}
}

// routes are the operations on credentials of a kind.
func (k *scimKind) routes(my, path string, of func(func(*exchange) (reply, *refusal)) func(*exchange) reply) []route {
	one := path + "/{id}"
	list := []route{
		{operation: "List" + my + k.name + "s", method: http.MethodGet, path: path, handle: of(k.list)},
		{operation: "Create" + my + k.name, method: http.MethodPost, path: path, handle: of(k.create)},
		{operation: "Get" + my + k.name, method: http.MethodGet, path: one, handle: of(k.get)},
		{operation: "Delete" + my + k.name, method: http.MethodDelete, path: one, handle: of(k.remove)},
	}
	if !k.fixed {
		list = append(list, route{operation: "Patch" + my + k.name, method: http.MethodPatch, path: one,
			handle: of(k.patch)})
	}
	return list
}

// inDomain serves calls of an active domain.
func inDomain(handle func(*exchange) (reply, *refusal)) func(*exchange) reply {
	return func(x *exchange) reply {
		if state := x.domain.seed.State; state != "ACTIVE" {
			return x.formed(refusal{http.StatusForbidden, "", "The domain is " + state + "."})
		}
		answer, refused := handle(x)
		if refused != nil {
			return x.formed(*refused)
		}
		if _, isBytes := answer.body.([]byte); answer.body != nil && !isBytes && answer.header["Content-Type"] == "" {
			answer = answer.with("Content-Type", scimType)
		}
		return answer
	}
}

// scimForm returns a refusal in the form of SCIM. The status is a string; there is no code and no message.
func scimForm(x *exchange, r refusal) reply {
	a := x.e.opts.DomainAnswers
	answer := reply{status: r.status}.with("X-ORACLE-DMS-ECID", randomHex(32))
	if r.status == http.StatusUnauthorized && a.EmptyUnauthorized {
		return answer
	}
	body := map[string]any{"schemas": []string{scimErrorSchema}, "detail": r.message, "status": strconv.Itoa(r.status)}
	if strings.HasPrefix(r.code, "error.") && a.MessageIDs == MessageIDsPresent {
		body["schemas"] = []string{scimErrorSchema, scimMessageSchema}
		body[scimMessageSchema] = map[string]any{"messageId": r.code, "additionalData": map[string]any{}}
	}
	answer.body = body
	return answer.with("Content-Type", scimType)
}

// denied answers a caller without permission: 401 in a domain, 404 elsewhere, with Object Storage's own code there.
func (x *exchange) denied() reply {
	switch {
	case x.domain != nil:
		return x.formed(scimDenied)
	case x.params["bucket"] != "" && x.params["namespace"] == x.e.state.namespace:
		return noBucket(x).reply()
	}
	return errNotFound.reply()
}

// unavailable is the refusal of a domain that is down or has had too many calls, or nil.
func (x *exchange) unavailable() *refusal {
	if x.domain == nil || x.probe {
		return nil
	}
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	d := x.domain
	if d.down {
		return &scimDown
	}
	if !x.e.opts.DomainRate.admits(d, x.e.now()) {
		return &scimBusy
	}
	return nil
}

// readSCIM decodes a body and checks its schemas. Attributes that are null are absent. Names of attributes have no
// case, but the SDKs' types have one spelling, which is required here.
func (x *exchange) readSCIM(schema string, known []string) (map[string]any, *refusal) {
	var body map[string]any
	if x.read(&body) != nil || body == nil {
		return nil, scimBad("The request body could not be parsed.")
	}
	for name, value := range body {
		if value == nil {
			delete(body, name)
		} else if !slices.Contains(known, name) {
			return nil, scimBad("The attribute " + name + " is unknown.")
		}
	}
	list, isList := body["schemas"].([]any)
	if body["schemas"] == nil || isList && len(list) == 0 {
		return nil, missingAttribute("schemas")
	}
	if !isList || len(list) != 1 || list[0] != schema {
		return nil, scimBad("The schemas must be " + schema + ".")
	}
	return body, nil
}

func missingAttribute(name string) *refusal {
	return scimBadAs(msgMissing, "Missing required attribute(s): "+name+".")
}

// textOf is a text attribute of a body; absent ones are empty.
func textOf(body map[string]any, name string) (string, *refusal) {
	text, isText := body[name].(string)
	if body[name] != nil && !isText {
		return "", scimBad("The attribute " + name + " must be a string.")
	}
	return text, nil
}

// commonAttributes are the attributes of every resource. All but schemas and the extension are read-only, and ignored
// at create.
var commonAttributes = []string{"schemas", "id", "ocid", "meta", "idcsCreatedBy", "idcsLastModifiedBy",
	"idcsPreventedOperations", "tags", "deleteInProgress", "idcsLastUpgradedInRelease", "domainOcid", "compartmentOcid",
	"tenancyOcid", idcsSchemas + "extension:selfChange:User"}

// returned says when an attribute is returned. An attribute that is never returned has no entry.
type returned string

const (
	always    returned = "always"
	byDefault returned = "default"
	onRequest returned = "request"
)

// scimAttr is an attribute of a resource.
type scimAttr struct {
	name     string
	returned returned
	value    any
	sub      []scimAttr // of a complex attribute or of an extension; each has its own returned
}

// projection is which attributes a call wants. Those that are always returned are always included.
type projection struct {
	names map[string]bool // in lower case
	sets  map[string]bool
}

// projection reads the query parameters attributes and attributeSets.
func (x *exchange) projection(schema string) (projection, *refusal) {
	p := projection{names: map[string]bool{}, sets: map[string]bool{string(always): true}}
	for _, name := range strings.Split(x.query.Get("attributes"), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" {
			p.names[strings.TrimPrefix(name, strings.ToLower(schema)+":")] = true
		}
	}
	sets := strings.Split(strings.ToLower(strings.Join(x.query["attributeSets"], ",")), ",")
	for _, set := range sets {
		switch set = strings.TrimSpace(set); set {
		case "all":
			p.sets[string(byDefault)], p.sets[string(onRequest)] = true, true
		case "always", "default", "request", "never":
			p.sets[set] = true
		case "":
		default:
			return p, scimBad("The attributeSets " + set + " are unknown.")
		}
	}
	if len(p.names) == 0 && len(p.sets) == 1 && !x.query.Has("attributeSets") {
		p.sets[string(byDefault)] = true
	}
	return p, nil
}

// of returns the wanted attributes of a resource.
func (p projection) of(attributes []scimAttr) map[string]any { return p.within(attributes, "", false) }

// within returns the wanted sub-attributes. The name of the whole wants all of its parts.
func (p projection) within(attributes []scimAttr, prefix string, whole bool) map[string]any {
	body := map[string]any{}
	for _, a := range attributes {
		path := prefix + strings.ToLower(a.name)
		named := whole || p.names[path]
		switch {
		case len(a.sub) > 0:
			separator := "."
			if strings.HasPrefix(path, "urn:") {
				separator = ":"
			}
			if inner := p.within(a.sub, path+separator, named); len(inner) > 0 {
				body[a.name] = inner
			}
		case a.value != nil && (named || p.sets[string(a.returned)]):
			body[a.name] = a.value
		}
	}
	return body
}

// resource returns the attributes that every resource has.
func (x *exchange) resource(schema []string, path, kind, id, ocid, etag string, created, modified string) []scimAttr {
	d := x.domain
	return []scimAttr{
		{name: "schemas", returned: byDefault, value: schema},
		{name: "id", returned: always, value: id},
		{name: "ocid", returned: byDefault, value: ocid},
		{name: "meta", sub: []scimAttr{
			{name: "resourceType", returned: byDefault, value: kind},
			{name: "created", returned: byDefault, value: orNil(created)},
			{name: "lastModified", returned: byDefault, value: modified},
			{name: "location", returned: byDefault, value: d.url() + "/" + scimBase + path + "/" + id},
			{name: "version", returned: byDefault, value: etag},
		}},
		{name: "domainOcid", returned: byDefault, value: d.id},
		{name: "compartmentOcid", returned: byDefault, value: d.seed.Compartment},
		{name: "tenancyOcid", returned: byDefault, value: x.e.state.tenancy},
	}
}

// decoded reads a JSON string, as a filter has it.
func decoded(text string) (string, bool) {
	var value string
	err := json.Unmarshal([]byte(text), &value)
	return value, err == nil && strings.HasPrefix(text, `"`)
}
