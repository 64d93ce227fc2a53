package ociemu

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Artifacts: what Container Registry knows about its repositories, images and their signatures, base path 20160918
// (oci-go-sdk artifacts/artifacts_client.go). It shows the images of the registry, in the function's region.

func artifactsService() service {
	get := http.MethodGet
	return service{name: "artifacts", base: "20160918", signed: true, routes: []route{
		{operation: "ListContainerRepositories", method: get, path: "/container/repositories",
			handle: listContainerRepositories},
		{operation: "ListContainerImages", method: get, path: "/container/images", handle: listContainerImages},
		{operation: "ListContainerImageSignatures", method: get, path: "/container/imageSignatures",
			handle: listImageSignatures},
		{operation: "CreateContainerImageSignature", method: http.MethodPost, path: "/container/imageSignatures",
			handle: createImageSignature},
	}}
}

// imageSignature is a signature of an image.
type imageSignature struct {
	id      string
	image   containerImage
	details signatureDetails
	created time.Time
	deleted bool
}

type signatureDetails struct {
	CompartmentID    string `json:"compartmentId"`
	ImageID          string `json:"imageId"`
	KmsKeyID         string `json:"kmsKeyId"`
	KmsKeyVersionID  string `json:"kmsKeyVersionId"`
	Message          string `json:"message"`
	Signature        string `json:"signature"`
	SigningAlgorithm string `json:"signingAlgorithm"`
}

// ImageSignature is a signature of an image, as a test sees it. Its RSA signature was verified.
type ImageSignature struct {
	Repository, Digest, Key, KeyVersion string
	Message                             map[string]string
}

// AddRepository adds a repository to a compartment.
func (e *Emulator) AddRepository(compartment, name string) {
	if !repositoryName.MatchString(name) {
		panic("ociemu: " + name + " is no name of a repository")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.state.repository(name)
	r.parent, r.created = compartment, e.now()
}

// ImageSignatures returns the signatures of all images, oldest first.
func (e *Emulator) ImageSignatures() (all []ImageSignature) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.state.signatures {
		if s.deleted {
			continue
		}
		message, _ := s.details.content()
		all = append(all, ImageSignature{s.image.repository.name, s.image.digest, s.details.KmsKeyID,
			s.details.KmsKeyVersionID, message})
	}
	return all
}

// DeleteImageSignatures marks all signatures as deleted.
func (e *Emulator) DeleteImageSignatures() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.state.signatures {
		s.deleted = true
	}
}

// containerImage is an image of the registry.
type containerImage struct {
	id, digest string
	repository *repository
}

func (x *exchange) compartmentOf(r *repository) string { return orDefault(r.parent, x.e.state.tenancy) }

// repositories returns the repositories of the compartment that the query names, or of all compartments.
func (x *exchange) repositories() (list []*repository, refused *refusal) {
	q := x.query
	subtree := q.Get("compartmentIdInSubtree") == "true"
	switch {
	case q.Get("compartmentId") == "":
		missing := errMissing.because("The compartmentId is missing.")
		return nil, &missing
	case subtree && q.Get("compartmentId") != x.e.state.tenancy: // artifacts_cli_extended.py says so
		invalid := errInvalid.because("compartmentIdInSubtree is only for the root compartment.")
		return nil, &invalid
	case x.call.Region != x.e.opts.Region:
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(x.e.state.images)) {
		r := x.e.state.images[name]
		if subtree || x.compartmentOf(r) == q.Get("compartmentId") {
			list = append(list, r)
		}
	}
	return list, nil
}

func collected[T any](items []T) any {
	return map[string]any{"items": items, "remainingItemsCount": 0}
}

// tagged adds what every resource of the service has.
func (x *exchange) tagged(body map[string]any, created time.Time) map[string]any {
	body["lifecycleState"], body["timeCreated"] = "AVAILABLE", timestamp(created)
	body["freeformTags"], body["definedTags"], body["systemTags"] = map[string]string{}, map[string]any{},
		map[string]any{}
	return body
}

func listContainerRepositories(x *exchange) reply {
	all, refused := x.repositories()
	if refused != nil {
		return refused.reply()
	}
	var list []map[string]any
	for _, r := range all {
		if fits(x.query.Get("displayName"), r.name) {
			list = append(list, x.tagged(map[string]any{"compartmentId": x.compartmentOf(r), "displayName": r.name,
				"id":         "ocid1.containerrepo.oc1." + regionInOCID(x.e.opts.Region) + ".0." + hashOf(r.name),
				"imageCount": len(r.manifests), "isPublic": false, "layerCount": len(r.blobs),
				"layersSizeInBytes": 0, "billableSizeInGBs": 0, "namespace": x.e.state.namespace}, r.created))
		}
	}
	return listReply(x, list, collected)
}

// hashOf is the last part of an OCID that is made of a text.
func hashOf(text string) string {
	return "a" + strings.TrimPrefix(digestOf([]byte(text)), "sha256:")[:59]
}

func (x *exchange) imagesOf(r *repository) (list []containerImage) {
	for _, digest := range slices.Sorted(maps.Keys(r.manifests)) {
		list = append(list, containerImage{"ocid1.containerimage.oc1." + regionInOCID(x.e.opts.Region) + ".0." +
			x.e.state.namespace + "." + hashOf(r.name+digest), digest, r})
	}
	return list
}

func listContainerImages(x *exchange) reply {
	all, refused := x.repositories()
	if refused != nil {
		return refused.reply()
	}
	q := x.query
	var list []map[string]any
	for _, r := range all {
		for _, i := range x.imagesOf(r) {
			if !fits(q.Get("repositoryName"), r.name) || !fits(q.Get("imageDigest"), i.digest) ||
				!fits(q.Get("imageId"), i.id) {
				continue
			}
			body := x.tagged(map[string]any{"compartmentId": x.compartmentOf(r), "digest": i.digest, "id": i.id,
				"displayName":    r.name + ":unknown@" + i.digest,
				"repositoryId":   "ocid1.containerrepo.oc1." + regionInOCID(x.e.opts.Region) + ".0." + hashOf(r.name),
				"repositoryName": r.name}, r.created)
			list = append(list, body)
			for _, tag := range slices.Sorted(maps.Keys(r.tags)) { // one entry for each version
				if r.tags[tag] == i.digest {
					version := maps.Clone(body)
					version["displayName"], version["version"] = r.name+":"+tag, tag
					list = append(list, version)
				}
			}
		}
	}
	return listReply(x, list, collected)
}

func (x *exchange) signatureBody(s *imageSignature) map[string]any {
	d := s.details
	last := func(id string) string { return id[max(0, len(id)-10):] }
	body := x.tagged(map[string]any{"compartmentId": d.CompartmentID, "id": s.id, "imageId": d.ImageID,
		"displayName": last(d.KmsKeyID) + "::" + last(d.KmsKeyVersionID) + "::" + d.SigningAlgorithm + "::" + last(s.id),
		"kmsKeyId":    d.KmsKeyID, "kmsKeyVersionId": d.KmsKeyVersionID, "message": d.Message,
		"signature": d.Signature, "signingAlgorithm": d.SigningAlgorithm}, s.created)
	if s.deleted {
		body["lifecycleState"] = "DELETED"
	}
	return body
}

func listImageSignatures(x *exchange) reply {
	all, refused := x.repositories()
	if refused != nil {
		return refused.reply()
	}
	q := x.query
	var list []map[string]any
	for _, s := range x.e.state.signatures {
		if slices.Contains(all, s.image.repository) && fits(q.Get("imageId"), s.image.id) &&
			fits(q.Get("repositoryName"), s.image.repository.name) && fits(q.Get("imageDigest"), s.image.digest) &&
			fits(q.Get("kmsKeyId"), s.details.KmsKeyID) {
			list = append(list, x.signatureBody(s))
		}
	}
	return listReply(x, list, collected)
}

func createImageSignature(x *exchange) reply {
	return x.once(func() (reply, func() bool) {
		var details signatureDetails
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		image, refused := x.signs(details)
		if refused != nil {
			return refused.reply(), nil
		}
		s := &imageSignature{image: image, details: details, created: x.now,
			id: "ocid1.containerimagesignature.oc1." + regionInOCID(x.e.opts.Region) + ".0." + x.e.state.ids.letters(60)}
		x.e.state.signatures = append(x.e.state.signatures, s)
		x.changed = true
		body := x.signatureBody(s)
		body["createdBy"] = x.call.Caller.ID
		return ok(body), func() bool { return !s.deleted }
	})
}

// content is the signed message: a JSON object of texts, in base64, as the OCI CLI makes it (artifacts_cli_extended.py).
func (d signatureDetails) content() (map[string]string, bool) {
	text, err := base64.StdEncoding.DecodeString(d.Message)
	var m map[string]string
	return m, err == nil && json.Unmarshal(text, &m) == nil
}

// signs checks a signature, and returns the image that it is for. What the service itself checks is not documented.
func (x *exchange) signs(d signatureDetails) (containerImage, *refusal) {
	refuse := func(why string) (containerImage, *refusal) {
		invalid := errInvalid.because(why)
		return containerImage{}, &invalid
	}
	var image containerImage
	for _, r := range x.e.state.images {
		for _, i := range x.imagesOf(r) {
			if i.id == d.ImageID && x.compartmentOf(r) == d.CompartmentID && x.call.Region == x.e.opts.Region {
				image = i
			}
		}
	}
	if image.repository == nil {
		return containerImage{}, &errNotFound
	}
	message, readable := d.content()
	signature, err := base64.StdEncoding.DecodeString(d.Signature)
	hash := pss[d.SigningAlgorithm]
	key := find(x.e.state.signing, func(k *signingKey) bool { return k.id == d.KmsKeyID })
	switch {
	case !readable || err != nil || hash == 0:
		return refuse("The message, the signature or the signing algorithm is invalid.")
	case key == nil || key.version(d.KmsKeyVersionID).key == nil:
		return containerImage{}, &errNotFound
	case message["imageDigest"] != image.digest || message["repositoryName"] != image.repository.name ||
		message["kmsKeyId"] != d.KmsKeyID || message["kmsKeyVersionId"] != d.KmsKeyVersionID ||
		message["signingAlgorithm"] != d.SigningAlgorithm || message["region"] != x.call.Region:
		return refuse("The message is about another image or key.")
	}
	text, _ := base64.StdEncoding.DecodeString(d.Message)
	if rsa.VerifyPSS(&key.version(d.KmsKeyVersionID).key.PublicKey, hash, sumOf(hash, text), signature, nil) != nil {
		return refuse("The signature does not fit the message.")
	}
	return image, nil
}
