package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// prefix begins the name of everything that a run creates. Nothing with another name is ever removed.
const prefix = "keyturn-acceptance-"

// state lists what a run has created or is about to create. It is written before each step and holds no values. A thing
// without ID may or may not exist: the clean-up looks for it by name.
type state struct {
	Version     int       `json:"version"`
	Run         string    `json:"run"`
	Tenancy     string    `json:"tenancy"`
	Vault       string    `json:"vault"`
	Compartment string    `json:"compartment"`
	Function    *switched `json:"function,omitempty"`
	Users       []thing   `json:"users"`
	Domain      string    `json:"domain,omitempty"` // OCID of the identity domain of DomainUsers
	DomainUsers []thing   `json:"domain_users,omitempty"`
	Secrets     []thing   `json:"secrets"`

	path string
}

type thing struct {
	Name string    `json:"name"`
	ID   string    `json:"id,omitempty"`
	At   time.Time `json:"announced"`
}

// lateTime is how long after its announcement a thing may still appear if the request was never answered.
const lateTime = 2 * time.Minute

// mayCome reports whether the thing may still appear.
func (t thing) mayCome() bool { return t.ID == "" && time.Since(t.At) < lateTime }

// switched is a function whose event_check was switched off. Before is nil if the key didn't exist.
type switched struct {
	ID     string  `json:"id"`
	Before *string `json:"event_check_before"`
}

func readState(path string) (*state, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the state file: %w", err)
	}
	s := &state{path: path}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s is not the state file of an acceptance run: %w", path, err)
	}
	if s.Version != 1 || s.Tenancy == "" || s.Run == "" {
		return nil, fmt.Errorf("%s is not the state file of an acceptance run", path)
	}
	for _, t := range slices.Concat(s.Users, s.DomainUsers, s.Secrets) {
		if !strings.HasPrefix(t.Name, prefix+s.Run+"-") {
			return nil, fmt.Errorf("%s names %q, which its run has not created: nothing is removed", path, t.Name)
		}
	}
	return s, nil
}

// write replaces the file in one step, and returns when it is on the disk.
func (s *state) write() error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".keyturn-acceptance-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("writing the state file: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return fmt.Errorf("writing the state file: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func (s *state) discard() error {
	if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the state file: %w", err)
	}
	return nil
}

// announce records what is about to be created.
func (s *state) announce(list *[]thing, name string) error {
	*list = append(*list, thing{Name: name, At: time.Now().UTC()})
	return s.write()
}

// settle records the answer to the request: the ID, or that the service refused. Without a clear answer the
// announcement stays.
func (s *state) settle(list *[]thing, name, id string, err error) error {
	status, _ := answer(err)
	never := status >= 400 && status < 500 && status != http.StatusConflict && status != http.StatusTooManyRequests
	i := slices.IndexFunc(*list, func(t thing) bool { return t.Name == name })
	switch {
	case err == nil:
		(*list)[i].ID = id
	case never:
		*list = slices.Delete(*list, i, i+1)
	}
	return s.write()
}
