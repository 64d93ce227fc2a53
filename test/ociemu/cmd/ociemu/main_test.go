package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

func TestTheCommandPrintsAShellEnvironmentAndServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stdout bytes.Buffer
	said, stderr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-calm", "-function", "http://127.0.0.1:1/", "-real-spread", "-domain-refusals", "9",
			"-list-lag", "2s", "-region", "us-phoenix-1"}, &stdout, stderr)
		stderr.Close()
		ended <- err
	}()
	first := make([]byte, 1<<10)
	n, err := said.Read(first) // the message that it listens comes after the assignments
	if err != nil || !strings.Contains(string(first[:n]), "not for production") {
		t.Fatalf("it said %q, %v", first[:n], err)
	}

	shell := exec.CommandContext(t.Context(), "sh", "-c", stdout.String()+`
		printf '%s\n' "$OCIEMU_URL" "$OCI_RESOURCE_PRINCIPAL_REGION" "$OCI_REGION_METADATA" "$OCIEMU_AUTH_SECRET" "$OCIEMU_IMAGE" "$OCIEMU_VAULT"
		test -r "$OCIEMU_CONFIG_FILE" && test -r "$SSL_CERT_FILE" && test -r "$REQUESTS_CA_BUNDLE" && test -r "$OCI_CLI_CONFIG_FILE" && test -r "$OCI_RESOURCE_PRINCIPAL_RPST"`)
	out, err := shell.CombinedOutput()
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) < 6 || lines[1] != "us-phoenix-1" ||
		!strings.HasPrefix(lines[2], `{"realmDomainComponent"`) ||
		!strings.HasPrefix(lines[3], "ocid1.vaultsecret.oc1.phx.") ||
		!strings.HasSuffix(lines[4], "/orders/export:1.0.0") ||
		!strings.HasPrefix(lines[5], "ocid1.vault.oc1.phx.") {
		t.Fatalf("the shell ended with %v and said %s", err, out)
	}
	resp, err := http.Get(lines[0] + "/_emulator/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || strings.TrimSpace(string(body)) != "[]" {
		t.Errorf("the calls are %s, %v", body, err)
	}
	if strings.Contains(stdout.String(), "PRIVATE KEY") {
		t.Error("a private key is printed")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAWrongFlagIsAnError(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-region", "nowhere"}, {"-domain-refusals", "often"},
		{"-list-lag", "long"}, {"-addr", "0.0.0.0:0"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestQuotedWordsSurviveTheShell(t *testing.T) {
	for _, s := range []string{"", "a b", `it's "$HOME"`, "`x`\\"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %q, %v", s, out, err)
		}
	}
}
