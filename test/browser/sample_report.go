package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/report"
)

// sampleReport counts and judges the rows of the sample.
func sampleReport(count int) report.Report {
	random := rand.New(rand.NewPCG(3, 4))
	r := report.Report{
		Schema: report.Schema, Tenancy: ocid(random, "tenancy"), Name: "harbour-logistics", By: ocid(random, "user"),
		ByName: "auditor@harbour.example", At: now, Version: "1.4.0", LimitDays: limitDays,
		Regions: []string{"eu-frankfurt-1", "eu-amsterdam-1"}, Domains: []string{"Default", "Engineering", "Partners"},
		NotAsked: []report.Gap{
			{What: "the secrets of the region ap-tokyo-1", Why: "the region didn't answer in 30 s",
				Remedy: "run the report again"},
			{What: "the IAM database passwords of the identity domain Partners", Why: "403 NotAuthorizedOrNotFound",
				Remedy: "grant INSPECT on users in the compartment of Partners"},
		},
		Rows: count,
	}
	users := map[string]bool{}
	counts := map[credential.Kind]*report.Count{}
	for _, k := range credential.Observed() {
		counts[k] = &report.Count{Kind: k}
	}
	a := newAudit()
	for row := range sampleRows(count) {
		users[row.User] = true
		add(counts[row.Kind], row)
		a.add(row)
	}
	r.Users = len(users)
	for _, k := range credential.Observed() {
		r.Counts = append(r.Counts, *counts[k])
	}
	r.Verdicts = a.verdicts()
	return r
}

func add(c *report.Count, row report.Row) {
	c.All++
	switch row.State {
	case "old":
		c.Old++
	case "soon":
		c.Soon++
	case "not known":
		c.Undated++
	}
	if len(row.Secrets) > 0 {
		c.Bound++
	}
	if row.Exempt != "" {
		c.Exempt++
	}
}

// audit judges the rows.
type audit struct {
	ages                    map[credential.Kind]*report.Verdict
	administrators, several report.Verdict
	keys                    map[string]int // API keys of each user
}

func newAudit() *audit {
	within := func(number, noun string) *report.Verdict {
		return &report.Verdict{Recommendation: number, Title: noun + " rotate within 90 days"}
	}
	return &audit{
		ages: map[credential.Kind]*report.Verdict{
			credential.APIKey:            within("1.8", "API keys"),
			credential.CustomerSecretKey: within("1.9", "Customer secret keys"),
			credential.AuthToken:         within("1.10", "Auth tokens"),
			credential.DatabasePassword:  within("1.11", "IAM database passwords"),
		},
		administrators: report.Verdict{Recommendation: "1.12", Title: "Tenancy administrators have no API keys"},
		several:        report.Verdict{Recommendation: "1.17", Title: "Each user has at most one active API key"},
		keys:           map[string]int{},
	}
}

func (a *audit) add(row report.Row) {
	if v := a.ages[row.Kind]; v != nil {
		judge(v, row, row.State == "old")
		if row.State == "not known" {
			v.Result = report.NotKnown
		}
	}
	if row.Kind != credential.APIKey {
		return
	}
	judge(&a.administrators, row, row.Administrator == "yes")
	a.keys[row.User]++
	switch a.keys[row.User] {
	case 1:
		a.several.Checked++
	case 2:
		a.several.Against++
		example(&a.several, row)
	}
}

// verdicts returns the verdicts. The database passwords of Partners weren't read.
func (a *audit) verdicts() []report.Verdict {
	all := []report.Verdict{*a.ages[credential.APIKey], *a.ages[credential.CustomerSecretKey],
		*a.ages[credential.AuthToken], *a.ages[credential.DatabasePassword], a.administrators, a.several}
	for i := range all {
		conclude(&all[i])
	}
	if v := &all[3]; v.Result == report.Met {
		v.Result = report.NotKnown
		v.Why = "The IAM database passwords of the identity domain Partners weren't read. None that was read is " +
			"too old."
	}
	return all
}

func judge(v *report.Verdict, row report.Row, against bool) {
	v.Checked++
	if !against {
		return
	}
	v.Against++
	if row.Exempt != "" {
		v.Exempt++
	}
	example(v, row)
}

func example(v *report.Verdict, row report.Row) {
	if len(v.Examples) < 3 {
		v.Examples = append(v.Examples, fmt.Sprintf("%s: %.24s…, %d days", row.UserName, row.ID, row.AgeDays))
	}
}

func conclude(v *report.Verdict) {
	v.Why = "None that was read is against it."
	if v.Result == report.NotKnown {
		v.Why = "None whose age is known is against it; of some the age isn't known."
	} else {
		v.Result = report.Met
	}
	if v.Against > 0 {
		v.Result = report.NotMet
		v.Why = fmt.Sprintf("%d of %d are against it.", v.Against, v.Checked)
	}
}
