package terraform

import (
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
)

// secrets are first secrets in the form of the input.
func secrets(of ...values) values {
	all := values{}
	for i, s := range of {
		all["secret-"+string(rune('a'+i))] = s
	}
	return values{"first_secrets": all}
}

const user = "ocid1.user.oc1..aaaaaaaauser"

func TestASecretThatNoRotationWouldFillIsRefused(t *testing.T) {
	half := func(role string) values { return values{"user": user, "kind": "customer-secret-key", "role": role} }
	off := secrets(values{"user": user, "kind": "auth-token"})
	off["kinds"] = []string{"api-key"}
	protected := secrets(values{"user": user, "kind": "auth-token"})
	protected["excluded_users"] = []string{"breakglass", user}
	check(t, []inputCase{
		{"a bundle", secrets(values{"user": user, "kind": "customer-secret-key"}), "", ""},
		{"both halves of a pair", secrets(half("access-key"), half("secret-key")), "", ""},
		{"the access key alone", secrets(half("access-key")), "add a second secret with the role secret-key", ""},
		{"the secret key alone, and a bundle", secrets(half("secret-key"), half("bundle")),
			"add a second secret with the role access-key", ""},
		{"halves of two users", secrets(half("access-key"), values{"user": user + "2",
			"kind": "customer-secret-key", "role": "secret-key"}), "has only its", ""},
		{"a kind that is off", off, "which is not in kinds", ""},
		{"a user who is protected", protected, "whom excluded_users protects", ""},
		{"two for one user, kind and role", secrets(values{"user": user, "kind": "api-key"}, values{"user": user,
			"kind": "api-key"}), "", "two secrets for the same user"},
		{"two roles of one kind", secrets(values{"user": user, "kind": "api-key"}, values{"user": user,
			"kind": "api-key", "role": "private-key"}), "", ""},
		{"tags that look like a binding", values{"freeform_tags": values{"Keyturn-User": user}},
			"freeform_tags has a key that begins with keyturn-", ""},
		{"other tags", values{"freeform_tags": values{"cost-centre": "security"}}, "", ""},
		{"another tenancy's secrets",
			values{"secret_compartment_ocids": []string{"ocid1.tenancy.oc1..aaaaaaaaother"}},
			"names another tenancy", ""},
		{"this tenancy's secrets",
			values{"secret_compartment_ocids": []string{"ocid1.tenancy.oc1..aaaaaaaatenancy"}}, "", ""},
	})
}

func TestADomainIsGivenByItsOCIDAndHasOneWay(t *testing.T) {
	const one, two = "ocid1.domain.oc1..aaaaaaaaone", "ocid1.domain.oc1..aaaaaaaatwo"
	given := values{"identity_domains": []string{one, two}}
	cases := []inputCase{
		{"two domains", given, "", ""},
		{"a second and a third way", with(with(given, "identity_domains_manage_users", []string{one}),
			"identity_domains_app_role", []string{two}), "", ""},
		{"two ways for one domain", with(with(given, "identity_domains_manage_users", []string{one}),
			"identity_domains_app_role", []string{one}), "identity_domains_app_role: " + one + " is also in", ""},
		{"the second way of no domain", values{"identity_domains_manage_users": []string{one}},
			"identity_domains_manage_users: " + one + " is not in identity_domains", ""},
		{"the third way of another domain", values{"identity_domains": []string{one},
			"identity_domains_app_role": []string{two}}, "identity_domains_app_role: " + two + " is not in", ""},
		{"a domain twice", values{"identity_domains": []string{one, one}}, "identity_domains takes OCIDs", ""},
		{"domains in the configuration", values{"configuration": values{"identity_domains": one}},
			"separate inputs: notifications, excluded_users, identity_domains", ""},
	}
	for _, given := range []string{"", "all", "Partners", "ocid1.compartment.oc1..aaaaaaaax", "OCID1.DOMAIN.OC1..AAAA",
		one + "," + two, "ocid1.domain.oc1..aaaa...", "'" + one + "'"} {
		cases = append(cases, inputCase{"given " + given, values{"identity_domains": []string{given}},
			"identity_domains takes OCIDs of identity domains", ""})
	}
	check(t, cases)
}

func TestMailsWithoutASubscriberAreRefusedOrCauseAWarning(t *testing.T) {
	topic := values{"topic_ocid": ocid("onstopic", "fra"),
		"topic_compartment_ocid": "ocid1.compartment.oc1..aaaaaaaatopics", "emails": []string{}}
	none := values{"emails": []string{}}
	hooks := []string{"https://hooks.example.com/keyturn"}
	pager := []string{"https://events.pagerduty.com/integration/x/enqueue"}
	check(t, []inputCase{
		{"no subscriber", none, "", "no subscribers for the alarms and the mails"},
		{"no subscriber and no alarms", with(none, "alarms", false), "", "no subscribers for the mails"},
		{"no subscriber, with a topic for alarms", with(none, "alarm_topic_ocid", ocid("onstopic", "fra")), "",
			"no subscribers for the mails"},
		{"HTTPS alone", with(none, "https_endpoints", hooks), "", ""},
		{"no subscriber, with a topic for mails", topic, "", "no subscribers for the alarms"},
		{"a topic for mails and no alarms", with(topic, "alarms", false), "", ""},
		{"subscribers of an existing topic", with(topic, "emails", []string{"a@example.com"}), "",
			"emails: topic_ocid is given, so they get only the alarms"},
		{"endpoints of an existing topic", with(topic, "https_endpoints", hooks), "",
			"https_endpoints: topic_ocid is given"},
		{"subscribers of nothing", with(with(topic, "emails", []string{"a@example.com"}), "alarms", false),
			"the stack creates no topic", ""},
		{"one topic for mails and alarms", with(topic, "alarm_topic_ocid", ocid("onstopic", "fra")), "",
			"alarm_topic_ocid is topic_ocid"},
		{"a topic without its compartment", with(topic, "topic_compartment_ocid", ""),
			"topic_compartment_ocid is not: the functions", ""},
		{"a compartment without its topic",
			values{"topic_compartment_ocid": "ocid1.compartment.oc1..aaaaaaaatopics"}, "topic_ocid is not: give", ""},
		{"a Slack webhook", values{"https_endpoints": []string{"https://hooks.slack.com/services/T0/B0/x"}},
			"an address of Slack or PagerDuty: it would stay unconfirmed, because Notifications has separate " +
				"protocols for them. Give it in slack_urls", ""},
		{"Slack alone", with(none, "slack_urls", []string{"https://hooks.slack.com/services/T0/B0/x"}), "", ""},
		{"a function alone", with(none, "function_subscriptions", []string{ocid("fnfunc", "fra")}), "", ""},
		{"PagerDuty alone", with(none, "pagerduty_urls", pager), "", "no subscribers for the mails"},
		{"PagerDuty without alarms", with(values{"pagerduty_urls": pager}, "alarms", false), "",
			"pagerduty_urls: the stack creates no topic for alarms"},
		{"Slack, with a topic for mails", with(topic, "slack_urls",
			[]string{"https://hooks.slack.com/services/T0/B0/x"}), "", "slack_urls: topic_ocid is given"},
		{"PagerDuty of nothing", with(with(topic, "pagerduty_urls", pager), "alarms", false),
			"the stack creates no topic", ""},
		{"a query in a Slack address", values{"slack_urls": []string{"https://hooks.slack.com/services/T0/B0/x?y=z"}},
			"slack_urls takes addresses of the form", ""},
		{"records without a topic", values{"records_functions": []string{ocid("fnfunc", "fra")}},
			"records_topic is off: set records_topic to true", ""},
		{"records without a subscriber", values{"records_topic": true}, "",
			"records_topic is on and has no subscribers"},
		{"records for a webhook", values{"records_topic": true, "records_https_endpoints": hooks}, "", ""},
		{"records for a function of another realm", values{"records_topic": true, "records_functions": []string{
			"ocid1.fnfunc.oc2.us-langley-1.aaaaaaaax"}}, "records_functions:", ""},
		{"a report without a sweep", values{"report_bucket": "reports", "sweep_schedule": "off"}, "",
			"report_bucket: sweep_schedule is off"},
		{"days of no report", values{"report_retention_days": 10}, "", "report_retention_days: report_bucket is empty"},
		{"a locked rule", values{"report_bucket": "reports",
			"report_retention_locked_from": "2027-01-31T00:00:00Z"}, "", "the retention rule of reports is locked"},
		{"a report", values{"report_bucket": "reports"}, "", ""},
		{"PagerDuty", values{"https_endpoints": []string{"https://events.pagerduty.com/integration/x/enqueue"}},
			"an address of Slack or PagerDuty", ""},
		{"a look-alike of Slack", values{"https_endpoints": []string{"https://notslack.com/x"}}, "", ""},
	})
}

func TestAnInvalidMailAddressIsRefused(t *testing.T) {
	var cases []inputCase
	for _, address := range []string{"jane@example.com,", "jane@example.com;joe@example.com",
		"mailto:jane@example.com", "<jane@example.com>", "Jane <jane@example.com>",
		"jane@example", "jane@example.com.", "jane@@example.com", "@example.com", "jane@", "jane @example.com", "",
		"jane@exa mple.com"} {
		cases = append(cases, inputCase{name: address, change: values{"emails": []string{address}},
			refused: "emails takes mail addresses"})
	}
	check(t, append(cases,
		inputCase{"one address in two spellings", values{"emails": []string{"a@example.com", "A@example.com"}},
			"emails takes mail addresses", ""},
		inputCase{"usual addresses", values{"emails": []string{"sec-ops+keyturn@mail.example.co.uk",
			"O_o@example.com", "x&y@example.org"}}, "", ""},
	))
}

func TestAnInputWithoutEffectCausesAWarning(t *testing.T) {
	off := values{"sweep_schedule": "off"}
	vault := values{"vault_ocid": ocid("vault", "fra")}
	subnet := values{"subnet_ocid": ocid("subnet", "fra")}
	const unused = "These inputs have no effect"
	check(t, []inputCase{
		{"a grace period without a sweep", with(off, "grace_period", "72h"), "",
			"grace_period is 72h and sweep_schedule is off"},
		{"a grace period of minutes", with(off, "grace_period", "1m"), "",
			"grace_period is 1m and sweep_schedule is off"},
		{"a grace period of nothing", with(off, "grace_period", "0h"), "", "sweep_schedule is off: nothing " +
			"finishes lost events"},
		{"no sweep", off, "", "sweep_schedule is off: nothing finishes lost events"},
		{"neither events nor a sweep", with(off, "events_enabled", false), "", "nothing is ever rotated"},
		{"the sweep alone", values{"events_enabled": false}, "", ""},
		{"days of a sweep that is off", with(off, "configuration", values{"sweep_days": "3"}), "",
			"configuration.sweep_days: sweep_schedule is off"},
		{"one day of a daily sweep", values{"sweep_schedule": "daily", "configuration": values{"sweep_days": "1"}},
			"", "Set sweep_days to 2"},
		{"a grace period with a daily sweep", values{"sweep_schedule": "daily", "grace_period": "3d"}, "", ""},
		{"a grace period of passwords", values{"kinds": []string{"password"}, "grace_period": "3d"}, "",
			"grace_period: a password has no overlap"},
		{"a size of keys without keys", values{"kinds": []string{"auth-token"},
			"configuration": values{"rsa_bits": "4096"}}, "", "configuration.rsa_bits: kinds doesn't contain api-key"},
		{"a proof of passwords", values{"kinds": []string{"password"}, "configuration": values{"prove": "try"}}, "",
			"configuration.prove"},
		{"a range of an existing subnet", with(subnet, "vcn_cidr", "10.1.0.0/24"), "", unused},
		{"a gateway of an existing subnet", with(subnet, "nat_gateway", true), "",
			"nat_gateway: subnet_ocid is given"},
		{"the type of an existing vault", with(vault, "vault_type", "VIRTUAL_PRIVATE"), "",
			"vault_type: vault_ocid is given"},
		{"rotation by a default vault", values{"key_rotation_days": 60}, "",
			"key_rotation_days: a vault of the type DEFAULT"},
		{"rotation by a private vault", values{"key_rotation_days": 60, "vault_type": "VIRTUAL_PRIVATE"}, "", ""},
		{"rotation of an existing key", with(with(vault, "key_ocid", ocid("key", "fra")), "key_rotation_days", 60),
			"", "key_rotation_days: key_ocid is given"},
		{"a key of another vault", with(vault, "key_ocid", "ocid1.key.oc1.eu-frankfurt-1.other.abtheljrkey"), "",
			"to belong to another vault"},
		{"a signing key without signatures", values{"signing_key_ocid": ocid("key", "fra"),
			"require_signed_images": false}, "", "signing_key_ocid: require_signed_images is off"},
		{"a topic without alarms", values{"alarms": false, "alarm_topic_ocid": ocid("onstopic", "fra")}, "",
			"alarm_topic_ocid: alarms is off"},
		{"a detector recipe without a target",
			values{"cloud_guard_detector_recipe_ocid": "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaax"}, "",
			"cloud_guard_detector_recipe_ocid: cloud_guard_target is off"},
		{"a responder recipe without a target",
			values{"cloud_guard_responder_recipe_ocid": "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaax"}, "",
			"cloud_guard_target is off"},
		{"no images and no repositories", values{"rotate_image": "", "sweep_image": ""}, "",
			"there is no repository for them"},
		{"no images yet", values{"rotate_image": "", "sweep_image": "", "repositories": true}, "", ""},
		{"unbound secrets with policies by tags", values{"configuration": values{"secret_binding": "warn"}},
			"secret_binding is warn", ""},
	})
}

func TestTheStackAcceptsTheSameGracePeriodsAsTheFunctions(t *testing.T) {
	var cases []inputCase
	for _, grace := range []string{"0", "72h", "3d", "90m", "1d12h", "90d", "2160h", "129600m", "89d23h60m", "91d",
		"90d1m", "2161h", "129601m", "99d", "9999h", "72", "h", "", "3 d", "-1d", "1h1d"} {
		_, err := config.Read([]string{"ons_topic=ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaatopic",
			"grace_period=" + grace})
		c := inputCase{name: grace, change: values{"grace_period": grace}}
		if err != nil || grace == "" { // for a function an empty value is the default, for the stack a mistake
			c.refused = "grace_period is"
		}
		cases = append(cases, c)
	}
	check(t, cases)
}

func TestTheStackAcceptsEveryConfigurationKey(t *testing.T) {
	own := map[string]bool{"ons_topic": true, "protected_users": true, "secret_compartments": true, "dry_run": true,
		"grace_period": true, "identity_domains": true, "owner_topics": true, "records_topic": true,
		"report_bucket": true}
	list := regexp.MustCompile(`for k in keys\(var\.configuration\) : contains\(\[(.*?)\], k\)`).FindStringSubmatch(
		read(t, "terraform/variables.tf"))
	if list == nil {
		t.Fatal("the list of keys was not found")
	}
	keys := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(config.Table(), -1)
	for _, m := range keys {
		if !own[m[1]] && !strings.Contains(list[1], `"`+m[1]+`"`) {
			t.Errorf("the input configuration refuses %s", m[1])
		}
	}
	if len(keys) < 12 {
		t.Errorf("%d keys were looked at, want 12 or more", len(keys))
	}
}
