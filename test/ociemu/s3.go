package ociemu

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"
)

// S3: the S3-compatible API of Object Storage, https://{namespace}.compat.objectstorage.{region}.oraclecloud.com. Only the list of buckets,
// which is empty: it is there to check customer secret keys.

func s3Service() service {
	return service{name: "s3", routes: []route{
		{operation: "ListBuckets", method: http.MethodGet, path: "/", handle: listBuckets},
	}}
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
		"InvalidAccessKeyId":    "The access key id that was given does not exist.",
		"SignatureDoesNotMatch": "The secret key required to complete authentication could not be found, or the signature does not match.",
		"RequestTimeTooSkewed":  "The difference between the request time and the service's time is too large.",
		"AccessDenied":          "Access denied.",
	}
	type failure struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	return xmlReply(status, failure{Code: code, Message: orDefault(messages[code], "This answer was injected into the emulator.")})
}

func listBuckets(x *exchange) reply {
	refuse := func(code string) reply { return s3Refusal(x.e.opts.Answers.S3Rejects, code) }
	if x.to.namespace != "" && x.to.namespace != x.e.state.namespace {
		return s3Refusal(http.StatusNotFound, "NoSuchNamespace")
	}
	auth, parsed := parseSigV4(x.http)
	if !parsed {
		return refuse("AccessDenied")
	}
	if skew := x.now.Sub(auth.at).Abs(); skew > 15*time.Minute {
		return refuse("RequestTimeTooSkewed")
	}
	var owner *user
	var key *secretKey
	for _, id := range x.e.state.userOrder {
		if key = x.e.state.users[id].secretKey(auth.accessKey); key != nil {
			owner = x.e.state.users[id]
			break
		}
	}
	if key == nil {
		return refuse("InvalidAccessKeyId")
	}
	if auth.region != x.call.Region || auth.service != "s3" || !auth.genuine(x.http, key.key, x.body) {
		return refuse("SignatureDoesNotMatch")
	}
	if !key.admits(x.now) {
		return refuse("InvalidAccessKeyId") // as long as the new key has not reached this service
	}
	type result struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Owner   struct{ ID, DisplayName string }
		Buckets struct{}
	}
	body := result{}
	body.Owner.ID, body.Owner.DisplayName = owner.id, strings.TrimSpace(owner.name)
	return xmlReply(http.StatusOK, body)
}
