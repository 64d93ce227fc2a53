package main

import (
	"context"

	"github.com/keyturn/keyturn/deploy/internal/binding"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/oci"
)

// allSubjects reads the living credentials of all users.
func (a *app) allSubjects(ctx context.Context, cloud *oci.Cloud) ([]binding.Subject, []inventory.Gap) {
	var s binding.Subjects
	names := map[string]string{}
	bar := a.progress(0, "credentials read")
	defer bar.Finish()
	r := inventory.Reader{Source: cloud, Clock: clock.System{}}
	gaps := r.Read(ctx, inventory.Visitor{
		User: func(_ credential.Domain, u credential.User) { names[u.ID] = u.Name },
		Credential: func(e inventory.Entry) {
			s.Add(e)
			bar.Add(1)
		}})
	return s.All(names), gaps
}
