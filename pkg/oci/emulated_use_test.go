package oci_test

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestTheProverAcceptsAGoodCredentialAndRejectsABadOne(t *testing.T) {
	for _, rejects := range []int{403, 401} {
		o := ociemu.Calm()
		o.Region, o.Answers.S3Rejects = "eu-frankfurt-1", rejects
		cloud, e := emulated(t, o)
		u := e.AddUser("web@example.com")
		o1 := credential.Owner{Tenancy: e.Tenancy(), User: u, UserName: "web@example.com", Region: "us-ashburn-1",
			Namespace: e.Namespace(),
			Hosts: credential.Hosts{Registry: "ocir.us-ashburn-1.oci.oraclecloud.com", S3: e.Namespace() +
				".compat.objectstorage.us-ashburn-1.oraclecloud.com"}}
		print, key := e.AddAPIKey(u)
		tokenID, token := e.AddAuthToken(u, "in use")
		access, secretKey := e.AddCustomerSecretKey(u, "in use")
		stranger, err := credential.GenerateAPIKey(2048)
		if err != nil {
			t.Fatal(err)
		}
		value := func(s string) credential.Value { return credential.NewValue([]byte(s)) }
		for name, c := range map[string]struct {
			m    credential.Material
			want bool
		}{
			"an API key": {credential.Material{Kind: credential.APIKey, ID: print,
				Value: value(string(key))}, true},
			"a key nobody uploaded": {stranger, false},
			"a key under another name": {credential.Material{Kind: credential.APIKey, ID: print, Value: stranger.Value},
				false},
			"an auth token": {credential.Material{Kind: credential.AuthToken, ID: tokenID,
				Value: value(token)}, true},
			"a guessed auth token": {credential.Material{Kind: credential.AuthToken, ID: tokenID,
				Value: value(rand.Text())}, false},
			"a secret key": {credential.Material{Kind: credential.CustomerSecretKey, ID: access,
				Value: value(secretKey)}, true},
			"a guessed secret key": {credential.Material{Kind: credential.CustomerSecretKey, ID: access,
				Value: value(rand.Text())}, false},
			"an unknown access key": {credential.Material{Kind: credential.CustomerSecretKey, ID: "nobody",
				Value: value(secretKey)}, false},
		} {
			if got, err := cloud.Prover().Prove(t.Context(), c.m, o1); err != nil || got != c.want {
				t.Errorf("%s (a refused S3 request is answered %d): accepted %v (%v), want %v", name, rejects, got, err,
					c.want)
			}
		}
	}
}

func TestANewCredentialIsRejectedUntilItHasSpread(t *testing.T) {
	o := ociemu.Calm()
	o.VisibilityRejects = 2
	cloud, e := emulated(t, o)
	u := e.AddUser("web@example.com")
	made, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), u, draft(t, credential.AuthToken, "t"))
	if err != nil {
		t.Fatal(err)
	}
	m := credential.Material{Kind: credential.AuthToken, ID: made.ID, Value: made.Value}
	who := credential.Owner{Tenancy: e.Tenancy(), User: u, UserName: "web@example.com", Region: "us-ashburn-1",
		Namespace: e.Namespace(),
		Hosts: credential.Hosts{Registry: "ocir.us-ashburn-1.oci.oraclecloud.com", S3: e.Namespace() +
			".compat.objectstorage.us-ashburn-1.oraclecloud.com"}}
	for i, want := range []bool{false, false, true} {
		if got, err := cloud.Prover().Prove(t.Context(), m, who); err != nil || got != want {
			t.Errorf("use %d: accepted %v (%v), want %v", i+1, got, err, want)
		}
	}
}

func TestAProblemIsReadAndReopened(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	id := e.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD", User: u, ResourceID: "ocid1.credential.oc1..x",
		ResourceName: "n"})
	e.CloseProblem(id, "why", "secops@example.com")
	p, err := cloud.Problem(t.Context(), id)
	if err != nil || !p.Resolved() || !slices.Equal(p.Subject().Users, []string{u}) ||
		p.ResourceID != "ocid1.credential.oc1..x" || p.ID != id {
		t.Fatalf("the problem is %+v (%v)", p, err)
	}
	unread := p
	e.CloseProblem(id, "once more", "secops@example.com")
	err = cloud.Reopen(t.Context(), unread, "why not")
	if fault.Of(err) != fault.Conflict || e.Problem(id).Status != "RESOLVED" {
		t.Errorf("a problem that was changed since it was read is %s", e.Problem(id).Status)
	}
	p, err = cloud.Problem(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := cloud.Reopen(t.Context(), p, cloudguard.ReopenMark+": why not"); err != nil {
		t.Fatal(err)
	}
	if got := e.Problem(id); got.Status != "OPEN" || got.Comment != cloudguard.ReopenMark+": why not" {
		t.Errorf("the problem is %s, its comment %q", got.Status, got.Comment)
	}
}

func TestAfreshReadsTheHistoryAfterTheEtag(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	id := e.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD", User: e.AddUser("web@example.com"),
		ResourceID: "ocid1.credential.oc1..x", ResourceName: "n"})
	e.CloseProblem(id, "first", "secops@example.com")
	held := make(chan struct{})
	e.Inject(ociemu.Fault{Times: 1, When: ociemu.Before, Do: ociemu.Hold(held), Match: func(c ociemu.Call) bool {
		if c.Operation == "ListProblemHistories" { // after GetProblem was answered
			go func() { defer close(held); e.CloseProblem(id, "second", "ops@example.com") }()
		}
		return c.Operation == "ListProblemHistories"
	}})
	p, err := cloud.Afresh(t.Context(), id)
	if err != nil || p.Comment == "second" {
		t.Fatalf("the record is %+v (%v)", p, err)
	}
	if closure, ok := cloudguard.Closure(p.History); !ok || closure.Comment != "second" {
		t.Errorf("the closure is %+v, want the second one", closure)
	}
	if err := cloud.Reopen(t.Context(), p, "why not"); fault.Of(err) != fault.Conflict {
		t.Errorf("with the etag of before the second closure: %v", err)
	}
}

func TestAMailIsSentOnceForEveryStatusOfTheAnswer(t *testing.T) {
	for _, status := range []int{200, 202} {
		o := ociemu.Calm()
		o.Answers.PublishStatus = status
		cloud, e := emulated(t, o)
		if err := cloud.Publish(t.Context(), e.AddTopic("secops"), "title", "body ☃"); err != nil {
			t.Fatal(err)
		}
		if m := e.Mails(); len(m) != 1 || m[0].Title != "title" || m[0].Body != "body ☃" {
			t.Errorf("%d: the mails are %+v", status, m)
		}
	}
}

func TestADeletionIsDoneForEveryStatusOfTheAnswer(t *testing.T) {
	for _, status := range []int{200, 204} {
		o := ociemu.Calm()
		o.Answers.DeleteStatus = status
		cloud, e := emulated(t, o)
		u := e.AddUser("web@example.com")
		id, _ := e.AddCustomerSecretKey(u, "old")
		if err := cloud.Issuer(credential.CustomerSecretKey).Delete(t.Context(), u, id); err != nil ||
			len(e.User(u).CustomerSecretKeys) != 0 {
			t.Errorf("%d: %v, the user has %v", status, err, e.User(u).CustomerSecretKeys)
		}
	}
}

func TestTheNamespaceAndTheTenancyAreAskedForOnceAlsoByManyAtATime(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if ns, err := cloud.Namespace(t.Context()); err != nil || ns != e.Namespace() {
				t.Errorf("the namespace is %q (%v)", ns, err)
			}
			if _, err := cloud.UserName(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if a, b := len(called(e, "GetNamespace")), len(called(e, "GetTenancy")); a != 1 || b != 1 {
		t.Errorf("GetNamespace was called %d times, GetTenancy %d times, want each once", a, b)
	}
}

func TestAnAnswerThatFailedIsAskedForAgain(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	e.Inject(ociemu.Fault{Operation: "GetTenancy", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if _, err := cloud.Tenancy(t.Context()); err == nil {
		t.Fatal("the first question didn't fail")
	}
	if got, err := cloud.Tenancy(t.Context()); err != nil || got.Name == "" {
		t.Errorf("the second question gives %+v (%v)", got, err)
	}
}

func TestConnectionsAreKeptBetweenCallsAndDroppedAfterAFreeze(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	ask := func() {
		t.Helper()
		if _, err := cloud.UserName(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	const host = "identity.us-ashburn-1.oci.oraclecloud.com"
	ask()
	cloud.Fresh()
	ask()
	if n := e.Connections()[host]; n != 1 {
		t.Errorf("%d connections for calls close together, want 1", n)
	}
	cloud.Idle(time.Minute)
	cloud.Fresh()
	ask()
	if n := e.Connections()[host]; n != 2 {
		t.Errorf("%d connections after a minute of silence, want 2", n)
	}
}
