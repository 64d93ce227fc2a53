package ociemu_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// TestMain runs the test binary as the program under test of TestAnUnmodifiedProgramNeedsOnlyTheEnvironment.
func TestMain(m *testing.M) {
	if tenancy := os.Getenv("OCIEMU_TEST_TENANCY"); tenancy != "" {
		os.Exit(programUnderTest(tenancy))
	}
	os.Exit(m.Run())
}

// programUnderTest uses the SDK like a function, without knowledge of the emulator.
func programUnderTest(tenancy string) int {
	provider, err := auth.ResourcePrincipalConfigurationProvider()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	client, err := identity.NewIdentityClientWithConfigurationProvider(provider)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	got, err := client.GetTenancy(context.Background(), identity.GetTenancyRequest{TenancyId: &tenancy})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("home region", *got.HomeRegionKey)
	return 0
}

func TestAnUnmodifiedProgramNeedsOnlyTheEnvironment(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{Region: "us-phoenix-1"})
	fn := e.NewFunction("rotate", "")
	cmd := exec.CommandContext(t.Context(), must[string](t)(os.Executable()))
	cmd.Env = append(os.Environ(), e.Env(fn)...)
	cmd.Env = append(cmd.Env, "OCIEMU_TEST_TENANCY="+e.Tenancy())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "home region IAD") {
		t.Fatalf("the program ended with %v and said:\n%s", err, out)
	}
	calls := e.Calls()
	if len(calls) != 1 || calls[0].Region != "us-phoenix-1" || calls[0].Caller.ID != fn.FunctionID {
		t.Errorf("got calls %+v, want one of the function in us-phoenix-1", calls)
	}
	if got := e.Connections(); got["identity.us-phoenix-1.oci.oraclecloud.com"] != 1 || len(got) != 1 {
		t.Errorf("got connections %v, want one to identity in us-phoenix-1", got)
	}
}

// connectTo sends CONNECT and returns the status.
func connectTo(t *testing.T, e *ociemu.Emulator, host string) int {
	t.Helper()
	conn := must[net.Conn](t)(net.Dial("tcp", strings.TrimPrefix(e.URL(), "http://")))
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host); err != nil {
		t.Fatal(err)
	}
	resp := must[*http.Response](t)(http.ReadResponse(bufio.NewReader(conn), nil))
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestOnlyHostsOfTheEmulatedServicesCanBeConnectedTo(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for host, want := range map[string]int{
		"identity.us-ashburn-1.oci.oraclecloud.com:443":            200,
		"vaults.eu-frankfurt-1.oci.oraclecloud.com:443":            200,
		"secrets.vaults.us-ashburn-1.oci.oraclecloud.com:443":      200,
		"notification.us-ashburn-1.oraclecloud.com:443":            200,
		"cloudguard-cp-api.us-ashburn-1.oci.oraclecloud.com:443":   200,
		"events.us-ashburn-1.oci.oraclecloud.com:443":              200,
		"objectstorage.us-ashburn-1.oraclecloud.com:443":           200,
		"ns.compat.objectstorage.us-ashburn-1.oraclecloud.com:443": 200,
		"ocir.us-ashburn-1.oci.oraclecloud.com:443":                200,
		"iad.ocir.io:443": 200,
		"identity.us-ashburn-1.oci.oraclecloud.com:80":  502,
		"identity.us-nowhere-1.oci.oraclecloud.com:443": 502,
		"compute.us-ashburn-1.oci.oraclecloud.com:443":  502,
		"xyz.ocir.io:443": 502,
		"example.com:443": 502,
		"identity.us-ashburn-1.oci.oraclecloud.com.example.com:443": 502,
		"a.b.compat.objectstorage.us-ashburn-1.oraclecloud.com:443": 502,
		".compat.objectstorage.us-ashburn-1.oraclecloud.com:443":    502,
		"identity.us-ashburn-1.oraclegovcloud.com:443":              502,
		"oraclecloud.com:443": 502,
	} {
		if got := connectTo(t, e, host); got != want {
			t.Errorf("CONNECT %s is answered %d, want %d", host, got, want)
		}
	}
}

func TestARequestForAnotherHostThanTheTunnelsIsRefused(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	m := message{method: "GET", url: "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/tenancies/" +
		e.Tenancy()}
	m.spoil = func(r *http.Request) { r.Host = "vaults.us-ashburn-1.oci.oraclecloud.com" }
	if status, _ := m.send(t, e); status != 421 {
		t.Errorf("got %d, want 421", status)
	}
}

func TestACallToAnUnsubscribedRegionIsNotAuthenticated(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	c.identity.SetRegion("ap-mumbai-1")
	_, err := c.identity.GetTenancy(t.Context(), identity.GetTenancyRequest{TenancyId: common.String(e.Tenancy())})
	refused(t, err, 401, "NotAuthenticated")
	e.AddSecret(ociemu.SecretSeed{Name: "mumbai", Region: "ap-mumbai-1"})
	must[identity.GetTenancyResponse](t)(c.identity.GetTenancy(t.Context(),
		identity.GetTenancyRequest{TenancyId: common.String(e.Tenancy())}))
}

func TestThePlainOriginAnswersForEveryServiceByItsBasePath(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	fn := e.NewFunction("rotate", "")
	secret, topic := e.AddSecret(ociemu.SecretSeed{Name: "one"}), e.AddTopic("secops")
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"})
	for _, path := range []string{
		"/20160918/tenancies/" + e.Tenancy(), "/20180608/secrets/" + secret, "/20190301/secretbundles/" + secret,
		"/20181201/topics/" + topic,
		"/20181201/rules?compartmentId=" + e.Tenancy(), "/20200131/problems/" + problem, "/n",
	} {
		m := message{method: "GET", url: e.URL() + path, signer: fn}
		if status, code := m.send(t, e); status != 200 {
			t.Errorf("GET %s is answered %d %s", path, status, code)
		}
	}
	m := message{method: "GET", url: e.URL() + "/v2/"}
	if status, _ := m.send(t, e); status != 401 {
		t.Errorf("GET /v2/ is answered %d, want 401", status)
	}
	if status, code := (message{method: "GET", url: e.URL() + "/20160918/nothing", signer: fn}).send(t,
		e); status != 404 || code != "NotAuthorizedOrNotFound" {
		t.Errorf("an unknown path is answered %d %s", status, code)
	}
}

func TestAnswersCarryTheRequestsIDAndTheServicesDate(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now = now.Now
	e := ociemu.New(t, opts)
	c := asFunction(t, e)
	got := must[identity.GetTenancyResponse](t)(c.identity.GetTenancy(t.Context(), identity.GetTenancyRequest{
		TenancyId: common.String(e.Tenancy()), OpcRequestId: common.String("mine"),
	}))
	if id := *got.OpcRequestId; !strings.HasPrefix(id, "mine/") || len(id) != len("mine/")+32 {
		t.Errorf("got request id %s", id)
	}
	if date, want := got.RawResponse.Header.Get("Date"), now.Now().UTC().Format(http.TimeFormat); date != want {
		t.Errorf("got date %s, want %s", date, want)
	}
	if calls := e.Calls(); calls[0].RequestID != *got.OpcRequestId {
		t.Errorf("the history has request id %s", calls[0].RequestID)
	}
}

func TestTheEmulatorListensOnLoopbackOnly(t *testing.T) {
	if e, err := ociemu.Start(ociemu.Options{Addr: "0.0.0.0:0"}); err == nil {
		t.Errorf("it listens on all addresses: %v", e.Close())
	}
}

func TestAMisspeltOptionIsRefusedAtTheStart(t *testing.T) {
	for _, opts := range []ociemu.Options{
		{Region: "us-nowhere-1"}, {Answers: ociemu.Answers{RetryToken: "vlaue"}},
		{Answers: ociemu.Answers{S3Rejects: 500}},
	} {
		if e, err := ociemu.Start(opts); err == nil {
			t.Errorf("%+v is accepted: %v", opts, e.Close())
		}
	}
}
