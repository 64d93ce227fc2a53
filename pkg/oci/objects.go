package oci

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"io"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
)

func (c *Cloud) objectStorage(region string) (*objectstorage.ObjectStorageClient, error) {
	return client(c, "objectstorage", region, objectstorage.NewObjectStorageClientWithConfigurationProvider,
		func(cl *objectstorage.ObjectStorageClient) *common.BaseClient { return &cl.BaseClient })
}

// PutObject writes an object into a bucket, in one request. It never overwrites: if the object exists, the error is of
// the class Conflict. The request is sent once. If its answer is lost, the object may exist, and a second call says so.
func (c *Cloud) PutObject(ctx context.Context, region, namespace, bucket, name, contentType string, body []byte) error {
	cl, err := c.objectStorage(region)
	if err != nil {
		return classify("PutObject", err)
	}
	sum := md5.Sum(body) // the service compares it with what arrived
	digest := base64.StdEncoding.EncodeToString(sum[:])
	_, err = call(ctx, c, "PutObject", once, func(ctx context.Context) (struct{}, error) {
		_, err := cl.PutObject(ctx, objectstorage.PutObjectRequest{NamespaceName: &namespace, BucketName: &bucket,
			ObjectName: &name, IfNoneMatch: common.String("*"), ContentType: &contentType, ContentMD5: &digest,
			ContentLength: common.Int64(int64(len(body))), PutObjectBody: io.NopCloser(bytes.NewReader(body))})
		return struct{}{}, err
	})
	return err
}
