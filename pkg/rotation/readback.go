package rotation

import (
	"context"
	"fmt"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// readBack checks in parallel that every secret holds the value. It returns the number of the version in each secret,
// or 0 where nothing had to be read.
func (r *run) readBack(ctx context.Context, c Case) ([]int64, error) {
	numbers := make([]int64, len(r.snap.Secrets))
	var reads []func() error
	for i, s := range r.snap.Secrets {
		if version := s.version(c.Version); version == nil || s.Verified || version.Current {
			continue
		}
		reads = append(reads, func() (err error) {
			numbers[i], err = r.verify(ctx, c, s)
			if err != nil {
				return fmt.Errorf("reading secret %s back: %w", s.Name, err)
			}
			return nil
		})
	}
	err := inParallel(reads...)
	return numbers, err
}

// markVerified records the result of readBack.
func (r *run) markVerified(c Case, numbers []int64) {
	for i, number := range numbers {
		if number == 0 {
			continue
		}
		s := r.snap.Secrets[i]
		s.Versions = append(s.Versions[:0:0], s.Versions...)
		for n := range s.Versions {
			if s.Versions[n].Name == c.Version {
				s.Versions[n].Number = number
			}
		}
		s.Verified = true
		r.snap = r.snap.with(i, s)
	}
}

// verify reads this attempt's version, checks that it holds the value, and returns its number. It retries, since Vault
// may take a moment until a new version can be read.
func (r *run) verify(ctx context.Context, c Case, s Seen) (int64, error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		number, content, err := r.Vault.Read(ctx, s.SecretID, c.Version)
		if err == nil {
			if !matches(*c.Material, s.Role, content) {
				return 0, fault.New(fault.Invalid, "GetSecretBundle", "the content is not what was written")
			}
			return number, nil
		}
		if fault.Of(err) != fault.Absent || pause >= maxPause {
			return 0, err
		}
		if err := r.Clock.Sleep(ctx, pause); err != nil {
			return 0, err
		}
	}
}

func matches(m credential.Material, role credential.Role, content credential.Value) bool {
	if role.IsID() {
		return content.Equal(credential.NewValue([]byte(m.ID)))
	}
	read, err := credential.Decode(m.Kind, role, m.ID, content)
	return err == nil && read.Value.Equal(m.Value)
}
