package ociemu

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Registry: the container registry (OCIR), a Docker registry with its token endpoint. A client asks GET /v2/, is sent
// to the token endpoint with Basic authentication, and comes back with a bearer token, which is good for the
// repositories that it was asked for. Images can be seeded and pulled; nothing can be pushed. After
// https://distribution.github.io/distribution/spec/api/ and its /spec/auth/token/.

func registryService() service {
	get := http.MethodGet
	return service{name: "registry", form: registryForm, unknown: registryUnknown, claims: isRegistry, routes: []route{
		{operation: "DockerToken", method: get, path: "/20180419/docker/token", handle: dockerToken},
		{operation: "RegistryPing", method: get, path: "/v2/", handle: registryPing},
		{operation: "PullManifest", method: get, path: "/v2/{name...}/manifests/{reference}",
			handle: inRepository(pullManifest)},
		{operation: "PullBlob", method: get, path: "/v2/{name...}/blobs/{digest}", handle: inRepository(pullBlob)},
		{operation: "ListTags", method: get, path: "/v2/{name...}/tags/list", handle: inRepository(listTags)},
	}}
}

func isRegistry(r *http.Request) bool {
	return r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/") ||
		strings.HasPrefix(r.URL.Path, "/20180419/docker/")
}

// login is what a bearer token of the registry is good for. It outlives the auth token that it was got with, but not
// its hour.
type login struct {
	user   string
	scopes []string // such as repository:namespace/name:pull
	ends   time.Time
}

const loginLife = time.Hour

// registryError is an error answer as the registry writes it.
func registryError(status int, code, message string) reply {
	answer := reply{status: status,
		body: map[string]any{"errors": []map[string]any{{"code": code, "message": message, "detail": nil}}}}
	return answer.with("Docker-Distribution-Api-Version", "registry/2.0")
}

// registryForm writes a refusal as the registry does.
func registryForm(x *exchange, r refusal) reply {
	if r.status == http.StatusUnauthorized {
		return x.challenge("")
	}
	return registryError(r.status, r.code, r.message)
}

// challenge sends the client to the token endpoint, for a token with that scope.
func (x *exchange) challenge(scope string) reply {
	scheme := "https://"
	if x.to.service == "" {
		scheme = "http://" // the plain origin
	}
	realm := scheme + x.http.Host + "/20180419/docker/token"
	return registryError(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required").
		with("WWW-Authenticate", `Bearer realm="`+realm+`",service="`+x.http.Host+`",scope="`+scope+`"`)
}

// dockerToken checks "<namespace>/<user name>" and an auth token. User names may have slashes themselves.
func dockerToken(x *exchange) reply {
	name, token, isBasic := x.http.BasicAuth()
	namespace, userName, _ := strings.Cut(name, "/")
	if !isBasic || namespace != x.e.state.namespace {
		return x.challenge("")
	}
	for _, id := range x.e.state.userOrder {
		u := x.e.state.users[id]
		if u.name != userName {
			continue
		}
		t := find(u.authTokens, func(t *authToken) bool { return t.token == token })
		if t == nil || !t.admits(x.now) {
			continue
		}
		bearer := randomHex(48)
		var scopes []string
		for _, asked := range x.query["scope"] {
			scopes = append(scopes, strings.Fields(asked)...)
		}
		x.e.state.logins[bearer] = login{u.id, scopes, x.now.Add(loginLife)}
		return ok(map[string]any{"token": bearer, "access_token": bearer, "expires_in": int(loginLife.Seconds()),
			"issued_at": timestamp(x.now)})
	}
	return x.challenge("")
}

// loggedIn finds the login of the request's bearer token.
func (x *exchange) loggedIn() (login, bool) {
	bearer, isBearer := strings.CutPrefix(x.header("Authorization"), "Bearer ")
	l, known := x.e.state.logins[bearer]
	return l, isBearer && known && x.now.Before(l.ends)
}

// mayPull says whether the login was asked for that repository.
func (l login) mayPull(name string) bool {
	return slices.ContainsFunc(l.scopes, func(scope string) bool {
		actions, ours := strings.CutPrefix(scope, "repository:"+name+":")
		return ours && (slices.Contains(strings.Split(actions, ","), "pull") || actions == "*")
	})
}

func registryPing(x *exchange) reply {
	if _, in := x.loggedIn(); !in {
		return x.challenge("")
	}
	return ok(map[string]any{}).with("Docker-Distribution-Api-Version", "registry/2.0")
}

// repositoryName is what a name, or a part of it between slashes, may look like.
var repositoryName = regexp.MustCompile(`^[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*$`)

// inRepository finds the repository in the path, for logins that were asked for it. The namespace is part of the name.
func inRepository(handle func(*exchange, *repository) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		name := x.params["name"]
		scope := "repository:" + name + ":pull"
		l, in := x.loggedIn()
		switch {
		case !in:
			return x.challenge(scope)
		case !repositoryName.MatchString(name):
			return registryError(http.StatusBadRequest, "NAME_INVALID", "invalid repository name")
		case !l.mayPull(name):
			return x.challenge(scope)
		}
		short, ours := strings.CutPrefix(name, x.e.state.namespace+"/")
		if r := x.e.state.images[short]; ours && r != nil {
			return handle(x, r)
		}
		return registryError(http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
	}
}

// registryUnknown answers what isn't emulated, such as a push.
func registryUnknown(x *exchange) reply {
	if _, in := x.loggedIn(); !in {
		scope := ""
		if name, _, found := strings.Cut(strings.TrimPrefix(x.http.URL.Path, "/v2/"), "/blobs/"); found && name != "" {
			scope = "repository:" + name + ":pull,push"
		}
		return x.challenge(scope)
	}
	if x.http.Method != http.MethodGet && x.http.Method != http.MethodHead {
		return registryError(http.StatusMethodNotAllowed, "UNSUPPORTED", "the operation is unsupported")
	}
	return registryError(http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
}
