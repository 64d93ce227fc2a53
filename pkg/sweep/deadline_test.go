package sweep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// silent is all services: they find nothing, or hang.
type silent struct{ hangs bool }

func (s silent) wait(ctx context.Context) error {
	if !s.hangs {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s silent) ClosedProblems(ctx context.Context, _ time.Time, _ string) ([]string, string, error) {
	return nil, "", s.wait(ctx)
}
func (silent) Problem(context.Context, string) (p cloudguard.Problem, err error) { return p, nil }
func (silent) Users(context.Context, string) ([]credential.User, string, error)  { return nil, "", nil }
func (silent) AllDomains(context.Context) ([]credential.Domain, error)           { return nil, nil }
func (silent) DomainUsers(context.Context, credential.Domain, int, int) (p credential.Page, err error) {
	return p, nil
}
func (silent) DomainCredentials(context.Context, credential.Domain, credential.Kind, int,
	int) (p credential.Page, err error) {
	return p, nil
}
func (silent) CredentialsOf(context.Context, credential.Domain, credential.Kind,
	string) (l credential.Listing, err error) {
	return l, nil
}
func (silent) Compartment(context.Context) (string, error) {
	return "ocid1.compartment.oc1..a", nil
}
func (silent) Tenancy(context.Context) (credential.Tenancy, error) {
	return credential.Tenancy{Name: "acme"}, nil
}
func (silent) UserName(context.Context, string) (string, error)                       { return "web@example.com", nil }
func (silent) Review(context.Context, string, cloudguard.Problem) (o outcome.Outcome) { return o }
func (silent) Collect(context.Context, rotation.Orphan) (r rotation.Result)           { return r }
func (silent) Update(context.Context, string, string, vault.Update) (s vault.Secret, err error) {
	return s, nil
}
func (silent) Secrets(context.Context, string, string) ([]vault.Secret, string, error) {
	return nil, "", nil
}
func (silent) Secret(context.Context, string) (s vault.Secret, err error) { return s, nil }
func (silent) Versions(context.Context, string) ([]vault.Version, error)  { return nil, nil }
func (silent) ScheduleDeletion(context.Context, string, int64) error      { return nil }
func (s silent) Publish(ctx context.Context, _, _, _ string) error        { return s.wait(ctx) }
func (s silent) Post(ctx context.Context, _ []outcome.Point) error        { return s.wait(ctx) }

func TestASweepAnswersBeforeItsDeadlineThoughMailAndMetricsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sweeper{Config: config.Config{SweepDays: 7}, Inventory: silent{hangs: true}, Vault: silent{},
			Notifier: silent{hangs: true}, Directory: silent{},
			Meter: silent{hangs: true}, Clock: clock.System{}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, err := s.Run(ctx, "call"); err == nil {
			t.Error("a mail that was not sent is no error")
		}
		if took := time.Since(began); took > time.Minute-clock.Margin {
			t.Errorf("the answer comes after %v", took)
		}
	})
}
