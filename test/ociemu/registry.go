package ociemu

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Registry: the container registry (OCIR), a Docker registry with its token endpoint. A client calls GET /v2/, is
// referred to the token endpoint, signs in there with Basic authentication, and gets a bearer token for the requested
// repositories. Images can be seeded, pulled and pushed; see registry_push.go. Sources:
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
		{operation: "BeginUpload", method: http.MethodPost, path: "/v2/{name...}/blobs/uploads",
			handle: pushing(beginUpload)},
		{operation: "UploadPart", method: http.MethodPatch, path: "/v2/{name...}/blobs/uploads/{session}",
			handle: pushing(uploadPart)},
		{operation: "EndUpload", method: http.MethodPut, path: "/v2/{name...}/blobs/uploads/{session}",
			handle: pushing(endUpload)},
		{operation: "PushManifest", method: http.MethodPut, path: "/v2/{name...}/manifests/{reference}",
			handle: pushing(pushManifest)},
	}}
}

func isRegistry(r *http.Request) bool {
	return r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/") ||
		strings.HasPrefix(r.URL.Path, "/20180419/docker/")
}

// login is what a bearer token of the registry allows. It is valid for an hour, even if its auth token is deleted.
type login struct {
	user   string
	scopes []string // such as repository:namespace/name:pull
	ends   time.Time
}

const loginLife = time.Hour

// registryError is an error answer in the registry's form.
func registryError(status int, code, message string) reply {
	answer := reply{status: status,
		body: map[string]any{"errors": []map[string]any{{"code": code, "message": message, "detail": nil}}}}
	return answer.with("Docker-Distribution-Api-Version", "registry/2.0")
}

// registryForm returns a refusal in the registry's form.
func registryForm(x *exchange, r refusal) reply {
	if r.status == http.StatusUnauthorized {
		return x.challenge("")
	}
	return registryError(r.status, r.code, r.message)
}

// challenge refers the client to the token endpoint, for a token with that scope.
func (x *exchange) challenge(scope string) reply {
	scheme := "https://"
	if x.to.service == "" {
		scheme = "http://" // the plain origin
	}
	realm := scheme + x.http.Host + "/20180419/docker/token"
	return registryError(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required").
		with("WWW-Authenticate", `Bearer realm="`+realm+`",service="`+x.http.Host+`",scope="`+scope+`"`)
}

// dockerToken checks "<namespace>/<user name>" and an auth token. User names may contain slashes.
func dockerToken(x *exchange) reply {
	name, token, isBasic := x.http.BasicAuth()
	namespace, userName, _ := strings.Cut(name, "/")
	if !isBasic || namespace != x.e.state.namespace {
		return x.challenge("")
	}
	for _, id := range x.e.state.userOrder {
		u := x.e.state.users[id]
		if u.deactivated || !slices.Contains(x.e.registryNames(u), userName) {
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

// loggedIn returns the login of the request's bearer token.
func (x *exchange) loggedIn() (login, bool) {
	bearer, isBearer := strings.CutPrefix(x.header("Authorization"), "Bearer ")
	l, known := x.e.state.logins[bearer]
	return l, isBearer && known && x.now.Before(l.ends)
}

// may reports whether the login is for that action, pull or push, in a repository.
func (l login) may(action, name string) bool {
	return slices.ContainsFunc(l.scopes, func(scope string) bool {
		actions, ours := strings.CutPrefix(scope, "repository:"+name+":")
		return ours && (slices.Contains(strings.Split(actions, ","), action) || actions == "*")
	})
}

func registryPing(x *exchange) reply {
	if _, in := x.loggedIn(); !in {
		return x.challenge("")
	}
	return ok(map[string]any{}).with("Docker-Distribution-Api-Version", "registry/2.0")
}

// repositoryName matches a name, or a part of it between slashes.
var repositoryName = regexp.MustCompile(`^[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*$`)

// inRepository returns the repository named in the path, for logins that include it. The name begins with the
// namespace.
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
		case !l.may("pull", name):
			return x.challenge(scope)
		}
		short, ours := strings.CutPrefix(name, x.e.state.namespace+"/")
		if r := x.e.state.images[short]; ours && r != nil {
			return handle(x, r)
		}
		return registryError(http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
	}
}

// registryUnknown answers requests that are not emulated, such as pushes.
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
