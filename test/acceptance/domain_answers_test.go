package acceptance

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

type inDomain = ociemu.DomainAnswers

// domainVariants are all answers of identity domains except the emulator's defaults.
var domainVariants = []variant[inDomain]{
	{"ClassicSeesAll", inDomain{ClassicSeesAll: true}, "domain-classic", "accepted"},
	{"HostPort", inDomain{HostPort: ociemu.HostPortOptional}, "domain-host-port", "accepted"},
	{"MessageIDs", inDomain{MessageIDs: ociemu.MessageIDsAbsent}, "domain-message-id", "none"},
	{"EmptyUnauthorized", inDomain{EmptyUnauthorized: true}, "domain-no-rights", "401 without a body"},
	{"Quota", inDomain{Quota: ociemu.QuotaConflict}, "domain-full-slots", "409 with the quota's text"},
	{"Quota", inDomain{Quota: ociemu.QuotaOther}, "domain-full-slots", "400 with another text"},
	{"RetryToken", inDomain{RetryToken: ociemu.RetryTokenNoValue}, "domain-retry-token",
		"the same, without its value"},
	{"RetryToken", inDomain{RetryToken: ociemu.RetryTokenConflict}, "domain-retry-token", "409"},
	{"RetryToken", inDomain{RetryToken: ociemu.RetryTokenIgnored}, "domain-retry-token", "a second one"},
	{"InactiveSlot", inDomain{InactiveSlot: ociemu.InactiveFreesSlot}, "domain-inactive-slot", "frees it"},
	{"InactiveUse", inDomain{InactiveUse: ociemu.InactiveUseLags}, "domain-inactive-use", "refused later"},
	{"InactiveUse", inDomain{InactiveUse: ociemu.InactiveUseWorks}, "domain-inactive-use", "works"},
	{"ClassicInactive", inDomain{ClassicInactive: true}, "domain-classic-inactive", "INACTIVE"},
	{"ListedSecrets", inDomain{ListedSecrets: true}, "domain-listed-secrets", "shown"},
	{"RegistryNames", inDomain{RegistryNames: ociemu.RegistryNamesBoth}, "domain-registry-user",
		"namespace/name, namespace/domain/name"},
	{"RegistryNames", inDomain{RegistryNames: ociemu.RegistryNamesDomain}, "registry-user", "namespace/Default/name"},
	{"OneTimePassword", inDomain{OneTimePassword: ociemu.OneTimePasswordAlways}, "domain-one-time-password", "unasked"},
	{"OneTimePassword", inDomain{OneTimePassword: ociemu.OneTimePasswordNever}, "domain-one-time-password",
		"not at all"},
	{"WholeLists", inDomain{}, "", ""}, // allowed, so that the run sees the order of such lists
	{"WholeLists", inDomain{WholeLists: ociemu.WholeListsUnauthorized}, "domain-whole-lists", "401"},
	{"WholeLists", inDomain{WholeLists: ociemu.WholeListsForbidden}, "domain-whole-lists", "403"},
	{"IgnoresSortBy", inDomain{IgnoresSortBy: true}, "domain-whole-sort", "ignored"},
	{"IgnoresSortBy", inDomain{IgnoresSortBy: true}, "domain-sort", "ignored"},
	{"NoPasswordDate", inDomain{NoPasswordDate: true}, "domain-password-time", "not returned"},
	{"NoPasswordDate", inDomain{NoPasswordDate: true}, "domain-password-reader", "not returned"},
	{"HidesAppSecret", inDomain{HidesAppSecret: true}, "", ""}, // of an app, whose secret Keyturn doesn't rotate
	{"RegeneratorStatus", inDomain{RegeneratorStatus: 200}, "", ""},
	{"ProblemIDs", inDomain{ProblemIDs: ociemu.ProblemIDsOCID}, "domain-problems", "resourceId ocid1.credential"},
	{"ProblemIDs", inDomain{ProblemIDs: ociemu.ProblemIDsPath}, "domain-problems", "tenancy/user/fingerprint"},
	{"ProblemIDs", inDomain{ProblemIDs: ociemu.ProblemIDsSCIM}, "domain-problems", "resourceId of 32 characters"},
	{"ProblemIDs", inDomain{ProblemIDs: ociemu.ProblemIDsNone}, "domain-problems", "none of 0 problems"},
	{"ProblemDomains", inDomain{ProblemDomains: true}, "domain-problems", "resourceName with a slash"},
	{"PasswordMustChange", inDomain{PasswordMustChange: true}, "domain-must-change", "yes"},
}

func TestEveryOtherAnswerOfADomainIsReportedAndBreaksNothing(t *testing.T) {
	need.Suite(t, need.Acceptance)
	// TestAFunctionThatADomainRefusesFailsTheRun has the field Authorization.
	reported(t, domainVariants, func(t *testing.T, answers inDomain) *customer {
		ten := newTenancy(t, want{domain: true, options: ociemu.Options{DomainAnswers: answers}})
		ten.waitForInactive()
		ten.problemInDomain()
		ten.others()
		return ten
	}, "InactiveLag", "Authorization")
}

// problemInDomain adds a problem about an API key of a user of the domain.
func (ten *customer) problemInDomain() {
	user := ten.AddDomainUser("Partners", ociemu.UserSeed{Name: "web@example.com"})
	fingerprint, _ := ten.AddAPIKey(user)
	ten.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: user, ResourceID: fingerprint})
}

// others adds users with API keys to the domain, so that its lists have an order.
func (ten *customer) others() {
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		user := ten.AddDomainUser("Partners", ociemu.UserSeed{Name: name})
		ten.AddAPIKey(user)
		ten.AddAPIKey(user)
	}
}

// waitForInactive moves the services' clock when the run waits until an INACTIVE auth token is refused.
func (ten *customer) waitForInactive() {
	var changed, moved atomic.Bool
	ten.Inject(ociemu.Fault{Times: -1, When: ociemu.After, Do: ociemu.Delay(0), Match: func(c ociemu.Call) bool {
		switch {
		case c.Operation == "PatchAuthToken" && c.Domain == "Partners":
			changed.Store(true)
		case c.Operation == "GetTenancy" && c.Caller.ID == ten.admin && changed.Load() && !moved.Swap(true):
			ten.clock.Add(4*time.Minute + 5*time.Second)
		}
		return false
	}})
}

func TestAFunctionThatADomainRefusesFailsTheRun(t *testing.T) {
	need.Suite(t, need.Acceptance)
	for _, reading := range []ociemu.AuthorizationAnswer{ociemu.AuthorizationManage, ociemu.AuthorizationAppRole} {
		for _, has := range []bool{false, true} {
			if has && reading == ociemu.AuthorizationManage {
				continue
			}
			t.Run(string(reading), func(t *testing.T) {
				t.Parallel()
				ten := newTenancy(t, want{domain: true, options: ociemu.Options{DomainAnswers: inDomain{
					Authorization: reading}}})
				for _, domain := range []string{"Partners", ociemu.DefaultDomain} {
					ten.GrantDomainRole(domain, ten.admin)
				}
				if has {
					ten.GrantDomainRole("Partners", ten.rotate.FunctionID)
				}
				before := ten.Configuration(ten.rotate.FunctionID)
				p := ten.accept()
				f := p.of(t, "domain-permissions")
				if (p.code == 0) != has || strings.Contains(p.stdout, "FAILED  domain-auth-token is rotated") == has ||
					strings.HasPrefix(f.Saw, "enough") != has {
					t.Errorf("the command ended with %d, the report says %+v\n%s%s", p.code, f, p.stdout, p.stderr)
				}
				ten.mailsOnlyTo("")
				ten.nothingLeft(before)
			})
		}
	}
}

func TestAnUnfitDomainIsRefusedBeforeAnythingIsCreated(t *testing.T) {
	ten := newTenancy(t, want{domain: true})
	good := ten.flags()
	for domain, says := range map[string]string{
		"Partners":                          `-domain: OCID does not begin with "ocid1."`,
		ten.Domain(ociemu.DefaultDomain).ID: "names the Default domain",
		"ocid1.domain.oc1..aaaaaaaaunknown": "reading the identity domain ocid1.domain.oc1..aaaaaaaaunknown: 404",
		ten.AddDomain(ociemu.DomainSeed{Name: "Plant"}): `identity_domains doesn't include the identity ` +
			`domain "Plant"`,
		ten.AddDomain(ociemu.DomainSeed{Name: "Old", State: "INACTIVE"}): `the identity domain "Old" is INACTIVE`,
	} {
		p := ten.run(append(good[:len(good):len(good)], "--domain", domain)...)
		if p.code != 2 || !strings.Contains(p.stderr, says) {
			t.Errorf("%s: ended with %d\n%s", domain, p.code, p.stderr)
		}
	}
	for _, c := range ten.Calls() {
		if c.Method != "GET" {
			t.Errorf("a run that was refused has called %s", c.Operation)
		}
	}
}
