package config

import (
	"fmt"
	"strings"
)

// Key documents one configuration key.
type Key struct {
	Name    string
	Default string // "" if the key has none
	Values  string // the accepted values
	Meaning string
}

// spec is a key with its reader, which returns the problem with the value, or "".
type spec struct {
	Key
	read func(c *Config, value string) (problem string)
}

const required = "(required)"

// specs has all keys, in the order of the documentation.
var specs = []spec{
	{Key{"ons_topic", required, "OCID of a topic (`ocid1.onstopic...`)", "the topic that all mails are sent to"},
		topic(func(c *Config, ocid string) { c.Topic = ocid })},
	{Key{"event_check", "on", "`on`, `off`", "compare the event with Cloud Guard's record of the problem; set it " +
		"to `off` only in a tenancy that can't grant the permission"},
		choice(map[string]bool{"on": true, "off": false}, func(c *Config, v bool) { c.EventCheck = v })},
	{Key{"secret_binding", "require", "`require`, `warn`", "what to do with a secret that isn't bound to its user " +
		"by tags: refuse it, or write to it and note that in the mail"},
		choice(words(BindingRequire, BindingWarn), func(c *Config, v Binding) { c.SecretBinding = v })},
	{Key{"bare_closure", "refuse", "`refuse`, `rotate`", "what a closure comment without an instruction does, " +
		"except for a password, which is always reset: nothing, or a rotation into the bound secret; " +
		"text that says no never rotates"},
		choice(words(BareRefuse, BareRotate), func(c *Config, v BareClosure) { c.BareClosure = v })},
	{Key{"protected_users", "", "user OCIDs and names, separated by commas; `*` in a name matches any " +
		"characters; `domain/name` for a user outside the Default identity domain", "users whose credentials are " +
		"never rotated"}, readProtected},
	{Key{"grace_period", "0", "`0`, or days, hours and minutes such as `72h`, `3d`, `90m`, up to `90d`",
		"how long the old credential stays alongside the new one"}, readGrace},
	{Key{"prove", "require", "`require`, `try`, `off`", "whether the new credential must be used once with success " +
		"before the old one is deleted"},
		choice(words(ProveRequire, ProveTry, ProveOff), func(c *Config, v ProveMode) { c.Prove = v })},
	{Key{"dry_run", "no", "`yes`, `no`", "only report what a rotation would do, and change nothing"},
		choice(map[string]bool{"yes": true, "no": false}, func(c *Config, v bool) { c.DryRun = v })},
	{Key{"rsa_bits", "2048", "`2048`, `3072`, `4096`", "size of new API keys"},
		choice(map[string]int{"2048": 2048, "3072": 3072, "4096": 4096}, func(c *Config, v int) { c.RSABits = v })},
	{Key{"log_level", "info", "`trace`, `debug`, `info`, `warn`, `error`", "how much is logged"},
		choice(words("trace", "debug", "info", "warn", "error"), func(c *Config, v string) { c.LogLevel = v })},
	{Key{"metrics", "on", "`on`, `off`",
		"send metrics of outcomes, durations and ages to Monitoring, namespace `keyturn`"},
		choice(map[string]bool{"on": true, "off": false}, func(c *Config, v bool) { c.Metrics = v })},
	{Key{"sweep_days", "7", "a number of days, `1` to `90`", "how many days the sweep looks back for closed " +
		"problems whose credential was not rotated"}, readSweepDays},
	{Key{"secret_compartments", "", "OCIDs of compartments or of the tenancy, separated by commas",
		"where to search for secrets by their tags if a closure comment names none"}, readCompartments},
	{Key{"identity_domains", "", "OCIDs of identity domains, and of compartments for all domains in them, separated " +
		"by commas; `all` for all domains in the root compartment", "identity domains whose users' credentials " +
		"are rotated, too"}, readDomains},
	{Key{"maximum_age", "90d", "`0` for no report, or days, hours and minutes such as `90d`, `36h`, up to `3650d`",
		"the sweep reports credentials older than this of users of `identity_domains` other than Default, whether or " +
			"not Cloud Guard has a problem for them"}, readMaximumAge},
	{Key{"default_domain_api", "classic", "`classic`, `scim`", "the API for credentials of users of the Default " +
		"domain. Use `scim`, with the Default domain in `identity_domains`, if the classic API refuses calls with " +
		"401 `IdcsConversionError` again and again"},
		choice(map[string]bool{"classic": false, "scim": true}, func(c *Config, v bool) { c.DefaultBySCIM = v })},
	{Key{"owner_topics", "", "OCIDs of topics, and of compartments for all topics directly in them, separated by " +
		"commas", "which topics the tag `keyturn.topic` of a secret may name; mails about the secret go there, too"},
		readOwnerTopics},
	{Key{"records_topic", "", "OCID of a topic (`ocid1.onstopic...`), another one than `ons_topic`", "a topic for " +
		"programs: it gets each outcome's record as JSON"},
		topic(func(c *Config, ocid string) { c.RecordsTopic = ocid })},
	{Key{"report_bucket", "", "`<namespace>/<bucket>`", "the bucket that the sweep writes its report to"},
		readBucket},
}

// Keys returns the documentation of all keys, in the order of docs/configuration.md.
func Keys() []Key {
	keys := make([]Key, len(specs))
	for i, s := range specs {
		keys[i] = s.Key
	}
	return keys
}

// Table returns the documentation of all keys as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| key | default | values | meaning |\n| --- | --- | --- | --- |\n")
	for _, k := range Keys() {
		def := "none"
		switch {
		case k.Default == required:
			def = "required"
		case k.Default != "":
			def = "`" + k.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, def, k.Values, k.Meaning)
	}
	return b.String()
}
