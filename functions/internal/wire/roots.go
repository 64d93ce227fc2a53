package wire

// The functions' images have no files but the binary, so the certificates of the public authorities are compiled in:
// Mozilla's list, as the Go project keeps it. They count only where the system has none: where SSL_CERT_FILE or
// SSL_CERT_DIR lead to others, those are used (crypto/x509, SetFallbackRoots).
import _ "golang.org/x/crypto/x509roots/fallback"
