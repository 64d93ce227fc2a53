package ociemu

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, with their key pair.
func TestSignaturesAreThoseOfAmazonsPublishedExamples(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct{ url, headers, want string }{
		{"/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date",
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		r, err := http.NewRequest(http.MethodGet, "https://examplebucket.s3.amazonaws.com"+c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Range", "bytes=0-9")
		r.Header.Set("x-amz-content-sha256", emptyHash)
		r.Header.Set("x-amz-date", "20130524T000000Z")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+
			"Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+
			c.headers+",Signature="+c.want)
		s, parsed := parseSigV4(r)
		if !parsed || s.accessKey != "AKIAIOSFODNN7EXAMPLE" ||
			!s.at.Equal(time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)) {
			t.Fatalf("%s: parsed %v %+v", c.url, parsed, s)
		}
		if !s.genuine(r, secret, nil) {
			t.Errorf("%s: got %s, want %s", c.url, s.sign(r, secret, emptyHash), c.want)
		}
		if s.genuine(r, strings.ToLower(secret), nil) {
			t.Errorf("%s: another secret key made the same signature", c.url)
		}
		if s.genuine(r, secret, []byte("another body")) {
			t.Errorf("%s: another body has the same hash", c.url)
		}
	}
}

func TestASignatureForAnotherRegionIsRefusedByS3(t *testing.T) {
	e := New(t, Calm())
	id, key := e.AddCustomerSecretKey(e.AddUser("jane"), "x")
	for region, want := range map[string]int{"us-ashburn-1": 200, "us-phoenix-1": 403} {
		req := e.newProbe("/")
		signS3(req, id, key, region, e.now().UTC())
		if got := e.probe(req); got != want {
			t.Errorf("a genuine signature for %s is answered %d in us-ashburn-1, want %d", region, got, want)
		}
	}
}
