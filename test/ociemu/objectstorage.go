package ociemu

import "net/http"

// Object Storage: only the namespace, GET /n (oci-go-sdk objectstorage/objectstorage_client.go).

func objectStorageService() service {
	return service{name: "objectstorage", signed: true, routes: []route{
		{operation: "GetNamespace", method: http.MethodGet, path: "/n", handle: func(x *exchange) reply {
			return ok(x.e.state.namespace)
		}},
	}}
}
