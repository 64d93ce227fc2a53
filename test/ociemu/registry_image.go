package ociemu

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// repository is the content of the registry under one name.
type repository struct {
	name      string
	parent    string            // compartment; empty: the root compartment
	created   time.Time         // zero: by a push or a seeded image
	tags      map[string]string // tag -> digest of a manifest
	manifests map[string]manifest
	blobs     map[string][]byte
}

type manifest struct {
	mediaType string
	content   []byte
}

// ImageSeed describes an image to add. It has one layer with one file, and is for linux/amd64. The same seed makes the
// same image.
type ImageSeed struct {
	Repository string // without the namespace
	Tag        string // empty: latest
	Content    string // of the file /hello.txt in the image; empty: the repository and tag
	// Docker makes a manifest in Docker's format (version 2, schema 2) instead of OCI's.
	Docker bool
}

// The media types of an image in OCI's and in Docker's format.
var (
	ociTypes = mediaTypes{"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.config.v1+json",
		"application/vnd.oci.image.layer.v1.tar+gzip"}
	dockerTypes = mediaTypes{"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.container.image.v1+json",
		"application/vnd.docker.image.rootfs.diff.tar.gzip"}
)

type mediaTypes struct{ manifest, config, layer string }

// AddImage adds an image to the tenancy's registry. It returns the full name in the function's region and the digest of
// the manifest.
func (e *Emulator) AddImage(seed ImageSeed) (name, digest string) {
	tag := orDefault(seed.Tag, "latest")
	if !repositoryName.MatchString(seed.Repository) {
		panic("ociemu: " + strconv.Quote(seed.Repository) + " is no name of a repository")
	}
	types := ociTypes
	if seed.Docker {
		types = dockerTypes
	}
	tarball := tarOf("hello.txt", orDefault(seed.Content, seed.Repository+":"+tag))
	layer := zipped(tarball)
	config := mustJSON(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
		"config":  map[string]any{"Cmd": []string{"/hello.txt"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digestOf(tarball)}},
		"history": []map[string]any{{"created": "1970-01-01T00:00:00Z", "created_by": "ociemu"}},
	})
	describe := func(mediaType string, content []byte) map[string]any {
		return map[string]any{"mediaType": mediaType, "digest": digestOf(content), "size": len(content)}
	}
	m := manifest{types.manifest, mustJSON(map[string]any{
		"schemaVersion": 2, "mediaType": types.manifest, "config": describe(types.config, config),
		"layers": []any{describe(types.layer, layer)},
	})}
	digest = digestOf(m.content)

	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.state.repository(seed.Repository)
	r.tags[tag], r.manifests[digest] = digest, m
	r.blobs[digestOf(config)], r.blobs[digestOf(layer)] = config, layer
	return fmt.Sprintf("ocir.%s.oci.oraclecloud.com/%s/%s:%s", e.opts.Region, e.state.namespace, seed.Repository, tag),
		digest
}

func tarOf(name, content string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)),
		Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		panic("ociemu: internal error: making a layer: " + err.Error())
	}
	_, _ = w.Write([]byte(content)) // Close returns an error for a wrong size
	if err := w.Close(); err != nil {
		panic("ociemu: internal error: making a layer: " + err.Error())
	}
	return b.Bytes()
}

func zipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // a buffer never fails
	_ = w.Close()
	return b.Bytes()
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("ociemu: internal error: encoding JSON: " + err.Error())
	}
	return text
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// pullManifest answers a manifest by tag or digest, if the client accepts its type.
func pullManifest(x *exchange, r *repository) reply {
	reference := x.params["reference"]
	if digest, isTag := r.tags[reference]; isTag {
		reference = digest
	}
	m, known := r.manifests[reference]
	if !known {
		return registryError(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	}
	if !x.takes(m.mediaType) {
		return registryError(http.StatusNotFound, "MANIFEST_UNKNOWN", "the manifest is of the type "+m.mediaType+
			", which the Accept header does not have")
	}
	return x.bytes(m.content, reference, m.mediaType)
}

// takes reports whether the client's Accept headers allow the type.
func (x *exchange) takes(mediaType string) bool {
	headers := x.http.Header.Values("Accept")
	for _, header := range headers {
		for one := range strings.SplitSeq(header, ",") {
			one, _, _ = strings.Cut(one, ";")
			one = strings.TrimSpace(one)
			if one == mediaType || one == "*/*" || one == "application/*" {
				return true
			}
		}
	}
	return len(headers) == 0
}

func pullBlob(x *exchange, r *repository) reply {
	content, known := r.blobs[x.params["digest"]]
	if !known {
		return registryError(http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
	}
	return x.bytes(content, x.params["digest"], "application/octet-stream")
}

func listTags(x *exchange, r *repository) reply {
	return ok(map[string]any{"name": x.e.state.namespace + "/" + r.name, "tags": slices.Sorted(maps.Keys(r.tags))})
}

// bytes answers immutable content, or the requested range of it.
func (x *exchange) bytes(content []byte, digest, mediaType string) reply {
	answer := reply{status: http.StatusOK, body: content}.with("Content-Type", mediaType).with("Docker-Content-Digest",
		digest).
		with("Docker-Distribution-Api-Version", "registry/2.0").with("Etag", strconv.Quote(digest)).with(
		"Accept-Ranges", "bytes")
	from, to, ranged := parseRange(x.header("Range"), len(content))
	switch {
	case !ranged:
	case from >= len(content):
		return registryError(http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID", "invalid content range").
			with("Content-Range", fmt.Sprintf("bytes */%d", len(content)))
	default:
		answer = answer.with("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(content)))
		answer.status, answer.body = http.StatusPartialContent, content[from:to+1]
		content = content[from : to+1]
	}
	return answer.with("Content-Length", strconv.Itoa(len(content)))
}

// parseRange reads a header of the form "bytes=FROM-TO", "bytes=FROM-" or "bytes=-LAST", and ignores any other.
func parseRange(header string, size int) (from, to int, ok bool) {
	text, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, isRange := strings.Cut(text, "-")
	if !isBytes || !isRange || strings.Contains(last, ",") {
		return 0, 0, false
	}
	if first == "" {
		n, err := strconv.Atoi(last)
		return max(0, size-n), size - 1, err == nil && n > 0
	}
	from, err := strconv.Atoi(first)
	if err != nil || from < 0 {
		return 0, 0, false
	}
	if last == "" {
		return from, size - 1, true
	}
	to, err = strconv.Atoi(last)
	return from, min(to, size-1), err == nil && to >= from
}
