package ociemu_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

// storage is the SDK's client of Object Storage.
func storage(t *testing.T, e *ociemu.Emulator, p common.ConfigurationProvider) objectstorage.ObjectStorageClient {
	t.Helper()
	c, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(p)
	if err != nil {
		t.Fatal(err)
	}
	c.HTTPClient = e.Client()
	never := common.NoRetryPolicy()
	c.Configuration.RetryPolicy = &never
	return c
}

// write is a PutObject of the text.
func write(e *ociemu.Emulator, bucket, name, text string) objectstorage.PutObjectRequest {
	return objectstorage.PutObjectRequest{NamespaceName: common.String(e.Namespace()), BucketName: &bucket,
		ObjectName: &name, ContentLength: common.Int64(int64(len(text))), ContentType: common.String("text/plain"),
		PutObjectBody: io.NopCloser(bytes.NewReader([]byte(text)))}
}

func TestAnObjectIsReadAsItWasWritten(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddBucket("reports")
	c := storage(t, e, provider{e.NewFunction("sweep", "")})
	const name = "2026/a b.txt"
	put := must[objectstorage.PutObjectResponse](t)(c.PutObject(t.Context(), write(e, "reports", name, "one")))
	got := must[objectstorage.GetObjectResponse](t)(c.GetObject(t.Context(), objectstorage.GetObjectRequest{
		NamespaceName: common.String(e.Namespace()), BucketName: common.String("reports"),
		ObjectName: common.String(name)}))
	text, err := io.ReadAll(got.Content)
	if err != nil || string(text) != "one" || *got.ETag != *put.ETag || *got.ContentType != "text/plain" {
		t.Errorf("%q (%v) %+v", text, err, got)
	}
}

func TestAWriteOfAnObjectIsRefusedAsItsHeadersAndTheBucketSay(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddBucketSeed(ociemu.BucketSeed{Name: "kept", Retention: time.Hour})
	e.AddBucketSeed(ociemu.BucketSeed{Name: "far", Region: "eu-frankfurt-1"})
	c := storage(t, e, provider{e.NewFunction("sweep", "")})
	type request = *objectstorage.PutObjectRequest
	put := func(change func(request)) error {
		r := write(e, "kept", "x", "text")
		change(&r)
		_, err := c.PutObject(t.Context(), r)
		return err
	}
	if err := put(func(r request) { r.IfNoneMatch = common.String("*") }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		change func(request)
		status int
		code   string
	}{
		"it exists": {func(r request) { r.IfNoneMatch = common.String("*") }, 412,
			"IfNoneMatchFailed"},
		"another condition": {func(r request) { r.IfNoneMatch = common.String("x") }, 400,
			"InvalidParameter"},
		"another version":    {func(r request) { r.IfMatch = common.String("x") }, 412, "IfMatchFailed"},
		"the retention rule": {func(request) {}, 409, "Conflict"},
		"no such bucket":     {func(r request) { r.BucketName = common.String("y") }, 404, "BucketNotFound"},
		"another region":     {func(r request) { r.BucketName = common.String("far") }, 404, "BucketNotFound"},
		"another namespace":  {func(r request) { r.NamespaceName = common.String("y") }, 404, "NamespaceNotFound"},
		"a damaged new object": {func(r request) {
			r.ObjectName, r.ContentMD5 = common.String("new"), common.String("AAAAAAAAAAAAAAAAAAAAAA==")
		}, 400, "UnmatchedContentMD5"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, put(want.change), want.status, want.code) })
	}
	e.Forward(2 * time.Hour)
	if err := put(func(request) {}); err != nil {
		t.Errorf("after the retention: %v", err)
	}
}

func TestAWriteNeedsThePermissionToCreateAndAnOverwriteOneMore(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddBucket("reports")
	e.AddBucket("others")
	fn := e.NewFunction("sweep", "")
	c := storage(t, e, provider{fn})
	policies := func(permissions string) {
		s := must[ocipolicy.Statement](t)(ocipolicy.Parse("allow dynamic-group fn to {" + permissions +
			"} in tenancy where target.bucket.name = 'reports'"))
		r := must[ocipolicy.Rule](t)(ocipolicy.ParseRule("ALL {resource.id = '" + fn.FunctionID + "'}"))
		e.SetPolicies(&ociemu.Policies{Set: ocipolicy.Set{Statements: []ocipolicy.Statement{s},
			DynamicGroups: []ocipolicy.DynamicGroup{{Name: "fn", Rule: r}}}})
	}
	put := func(bucket string) error {
		_, err := c.PutObject(t.Context(), write(e, bucket, "x", "text"))
		return err
	}
	policies("OBJECT_READ, OBJECT_OVERWRITE")
	refused(t, put("reports"), 404, "BucketNotFound")
	policies("OBJECT_CREATE")
	if err := put("reports"); err != nil {
		t.Fatal(err)
	}
	refused(t, put("others"), 404, "BucketNotFound")
	refused(t, put("reports"), 404, "BucketNotFound")
	policies("OBJECT_CREATE, OBJECT_OVERWRITE")
	if err := put("reports"); err != nil {
		t.Error(err)
	}
}
