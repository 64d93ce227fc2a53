package sweep

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func pagesOf(ids []string, size int) inventory.IDs {
	return inventory.IDs{Doing: "list the users", Read: func(page string) ([]string, string, error) {
		from := 0
		if page != "" {
			var err error
			from, err = strconv.Atoi(page)
			if err != nil {
				return nil, "", err
			}
		}
		to := min(from+size, len(ids))
		if to == len(ids) {
			return ids[from:to], "", nil
		}
		return ids[from:to], strconv.Itoa(to), nil
	}}
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("ocid1.user.oc1..aaaaaaaa%05d", i)
	}
	return ids
}

func TestAnIDWhoseHandlingPanicsIsReportedByItsIDAndAllOthersAreHandled(t *testing.T) {
	ids := manyIDs(100)
	for _, bad := range []int{0, 1, 50, 99} {
		r := &run{}
		var handled atomic.Int32
		all := []inventory.IDs{pagesOf(ids, 30)}
		r.forEach(t.Context(), all, "read users", func(_ context.Context, id string) error {
			if id == ids[bad] {
				panic("hunter2 " + id)
			}
			handled.Add(1)
			return nil
		})
		if int(handled.Load()) != len(ids)-1 {
			t.Errorf("%d of %d others were handled", handled.Load(), len(ids)-1)
		}
		found, err := r.failures.findings(), r.failures.err()
		if len(found) != 1 || !strings.Contains(found[0].Text, ids[bad]) ||
			strings.Contains(found[0].Text+err.Error(), "hunter2") {
			t.Errorf("the findings are %v with the error %v, want the id %s", found, err, ids[bad])
		}
	}
}

// panicking is a fakeTenancy in which one call panics.
type panicking struct {
	*fakeTenancy
	in string
}

func (p panicking) at(call string) {
	if p.in == call {
		panic("hunter2")
	}
}
func (p panicking) Review(ctx context.Context, call string, of cloudguard.Problem) outcome.Outcome {
	if of.ID == "1" {
		p.at("review")
	}
	return p.fakeTenancy.Review(ctx, call, of)
}
func (p panicking) ClosedProblems(ctx context.Context, since time.Time, page string) ([]string, string, error) {
	p.at("problems")
	return p.fakeTenancy.ClosedProblems(ctx, since, page)
}
func (p panicking) Compartment(context.Context) (string, error) { p.at("compartment"); return "a", nil }
func (p panicking) Users(ctx context.Context, page string) ([]credential.User, string, error) {
	p.at("users")
	return p.fakeTenancy.Users(ctx, page)
}
func (p panicking) Secret(ctx context.Context, id string) (vault.Secret, error) {
	p.at("secret")
	return p.fakeTenancy.Secret(ctx, id)
}
func (p panicking) Versions(ctx context.Context, id string) ([]vault.Version, error) {
	p.at("versions")
	return p.fakeTenancy.Versions(ctx, id)
}
func (p panicking) Tenancy(context.Context) (credential.Tenancy, error) {
	p.at("news")
	return credential.Tenancy{Name: "acme"}, nil
}
func (p panicking) Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error) {
	p.at("notes")
	return p.fakeTenancy.Update(ctx, id, etag, u)
}
func (p panicking) Collect(ctx context.Context, o rotation.Orphan) rotation.Result {
	p.at("collect")
	return p.fakeTenancy.Collect(ctx, o)
}

func TestAfterAnyPanicTheRestIsDoneAndMailed(t *testing.T) {
	for _, call := range []string{"", "review", "problems", "compartment", "users", "secret", "versions", "news",
		"notes", "collect"} {
		t.Run(call, func(t *testing.T) {
			s := newFakeTenancy()
			s.config.SecretCompartments = nil
			s.closed, s.tokens, s.versions = []string{"1", "2"}, []credential.Issued{marked("1")}, numbered(21, 21)
			s.result = rotation.Result{End: rotation.Done, Acted: true}
			s.review = func(context.Context, cloudguard.Problem) outcome.Outcome {
				return outcome.Outcome{Status: outcome.Refused, Reason: "full"}
			}
			p := panicking{s, call}
			w := s.sweeper()
			w.Inventory, w.Vault, w.Responder, w.Collector, w.Directory, w.Keeper = p, p, p, p, p, p
			_, err := w.Run(t.Context(), "call")
			beside := call == "" || call == "news" || call == "notes"
			if (err == nil) != beside || len(s.mails) != 1 || strings.Contains(fmt.Sprint(err, s.mails), "hunter2") {
				t.Fatalf("the sweep ends with %v and %d mails: %.300q", err, len(s.mails), s.mails)
			}
			if call != "problems" && !slices.Contains(s.reviewed, "2") {
				t.Errorf("reviewed %q", s.reviewed)
			}
			if found := call != "users" && call != "collect" && call != "secret" &&
				call != "compartment"; (len(s.orphans) == 1) != found {
				t.Errorf("handed over were %v", s.orphans)
			}
			if found := call != "versions" && call != "secret" && call != "compartment"; (len(s.leaving) > 0) != found {
				t.Errorf("the deletion of %v is scheduled", s.leaving)
			}
		})
	}
}

func TestTimeThatRanOutIsTheOneFailureAndNothingIsBegunAfterIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &run{}
	var mu sync.Mutex
	begun := 0
	all := []inventory.IDs{pagesOf(manyIDs(100), 50)}
	r.forEach(ctx, all, "read users", func(ctx context.Context, _ string) error {
		mu.Lock()
		begun++
		if begun == 4 {
			cancel()
		}
		mu.Unlock()
		<-ctx.Done()
		return denied // such as a call that was cut off
	})
	found := r.failures.findings()
	if err := r.failures.err(); err != context.Canceled || len(found) != 1 || found[0].State != "the time ran out" ||
		begun != 4 {
		t.Errorf("begun %d, %v, found %+v", begun, err, found)
	}
}
