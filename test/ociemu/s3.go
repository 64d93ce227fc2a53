package ociemu

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"time"
)

// S3: the S3-compatible API of Object Storage, https://{namespace}.compat.objectstorage.{region}.oraclecloud.com. It
// checks customer secret keys: buckets can be seeded, but they seem empty here, and nothing can be written. Error codes
// and messages follow https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.

const s3Name = "s3"

func s3Service() service {
	get := http.MethodGet
	return service{name: s3Name, form: s3Form, unknown: s3Unknown, claims: isS3, routes: []route{
		{operation: "ListBuckets", method: get, path: "/", handle: signedS3(listBuckets)},
		{operation: "HeadBucket", method: http.MethodHead, path: "/{bucket}", handle: inBucket(func(*exchange) reply {
			return reply{status: 200}
		})},
		{operation: "ListObjects", method: get, path: "/{bucket}", handle: inBucket(listObjects)},
		{operation: "GetObject", method: get, path: "/{bucket}/{key...}", handle: inBucket(func(*exchange) reply {
			return s3Refusal(404, "NoSuchKey")
		})},
	}}
}

// isS3 reports whether a request to the plain origin has a signature of AWS, or is for all buckets.
func isS3(r *http.Request) bool {
	return r.URL.Path == "/" || strings.HasPrefix(r.Header.Get("Authorization"), "AWS") ||
		r.URL.Query().Has("X-Amz-Signature")
}

func xmlReply(status int, body any) reply {
	text, err := xml.Marshal(body)
	if err != nil {
		panic("ociemu: internal error: encoding XML: " + err.Error())
	}
	return reply{status: status, body: append([]byte(xml.Header), text...)}.with("Content-Type", "application/xml")
}

func s3Refusal(status int, code string) reply {
	messages := map[string]string{
		"InvalidAccessKeyId": "The access key id that was given does not exist.",
		"SignatureDoesNotMatch": "The secret key required to complete authentication could not be found, or the " +
			"signature does not match.",
		"RequestTimeTooSkewed": "The difference between the request time and the service's time is too large.",
		"AccessDenied":         "Access denied.",
		"InvalidRequest":       "The authorization mechanism is not supported. Please use AWS4-HMAC-SHA256.",
		"NoSuchNamespace":      "The namespace does not exist.",
		"NoSuchBucket":         "The bucket does not exist.",
		"NoSuchKey":            "The object does not exist.",
		"EntityTooLarge":       "The upload is larger than the largest object that is allowed.",
		"MethodNotAllowed":     "The method is not allowed against this resource.",
		"NotImplemented":       "The emulator does not do this.",
	}
	type failure struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	return xmlReply(status, failure{Code: code, Message: orDefault(messages[code], "This answer was injected into "+
		"the emulator.")})
}

// s3Form returns a refusal in the S3-compatible API's form.
func s3Form(_ *exchange, r refusal) reply {
	if r == errTooLarge {
		return s3Refusal(http.StatusBadRequest, "EntityTooLarge")
	}
	return s3Refusal(r.status, r.code)
}

// signedS3 refuses requests without a valid signature.
func signedS3(handle func(*exchange, *user) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		owner, refused := x.s3Caller()
		if owner == nil {
			return refused
		}
		return handle(x, owner)
	}
}

// s3Caller returns the owner of the key that signed the request.
func (x *exchange) s3Caller() (*user, reply) {
	refuse := func(code string) (*user, reply) { return nil, s3Refusal(x.e.opts.Answers.S3Rejects, code) }
	if x.to.namespace != "" && x.to.namespace != x.e.state.namespace {
		return nil, s3Refusal(http.StatusNotFound, "NoSuchNamespace")
	}
	auth, parsed := parseSigV4(x.http)
	switch {
	case parsed:
	case x.query.Has("X-Amz-Signature"):
		// signed URLs are not emulated
		return nil, s3Refusal(http.StatusNotImplemented, "NotImplemented")
	case strings.HasPrefix(x.header("Authorization"), "AWS "):
		return nil, s3Refusal(http.StatusBadRequest, "InvalidRequest") // version 2, which OCI doesn't accept
	default:
		return refuse("AccessDenied")
	}
	if skew := x.e.clientsNow().Sub(auth.at).Abs(); skew > 15*time.Minute {
		return refuse("RequestTimeTooSkewed")
	}
	var owner *user
	var key *secretKey
	for _, id := range x.e.state.userOrder {
		key = x.e.state.users[id].secretKey(auth.accessKey)
		if key != nil {
			owner = x.e.state.users[id]
			break
		}
	}
	if key == nil || owner.deactivated {
		return refuse("InvalidAccessKeyId")
	}
	if auth.region != x.call.Region || auth.service != "s3" || !auth.genuine(x.http, key.key, x.body) {
		return refuse("SignatureDoesNotMatch")
	}
	if !key.admits(x.now) {
		return refuse(string(x.e.opts.Answers.S3NewKey)) // the new key has not reached this service yet
	}
	return owner, reply{}
}

// s3Unknown answers requests that are not emulated: NoSuchBucket for a bucket that doesn't exist, NotImplemented
// otherwise.
func s3Unknown(x *exchange) reply {
	if owner, refused := x.s3Caller(); owner == nil {
		return refused
	}
	parts := segments(x.http.URL.EscapedPath())
	switch {
	case len(parts) == 0:
		return s3Refusal(http.StatusMethodNotAllowed, "MethodNotAllowed")
	case len(parts) == 1 && x.http.Method == http.MethodPut && !x.e.state.hasBucket(parts[0]): // CreateBucket
		return s3Refusal(http.StatusNotImplemented, "NotImplemented")
	case !x.e.state.hasBucket(parts[0]):
		return s3Refusal(http.StatusNotFound, "NoSuchBucket")
	}
	return s3Refusal(http.StatusNotImplemented, "NotImplemented")
}

func (s *state) hasBucket(name string) bool {
	return slices.ContainsFunc(s.buckets, func(b *bucket) bool { return b.Name == name })
}

// inBucket refuses requests for a bucket that doesn't exist.
func inBucket(handle func(*exchange) reply) func(*exchange) reply {
	return signedS3(func(x *exchange, _ *user) reply {
		if !x.e.state.hasBucket(x.params["bucket"]) {
			return s3Refusal(http.StatusNotFound, "NoSuchBucket")
		}
		return handle(x)
	})
}

func listBuckets(x *exchange, owner *user) reply {
	type result struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Owner   struct{ ID, DisplayName string }
		Buckets struct{ Bucket []*bucket }
	}
	body := result{}
	body.Owner.ID, body.Owner.DisplayName = owner.id, strings.TrimSpace(owner.name)
	body.Buckets.Bucket = x.e.state.buckets
	return xmlReply(http.StatusOK, body)
}

// listObjects lists the objects of a bucket, always none, or answers its location.
func listObjects(x *exchange) reply {
	if x.query.Has("location") {
		type location struct {
			XMLName xml.Name `xml:"LocationConstraint"`
			Region  string   `xml:",chardata"`
		}
		return xmlReply(http.StatusOK, location{Region: x.call.Region})
	}
	type result struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		Prefix      string
		KeyCount    int
		MaxKeys     int
		IsTruncated bool
	}
	return xmlReply(http.StatusOK, result{Name: x.params["bucket"], Prefix: x.query.Get("prefix"), MaxKeys: 1000})
}
