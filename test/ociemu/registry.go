package ociemu

import (
	"net/http"
	"strings"
)

// Registry: the login of the container registry (OCIR), a Docker registry with its token endpoint.
// A client asks GET /v2/, is sent to the token endpoint with Basic authentication, and comes back with the token.

func registryService() service {
	return service{name: "registry", routes: []route{
		{operation: "DockerToken", method: http.MethodGet, path: "/20180419/docker/token", handle: dockerToken},
		{operation: "RegistryPing", method: http.MethodGet, path: "/v2/", handle: registryPing},
	}}
}

func registryRefusal(x *exchange) reply {
	scheme := "https://"
	if x.to.service == "" {
		scheme = "http://" // the plain origin
	}
	answer := reply{status: http.StatusUnauthorized, body: map[string]any{
		"errors": []map[string]string{{"code": "UNAUTHORIZED", "message": "authentication required"}},
	}}
	return answer.with("WWW-Authenticate", `Bearer realm="`+scheme+x.http.Host+`/20180419/docker/token",service="`+x.http.Host+`",scope=""`)
}

// dockerToken checks "<namespace>/<user name>" and an auth token. User names may have slashes themselves.
func dockerToken(x *exchange) reply {
	name, token, isBasic := x.http.BasicAuth()
	namespace, userName, _ := strings.Cut(name, "/")
	if !isBasic || namespace != x.e.state.namespace {
		return registryRefusal(x)
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
		x.e.state.logins[bearer] = u.id
		return ok(map[string]any{"token": bearer, "access_token": bearer, "expires_in": 3600, "issued_at": timestamp(x.now)})
	}
	return registryRefusal(x)
}

func registryPing(x *exchange) reply {
	bearer, isBearer := strings.CutPrefix(x.header("Authorization"), "Bearer ")
	if !isBearer || x.e.state.logins[bearer] == "" {
		return registryRefusal(x)
	}
	return ok(map[string]any{})
}
