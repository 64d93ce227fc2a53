package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// realm is where a registry sends sign-ins.
var realm = regexp.MustCompile(`(?i)realm="([^"]*)"`)

// registry signs in with the forms of a user's name, and with a wrong token.
func (p *iamProbe) registry(ctx context.Context, m credential.Material) {
	var accepted []string
	for _, form := range []struct{ says, name string }{
		{"namespace/name", p.namespace + "/" + p.owner.UserName}, {"namespace/Default/name", p.namespace + "/Default/" +
			p.owner.UserName}} {
		if u, err := p.signIn(ctx, form.name, m, p.owner); err == nil && u.accepted() {
			accepted = append(accepted, form.says)
		}
	}
	p.report.fact("registry-user", strings.Join(accepted, ", "), "")
	wrong := m
	wrong.Value = credential.NewValue([]byte(random(20)))
	if u, err := p.signIn(ctx, p.owner.RegistryUser(), wrong, p.owner); err == nil {
		p.report.fact("registry-wrong-token", fmt.Sprint(u.status), "")
	}
	host := p.owner.Registry
	r, err := http.NewRequest(http.MethodGet, "https://"+host+"/v2/", nil)
	if err != nil {
		return
	}
	u, err := p.do(ctx, r)
	if err != nil {
		p.report.unseen("registry-realm", "%v", err)
		return
	}
	outcome := "as assumed"
	found := realm.FindStringSubmatch(u.header.Get("WWW-Authenticate"))
	switch {
	case found == nil:
		outcome = "none named"
	case found[1] != "https://"+host+"/20180419/docker/token":
		outcome = found[1]
	}
	p.report.fact("registry-realm", outcome, "")
}

// namespaceOf asks for the Object Storage namespace as the user without rights.
func (p *iamProbe) namespaceOf(ctx context.Context, m credential.Material) {
	host := common.StringToRegion(p.home).EndpointForTemplate("objectstorage",
		"https://objectstorage.{region}.{secondLevelDomain}")
	r, err := http.NewRequest(http.MethodGet, host+"/n", nil)
	if err != nil {
		return
	}
	u, err := p.signed(ctx, r, m, p.owner)
	switch {
	case err != nil:
		p.report.unseen("namespace-permission", "%v", err)
	case u.status < 300:
		p.report.fact("namespace-permission", "none needed", "")
	case u.status == 403 || u.status == 404:
		p.report.fact("namespace-permission", "denied", "%s", u)
	default:
		p.report.fact("namespace-permission", u.String(), "")
	}
}

// timings enters how long things took.
func (r *report) timings(times map[string][]timing) {
	for _, t := range []struct{ kind, fact string }{{"spread", "spread-time"}, {"end", "end-time"}} {
		var longest time.Duration
		var all []string
		for _, one := range times[t.kind] {
			longest = max(longest, one.took)
			all = append(all, one.what+" "+one.took.Round(time.Millisecond).String())
		}
		switch {
		case len(all) == 0:
		case t.fact == "end-time":
			r.fact(t.fact, "", "%s", strings.Join(all, ", "))
		case longest > spreadTime:
			r.fact(t.fact, "later", "%s", strings.Join(all, ", "))
		default:
			r.fact(t.fact, "within "+spreadTime.String(), "%s", strings.Join(all, ", "))
		}
	}
}
