package ociemu

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Object Storage: the namespace, GET /n, and objects (oci-go-sdk objectstorage/objectstorage_client.go).

// maxObject is the largest object that is accepted, in bytes. OCI takes 50 GiB.
const maxObject = 256 << 20

func objectStorageService() service {
	const path = "/n/{namespace}/b/{bucket}/o/{object...}"
	return service{name: "objectstorage", signed: true, routes: []route{
		{operation: "GetNamespace", method: http.MethodGet, path: "/n", handle: func(x *exchange) reply {
			return ok(x.e.state.namespace)
		}},
		{operation: "PutObject", method: http.MethodPut, path: path, handle: inItsBucket(putObject)},
		{operation: "GetObject", method: http.MethodGet, path: path, handle: inItsBucket(getObject)},
	}}
}

// bucket is a bucket of the tenancy's namespace. Only the exported fields are in the S3-compatible API's lists.
type bucket struct {
	Name, CreationDate string

	compartment, region string
	retention           time.Duration
	objects             map[string]*object
}

type object struct {
	content     []byte
	contentType string
	etag        string
	modified    time.Time
}

// BucketSeed describes a bucket to add.
type BucketSeed struct {
	Name        string
	Compartment string // empty: the root compartment
	Region      string // empty: Options.Region
	// Retention is the duration of a retention rule: so long after its last change, no object can be overwritten. 0: no
	// rule.
	Retention time.Duration
	Objects   []string // names of empty objects in it
}

// AddBucket adds an empty bucket to the root compartment in Options.Region.
func (e *Emulator) AddBucket(name string) { e.AddBucketSeed(BucketSeed{Name: name}) }

// AddBucketSeed adds a bucket.
func (e *Emulator) AddBucketSeed(seed BucketSeed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	if s.hasBucket(seed.Name) {
		panic("ociemu: there is a bucket " + seed.Name)
	}
	region := orDefault(seed.Region, e.opts.Region)
	s.subscribe(region)
	b := &bucket{Name: seed.Name, CreationDate: timestamp(e.now().Add(s.createdOffset)),
		compartment: orDefault(seed.Compartment, s.tenancy), region: region, retention: seed.Retention,
		objects: map[string]*object{}}
	for _, name := range seed.Objects {
		b.objects[name] = &object{contentType: "application/octet-stream", etag: s.ids.uuid(), modified: e.now()}
	}
	s.buckets = append(s.buckets, b)
}

// Objects returns the names of a bucket's objects, sorted.
func (e *Emulator) Objects(bucketName string) (names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.mustBucket(bucketName).objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Object returns an object's content and its content type; found is false if there is none.
func (e *Emulator) Object(bucketName, name string) (content []byte, contentType string, found bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.mustBucket(bucketName).objects[name]
	if o == nil {
		return nil, "", false
	}
	return bytes.Clone(o.content), o.contentType, true
}

func (e *Emulator) mustBucket(name string) *bucket {
	b := find(e.state.buckets, func(b *bucket) bool { return b.Name == name })
	if b == nil {
		panic("ociemu: no bucket " + name)
	}
	return b
}

// Object Storage's own refusals. The first two have the messages of the real service, which public reports quote; the
// code of the last has no source.
var (
	errNoNamespace = refusal{http.StatusNotFound, "NamespaceNotFound", "You do not have authorization to perform " +
		"this request, or the requested resource could not be found."}
	errNoObject     = refusal{http.StatusNotFound, "ObjectNotFound", "The object does not exist."}
	errObjectExists = refusal{http.StatusPreconditionFailed, "IfNoneMatchFailed", "The If-None-Match header is set, " +
		"and the object exists."}
	errRetained = refusal{http.StatusConflict, "Conflict", "A retention rule of the bucket protects the object."}
)

func noBucket(x *exchange) refusal {
	return refusal{http.StatusNotFound, "BucketNotFound", fmt.Sprintf("Either the bucket named '%s' does not exist in "+
		"the namespace '%s' or you are not authorized to access it", x.params["bucket"], x.params["namespace"])}
}

// namedBucket is the bucket in the path, in the region of the call, or nil.
func (x *exchange) namedBucket() *bucket {
	return find(x.e.state.buckets, func(b *bucket) bool {
		return b.Name == x.params["bucket"] && b.region == x.call.Region && x.params["namespace"] == x.e.state.namespace
	})
}

// objectName is the object in the path, whose name may have slashes.
func (x *exchange) objectName() string {
	name, err := url.PathUnescape(x.params["object"])
	if err != nil {
		return x.params["object"]
	}
	return name
}

func inItsBucket(handle func(*exchange, *bucket) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		b := x.namedBucket()
		switch {
		case x.params["namespace"] != x.e.state.namespace:
			return errNoNamespace.reply()
		case b == nil:
			return noBucket(x).reply()
		}
		return handle(x, b)
	}
}

// theBucket aims at the bucket in the path (objectstoragepolicyreference.htm, "Supported Variables").
func theBucket(x *exchange) (aim, bool) {
	b := x.namedBucket()
	if b == nil {
		return aim{}, false
	}
	return aim{b.compartment, map[string]string{"target.bucket.name": b.Name,
		"target.object.name": x.objectName()}}, true
}

// overwrites are the permissions that PutObject needs in addition if the object exists.
func overwrites(x *exchange) []string {
	if b := x.namedBucket(); b != nil && b.objects[x.objectName()] != nil {
		return []string{"OBJECT_OVERWRITE"}
	}
	return nil
}

func putObject(x *exchange, b *bucket) reply {
	name := x.objectName()
	was, sum := b.objects[name], md5.Sum(x.body)
	digest := base64.StdEncoding.EncodeToString(sum[:])
	switch want, none := x.header("If-Match"), x.header("If-None-Match"); {
	case none != "" && none != "*":
		return errInvalid.because("If-None-Match can only be *.").reply()
	case none == "*" && was != nil:
		return errObjectExists.reply()
	case want != "" && want != "*" && (was == nil || want != was.etag):
		return errEtag.as(http.StatusPreconditionFailed, "IfMatchFailed").reply()
	case was != nil && x.now.Before(was.modified.Add(b.retention)):
		return errRetained.reply()
	case x.header("Content-MD5") != "" && x.header("Content-MD5") != digest:
		return errInvalid.as(http.StatusBadRequest, "UnmatchedContentMD5").reply()
	}
	o := &object{content: x.body, contentType: orDefault(x.header("Content-Type"), "application/octet-stream"),
		etag: x.e.state.ids.uuid(), modified: x.now}
	b.objects[name] = o
	x.changed = true
	return reply{status: http.StatusOK}.with("etag", o.etag).with("opc-content-md5", digest).
		with("last-modified", o.modified.UTC().Format(http.TimeFormat))
}

func getObject(x *exchange, b *bucket) reply {
	o := b.objects[x.objectName()]
	if o == nil {
		return errNoObject.reply()
	}
	return reply{status: http.StatusOK, body: o.content}.with("Content-Type", o.contentType).with("etag", o.etag)
}
