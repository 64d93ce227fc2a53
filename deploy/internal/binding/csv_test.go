package binding_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/deploy/internal/binding"
	"github.com/keyturn/keyturn/deploy/internal/operate"
)

func worldOf(subjects []binding.Subject, secrets []binding.Candidate) binding.World {
	w, known := binding.World{Secrets: secrets}, map[string]bool{}
	for _, s := range subjects {
		if !known[s.User] {
			w.Users = append(w.Users, operate.User{ID: s.User, Name: s.Name})
		}
		known[s.User] = true
	}
	return w
}

func TestAFaultNamesItsLineColumnAndPosition(t *testing.T) {
	rows, err := binding.ReadRows(strings.NewReader("role,secret,kind,user\n\n,s,\"api-key\",\n"))
	if err != nil || len(rows) != 1 {
		t.Fatalf("it reads %v (%v)", rows, err)
	}
	_, err = binding.Check(rows, binding.World{})
	var found []binding.RowError
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			if e, ok := errors.AsType[binding.RowError](one); ok {
				found = append(found, e)
			}
		}
	}
	if len(found) != 2 || found[0].Line != 3 || found[0].Column != "user" || found[0].At != 14 ||
		found[1].Column != "secret" || found[1].At != 2 {
		t.Errorf("the faults are %+v", found)
	}
}

func FuzzReadRowsAndCheck(f *testing.F) {
	f.Add("user,kind,secret,role\njane,api-key,s,\n")
	f.Add("\ufeffuser,kind,secret\n\"a\"\"b\",x,y,z\n")
	f.Fuzz(func(_ *testing.T, text string) {
		rows, err := binding.ReadRows(strings.NewReader(text))
		if err == nil {
			_, _ = binding.Check(rows, binding.World{Create: true})
		}
	})
}
