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

// Value holds a secret: a private key, a token, a password. Under every verb of fmt, in JSON, as text, in slog and in
// zerolog it shows as [redacted]. Reveal is the only way to the bytes; a search for it shows every place that
// touches a secret.
//
// The bytes sit in a closure: fmt can't call the methods of an unexported field, and there looks into everything it
// can reach, even behind a pointer where a verb doesn't fit. Of a function it shows no more than the address, so that
// a Value hidden in somebody's struct doesn't show either. The zero Value is empty.
type Value struct{ reveal func() []byte }

// NewValue takes a copy of b.
func NewValue(b []byte) Value {
	c := bytes.Clone(b)
	return Value{func() []byte { return c }}
}

// Reveal returns the secret bytes themselves. The caller must not write to them, print them or keep them.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Empty tells whether there is no value at all.
func (v Value) Empty() bool { return len(v.Reveal()) == 0 }

// Equal compares two values by digest, in constant time.
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

// MarshalBinary implements encoding.BinaryMarshaler, and so covers encoding/gob.
func (v Value) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }
