package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

const (
	// maxSkew is how far a request's date may be off before OCI refuses it ("Request Signatures").
	maxSkew = 5 * time.Minute
	// someSkew is what is worth a word.
	someSkew = time.Minute
)

func judgeConfig(f *Facts) []Check {
	if f.Refused == nil {
		if f.Config.DryRun {
			return []Check{warned("set dry_run to no", "dry_run is yes: nothing will be rotated")}
		}
		return []Check{passed("no fault; mails go to %s", f.Config.Topic)}
	}
	var out []Check
	for _, x := range f.Refused.Faults {
		out = append(out, failed("in the configuration of functions/"+f.Function+" or of its application: "+x.Remedy,
			"%s %s; every event is refused until then", x.Key, x.Problem))
	}
	return out
}

// judgeToken goes by OCI's clock where that is known, which the function's may differ from.
func judgeToken(f *Facts) []Check {
	const renew = "the platform renews it: invoke again; if it stays so, " + restart
	id := cmp.Or(f.claim(claimResource), "<FUNCTION>")
	now := f.Clock.Value.Server
	if !f.Clock.OK() {
		now = f.Now
	}
	exp := f.expiry()
	switch {
	case f.betrayed():
		return []Check{waiting(f.baseless())}
	case f.Claims.Err != nil:
		return []Check{failed("run it as an OCI Function: the platform sets OCI_RESOURCE_PRINCIPAL_VERSION, _RPST, "+
			"_PRIVATE_PEM and _REGION", "the resource principal can't be read: %s", text(f.Claims.Err))}
	case f.claim(claimTenancy) == "":
		return []Check{failed("run it as an OCI Function", "the token names no tenancy (claim %s)", claimTenancy)}
	case exp.IsZero():
		return []Check{failed("run it as an OCI Function", "the token says no end (claim exp)")}
	case !now.Before(exp):
		return []Check{failed(fmt.Sprintf(renew, id), "the token is over since %s", exp.Format(time.RFC3339))}
	case f.claim(claimCompartment) == "" && f.Refused == nil && len(f.Config.SecretCompartments) == 0:
		return []Check{failed("set secret_compartments", "the token names no compartment (claim %s), in which "+
			"secrets would be looked for", claimCompartment)}
	case f.claim(claimCompartment) == "":
		return []Check{warned("", "the token names no compartment (claim %s); secret_compartments does",
			claimCompartment)}
	}
	return []Check{passed("%s of %s, until %s", id, f.claim(claimTenancy), exp.Format(time.RFC3339))}
}

// restart makes the platform start new containers, by a change of the function.
const restart = "have new containers started: oci fn function update --function-id %s --timeout-in-seconds <ANOTHER>"

func judgeClock(f *Facts) []Check {
	remedy := fmt.Sprintf("the host's clock is not a function's to set: "+restart+
		"; tell Oracle's support if it stays so", cmp.Or(f.claim(claimResource), "<FUNCTION>"))
	c := f.Clock
	switch {
	case f.betrayed():
		return []Check{waiting(f.baseless())}
	case !c.Asked:
		return []Check{waiting("the function's region is not known")}
	case c.Err != nil:
		return []Check{unknown("look at the way from the function's subnet to IAM (service gateway, security lists)",
			"IAM of %s gives no answer: %s", f.Region, text(c.Err))}
	}
	skew := c.Value.Server.Sub(c.Value.Local).Round(time.Second)
	side := "behind"
	if skew < 0 {
		side = "ahead of"
	}
	switch {
	case skew.Abs() > maxSkew:
		return []Check{failed(remedy, "the function's clock is %v %s OCI's, which refuses requests beyond %v",
			skew.Abs(),
			side, maxSkew)}
	case skew.Abs() > someSkew:
		return []Check{warned(remedy, "the function's clock is %v %s OCI's; beyond %v it refuses requests", skew.Abs(),
			side, maxSkew)}
	}
	return []Check{passed("within %v of OCI's", someSkew)}
}

func judgeTenancy(f *Facts) []Check {
	t := f.Tenancy
	if why := f.groundless(); why != "" {
		return []Check{waiting(why)}
	}
	if !t.Asked {
		return []Check{unasked("the tenancy")}
	}
	if t.Err != nil {
		if stranger(t.Err) {
			return []Check{failed(fmt.Sprintf(restart, cmp.Or(f.claim(claimResource), "<FUNCTION>")), "IAM of %s "+
				"doesn't recognize the function, though its token and clock look right: %s", f.Region, text(t.Err))}
		}
		if c, ok := trouble(t.Err, f.Region); ok {
			return []Check{c}
		}
		return []Check{failed(f.policy().statement(stTenancy, ""), "the token names the tenancy, so it exists: "+
			"reading it is not allowed: %s", text(t.Err))}
	}
	return []Check{passed("%s, home region %s", t.Value.Name, t.Value.Home)}
}

func judgeHome(f *Facts) []Check {
	home := f.Tenancy.Value.Home
	switch {
	case f.baseless() != "":
		return []Check{waiting(f.baseless())}
	case !f.Tenancy.OK():
		return []Check{waiting("it waits for the check " + checkTenancy)}
	case !f.Home.Asked:
		return []Check{unasked("IAM of " + home)}
	case f.Home.Err != nil && open(f.Home.Err):
		return []Check{failed(fmt.Sprintf("let the function's subnet reach IAM in %s: a service gateway leads to "+
			"the services of its own region alone, other regions take a NAT gateway", home),
			"IAM of the home region %s, which makes all changes of credentials, gives no answer: %s", home,
			text(f.Home.Err))}
	case f.Home.Err != nil:
		return []Check{failed("oci iam region-subscription list; and: "+f.policy().statement(stTenancy, ""),
			"IAM of the home region %s refuses what IAM of %s answers: %s", home, f.Region, text(f.Home.Err))}
	}
	return []Check{passed("IAM of %s answers", home)}
}

func judgeProblems(f *Facts) []Check {
	statement := f.policy().statement(stProblems, "")
	if why := f.baseless(); why != "" {
		return []Check{waiting(why)}
	}
	err, refused := f.AnyProblem.Err, "ListProblems is not allowed"
	if err == nil {
		err, refused = f.Problem.Err, fmt.Sprintf("ListProblems shows %s, reading it is not allowed",
			f.AnyProblem.Value)
	}
	if err == nil {
		if !f.AnyProblem.Asked || f.AnyProblem.Value != "" && !f.Problem.Asked {
			return []Check{unasked("a problem")}
		}
		if f.AnyProblem.Value == "" {
			return []Check{passed("problems can be listed; there is none yet to read")}
		}
		return []Check{passed("problems can be listed and read")}
	}
	if f.Guard.OK() && f.Guard.Value.Status != enabled {
		return []Check{waiting("it waits for the check " + checkReporting)}
	}
	c, ok := trouble(err, f.Region)
	if !ok {
		c = failed(statement, "%s: %s", refused, text(err))
	}
	if f.Refused == nil && !f.Config.EventCheck && f.Function != sweeping {
		c.Result, c.Found = Warning, c.Found+"; event_check is off, so events are believed, and a problem that was "+
			"not rotated stays closed"
	}
	return []Check{c}
}

// enabled is the status of a Cloud Guard that is on.
const enabled = "ENABLED"

func judgeReporting(f *Facts) []Check {
	g := f.Guard
	if why := f.baseless(); why != "" {
		return []Check{waiting(why)}
	}
	if !g.Asked {
		return []Check{unasked("Cloud Guard's configuration")}
	}
	root := f.claim(claimTenancy)
	if g.Err != nil {
		if c, ok := trouble(g.Err, f.Region); ok {
			return []Check{c}
		}
		return []Check{unknown(f.policy().statement(stGuard, ""), "reading Cloud Guard's configuration is not "+
			"allowed (no rotation needs it, this check does): %s", text(g.Err))}
	}
	const update = "oci cloud-guard configuration update --compartment-id %s --status ENABLED --reporting-region %s"
	switch {
	case g.Value.Status != enabled:
		return []Check{failed(fmt.Sprintf(update, root, f.Region), "Cloud Guard is %s: it finds no problems and "+
			"sends no events", g.Value.Status)}
	case g.Value.ReportingRegion != f.Region:
		return []Check{failed(fmt.Sprintf("deploy the stack in %s; or, if nothing else goes by it, move the "+
			"reporting region: "+update, g.Value.ReportingRegion, root, f.Region),
			"the function runs in %s, Cloud Guard's reporting region is %s: its events come there, and only there "+
				"can a problem be opened again", f.Region, g.Value.ReportingRegion)}
	}
	return []Check{passed("Cloud Guard is on, and reports in %s", g.Value.ReportingRegion)}
}

func judgeTopic(f *Facts) []Check {
	if why := f.unset(); why != "" {
		return []Check{waiting(why)}
	}
	id, t := f.Config.Topic, f.Topic
	if !t.Asked {
		return []Check{unasked("the topic")}
	}
	if t.Err != nil {
		region := f.TopicRegion
		if c, ok := trouble(t.Err, region); ok {
			return []Check{c}
		}
		return []Check{failed(fmt.Sprintf("as an administrator: oci ons topic get --topic-id %s --region %s; if it "+
			"is there, this is missing: %s; if not, correct ons_topic", id, region, f.policy().statement(stTopic, "")),
			"the topic %s is absent, or not allowed, or lies elsewhere (its OCID says %s): %s", id, region,
			text(t.Err))}
	}
	if t.Value.State != "ACTIVE" {
		return []Check{failed("set ons_topic to a topic that is ACTIVE: oci ons topic list --compartment-id "+
			t.Value.Compartment, "the topic %s (%s) is %s", t.Value.Name, id, t.Value.State)}
	}
	return []Check{passed("%s is ACTIVE, in %s", t.Value.Name, f.TopicRegion)}
}

func judgeMail(f *Facts) []Check {
	switch {
	case !f.Mail:
		return nil
	case f.unset() != "":
		return []Check{waiting(f.unset())}
	case !f.Sent.Asked:
		return []Check{unknown(longer, "the mail was not tried: the time was over")}
	case f.Sent.Err == nil:
		return []Check{passed("a mail titled %q was sent; whether it came, its readers know", mailTitle)}
	}
	if c, ok := trouble(f.Sent.Err, f.TopicRegion); ok {
		return []Check{c}
	}
	if f.Topic.OK() {
		return []Check{failed(f.policy().statement(stMail, ""), "the topic is there, sending to it is not allowed: %s",
			text(f.Sent.Err))}
	}
	return []Check{waiting("it waits for the check " + checkTopic)}
}

const mailTitle = "Keyturn | Test mail of a preflight"

func mailBody(function string) string {
	return "Somebody has invoked functions/" + function + " with {\"keyturn\":\"preflight\",\"mail\":\"yes\"}.\n\n" +
		"This mail shows that Keyturn's mails reach you. Nothing was rotated, and there is nothing to do.\n"
}

func judgeNamespace(f *Facts) []Check {
	n := f.Namespace
	switch {
	case !f.uses(credential.AtRegistry) && !f.uses(credential.AtS3):
		return nil
	case f.baseless() != "":
		return []Check{waiting(f.baseless())}
	case !n.Asked:
		return []Check{unasked("the namespace")}
	case n.Err == nil:
		return []Check{passed("%s", n.Value)}
	}
	if c, ok := trouble(n.Err, f.Region); ok {
		return []Check{c}
	}
	return []Check{failed(f.policy().statement(stNamespace, ""), "reading the tenancy's Object Storage namespace "+
		"is not allowed: %s", text(n.Err))}
}

func judgeRegistry(f *Facts) []Check {
	if !f.uses(credential.AtRegistry) || !f.proves() {
		return nil
	}
	return []Check{f.judgeEndpoint(f.Registry, "the container registry")}
}

func judgeS3(f *Facts) []Check {
	if !f.uses(credential.AtS3) || !f.proves() {
		return nil
	}
	if f.Namespace.Err != nil && f.baseless() == "" {
		return []Check{waiting("it waits for the check " + checkNamespace)}
	}
	return []Check{f.judgeEndpoint(f.S3, "the S3-compatible endpoint")}
}

func (f *Facts) judgeEndpoint(s Said[int], what string) Check {
	home := f.Tenancy.Value.Home
	remedy := fmt.Sprintf("let the function's subnet reach it in %s; or set prove to try or off", home)
	var failure *fault.Error
	switch {
	case f.baseless() != "":
		return waiting(f.baseless())
	case !f.Tenancy.OK():
		return waiting("it waits for the check " + checkTenancy)
	case !s.Asked:
		return unasked(what)
	case s.Err == nil && s.Value < 500:
		return passed("%s of %s answers", what, home)
	case s.Err == nil:
		return warned("invoke the preflight again in a while", "%s of %s answers %d", what, home, s.Value)
	case !errors.As(s.Err, &failure):
		return unknown("", "%s of %s was not reached: %s", what, home, text(s.Err))
	case f.Config.Prove == config.ProveTry:
		return warned(remedy, "%s of %s gives no answer, so new credentials are used untried: %s", what, home,
			text(s.Err))
	}
	return failed(remedy, "%s of %s gives no answer, so no new credential can be proven: %s", what, home, text(s.Err))
}
