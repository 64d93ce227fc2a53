package tenancy

// person is a row of the table of people. keys lists the credentials, separated by blanks: KIND=AGE+FLAG+FLAG. AGE is
// a number of days, or young, soon, old, ancient: a number that the seed chooses.
//
//	bound     a secret with the value, bound to user and kind   bundle   the same, as a bundle
//	misbound  a secret whose tags contradict each other         staged   a rotation is half-way
//	held      an old credential in its grace period             problem  an open problem of Cloud Guard
//	closed    a problem that was closed                         inactive an INACTIVE credential
//	undated   the lists don't say when it was made
type person struct {
	name, domain string
	keys         string
	admin, left  bool              // may manage all resources; can't sign in any more
	without      []string          // capabilities
	tags         map[string]string // freeform
	email        bool
}

var (
	noConsole = []string{"canUseConsolePassword", "canUseConsole"}
	noKeys    = []string{"canUseApiKeys", "canUseAuthTokens", "canUseCustomerSecretKeys"}
)

// people are the users of a believable tenancy. Keys of administrators, leavers and machines need other advice than
// those of people and services.
var people = []person{
	{name: "anna.keller@example.com", keys: "password=45 auth-token=12 api-key=young"},
	{name: "ben.osei@example.com", keys: "password=76 api-key=75"},
	{name: "carla.ruiz@example.com", admin: true, keys: "password=young api-key=430 api-key=31"},
	{name: "david.lindqvist@example.com", admin: true, keys: "password=80"},
	{name: "emre.yilmaz@example.com", keys: "password=old+problem auth-token=90+problem"},
	{name: "fatima.haddad@example.com", keys: "password=89 auth-token=soon customer-secret-key=young"},
	{name: "george.papas@example.com", left: true, keys: "password=ancient api-key=ancient+problem auth-token=old"},
	{name: "hana.sato@example.com", keys: "password=10 api-key=5 api-key=40 api-key=old"},
	{name: "ivan.petrov@example.com", left: true, keys: "password=ancient"},
	{name: "julia.novak@example.com", keys: "password=young auth-token=old+inactive auth-token=3"},
	{name: "kofi.mensah@example.com", keys: "password=60 customer-secret-key=soon smtp-credential=old"},
	{name: "lucy.chen@example.com", keys: ""},
	{name: "svc-web-shop", without: noConsole, keys: "api-key=120+bound+problem"},
	{name: "svc-registry-push", without: noConsole, keys: "auth-token=134+bound+problem"},
	{name: "svc-backup", without: noConsole, keys: "customer-secret-key=151+bound+problem"},
	{name: "svc-reports", without: noConsole, keys: "auth-token=96+bundle+problem auth-token=2 database-password=old"},
	{name: "svc-billing", without: noConsole, keys: "api-key=101+bound+staged+closed"},
	{name: "svc-ledger", without: noConsole, keys: "api-key=97+held+closed api-key=4+bound"},
	{name: "svc-search", without: noConsole, keys: "auth-token=old+misbound+problem"},
	{name: "svc-mailer", without: noConsole,
		keys: "auth-token=soon+bound customer-secret-key=young+bundle smtp-credential=young"},
	{name: "svc-legacy-erp", without: noConsole, keys: "api-key=ancient+problem customer-secret-key=old",
		tags: map[string]string{"keyturn-exempt": "api-key: vendor can't change it before 4.2",
			"keyturn-exempt_until": "2099-12-31"}},
	{name: "svc-archive", without: noConsole, keys: "customer-secret-key=old+problem",
		tags: map[string]string{"keyturn-exempt": "migration is planned", "keyturn-exempt_until": "2020-01-31"}},
	{name: "svc-fax", without: noConsole, keys: "auth-token=old",
		tags: map[string]string{"keyturn-exempt": "nobody knows who uses it"}},
	{name: "svc-terraform", without: noConsole, admin: true, keys: "api-key=210+problem"},
	{name: "oke-node-pool-1", without: noConsole, keys: "api-key=old+problem"},
	{name: "build-instance-7", without: noConsole, keys: "api-key=young"},
	{name: "secrets-reader", without: append(append([]string(nil), noConsole...), noKeys...), keys: "auth-token=old"},
	{name: "mia.torres@partner.example", domain: Partners, email: true, keys: "password=30 auth-token=undated"},
	{name: "noah.dubois@partner.example", domain: Partners, email: true, keys: "password=old api-key=91"},
	{name: "olga.ivanova@partner.example", domain: Partners, keys: "password=soon"},
	{name: "pedro.alves@partner.example", domain: Partners, left: true, keys: "auth-token=ancient api-key=old"},
	{name: "svc-edi", domain: Partners, without: noConsole,
		keys: "api-key=115+bound auth-token=old+undated oauth2-credential=old"},
	{name: "svc-catalog-sync", domain: Partners, without: noConsole, keys: "customer-secret-key=old+bound"},
	{name: "quinn.byrne@partner.example", domain: Partners, keys: "api-key=young api-key=old",
		tags: map[string]string{"keyturn-exempt": "contract ends until 2099-06-30"}},
	{name: "rosa.weber", domain: Plant, keys: "password=young auth-token=old database-password=88"},
	{name: "press-line-3", domain: Plant, without: noConsole, keys: "api-key=ancient"},
	{name: "paint-shop-gateway", domain: Plant, without: noConsole, keys: "api-key=86+bound"},
	{name: "scada-historian", domain: Plant, without: noConsole, keys: "customer-secret-key=ancient auth-token=young"},
	{name: "tomas.kral", domain: Plant, admin: true, keys: "password=old api-key=12"},
}

// descriptions are those of seeded credentials.
var descriptions = []string{"laptop", "CI pipeline", "pushes images", "nightly backup", "created by hand", "Terraform",
	"test, delete me", "=HYPERLINK(\"http://example.com\")"}
