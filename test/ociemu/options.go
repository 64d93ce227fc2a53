package ociemu

import (
	"log/slog"
	"time"
)

// Options configure the emulator. The zero value is the strict default; see [Calm] for the opposite.
type Options struct {
	// Addr is the loopback address to listen on. Empty: a free port of 127.0.0.1.
	Addr string
	// Region is the region of the function and of the plain origin. Empty: us-ashburn-1.
	Region string
	// HomeRegion is the only region that accepts IAM writes. Empty: us-ashburn-1.
	HomeRegion string
	// ReportingRegion is Cloud Guard's: events are emitted there and writes are accepted only there. Empty: Region.
	ReportingRegion string
	// GuardDisabled makes Cloud Guard's configuration say DISABLED. Its other operations are unaffected.
	GuardDisabled bool
	// Regions are additional regions to which the tenancy is subscribed. The three above, us-ashburn-1, us-phoenix-1,
	// eu-frankfurt-1 and the region of each seeded secret always are. Calls to any other region are answered 401.
	Regions []string
	// Now is the services' clock. Nil: time.Now.
	Now func() time.Time
	// Seed determines the OCIDs of a run. Secret values are always random.
	Seed uint64
	// TokenLife is the lifetime of a resource principal session token. 0: 20 minutes.
	TokenLife time.Duration
	// Visibility is how long a new credential is refused. 0: 30 ms; negative: not at all.
	Visibility time.Duration
	// VisibilityRejects is how many first uses of a new credential are refused, even after Visibility. 0: 1; negative:
	// none.
	VisibilityRejects int
	// Spread is how long a new credential of each kind is refused although it is ACTIVE. Zero: not at all. See
	// [RealSpread].
	Spread Spread
	// DomainRefusals makes the identity domain refuse every nth call of each operation on users and their credentials,
	// alternately before and after its effect; see [DomainUnauthorized]. 0: never.
	DomainRefusals int
	// CreatedOffset is added to each timeCreated; see [Emulator.SetCreatedOffset].
	CreatedOffset time.Duration
	// ListLag is the lag of IAM's lists of credentials, and of its information about a password: they show the state of
	// that long ago. Seeded credentials always existed. 0: no lag. See [Emulator.SetListLag].
	ListLag time.Duration
	// Settle is how long a secret stays UPDATING after an update. 0: 30 ms; negative: not at all.
	Settle time.Duration
	// PageSize is the maximum size of a page of any list, regardless of the requested limit. 0: 2.
	PageSize int
	// ProblemLag is how long Cloud Guard's reads return the old record after a problem's status changed. 0: no lag.
	ProblemLag time.Duration
	// ProblemLagReads is how many reads of a problem return the old record after a change. 0: none.
	ProblemLagReads int
	// RoundTrip is added to every answer, and to each round trip that sets up a connection through the proxy: one for
	// TCP and one for TLS 1.3 (two for TLS 1.2). 0: nothing. See [Emulator.SetRoundTrip].
	RoundTrip time.Duration
	// Deliveries is how often each event is delivered to each matching function. 0: once.
	Deliveries int
	// ParallelDeliveries starts the deliveries of one event in parallel, not one after another.
	ParallelDeliveries bool
	// Authorizer decides what an authenticated caller may do. Nil: functions and operators may do everything, users may
	// read themselves. The policies of [Emulator.SetPolicies], if any, must also allow a call.
	Authorizer Authorizer
	// Domains are identity domains in addition to the Default domain, which every tenancy has; see also
	// [Emulator.AddDomain].
	Domains []DomainSeed
	// WithoutDomains makes the tenancy one without identity domains.
	WithoutDomains bool
	// DomainRate limits the SCIM calls of each domain; others are answered 429. Zero: no limit. See [FreeDomainRate].
	DomainRate DomainRate
	// DomainAnswers choose the answers about identity domains that no documentation specifies.
	DomainAnswers DomainAnswers
	// Answers choose the answers that no documentation specifies.
	Answers Answers
	// Log gets one record per call at debug level, without secret values. Nil: no log.
	Log *slog.Logger
}

// Authorizer reports whether the caller may make the call; false is answered 404 NotAuthorizedOrNotFound. It is called
// without the emulator's lock, so it may use every method of the emulator. It is not called for registry and S3 logins.
type Authorizer func(caller Caller, call Call) bool

// Calm returns options without delays, refusals of new credentials or small pages, to count calls or for
// demonstrations.
func Calm() Options {
	return Options{Visibility: -1, VisibilityRejects: -1, Settle: -1, PageSize: 1000, Answers: Answers{BundleLag: -1}}
}

func (o Options) withDefaults() Options {
	o.Addr = orDefault(o.Addr, "127.0.0.1:0")
	o.Region = orDefault(o.Region, "us-ashburn-1")
	o.HomeRegion = orDefault(o.HomeRegion, "us-ashburn-1")
	o.ReportingRegion = orDefault(o.ReportingRegion, o.Region)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.TokenLife = orDefault(o.TokenLife, 20*time.Minute)
	o.Visibility = max(0, orDefault(o.Visibility, 30*time.Millisecond))
	o.VisibilityRejects = max(0, orDefault(o.VisibilityRejects, 1))
	o.Settle = max(0, orDefault(o.Settle, 30*time.Millisecond))
	o.PageSize = orDefault(o.PageSize, 2)
	o.Deliveries = orDefault(o.Deliveries, 1)
	o.Answers = o.Answers.withDefaults()
	o.DomainAnswers = o.DomainAnswers.withDefaults()
	return o
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
