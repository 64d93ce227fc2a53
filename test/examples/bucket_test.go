package examples_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

// "No such bucket" means that a tool's key works; "access denied" makes it ask for another key.
func TestAMissingBucketIsNotReportedAsAWrongKey(t *testing.T) {
	for name, tool := range map[string]func(r *rig, path string) func(bucket string) result{
		"aws": func(r *rig, path string) func(string) result {
			aws := r.real("aws", path)
			r.extra = []string{"AWS_CONFIG_FILE=" + r.setting("aws-config"), "AWS_CA_BUNDLE=" + r.CAFile()}
			return func(bucket string) result { return r.exec("", aws, "--profile", "oci", "s3", "ls", "s3://"+bucket) }
		},
		"rclone": func(r *rig, path string) func(string) result {
			r.real("rclone", path)
			config := r.setting("rclone.conf")
			return func(bucket string) result {
				return r.run("keyturn-s3-run", r.secret, "rclone", "--config", config, "--retries", "1",
					"--low-level-retries", "1", "lsd", "oci:"+bucket)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := need.Tool(t, name)
			r := placeS3(t)
			r.AddBucket("backups")
			list := tool(r, path)
			for range 2 {
				if got := list("backups"); got.code != 0 {
					t.Errorf("an existing bucket: exit code %d, %s", got.code, got.err)
				}
				got := list("absent")
				said := strings.ToLower(got.out + got.err)
				if got.code == 0 || !strings.Contains(said, "nosuchbucket") && !strings.Contains(said, "not found") {
					t.Errorf("a bucket that is absent: exit code %d, %s", got.code, said)
				}
				if strings.Contains(said, "denied") || strings.Contains(said, "signature") {
					t.Errorf("a good key is taken for a wrong one: %s", said)
				}
				r.rotate()
			}
		})
	}
}
