package preflight

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

const (
	// maxSkew is how far a request's date may be off before OCI refuses it. Source: OCI's "Request Signatures".
	maxSkew = 5 * time.Minute
	// someSkew is how far the clock may be off without a warning.
	someSkew = time.Minute
)

func judgeConfig(f *Facts) []Check {
	switch {
	case f.Refused == nil && f.Config.DryRun:
		return warned("set dry_run to no", "dry_run is yes: nothing will be rotated")
	case f.Refused == nil:
		return passed("valid; mails go to %s", f.Config.Topic)
	}
	var out []Check
	for _, x := range f.Refused.Faults {
		out = append(out, failed("in the configuration of functions/"+f.Function+" or of its application: "+x.Remedy,
			"%s %s; every event is refused until this is fixed", x.Key, x.Problem)...)
	}
	return out
}

// judgeToken compares the token's end with OCI's clock if that is known, else with the function's.
func judgeToken(f *Facts) []Check {
	const remedy = "run it as an OCI Function"
	now := f.Now
	seconds, _ := f.Claims.Value["exp"].(float64)
	exp := time.Unix(int64(seconds), 0).UTC()
	if f.Clock.OK() {
		now = f.Clock.Value.Server
	}
	switch {
	case f.Claims.Err != nil:
		return failed(remedy+": the platform sets OCI_RESOURCE_PRINCIPAL_VERSION, _RPST, _PRIVATE_PEM and _REGION",
			"the resource principal can't be read: %s", text(f.Claims.Err))
	case f.claim(claimTenancy) == "":
		return failed(remedy, "the token names no tenancy (claim %s)", claimTenancy)
	case seconds == 0:
		return failed(remedy, "the token has no expiry (claim exp)")
	case !now.Before(exp):
		return failed("invoke again: the platform renews the token; if this persists, "+f.restart(),
			"the token expired at %s", exp.Format(time.RFC3339))
	case len(f.compartments()) == 0 && f.Refused == nil:
		return failed("set secret_compartments",
			"the token names no compartment for secrets (claim %s)", claimCompartment)
	case f.claim(claimCompartment) == "":
		return warned("", "the token names no compartment (claim %s); secret_compartments does", claimCompartment)
	}
	return passed("%s of %s, until %s", f.function(), f.claim(claimTenancy), exp.Format(time.RFC3339))
}

func judgeClock(f *Facts) []Check {
	skew, side, result := f.Clock.Value.skew()
	switch {
	case !f.Clock.Asked:
		return waiting("the function's region is not known")
	case f.Clock.Err != nil:
		return unknown(path+"IAM", "IAM of %s does not answer: %s", f.Region, text(f.Clock.Err))
	case result == Passed:
		return passed("within %v of OCI's", someSkew)
	}
	return found(result, "a function can't set its host's clock: "+f.restart()+
		"; if this persists, ask Oracle's support", "the function's clock is %v %s OCI's, which refuses requests "+
		"beyond %v", skew, side, maxSkew)
}

func judgeTenancy(f *Facts) []Check {
	if stranger(f.Tenancy.Err) {
		return failed(f.restart(), "IAM of %s doesn't recognize the function, but its token and clock look right: %s",
			f.Region, text(f.Tenancy.Err))
	}
	return answer(f.Tenancy, question{"reading the tenancy", f.Region, ", but the token names it",
		f.statement("tenancy")}, func(t credential.Tenancy) []Check {
		return passed("%s, home region %s", t.Name, t.Home)
	})
}

func judgeHome(f *Facts) []Check {
	if err := f.Home.Err; err != nil && !unclear(err) {
		return failed("oci iam region-subscription list; and: "+f.statement("tenancy"),
			"IAM of the home region %s refuses what IAM of %s answers: %s", f.home(), f.Region, text(err))
	} else if err != nil {
		return failed("let the function's subnet reach IAM in "+f.home()+": a service gateway reaches only its own "+
			"region, others need a NAT gateway", "IAM of the home region %s, which makes all changes of credentials, "+
			"does not answer: %s", f.home(), text(err))
	}
	return answer(f.Home, question{doing: "reading the tenancy in " + f.home()},
		func(struct{}) []Check { return passed("IAM of %s answers", f.home()) })
}

func judgeProblems(f *Facts) []Check {
	q := question{"listing problems", f.Region, "", f.statement("problems")}
	c := answer(f.AnyProblem, q, func(id string) []Check {
		if id == "" {
			return passed("problems can be listed; there is none yet to read")
		}
		q.doing, q.note = "reading the problem "+id, ", but it is listed"
		return answer(f.Problem, q, func(cloudguard.Problem) []Check {
			return passed("problems can be listed and read")
		})
	})
	switch {
	case f.AnyProblem.Err == nil && f.Problem.Err == nil:
	case f.Guard.OK() && f.Guard.Value.Status != enabled:
		return waiting(blockedBy + checkReporting)
	case f.Refused == nil && !f.Config.EventCheck && f.Function != sweeping:
		c[0].Result = Warning
		c[0].Found += "; event_check is off, so events are trusted, and a problem that was not rotated stays closed"
	}
	return c
}

// enabled is the status of a Cloud Guard that is on.
const enabled = "ENABLED"

func judgeReporting(f *Facts) []Check {
	update := fmt.Sprintf("oci cloud-guard configuration update --compartment-id %s --status ENABLED "+
		"--reporting-region %s", f.claim(claimTenancy), f.Region)
	c := answer(f.Guard, question{"reading Cloud Guard's configuration", f.Region, ", which rotations don't need",
		f.statement("preflight-cloud-guard")}, func(g Guard) []Check {
		switch {
		case g.Status != enabled:
			return failed(update, "Cloud Guard is %s: it finds no problems and sends no events", g.Status)
		case g.ReportingRegion != f.Region:
			return failed("deploy the stack in "+g.ReportingRegion+"; or, if nothing else depends on it, change the "+
				"reporting region: "+update, "the function runs in %s, Cloud Guard's reporting region is %s: its "+
				"events arrive only there, and only there can a problem be reopened", f.Region, g.ReportingRegion)
		}
		return passed("Cloud Guard is on, and reports in %s", g.ReportingRegion)
	})
	if denied(f.Guard.Err) {
		c[0].Result = Unknown
	}
	return c
}

func judgeTopic(f *Facts) []Check {
	return judgeTopicOf("ons_topic", f.Config.Topic, f.TopicRegion, f.statement("preflight-topic"), f.Topic)
}

func judgeRecords(f *Facts) []Check {
	statement := f.statement("preflight-topic") // if both topics are in one compartment
	if f.policy().recordsElsewhere() {
		statement = f.statement("records")
	}
	return judgeTopicOf("records_topic", f.Config.RecordsTopic, f.RecordsRegion, statement, f.Records)
}

func judgeTopicOf(key, id, region, statement string, topic Response[Topic]) []Check {
	q := question{"reading the topic " + id, region, ", or it is absent (its OCID says " + region + ")",
		lookUp("ons topic get --topic-id "+id+" --region "+region, statement, "correct "+key)}
	return answer(topic, q, func(t Topic) []Check {
		if t.State != "ACTIVE" {
			return failed("set "+key+" to a topic that is ACTIVE: oci ons topic list --compartment-id "+t.Compartment,
				"the topic %s (%s) is %s", t.Name, id, t.State)
		}
		return passed("%s is ACTIVE, in %s", t.Name, region)
	})
}

func judgeMail(f *Facts) []Check {
	if denied(f.Sent.Err) && !f.Topic.OK() {
		return waiting(blockedBy + checkTopic)
	}
	return answer(f.Sent, question{"sending a mail", f.TopicRegion, ", but the topic can be read",
		f.statement("mail")},
		func(struct{}) []Check { return passed("a mail titled %q was sent; check that it arrived", mailTitle) })
}

const mailTitle = "Keyturn | Test mail of a preflight"

func mailBody(function string) string {
	return "functions/" + function + " was invoked with {\"keyturn\":\"preflight\",\"mail\":\"yes\"}.\n\n" +
		"This mail shows that Keyturn's mails reach you. Nothing was rotated, and there is nothing to do.\n"
}

func judgeNamespace(f *Facts) []Check {
	return answer(f.Namespace, question{"reading the Object Storage namespace", f.Region, "", f.statement("namespace")},
		func(n string) []Check { return passed("%s", n) })
}

func judgeRegistry(f *Facts) []Check { return f.endpoint(f.Registry, "the container registry") }

func judgeS3(f *Facts) []Check {
	if f.Namespace.Err != nil {
		return waiting(blockedBy + checkNamespace)
	}
	return f.endpoint(f.S3, "the S3-compatible endpoint")
}

func (f *Facts) endpoint(s Response[int], what string) []Check {
	what += " of " + f.home()
	if _, called := errors.AsType[*fault.Error](s.Err); s.Err != nil && !called {
		return unknown("", "%s was not reached: %s", what, text(s.Err))
	} else if s.Err != nil {
		result, then := Failed, "no new credential can be proven"
		if f.Config.Prove == config.ProveTry {
			result, then = Warning, "new credentials are used without a proof"
		}
		return found(result, "let the function's subnet reach it in "+f.home()+"; or set prove to try or off",
			"%s does not answer, so %s: %s", what, then, text(s.Err))
	}
	return answer(s, question{doing: "calling " + what}, func(status int) []Check {
		if status >= 500 {
			return warned("invoke the preflight again later", "%s answers %d", what, status)
		}
		return passed("%s answers", what)
	})
}
