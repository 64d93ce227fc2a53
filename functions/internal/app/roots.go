package app

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Trust adds the certificates of the public authorities to the process, once. The functions' images have no files but
// the binary, so the certificates are compiled in: Mozilla's list, from the Go project. They count only if the system
// has none: with SSL_CERT_FILE or SSL_CERT_DIR, those certificates are used instead (crypto/x509, SetFallbackRoots).
//
// A blank import of their package would parse them at the start. That takes a quarter of the time before the socket is
// open, and no process needs them before its first invocation.
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
