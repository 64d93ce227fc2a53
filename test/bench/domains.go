package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// targetCalls is the number of calls of a sweep over the most users, by lists of the whole domain.
const targetCalls = 1000

// domainName is the identity domain of the users.
const domainName = "Workloads"

// way is a way to list the credentials of all users.
type way struct {
	name, domain string
	config       []string
	refused      bool // the lists of the whole domain
}

var ways = []way{
	{name: "classic API", domain: ociemu.DefaultDomain},
	{name: "domain, by users", domain: domainName, config: []string{"identity_domains=all"}, refused: true},
	{name: "domain, by whole lists", domain: domainName, config: []string{"identity_domains=all"}},
}

// whole reports whether the sweep reads lists of the whole domain.
func (w way) whole() bool { return w.domain == domainName && !w.refused }

// targetExponents are for lists of the whole domain.
var targetExponents = map[string]float64{"time": targetExponent, "peak memory": targetMemoryExponent}

// domainFigures are what is measured of each way.
var domainFigures = []struct{ what, unit string }{{"calls", "calls"}, {"time", "s"}, {"peak memory", "MB"}}

// measureDomains sweeps over users with three credentials each in every way, where there is nothing to do. Each sweep
// is a process without the time limit of an invocation. Then it reports on them.
func measureDomains(ctx context.Context, b *bench) error {
	for _, w := range ways {
		var users []float64
		medians := make([][]float64, len(domainFigures))
		for _, size := range b.domains {
			b.progress("sweeping over %d users: %s", size.users, w.name)
			users = append(users, float64(size.users))
			all, err := measureWay(ctx, b, w, size)
			if err != nil {
				return fmt.Errorf("%s, %d users: %w", w.name, size.users, err)
			}
			for i, f := range domainFigures {
				row := b.add(fmt.Sprintf("%s: %d users: %s", w.name, size.users, f.what), f.unit, all[i]...)
				medians[i] = append(medians[i], row.build.median)
				if last := b.domains[len(b.domains)-1]; f.what == "calls" && w.whole() && size == last {
					row.below(targetCalls)
				}
			}
		}
		for i, f := range domainFigures {
			row := b.add(w.name+": "+f.what+" by users", "exponent", exponent(users, medians[i]))
			if limit := targetExponents[f.what]; w.whole() && limit > 0 {
				row.below(limit)
			}
		}
	}
	return measureReports(ctx, b)
}

// measureWay makes one tenancy and sweeps it. It returns the values of each of domainFigures.
func measureWay(ctx context.Context, b *bench, w way, size sweepSize) (all [3][]float64, err error) {
	emulator, err := domainTenancy(b.settings, w.domain, size.users)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, emulator.Close()) }()
	if w.refused {
		emulator.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(http.StatusForbidden, ""), Match: wholeList})
	}
	env := append(emulator.Env(emulator.NewFunction("sweep", "")), "ons_topic="+emulator.AddTopic("secops"),
		"metrics=off")
	for range size.times {
		emulator.ResetCalls()
		took, peak, err := runSweeper(ctx, b.sweeper, append(env, w.config...))
		if err != nil {
			return all, err
		}
		for i, v := range []float64{float64(len(emulator.Calls())), took.Seconds(), peak} {
			all[i] = append(all[i], v)
		}
	}
	return all, nil
}

// wholeList reports whether a call lists the credentials of all users of a domain.
func wholeList(c ociemu.Call) bool {
	return c.Domain != "" && strings.HasPrefix(c.Operation, "List") && c.Operation != "ListUsers" &&
		!strings.Contains(c.Query, "filter")
}

// runSweeper returns the duration and the peak memory in MB of a process that sweeps once.
func runSweeper(ctx context.Context, binary string, env []string) (took time.Duration, peak float64, err error) {
	c := exec.CommandContext(ctx, binary)
	c.Env = env
	var stderr bytes.Buffer
	c.Stderr = &stderr
	began := time.Now()
	printed, err := c.Output()
	took = time.Since(began)
	kib := 0
	if err == nil {
		kib, err = strconv.Atoi(strings.TrimSpace(string(printed)))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("the sweep failed: %w\n%s", err, stderr.Bytes())
	}
	return took, megabytes(kib), nil
}

// domainTenancy makes a tenancy with an identity domain, and users of it or of Default; see addDomainUsers.
func domainTenancy(s settings, domain string, users int) (*ociemu.Emulator, error) {
	o := calm(s)
	o.Domains = []ociemu.DomainSeed{{Name: domainName}}
	emulator, err := ociemu.Start(o)
	if err == nil {
		addDomainUsers(emulator, domain, users)
	}
	return emulator, err
}

// addDomainUsers adds users with three credentials each. None has an API key, since a hundred thousand RSA keys would
// take hours.
func addDomainUsers(e *ociemu.Emulator, domain string, users int) {
	for i := range users {
		user := e.AddDomainUser(domain, ociemu.UserSeed{Name: fmt.Sprintf("user-%d@example.com", i)})
		e.AddAuthToken(user, "pulls images")
		e.AddAuthToken(user, "pushes images")
		e.AddCustomerSecretKey(user, "backup")
	}
}
