package oci_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAnObjectIsWrittenOnceAndNeverOverwritten(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	e.AddBucketSeed(ociemu.BucketSeed{Name: "evidence", Region: "eu-frankfurt-1", Retention: 365 * 24 * time.Hour})
	put := func(region, bucket, name, text string) error {
		return cloud.PutObject(t.Context(), region, e.Namespace(), bucket, name, "text/html", []byte(text))
	}
	const name = "2026/03/report 1.html"
	if err := put("eu-frankfurt-1", "evidence", name, "<p>first</p>"); err != nil {
		t.Fatal(err)
	}
	if err := put("eu-frankfurt-1", "evidence", name, "second"); fault.Of(err) != fault.Conflict {
		t.Errorf("writing it again: %v", err)
	}
	if content, kind, _ := e.Object("evidence", name); string(content) != "<p>first</p>" || kind != "text/html" {
		t.Errorf("the object is %q of type %q", content, kind)
	}
	if err := put("us-ashburn-1", "evidence", "x", ""); fault.Of(err) != fault.Absent {
		t.Errorf("in another region: %v", err)
	}
	if err := put("eu-frankfurt-1", "elsewhere", "x", ""); fault.Of(err) != fault.Absent {
		t.Errorf("in another bucket: %v", err)
	}
	if err := put("eu-frankfurt-1", "evidence", "empty", ""); err != nil {
		t.Errorf("an empty object: %v", err)
	}
	if got := e.Objects("evidence"); !slices.Equal(got, []string{name, "empty"}) {
		t.Errorf("the objects are %q", got)
	}
}

func TestALargeObjectArrivesWholeAfterAThrottledAttempt(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	e.AddBucket("evidence")
	e.Inject(ociemu.Fault{Operation: "PutObject", Do: ociemu.Answer(429, "TooManyRequests")})
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MB
	err := cloud.PutObject(t.Context(), e.Region(), e.Namespace(), "evidence", "large", "text/plain", want)
	if got, _, _ := e.Object("evidence", "large"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes arrived, want %d (%v)", len(got), len(want), err)
	}
}

func TestALostAnswerToAWriteIsNotRepeated(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	e.AddBucket("evidence")
	e.Inject(ociemu.Fault{Operation: "PutObject", When: ociemu.After, Do: ociemu.Cut})
	err := cloud.PutObject(t.Context(), e.Region(), e.Namespace(), "evidence", "x", "text/plain", []byte("text"))
	if fault.Of(err) != fault.Unclear || strings.Contains(err.Error(), "text/plain") {
		t.Errorf("the error is %v", err)
	}
	if n := len(called(e, "PutObject")); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}
