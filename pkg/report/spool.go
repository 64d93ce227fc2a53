package report

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
)

// Spool keeps what a Builder doesn't hold in memory, such as a temporary file that only its owner can read. It has
// names and OCIDs, and no secret value.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// spool keeps the entries of a reading in a file, in the order in which they came, and in memory the order in which
// they are written: 24 bytes for each.
type spool struct {
	file  Spool
	out   *bufio.Writer
	end   int64 // of what was written
	order []place
}

// place is where an entry is in the file.
type place struct {
	at     int64
	length uint32
	due    uint32 // by which entries are sorted: seconds since 2000, when it is too old
	tie    uint64 // and then: a hash, so that two readings of the same tenancy have the same order
}

// spooled is an entry in the file.
type spooled struct {
	Domain  int       `json:"d"`
	Kind    string    `json:"k"`
	User    string    `json:"u"`
	Name    string    `json:"n,omitempty"`
	ID      string    `json:"i,omitempty"`
	About   string    `json:"t,omitempty"`
	Created time.Time `json:"c,omitzero"`
	Expires time.Time `json:"e,omitzero"`
	Off     bool      `json:"x,omitempty"`
	At      time.Time `json:"a,omitzero"`
}

func newSpool(f Spool) *spool { return &spool{file: f, out: bufio.NewWriterSize(f, 64<<10)} }

func (s *spool) add(e spooled, due time.Time) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an entry of the report: %w", err)
	}
	if _, err := s.out.Write(text); err != nil {
		return fmt.Errorf("writing to the report's temporary file: %w", err)
	}
	tie := fnv.New64a()
	_, _ = io.WriteString(tie, e.Kind+" "+e.User+" "+e.ID)
	s.order = append(s.order, place{s.end, uint32(len(text)), sortKey(due), tie.Sum64()})
	s.end += int64(len(text))
	return nil
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// sortKey are the seconds since 2000, as far as they fit.
func sortKey(t time.Time) uint32 {
	return uint32(min(max(t.Unix()-epoch.Unix(), 0), math.MaxUint32))
}

// sort ends the writing, and sorts the entries: what is due first comes first.
func (s *spool) sort() error {
	slices.SortStableFunc(s.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.tie, b.tie))
	})
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("writing to the report's temporary file: %w", err)
	}
	return nil
}

// all returns the entries in their order.
func (s *spool) all(domains []credential.Domain) iter.Seq2[inventory.Entry, error] {
	return func(yield func(inventory.Entry, error) bool) {
		var text []byte
		for _, p := range s.order {
			text = slices.Grow(text[:0], int(p.length))[:p.length]
			if _, err := s.file.ReadAt(text, p.at); err != nil {
				yield(inventory.Entry{}, fmt.Errorf("reading the report's temporary file: %w", err))
				return
			}
			var e spooled
			if err := json.Unmarshal(text, &e); err != nil {
				yield(inventory.Entry{}, fmt.Errorf("decoding an entry of the report: %w", err))
				return
			}
			if !yield(inventory.Entry{Domain: domains[e.Domain], Kind: credential.Kind(e.Kind), At: e.At,
				Held: credential.Held{User: e.User, UserName: e.Name, Issued: credential.Issued{ID: e.ID,
					Description: e.About, Created: e.Created, Expires: e.Expires, Inactive: e.Off}}}, nil) {
				return
			}
		}
	}
}
