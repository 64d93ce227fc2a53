package app_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/keyturn/keyturn/functions/internal/app"
)

// ociRoot is the authority of OCI's certificates.
const ociRoot = "DigiCert Global Root G2"

// certificateKey is the variable with a certificate's file. With it, this test binary reports whether it trusts the
// certificate.
const certificateKey = "KEYTURN_TEST_CERTIFICATE"

func TestMain(m *testing.M) {
	if path := os.Getenv(certificateKey); path != "" {
		os.Exit(trusts(path))
	}
	os.Exit(m.Run())
}

func trusts(path string) (code int) {
	app.Trust()
	der, err := os.ReadFile(path)
	if err != nil {
		return 2
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return 2
	}
	_, err = cert.Verify(x509.VerifyOptions{CurrentTime: cert.NotBefore.Add(time.Hour),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return 3
	}
	return 0
}

// trusted reports whether a process with the environment and without other certificates trusts one.
func trusted(t *testing.T, der []byte, env ...string) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cert.der")
	if err := os.WriteFile(path, der, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append([]string{certificateKey + "=" + path}, env...)
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 0 && code != 3 {
		t.Fatalf("asking for the trust: %v\n%s", err, out)
	}
	return err == nil
}

func authority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1),
		Subject:   pkix.Name{CommonName: "a private authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func publicRoot(t *testing.T) []byte {
	t.Helper()
	for root := range bundle.Roots() {
		if bytes.Contains(root.Certificate, []byte(ociRoot)) {
			return root.Certificate
		}
	}
	t.Fatalf("%s is not among the certificates that are compiled in", ociRoot)
	return nil
}

// A system without certificates, like the image, and one with a private authority.
func TestThePublicAuthoritiesCountOnlyWhereTheSystemHasNone(t *testing.T) {
	own, public := authority(t), publicRoot(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own}), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := []string{"SSL_CERT_FILE=" + nowhere, "SSL_CERT_DIR=" + nowhere}
	named := []string{"SSL_CERT_FILE=" + file, "SSL_CERT_DIR=" + nowhere}
	for _, c := range []struct {
		name string
		cert []byte
		env  []string
		want bool
	}{
		{"a public authority, on a system without certificates", public, empty, true},
		{"an unknown authority, on a system without certificates", own, empty, false},
		{"the authority that SSL_CERT_FILE names", own, named, true},
		{"a public authority that SSL_CERT_FILE doesn't name", public, named, false},
	} {
		if got := trusted(t, c.cert, c.env...); got != c.want {
			t.Errorf("%s: trusted is %t, want %t", c.name, got, c.want)
		}
	}
}
