package ociemu

import (
	"fmt"
	"net/http"
	"time"
)

// Apps of a domain, with their client secrets. AppClientSecretRegenerator is in the domains' REST API, but in no SDK
// (docs.oracle.com, op-admin-v1-appclientsecretregenerator-post.html).

const (
	appSchema      = idcsSchemas + "App"
	operationToken = "OAuthToken"
)

// app is an app. It has one secret at a time.
type app struct {
	domain             *domain
	id, ocid, clientID string
	name, secret, etag string
	created, modified  time.Time
}

// App is a snapshot of an app without its secret.
type App struct {
	ID       string `json:"id"` // SCIM id
	OCID     string `json:"ocid"`
	ClientID string `json:"clientId"`
	Name     string `json:"name"`
	Domain   string `json:"domain"` // display name
}

func (a *app) snapshot() App { return App{a.id, a.ocid, a.clientID, a.name, a.domain.seed.Name} }

// AddApp adds a confidential app to a domain, by OCID or display name, and returns it with its client secret.
func (e *Emulator) AddApp(nameOrID, name string) (made App, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, now := e.state, e.now().Add(e.state.createdOffset)
	id := scimIDOf(s, fmt.Sprint("app ", len(s.apps)))
	a := &app{domain: e.mustDomain(nameOrID), id: id, ocid: s.ids.ocid("domainapp", ""), clientID: s.ids.hex(32),
		name: name, secret: newAppSecret(), etag: s.ids.etag(), created: now, modified: now}
	s.apps = append(s.apps, a)
	e.notifyLocked()
	return a.snapshot(), a.secret
}

// newAppSecret makes a secret in the form of public examples, idcscs-UUID.
func newAppSecret() string {
	h := randomHex(32)
	return "idcscs-" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// TryApp asks the app's domain for an access token with a client secret, and returns the HTTP status.
func (e *Emulator) TryApp(id, secret string) int {
	e.mu.Lock()
	a := find(e.state.apps, func(a *app) bool { return a.id == id })
	if a == nil {
		e.mu.Unlock()
		panic("ociemu: no app " + id)
	}
	host, client := a.domain.host()+":443", a.clientID
	e.mu.Unlock()
	req := e.newProbe("/oauth2/v1/token")
	req.Method, req.Host, req.URL.RawQuery = http.MethodPost, host, "grant_type=client_credentials"
	req.SetBasicAuth(client, secret)
	return e.probe(req)
}

var appKeys = scimKeys[*app]{
	"id":           func(a *app) string { return a.id },
	"ocid":         func(a *app) string { return a.ocid },
	"name":         func(a *app) string { return a.clientID },
	"displayname":  func(a *app) string { return a.name },
	"meta.created": func(a *app) string { return timestamp(a.created) },
}

func (x *exchange) domainApps() []*app {
	var list []*app
	for _, a := range x.e.state.apps {
		if a.domain == x.domain {
			list = append(list, a)
		}
	}
	return list
}

func listApps(x *exchange) (reply, *refusal) {
	p, refused := x.projection(appSchema)
	if refused != nil {
		return reply{}, refused
	}
	f, refused := x.filter("id", "ocid", "name", "displayname")
	if refused != nil {
		return reply{}, refused
	}
	by, descending, refused := appKeys.order(x)
	if refused != nil {
		return reply{}, refused
	}
	list := appKeys.matching(appKeys.sorted(x.domainApps(), by, descending), f)
	return listSCIM(x, list, func(a *app) map[string]any { return p.of(x.appAttributes(a)) })
}

// appIn finds an app by its SCIM id.
func (x *exchange) appIn(id string) (*app, *refusal) {
	if a := find(x.domainApps(), func(a *app) bool { return a.id == id }); a != nil {
		return a, nil
	}
	return nil, &scimNotFound
}

func getApp(x *exchange) (reply, *refusal) {
	a, refused := x.appIn(x.params["id"])
	if refused != nil {
		return reply{}, refused
	}
	p, refused := x.projection(appSchema)
	if refused != nil {
		return reply{}, refused
	}
	return ok(p.of(x.appAttributes(a))).with("etag", a.etag), nil
}

// appAttributes are those that identify an app, and its secret: the SDK's app.go says "returned: default".
func (x *exchange) appAttributes(a *app) []scimAttr {
	list := append(x.resource([]string{appSchema}, "/Apps", "App", a.id, a.ocid, a.etag, timestamp(a.created),
		timestamp(a.modified)),
		scimAttr{name: "name", returned: byDefault, value: a.clientID},
		scimAttr{name: "displayName", returned: always, value: a.name},
		scimAttr{name: "active", returned: byDefault, value: true})
	if !x.e.opts.DomainAnswers.HidesAppSecret {
		list = append(list, scimAttr{name: "clientSecret", returned: byDefault, value: a.secret})
	}
	return list
}

// regenerateAppSecret replaces an app's secret. The old one ends at once.
func regenerateAppSecret(x *exchange) (reply, *refusal) {
	const name = "AppClientSecretRegenerator"
	body, refused := x.readSCIM(idcsSchemas+name, append([]string{"appId", "clientSecret", "externalId"},
		commonAttributes...))
	if refused != nil {
		return reply{}, refused
	}
	id, refused := textOf(body, "appId")
	switch {
	case refused != nil:
		return reply{}, refused
	case id == "":
		return reply{}, missingAttribute("appId")
	}
	a, refused := x.appIn(id)
	if refused != nil {
		return reply{}, scimBadAs(msgReference, "The app that is referenced does not exist.")
	}
	return x.onceAs(x.e.opts.DomainAnswers.RetryToken, func() (reply, func() bool) {
		made := newAppSecret()
		a.secret, a.etag, a.modified = made, x.e.state.ids.etag(), x.now
		x.changed = true
		body := map[string]any{"schemas": []string{idcsSchemas + name}, "appId": a.id, "clientSecret": made}
		return reply{status: x.e.opts.DomainAnswers.RegeneratorStatus, body: body}, func() bool {
			return a.secret == made
		}
	}), nil
}

// tokenService is the domain's endpoint for access tokens (RFC 6749). It checks client secrets of apps and grants
// nothing: no emulated service accepts its tokens.
func tokenService() service {
	return service{name: scimService, base: "oauth2/v1", routes: []route{
		{operation: operationToken, method: http.MethodPost, path: "/token", handle: inDomain(issueToken)}}}
}

func issueToken(x *exchange) (reply, *refusal) {
	id, secret, _ := x.http.BasicAuth()
	a := find(x.domainApps(), func(a *app) bool { return a.clientID == id })
	if a == nil || a.secret != secret {
		return reply{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client",
			"error_description": "Client authentication failed."}}.with("Content-Type", "application/json"), nil
	}
	return ok(map[string]any{"access_token": randomHex(64), "token_type": "Bearer", "expires_in": 3600}).
		with("Content-Type", "application/json"), nil
}
