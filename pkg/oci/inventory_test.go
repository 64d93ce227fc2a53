package oci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

// pages reads a list to its end.
func pages(t *testing.T, read func(page string) ([]string, string, error)) (all []string, n int) {
	t.Helper()
	for page := ""; ; {
		ids, next, err := read(page)
		if err != nil {
			t.Fatal(err)
		}
		all, n = append(all, ids...), n+1
		if next == "" {
			return all, n
		}
		if n > 20 {
			t.Fatal("the list has no end")
		}
		page = next
	}
}

func closedProblems(t *testing.T, c *oci.Cloud, since time.Time) ([]string, int) {
	t.Helper()
	return pages(t, func(page string) ([]string, string, error) { return c.ClosedProblems(t.Context(), since, page) })
}

func TestTheClosedProblemsOfTheFourRulesAreListedPageByPage(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	o.Region, o.HomeRegion = "eu-frankfurt-1", "us-phoenix-1"
	cloud, e := emulated(t, o)
	u := e.AddUser("web@example.com")
	var want []string
	for _, rule := range []string{"API_KEY_TOO_OLD", "AUTH_TOKEN_TOO_OLD", "SECRET_KEY_TOO_OLD", "PASSWORD_TOO_OLD",
		"BUCKET_IS_PUBLIC"} {
		closed := e.AddProblem(ociemu.ProblemSeed{Rule: rule, User: u})
		e.AddProblem(ociemu.ProblemSeed{Rule: rule, User: u}) // stays open
		e.CloseProblem(closed, "why", "secops@example.com")
		if rule != "BUCKET_IS_PUBLIC" {
			want = append(want, closed)
		}
	}
	got, n := closedProblems(t, cloud, time.Now().Add(-time.Hour))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || n != 3 { // two of active ones, one of inactive ones
		t.Errorf("%d pages with %v, want 3 with %v", n, got, want)
	}
	if late, _ := closedProblems(t, cloud, time.Now().Add(time.Hour)); len(late) != 0 {
		t.Errorf("since an hour from now: %v", late)
	}
}

func TestTheUsersOfTheTenancyAreListedPageByPageInTheHomeRegion(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	o.Region, o.HomeRegion = "eu-frankfurt-1", "us-phoenix-1"
	cloud, e := emulated(t, o)
	var want []string
	for i := range 5 {
		want = append(want, e.AddUser(fmt.Sprintf("user-%d", i)))
	}
	got, n := pages(t, func(page string) (ids []string, next string, err error) {
		users, next, err := cloud.Users(t.Context(), page)
		for _, u := range users {
			if !strings.HasPrefix(u.Name, "user-") || u.State != "ACTIVE" {
				t.Errorf("%+v", u)
			}
			ids = append(ids, u.ID)
		}
		return ids, next, err
	})
	if !slices.Equal(got, want) || n != 3 {
		t.Errorf("%d pages with %v, want 3 with %v", n, got, want)
	}
	for _, c := range called(e, "ListUsers") {
		if c.Region != "us-phoenix-1" {
			t.Errorf("the users were asked for in %s", c.Region)
		}
	}
}

func TestTheSecretsOfACompartmentAreListedPageByPage(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 2
	cloud, e := emulated(t, o)
	var want []string
	for i := range 5 {
		want = append(want, e.AddSecret(ociemu.SecretSeed{Name: fmt.Sprintf("s%d", i)}))
	}
	got, n := pages(t, func(page string) (ids []string, next string, err error) {
		some, next, err := cloud.Vault().Secrets(t.Context(), e.Tenancy(), page)
		for _, s := range some {
			ids = append(ids, s.ID)
		}
		return ids, next, err
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || n != 3 || len(called(e, "ListSecrets")) != n {
		t.Errorf("%d pages in %d calls with %v, want 3 with %v", n, len(called(e, "ListSecrets")), got, want)
	}
}

func TestOnlyADeprecatedVersionIsScheduledForDeletion(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	v := cloud.Vault()
	id := e.AddSecret(ociemu.SecretSeed{Name: "s", Versions: 4, Region: "ap-mumbai-1"})
	if err := v.ScheduleDeletion(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	versions, err := v.Versions(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range versions {
		if x.Leaving != (x.Number == 1) || x.Stale != (x.Number < 3) || x.Current != (x.Number == 4) {
			t.Errorf("version %d: %+v", x.Number, x)
		}
	}
	for _, number := range []int64{1, 3, 4} { // gone already, the one before CURRENT, CURRENT
		if err := v.ScheduleDeletion(t.Context(), id, number); fault.Of(err) != fault.Busy {
			t.Errorf("version %d: %v", number, err)
		}
	}
	if err := v.ScheduleDeletion(t.Context(), id, 9); fault.Of(err) != fault.Absent {
		t.Errorf("a version that doesn't exist: %v", err)
	}
}
