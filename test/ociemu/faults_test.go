package ociemu_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAnInjectedAnswerComesBeforeOrAfterTheEffect(t *testing.T) {
	for when, tokens := range map[ociemu.When]int{ociemu.Before: 0, ociemu.After: 1} {
		e := ociemu.New(t, ociemu.Calm())
		user, c := e.AddUser("jane"), asFunction(t, e)
		e.Inject(ociemu.Fault{Operation: "CreateAuthToken", When: when, Do: ociemu.Answer(429, "TooManyRequests")})
		_, err := c.createToken(t.Context(), user, "x")
		refused(t, err, 429, "TooManyRequests")
		if got := len(e.User(user).AuthTokens); got != tokens {
			t.Errorf("when %d: the user has %d tokens, want %d", when, got, tokens)
		}
		call := e.Calls()[0]
		if call.Status != 429 || call.Effect != tokens*200 {
			t.Errorf("when %d: the history has status %d and effect %d", when, call.Status, call.Effect)
		}
		if _, err := c.createToken(t.Context(), user, "y"); err != nil {
			t.Errorf("a fault for one call hit a second: %v", err)
		}
	}
}

func TestACutConnectionGivesNoAnswerBeforeOrAfterTheEffect(t *testing.T) {
	for when, tokens := range map[ociemu.When]int{ociemu.Before: 0, ociemu.After: 1} {
		e := ociemu.New(t, ociemu.Calm())
		user, c := e.AddUser("jane"), asFunction(t, e)
		fault := e.Inject(ociemu.Fault{Operation: "CreateAuthToken", When: when, Do: ociemu.Cut})
		_, err := c.createToken(t.Context(), user, "x")
		if _, answered := common.IsServiceError(err); err == nil || answered {
			t.Errorf("when %d: got error %v, want one of the network", when, err)
		}
		if got := len(e.User(user).AuthTokens); got != tokens || fault.Hits() != 1 {
			t.Errorf("when %d: the user has %d tokens, want %d; %d hits", when, got, tokens, fault.Hits())
		}
		if call := e.Calls()[0]; call.Status != 0 || call.Effect != tokens*200 {
			t.Errorf("when %d: the history has status %d and effect %d", when, call.Status, call.Effect)
		}
	}
}

func TestAFaultSkipsAndCountsTheCallsThatItMatches(t *testing.T) {
	for _, row := range []struct {
		fault ociemu.Fault
		want  string
	}{
		{ociemu.Fault{Operation: "GetUser"}, "500 200 200 200"},
		{ociemu.Fault{Operation: "GetUser", Skip: 1, Times: 2}, "200 500 500 200"},
		{ociemu.Fault{Operation: "GetUser", Times: -1}, "500 500 500 500"},
		{ociemu.Fault{Skip: 3}, "200 200 200 500"},
		{ociemu.Fault{Operation: "ListUsers", Times: -1}, "200 200 200 200"},
		{ociemu.Fault{Times: -1, Match: func(c ociemu.Call) bool { return c.Seq%2 == 0 }}, "200 500 200 500"},
	} {
		e := ociemu.New(t, ociemu.Calm())
		user, fn := e.AddUser("jane"), e.NewFunction("rotate", "")
		row.fault.Do = ociemu.Answer(500, "InternalServerError")
		e.Inject(row.fault)
		got := ""
		for range 4 {
			status, _ := message{method: "GET", url: e.URL() + "/20160918/users/" + user, signer: fn}.send(t, e)
			got += fmt.Sprintf(" %d", status)
		}
		if got[1:] != row.want {
			t.Errorf("%+v: got%s, want %s", row.fault, got, row.want)
		}
	}
}

func TestARemovedFaultDisturbsNothing(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	fault := e.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(500, "InternalServerError")})
	fault.Remove()
	e.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(503, "ServiceUnavailable")})
	e.ClearFaults()
	must[identity.GetUserResponse](t)(c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &user}))
	if fault.Hits() != 0 {
		t.Errorf("the removed fault hit %d calls", fault.Hits())
	}
}

func TestALateCallTakesEffectWhenItIsReleased(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	e.Inject(ociemu.Fault{Operation: "CreateAuthToken", Do: ociemu.Late})
	if _, err := c.createToken(t.Context(), user, "late"); err == nil {
		t.Error("the late call was answered")
	}
	if n := len(e.User(user).AuthTokens); n != 0 {
		t.Errorf("before the release the user has %d tokens", n)
	}
	must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "in between"))
	if n := e.ReleaseLate(); n != 1 {
		t.Errorf("%d calls were released", n)
	}
	tokens := e.User(user).AuthTokens
	if len(tokens) != 2 || tokens[0].Description != "in between" || tokens[1].Description != "late" {
		t.Errorf("got tokens %+v", tokens)
	}
	if call := e.Calls()[0]; call.Status != 0 || call.Effect != 200 {
		t.Errorf("the history has status %d and effect %d", call.Status, call.Effect)
	}
	if n := e.ReleaseLate(); n != 0 {
		t.Errorf("%d calls were released twice", n)
	}
}

func TestAHeldCallContinuesAfterItsClientHasGivenUp(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, fn := e.AddUser("jane"), e.NewFunction("rotate", "")
	hold, arrived := make(chan struct{}), make(chan struct{})
	e.Inject(ociemu.Fault{Operation: "CreateAuthToken", Match: func(ociemu.Call) bool {
		close(arrived)
		return true
	}, Do: ociemu.Hold(hold)})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	// Not through the SDK: its Retry has a data race when the context ends during a call.
	create := message{
		method: "POST", url: e.URL() + "/20160918/users/" + user + "/authTokens", body: `{"description":"held"}`,
		signer: fn, ctx: ctx,
	}
	go func() {
		_, err := create.try(t, e)
		gone <- err
	}()
	<-arrived
	if n := len(e.User(user).AuthTokens); n != 0 {
		t.Errorf("the held call has made %d tokens", n)
	}
	cancel()
	if err := <-gone; err == nil {
		t.Error("the held call was answered")
	}
	changed := make(chan struct{}, 1)
	e.OnChange(func(v ociemu.View) {
		if len(v.User(user).AuthTokens) == 1 {
			changed <- struct{}{}
		}
	})
	close(hold)
	<-changed // hangs if the call does not continue
}

func TestADelayedCallContinues(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	e.Inject(ociemu.Fault{Operation: "GetUser", Do: ociemu.Delay(time.Millisecond)})
	e.Inject(ociemu.Fault{Operation: "GetUser", When: ociemu.After, Do: ociemu.Delay(time.Millisecond)})
	must[identity.GetUserResponse](t)(c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &user}))
}

func TestClosingTheEmulatorEndsHeldCalls(t *testing.T) {
	e, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		t.Fatal(err)
	}
	user, c := e.AddUser("jane"), asFunction(t, e)
	arrived := make(chan struct{})
	e.Inject(ociemu.Fault{Match: func(ociemu.Call) bool { close(arrived); return true }, Do: ociemu.Hold(nil)})
	gone := make(chan error)
	go func() {
		_, err := c.createToken(context.Background(), user, "x")
		gone <- err
	}()
	<-arrived
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-gone; err == nil {
		t.Error("the held call was answered")
	}
}

func TestFaultsAffectTheRegistryAndS3(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.Inject(ociemu.Fault{Operation: "DockerToken", Do: ociemu.Answer(503, "ServiceUnavailable")})
	e.Inject(ociemu.Fault{Operation: "ListBuckets", Do: ociemu.Answer(503, "SlowDown")})
	if status, _ := (message{method: "GET", url: "https://iad.ocir.io/20180419/docker/token"}).send(t,
		e); status != 503 {
		t.Errorf("the registry answers %d", status)
	}
	resp := message{method: "GET", url: "https://" + e.Namespace() +
		".compat.objectstorage.us-ashburn-1.oraclecloud.com/"}.do(t, e)
	if resp.status != 503 || s3Code(t, resp.body) != "SlowDown" {
		t.Errorf("S3 answers %d %s", resp.status, resp.body)
	}
}
