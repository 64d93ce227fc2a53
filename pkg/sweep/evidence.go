package sweep

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/pkg/version"
)

// Evidence reads the tenancy for the daily report, and stores it.
type Evidence interface {
	inventory.Source
	// Place returns the OCIDs of the function and of its compartment, and the identifier of its region.
	Place(ctx context.Context) (function, compartment, region string)
	// PutObject writes an object to a bucket, and never overwrites one. An empty region is the function's own.
	PutObject(ctx context.Context, region, namespace, bucket, name, contentType string, body []byte) error
}

// maxSpool is how many bytes of a report's entries are held in memory: about 300 for each credential.
const maxSpool = 64 << 20

// reportNote is what the note about the daily report is about.
var reportNote = hashOf("the report in the bucket")

// errUnseen is why the report doesn't know the administrators.
var errUnseen = fault.New(fault.Denied, "administrators", "the sweep may not read groups and policies; keyturn report "+
	"shows them")

// keepReport writes the report to the bucket, unless an earlier sweep of this day did. A note in the notebook says that
// it did: without a bound secret, every sweep writes a report. A dry run writes none. Each report has its own name: the
// sweep may not overwrite one.
func (r *run) keepReport(ctx context.Context) {
	now := r.Clock.Now()
	if r.Config.DryRun || r.reportedOn(ctx, now) {
		return
	}
	body, err := r.report(ctx, now)
	if err == nil {
		namespace, bucket := r.Config.Bucket()
		err = r.Evidence.PutObject(ctx, "", namespace, bucket, now.UTC().Format("keyturn-report-20060102T150405Z")+"-"+
			hashOf(r.callID)+".json.gz", "application/gzip", body)
	}
	if err != nil {
		r.failed(ctx, "write the report to the bucket "+r.Config.ReportBucket, "", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reported = true
}

// reportedOn reports whether the notebook says that a sweep of this day has written the report.
func (r *run) reportedOn(ctx context.Context, now time.Time) bool {
	r.readNotebook(ctx)
	return r.noted[r.notebook][reportNote].On == day(now)
}

// report reads the tenancy, as far as the function may, and returns the report as compressed JSON. What it may not read
// is in the report's list of what was not asked.
func (r *run) report(ctx context.Context, now time.Time) ([]byte, error) {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	if end, ok := ctx.Deadline(); ok { // a third of the time is left for writing
		var stop context.CancelFunc
		reading, stop = context.WithDeadline(ctx, now.Add(end.Sub(now)*2/3))
		defer stop()
	}
	function, _, region := r.Evidence.Place(reading)
	o := report.Options{By: function, ByName: "sweep", At: now, Version: version.Version(), Limit: r.Config.MaximumAge,
		Kinds: credential.Kinds(), Spool: &memory{}}
	t, err := r.Directory.Tenancy(reading)
	if err != nil {
		return nil, fmt.Errorf("reading the tenancy: %w", err)
	}
	o.Tenancy, o.Name = t.ID, t.Name
	compartments, err := r.compartments(reading)
	if err != nil {
		return nil, err
	}
	b := report.NewBuilder(o)
	b.Administrators(nil, nil, errUnseen)
	reader := inventory.Reader{Source: seen{r.Evidence, r.Vault, region, compartments}, Clock: r.Clock,
		Kinds: o.Kinds, DefaultBySCIM: r.Config.DefaultBySCIM}
	scope := report.Scope{Regions: []string{region}, Gaps: reader.Read(reading, b.Visitor()),
		Interrupted: reading.Err()}
	made, err := b.Finish(scope)
	if err != nil {
		return nil, fmt.Errorf("making the report: %w", err)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := errors.Join(report.JSON(z, made, b.Rows()), z.Close()); err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return out.Bytes(), nil
}

// seen is the tenancy as far as the function may see it: secrets of its compartments in its region, and open problems.
type seen struct {
	inventory.Source
	vault        Vault
	region       string
	compartments []string
}

// Regions implements inventory.Source.
func (s seen) Regions(context.Context) ([]string, error) { return []string{s.region}, nil }

// Compartments implements inventory.Source.
func (s seen) Compartments(context.Context) ([]string, error) { return s.compartments, nil }

// SecretsIn implements inventory.Source. A list doesn't have the journals of rotations, so bound secrets are read.
func (s seen) SecretsIn(ctx context.Context, _, compartment, page string) ([]vault.Secret, string, error) {
	some, next, err := s.vault.Secrets(ctx, compartment, page)
	if err != nil {
		return nil, "", err
	}
	some = slices.Clone(some)
	for i, one := range some {
		if _, _, ok := guard.BoundTo(one); !ok || one.State != vault.Active {
			continue
		}
		some[i], err = s.vault.Secret(ctx, one.ID)
		if err != nil {
			return nil, "", fmt.Errorf("reading secret %s: %w", one.ID, err)
		}
	}
	return some, next, nil
}

// ClosedProblems implements inventory.Source: the report is about open ones.
func (s seen) ClosedProblems(context.Context, time.Time, string) ([]string, string, error) {
	return nil, "", nil
}

// memory is a report's spool: the function's file system may be read-only.
type memory struct{ b []byte }

// Write implements io.Writer.
func (m *memory) Write(p []byte) (int, error) {
	if len(m.b)+len(p) > maxSpool {
		return 0, fmt.Errorf("it needs more than %d MiB of memory; use keyturn report for a tenancy of this size",
			maxSpool>>20)
	}
	m.b = append(m.b, p...)
	return len(p), nil
}

// ReadAt implements io.ReaderAt.
func (m *memory) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(m.b).ReadAt(p, at) }
