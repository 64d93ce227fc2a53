package ociemu

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Identity: the classic IAM API, base path 20160918 (oci-go-sdk identity/identity_client.go).

// The maximum number of a user's credentials of each kind.
const (
	maxAPIKeys    = 3
	maxAuthTokens = 2
	maxSecretKeys = 2
)

// tenancyName is the name of the tenancy and of its root compartment.
const tenancyName = "ociemu"

func identityService() service {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	more := slices.Concat(domainRoutes(), groupRoutes(), otherRoutes())
	return service{name: "identity", base: "20160918", signed: true, routes: append(more, []route{
		{operation: "GetTenancy", method: get, path: "/tenancies/{tenancyId}", handle: getTenancy},
		{operation: "ListRegionSubscriptions", method: get, path: "/tenancies/{tenancyId}/regionSubscriptions",
			handle: listRegionSubscriptions},
		{operation: "ListUsers", method: get, path: "/users", handle: listUsers},
		{operation: "CreateUser", method: post, path: "/users", handle: inHomeRegion(createUser)},
		{operation: "DeleteUser", method: del, path: "/users/{userId}", handle: atHome(deleteUser)},
		{operation: "GetUser", method: get, path: "/users/{userId}", handle: ofUser(getUser)},
		{operation: "ListApiKeys", method: get, path: "/users/{userId}/apiKeys", handle: ofUser(listAPIKeys)},
		{operation: "UploadApiKey", method: post, path: "/users/{userId}/apiKeys", handle: atHome(uploadAPIKey)},
		{operation: "DeleteApiKey", method: del, path: "/users/{userId}/apiKeys/{fingerprint}",
			handle: atHome(deleteAPIKey)},
		{operation: "ListAuthTokens", method: get, path: "/users/{userId}/authTokens", handle: ofUser(listAuthTokens)},
		{operation: "CreateAuthToken", method: post, path: "/users/{userId}/authTokens",
			handle: atHome(createAuthToken)},
		{operation: "UpdateAuthToken", method: put, path: "/users/{userId}/authTokens/{id}",
			handle: atHome(updateAuthToken)},
		{operation: "DeleteAuthToken", method: del, path: "/users/{userId}/authTokens/{id}",
			handle: atHome(deleteAuthToken)},
		{operation: "ListCustomerSecretKeys", method: get, path: "/users/{userId}/customerSecretKeys",
			handle: ofUser(listSecretKeys)},
		{operation: "CreateCustomerSecretKey", method: post, path: "/users/{userId}/customerSecretKeys",
			handle: atHome(createSecretKey)},
		{operation: "UpdateCustomerSecretKey", method: put, path: "/users/{userId}/customerSecretKeys/{id}",
			handle: atHome(updateSecretKey)},
		{operation: "DeleteCustomerSecretKey", method: del, path: "/users/{userId}/customerSecretKeys/{id}",
			handle: atHome(deleteSecretKey)},
		{operation: "GetUserUIPasswordInformation", method: get, path: "/users/{userId}/uiPassword",
			handle: ofUser(getPassword)},
		{operation: "CreateOrResetUIPassword", method: post, path: "/users/{userId}/uiPassword",
			handle: atHome(resetPassword)},
	}...)}
}

// ofUser returns the user named in the path.
func ofUser(handle func(*exchange, *user) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		u := x.classicUser()
		if u == nil {
			return errNotFound.reply()
		}
		return handle(x, u)
	}
}

// atHome refuses writes outside the home region and finds the user.
func atHome(handle func(*exchange, *user) reply) func(*exchange) reply {
	return inHomeRegion(ofUser(handle))
}

// inHomeRegion refuses writes outside the home region, with the real service's message.
func inHomeRegion(handle func(*exchange) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		if home := x.e.opts.HomeRegion; x.call.Region != home {
			return errNotAllowed.because(fmt.Sprintf(
				"Please go to your home region %s to execute CREATE, UPDATE and DELETE operations.",
				regionKey(home))).reply()
		}
		return handle(x)
	}
}

func getTenancy(x *exchange) reply {
	s := x.e.state
	if x.params["tenancyId"] != s.tenancy {
		return errNotFound.reply()
	}
	return ok(map[string]any{
		"id": s.tenancy, "name": tenancyName, "description": "ociemu", "homeRegionKey": regionKey(x.e.opts.HomeRegion),
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	})
}

func listRegionSubscriptions(x *exchange) reply {
	s := x.e.state
	if x.params["tenancyId"] != s.tenancy {
		return errNotFound.reply()
	}
	var list []map[string]any
	for _, region := range s.regions {
		list = append(list, map[string]any{
			"regionKey": regionKey(region), "regionName": region, "status": "READY",
			"isHomeRegion": region == x.e.opts.HomeRegion,
		})
	}
	return ok(list)
}

func listUsers(x *exchange) reply {
	if x.query.Get("compartmentId") != x.e.state.tenancy {
		return errNotFound.reply()
	}
	name := x.query.Get("name")
	list := cached(x, "classic users "+name, func() (list []*user) {
		for _, id := range x.e.state.userOrder {
			if u := x.e.state.users[id]; x.inClassic(u) && (name == "" || name == u.name) {
				list = append(list, u)
			}
		}
		return list
	})
	return listReply(x, list, func(page []*user) any {
		bodies := []map[string]any{}
		for _, u := range page {
			bodies = append(bodies, userBody(x.e.state, u))
		}
		return bodies
	})
}

func getUser(x *exchange, u *user) reply {
	return ok(userBody(x.e.state, u)).with("etag", u.etag)
}

// orNil returns nil for an absent text, as the services write it.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func sameText(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

func userBody(s *state, u *user) map[string]any {
	lifecycle, inactive, provider := "ACTIVE", any(nil), any(nil)
	if u.deactivated {
		lifecycle, inactive = "INACTIVE", 1 // bit 0: SUSPENDED, according to oci-go-sdk identity/user.go
	}
	if u.federated {
		provider = derivedOCID(s, "saml2idp", "of "+s.tenancy)
	}
	return map[string]any{
		"id": u.id, "compartmentId": s.tenancy, "name": u.name, "description": u.name,
		"timeCreated":    timestamp(u.created),
		"lifecycleState": lifecycle, "inactiveStatus": inactive, "identityProviderId": provider,
		"lastSuccessfulLoginTime": timeOrNil(u.lastLogin), "dbUserName": orNil(u.databaseName),
		"isMfaActivated": false, "email": orNil(u.email), "emailVerified": false,
		"freeformTags": orMap(maps.Clone(u.tags)), "definedTags": map[string]any{},
		"capabilities": u.classicCapabilities(),
	}
}

// deleted answers a delete.
func (x *exchange) deleted() reply { return reply{status: x.e.opts.Answers.DeleteStatus} }

func getPassword(x *exchange, u *user) reply {
	p := x.passwordSeen(u)
	if p == nil {
		return errNotFound.reply()
	}
	return ok(map[string]any{
		"userId": u.id, "timeCreated": timestamp(p.created), "lifecycleState": p.lifecycle(x.now),
	}).with("etag", p.etag)
}

func resetPassword(x *exchange, u *user) reply {
	return x.once(func() (reply, func() bool) {
		p := &password{birth: x.born(0), value: newPassword()}
		if u.password != nil {
			u.gonePasswords = buried(x, u.gonePasswords, u.password)
		}
		u.password = p
		x.changed = true
		body := map[string]any{
			"password": p.value, "userId": u.id, "timeCreated": timestamp(p.created),
			"lifecycleState": p.lifecycle(x.now), "inactiveStatus": nil,
		}
		return ok(body).with("etag", p.etag), func() bool { return u.password == p }
	})
}

// remove deletes an element from a list.
func remove[T any](list []*T, element *T) []*T {
	return slices.DeleteFunc(slices.Clone(list), func(e *T) bool { return e == element })
}
