package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Denial is an action that must be denied, as one or several calls.
type Denial struct {
	What     string
	Who      string // rotate, sweep, or "another" function of their compartment
	requests []request
}

// Verdict is the result of a Denial.
type Verdict struct {
	Denial
	Denied  []string // operations
	Allowed []string
}

// denials are what the functions and another function must not do.
func denials(s *environment) []Denial {
	tags := map[string]map[string]any{"keyturn": {"user": s.AddUser("jane"), "kind": "api-key"}}
	secret := func(name, compartment string, defined map[string]map[string]any) string {
		return s.AddSecret(ociemu.SecretSeed{Name: name, Compartment: compartment, Versions: 3, DefinedTags: defined,
			FreeformTags: map[string]string{"keyturn-user": "x", "keyturn-kind": "api-key"}})
	}
	bound, foreign := secret("bound", s.keyturn, tags), secret("foreign", s.elsewhere, tags)
	unbound, unboundToo := secret("unbound", s.keyturn, nil), secret("unbound", s.workload, nil)
	inRoot, ours := secret("root", s.Tenancy(), tags), s.Topic
	exempt, admin, user := s.user(excluded), s.user("admin-root"), s.user("joe")
	s.AddBucketSeed(ociemu.BucketSeed{Name: "other", Compartment: s.keyturn})
	s.AddBucketSeed(ociemu.BucketSeed{Name: reportBucket, Compartment: s.keyturn, Objects: []string{"earlier"}})
	theirTopic, rootTopic := s.AddTopicIn(s.elsewhere, "theirs"), s.AddTopicIn("", "root")
	problem := s.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: user.id})

	var out []Denial
	for _, who := range []string{"rotate", "sweep"} {
		rule := s.AddRule(`{"eventType":["x"]}`, s.Function.FunctionID)
		out = append(out,
			Denial{"a secret of another compartment, with the right tags", who,
				append(ofSecret(foreign), prune(foreign), listSecrets(s.elsewhere))},
			Denial{"a secret of the root compartment, with the right tags", who, append(ofSecret(inRoot), prune(inRoot),
				listSecrets(s.Tenancy()))},
			Denial{"a secret that is not bound by defined tags", who,
				slices.Concat(ofSecret(unbound), ofSecret(unboundToo), []request{prune(unbound), prune(unboundToo)})},
			Denial{"an excluded user's credentials", who, exempt.changes()},
			Denial{"an excluded user's credentials, by pattern", who, admin.changes()},
			Denial{"a topic of another compartment", who, []request{publish(theirTopic), publish(rootTopic),
				topicOf(theirTopic), topicOf(rootTopic)}},
			Denial{"metrics in another compartment, or in another namespace", who,
				[]request{figures("keyturn", s.workload), figures("oci_functions", s.keyturn),
					figures("other", s.keyturn)}},
			Denial{"an object of another bucket; reading or overwriting an earlier report", who, []request{
				s.object("PutObject", "PUT", "other", "new"), s.object("GetObject", "GET", reportBucket, "earlier"),
				s.object("PutObject", "PUT", reportBucket, "earlier")}},
			Denial{"changes of credentials that no rotation makes", who, user.renames()},
			Denial{"creating a secret", who,
				[]request{{"CreateSecret", "POST", "/20180608/secrets", map[string]any{"compartmentId": s.keyturn,
					"vaultId": "ocid1.vault.oc1..x", "keyId": "ocid1.key.oc1..x", "secretName": "new",
					"secretContent": map[string]string{"contentType": "BASE64", "content": "eA=="}}}}},
			Denial{"the Events rule", who, []request{{"GetRule", "GET", "/20181201/rules/" + rule, nil},
				{"ListRules", "GET", "/20181201/rules?compartmentId=" + s.Tenancy(), nil},
				{"DeleteRule", "DELETE", "/20181201/rules/" + rule, nil}}},
		)
	}
	report := s.object("PutObject", "PUT", reportBucket, "new")
	out = append(out, Denial{"deleting secret versions and writing reports, which only the sweep may do", "rotate",
		[]request{prune(bound), report}})
	same := slices.Concat(s.ofTenancy(), user.reads(), user.changes(), ofSecret(bound), ofProblem(s, problem),
		[]request{prune(bound), listSecrets(s.keyturn), listSecrets(s.workload), publish(ours),
			figures("keyturn", s.keyturn), topicOf(ours), report})
	return append(out, Denial{"everything that the two functions do", "another", same})
}

// Deny makes all calls that must be denied, with the given policies.
func Deny(ctx context.Context, b Binaries, stack Stack, policies rules) (out []Verdict, err error) {
	s, err := newEnvironment(ctx, b, stack.Protected, Case{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.End()) }()
	set, err := policies(s.place())
	if err != nil {
		return nil, err
	}
	who := map[string]ociemu.Principal{"rotate": s.Function, "sweep": s.SweepFunction(),
		"another": s.NewFunction("another", s.keyturn)}
	list := denials(s)
	if len(stack.Domains) > 0 {
		list = append(list, domainDenials(s)...)
	}
	s.SetPolicies(&ociemu.Policies{Set: set})
	for _, d := range list {
		v := Verdict{Denial: d}
		for _, r := range d.requests {
			decision, err := s.decide(who[d.Who], r)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s, by %s: %w", d.What, d.Who, err)
			case decision.Allowed:
				v.Allowed = append(v.Allowed, r.operation)
			default:
				v.Denied = append(v.Denied, r.operation)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Granted returns the permissions that the policies can grant a function ("rotate", "sweep" or another) of the stack's
// compartment, for its best targets: a user of one of the domains who is not excluded, a bound secret, in each of the
// stack's compartments.
func Granted(policies rules, function string, domains ...string) ([]string, error) {
	at := Place{Tenancy: "tenancy", Keyturn: "keyturn", Workload: "workload",
		Functions: map[string]string{"rotate": "rotate", "sweep": "sweep"}, Domains: map[string]string{}}
	for _, w := range ways {
		at.Domains[w.domain] = w.domain
	}
	set, err := policies(at)
	if err != nil {
		return nil, err
	}
	root := ocipolicy.Compartment{ID: at.Tenancy, Name: "root"}
	paths := [][]ocipolicy.Compartment{{root}, {{ID: at.Keyturn, Name: "keyturn"}, root},
		{{ID: at.Workload, Name: "workload"}, root}}
	r := ocipolicy.Request{Principal: ocipolicy.Principal{Resource: ocipolicy.Resource{ID: function, Type: "fnfunc",
		Compartment: at.Keyturn}}}
	var out []string
	for _, p := range ocipolicy.KnownPermissions() {
		r.Permissions = []string{p}
		allowed := slices.ContainsFunc(domains, func(domain string) bool {
			r.Variables = best(domain)
			return slices.ContainsFunc(paths, func(path []ocipolicy.Compartment) bool {
				r.Path = path
				return set.Decide(r).Allowed
			})
		})
		if allowed {
			out = append(out, p)
		}
	}
	return out, nil
}

// best are the variables of the best target in a domain, whose OCID is its name.
func best(domain string) map[string]string {
	return map[string]string{"target.user.name": "joe", "target.user.id": "ocid1.user.oc1..joe",
		"target.resource.domain.id": domain, "target.resource.domain.name": domain, "target.domain.id": domain,
		ocipolicy.TagVariable("keyturn", "user"): "ocid1.user.oc1..joe",
		ocipolicy.TagVariable("keyturn", "kind"): "api-key"}
}

// perilous are the prefixes of permissions with which a function could get more permissions, such as to create users,
// groups, policies, compartments, functions or rules.
var perilous = []string{"USER_CREATE", "USER_DELETE", "POLICY_", "GROUP_", "DYNAMIC_GROUP_", "COMPARTMENT_",
	"TENANCY_UPDATE", "DOMAIN_UPDATE", "DOMAIN_CREATE", "DOMAIN_DELETE", "DOMAIN_MOVE", "DOMAIN_REPLICATE",
	"DOMAIN_ACTIVATE", "DOMAIN_DEACTIVATE", "SECRET_CREATE", "SECRET_DELETE", "SECRET_MOVE", "VAULT_", "KEY_", "FN_",
	"EVENTRULE_", "ONS_TOPIC_SUBSCRIBE", "ONS_SUBSCRIPTION_", "CREDENTIAL_"}

// Perilous returns the dangerous ones of the permissions.
func Perilous(permissions []string) []string {
	return slices.DeleteFunc(slices.Clone(permissions), func(p string) bool {
		return !slices.ContainsFunc(perilous, func(prefix string) bool { return strings.HasPrefix(p, prefix) })
	})
}
