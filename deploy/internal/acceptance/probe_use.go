package acceptance

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

// realm matches the address for sign-ins in a registry's answer.
var realm = regexp.MustCompile(`(?i)realm="([^"]*)"`)

// registry signs in with each form of the user's name, and with a wrong token.
func (p *iamProbe) registry(ctx context.Context, m credential.Material) {
	var accepted []string
	for _, domain := range []string{"", "Default/"} {
		u, err := p.signIn(ctx, p.namespace+"/"+domain+p.owner.UserName, m, p.owner)
		if err == nil && u.accepted() {
			accepted = append(accepted, "namespace/"+domain+"name")
		}
	}
	p.fact("registry-user", strings.Join(accepted, ", "), "")
	wrong := m
	wrong.Value = credential.NewValue([]byte(random(20)))
	if u, err := p.signIn(ctx, p.owner.RegistryUser(), wrong, p.owner); err == nil {
		p.fact("registry-wrong-token", fmt.Sprint(u.status), "")
	}
	host := p.owner.Registry
	u, err := p.get(ctx, "https://"+host+"/v2/", m.Kind, func(*http.Request) error { return nil })
	if err != nil {
		p.unseen("registry-realm", "%v", err)
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
	p.fact("registry-realm", outcome, "")
}

// namespaceOf reads the Object Storage namespace as the user without rights.
func (p *iamProbe) namespaceOf(ctx context.Context, m credential.Material) {
	host := common.StringToRegion(p.home).EndpointForTemplate("objectstorage",
		"https://objectstorage.{region}.{secondLevelDomain}")
	u, err := p.signed(ctx, host+"/n", m, p.owner)
	switch {
	case err != nil:
		p.unseen("namespace-permission", "%v", err)
	case u.status < 300:
		p.fact("namespace-permission", "none needed", "")
	case u.status == 403 || u.status == 404:
		p.fact("namespace-permission", "denied", "%s", u)
	default:
		p.fact("namespace-permission", u.String(), "")
	}
}

// timings adds the facts about time.
func (r *report) timings(times map[string][]timing) {
	for fact, of := range times {
		var longest time.Duration
		var all []string
		for _, one := range of {
			longest = max(longest, one.took)
			all = append(all, one.what+" "+one.took.Round(time.Millisecond).String())
		}
		outcome := ""
		if fact == "spread-time" {
			outcome = pick(longest > spreadTime, "later", "within "+spreadTime.String())
		}
		r.fact(fact, outcome, "%s", strings.Join(all, ", "))
	}
}
