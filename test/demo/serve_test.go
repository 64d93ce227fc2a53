package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/functions"
)

// served is a demo with -serve, whose output is read line by line.
type served struct {
	lines  *bufio.Scanner
	shell  map[string]string
	cancel context.CancelFunc
	ended  chan struct{}
	code   int // when it has ended
	stderr bytes.Buffer
}

func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	s := &served{lines: bufio.NewScanner(in), shell: map[string]string{}, cancel: cancel, ended: make(chan struct{})}
	go func() {
		s.code = demo{build: built}.run(ctx, append([]string{"-serve"}, args...), out, &s.stderr)
		out.Close()
		close(s.ended)
	}()
	t.Cleanup(func() {
		cancel()
		for s.lines.Scan() { // unread output would block it
		}
		<-s.ended
		if s.code != 0 || s.stderr.Len() > 0 {
			t.Errorf("exit code %d, on standard error: %s", s.code, s.stderr.String())
		}
	})
	return s
}

// until reads up to a line that has the text.
func (s *served) until(t *testing.T, text string) {
	t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		if assignment, ok := strings.CutPrefix(line, "  export "); ok {
			name, value, _ := strings.Cut(assignment, "=")
			s.shell[name] = strings.Trim(value, "'")
		}
		if strings.Contains(line, text) {
			return
		}
	}
	t.Fatalf("the output ends without %q (%v)", text, s.lines.Err())
}

func TestServePrintsShellVariablesAndShowsMails(t *testing.T) {
	s := startServe(t)
	s.until(t, "Ctrl-C ends it.")
	for _, name := range []string{"HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "OCI_CLI_CONFIG_FILE", "ORIGIN",
		"CONTROL", "TENANCY", "FUNCTION", "TOPIC", "API_KEY_USER", "API_KEY_PROBLEM",
		"API_SECRET_OCID", "AUTH_TOKEN_PROBLEM", "AUTH_SECRET_OCID", "CUSTOMER_SECRET_KEY_PROBLEM",
		"ACCESSKEY_SECRET_OCID",
		"SECRETKEY_SECRET_OCID", "PASSWORD_PROBLEM", "PASSWORD_SECRET_OCID"} {
		if s.shell[name] == "" {
			t.Fatalf("%s is not printed", name)
		}
	}
	config, err := os.ReadFile(s.shell["OCI_CLI_CONFIG_FILE"])
	if err != nil || !strings.HasPrefix(string(config), "[DEFAULT]") {
		t.Errorf("the OCI configuration can't be used: %v", err)
	}
	for _, kind := range []struct{ problem, comment, title string }{
		{"AUTH_TOKEN_PROBLEM", "auth_secret_ocid:" + s.shell["AUTH_SECRET_OCID"], "Keyturn | Rotated: auth token"},
		{"API_KEY_PROBLEM", "api_secret_ocd:" + s.shell["API_SECRET_OCID"], "Keyturn | NOT ROTATED: API key"},
	} {
		resp, err := http.Post(s.shell["CONTROL"]+"/problems/"+s.shell[kind.problem]+"/close", "application/json",
			strings.NewReader(`{"comment":"`+kind.comment+`","actor":"you@example.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("closing the problem was answered %d", resp.StatusCode)
		}
		s.until(t, kind.title)
		s.until(t, "Version: ")
	}
	s.cancel()
	s.until(t, "Ended.")
	if s.lines.Scan() {
		t.Errorf("there is more after the end: %s", s.lines.Text())
	}
	<-s.ended
	if _, err := os.Stat(s.shell["OCI_CLI_CONFIG_FILE"]); !os.IsNotExist(err) {
		t.Errorf("the OCI configuration is still there: %v", err)
	}
}

func TestServeAnswersInvokeFunction(t *testing.T) {
	s := startServe(t, "-kind", "password")
	s.until(t, "Ctrl-C ends it.")
	provider, err := common.ConfigurationProviderFromFile(s.shell["OCI_CLI_CONFIG_FILE"], "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := functions.NewFunctionsInvokeClientWithConfigurationProvider(provider, s.shell["ORIGIN"])
	if err != nil {
		t.Fatal(err)
	}
	function := s.shell["FUNCTION"]
	resp, err := client.InvokeFunction(t.Context(), functions.InvokeFunctionRequest{FunctionId: &function,
		InvokeFunctionBody: io.NopCloser(strings.NewReader(`{"keyturn":"preflight"}`))})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Content.Close()
	answer, err := io.ReadAll(resp.Content)
	if err != nil || !strings.HasPrefix(string(answer), `{"preflight":"passed"`) ||
		!strings.Contains(string(answer), s.shell["TOPIC"]) {
		t.Errorf("got %.200s, %v", answer, err)
	}
}

func TestServeShowsTheFunctionsLog(t *testing.T) {
	s := startServe(t, "-kind", "password")
	s.until(t, "Ctrl-C ends it.")
	if s.shell["API_KEY_PROBLEM"] != "" {
		t.Error("there is a kind that was not requested")
	}
	resp, err := http.Post(s.shell["CONTROL"]+"/problems/"+s.shell["PASSWORD_PROBLEM"]+"/close", "application/json",
		strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.until(t, "log   info")
}
