package ociemu

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Pushes, as the OCI distribution specification has them: each blob is uploaded in a session, in one part or several,
// and the manifest comes last.

// repository returns the repository of a name without the namespace. A push makes one that doesn't exist, in the root
// compartment, as OCIR does.
func (s *state) repository(name string) *repository {
	r := s.images[name]
	if r == nil {
		r = &repository{name: name, tags: map[string]string{}, manifests: map[string]manifest{},
			blobs: map[string][]byte{}}
		s.images[name] = r
	}
	return r
}

// pushing returns the repository named in the path, for logins that may push to it.
func pushing(handle func(*exchange, *repository) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		name := x.params["name"]
		l, in := x.loggedIn()
		short, ours := strings.CutPrefix(name, x.e.state.namespace+"/")
		switch {
		case !in || !l.may("push", name):
			return x.challenge("repository:" + name + ":pull,push")
		case !repositoryName.MatchString(name):
			return registryError(http.StatusBadRequest, "NAME_INVALID", "invalid repository name")
		case !ours:
			return registryError(http.StatusForbidden, "DENIED", "requested access to the resource is denied")
		}
		return handle(x, x.e.state.repository(short))
	}
}

// at is where an upload continues.
func (x *exchange) at(session string) reply {
	size := len(x.e.state.uploads[session])
	return reply{status: http.StatusAccepted}.with("Location", "/v2/"+x.params["name"]+"/blobs/uploads/"+session).
		with("Docker-Upload-UUID", session).with("Range", fmt.Sprintf("0-%d", max(0, size-1))).
		with("Docker-Distribution-Api-Version", "registry/2.0")
}

func beginUpload(x *exchange, _ *repository) reply {
	session := randomHex(32)
	x.e.state.uploads[session] = []byte{}
	return x.at(session)
}

var errUpload = func() reply {
	return registryError(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
}

func uploadPart(x *exchange, _ *repository) reply {
	session := x.params["session"]
	before, known := x.e.state.uploads[session]
	if !known {
		return errUpload()
	}
	x.e.state.uploads[session] = append(before, x.body...)
	return x.at(session)
}

func endUpload(x *exchange, r *repository) reply {
	session := x.params["session"]
	before, known := x.e.state.uploads[session]
	if !known {
		return errUpload()
	}
	content := append(before, x.body...)
	digest := x.query.Get("digest")
	if digestOf(content) != digest {
		return registryError(http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
	}
	delete(x.e.state.uploads, session)
	r.blobs[digest] = content
	return reply{status: http.StatusCreated}.with("Location", "/v2/"+x.params["name"]+"/blobs/"+digest).
		with("Docker-Content-Digest", digest).with("Docker-Distribution-Api-Version", "registry/2.0")
}

func pushManifest(x *exchange, r *repository) reply {
	var m struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	if json.Unmarshal(x.body, &m) != nil || m.Config.Digest == "" {
		return registryError(http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
	}
	needed := []string{m.Config.Digest}
	for _, l := range m.Layers {
		needed = append(needed, l.Digest)
	}
	for _, digest := range needed {
		if _, there := r.blobs[digest]; !there {
			return registryError(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: "+
				strconv.Quote(digest))
		}
	}
	digest, reference := digestOf(x.body), x.params["reference"]
	r.manifests[digest] = manifest{x.header("Content-Type"), x.body}
	if !strings.HasPrefix(reference, "sha256:") {
		r.tags[reference] = digest
	} else if reference != digest {
		return registryError(http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
	}
	return reply{status: http.StatusCreated}.with("Location", "/v2/"+x.params["name"]+"/manifests/"+digest).
		with("Docker-Content-Digest", digest).with("Docker-Distribution-Api-Version", "registry/2.0")
}
