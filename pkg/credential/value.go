package credential

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Value holds a secret: a private key, a token, a password. With every verb of fmt, in JSON, as text, in slog and in
// zerolog it shows as [redacted]. Only Reveal returns the bytes; a search for it finds every use of a secret.
//
// The bytes are in a closure. For a Value in an unexported field, fmt can't call the Value's methods and prints
// everything that it can reach, sometimes even behind pointers. Of a function it prints only the address. The zero
// Value is empty.
type Value struct{ reveal func() []byte }

// NewValue returns a Value with a copy of b.
func NewValue(b []byte) Value {
	c := bytes.Clone(b)
	return Value{func() []byte { return c }}
}

// Reveal returns the secret bytes. The caller must not write to them, print them or keep them.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Empty reports whether the value has no bytes.
func (v Value) Empty() bool { return len(v.Reveal()) == 0 }

// Equal compares two values in constant time, by their digests.
func (v Value) Equal(w Value) bool {
	a, b := sha256.Sum256(v.Reveal()), sha256.Sum256(w.Reveal())
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements fmt.Formatter for every verb and flag.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String implements fmt.Stringer.
func (v Value) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (v Value) GoString() string { return redacted }

// MarshalText implements encoding.TextMarshaler.
func (v Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler; zerolog uses it too.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalBinary implements encoding.BinaryMarshaler, which encoding/gob uses.
func (v Value) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
