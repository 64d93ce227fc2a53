package app

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Trust makes the certificates of the public authorities known to the process, once. The functions' images have no
// files but the binary, so they are compiled in: Mozilla's list, as the Go project keeps it. They count only where the
// system has none: where SSL_CERT_FILE or SSL_CERT_DIR lead to others, those are used (crypto/x509, SetFallbackRoots).
//
// It is not done at the start, as importing their package would: no process needs them before its first invocation, and
// parsing them takes as long as a quarter of all that comes before the socket.
var Trust = sync.OnceFunc(func() {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			panic("app: a public authority's certificate: " + err.Error()) // a test parses all of them
		}
		if root.Constraint == nil {
			pool.AddCert(cert)
		} else {
			pool.AddCertWithConstraint(cert, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
})
