# Subscriptions, the topic for programs, and the bucket for reports.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "every_subscriber_gets_mails_and_alarms" {
  command = plan

  variables {
    emails          = ["secops@example.com"]
    https_endpoints = ["https://hooks.example.com/a"]
  }
  assert {
    condition     = length(oci_ons_subscription.this) == 4 && toset([for s in oci_ons_subscription.this : s.protocol]) == toset(["EMAIL", "CUSTOM_HTTPS"])
    error_message = "The subscriptions are ${join(", ", keys(oci_ons_subscription.this))}."
  }
}

run "slack_and_functions_get_mails_and_alarms_and_pagerduty_alarms_alone" {
  command = plan

  variables {
    emails                 = []
    slack_urls             = ["https://hooks.slack.com/services/T0/B0/one", "https://hooks.slack.com/services/T0/B0/two"]
    pagerduty_urls         = ["https://events.pagerduty.com/integration/three/enqueue"]
    function_subscriptions = ["ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets"]
  }
  assert {
    condition     = sort([for s in oci_ons_subscription.private : s.protocol]) == tolist(["PAGERDUTY", "SLACK", "SLACK", "SLACK", "SLACK"])
    error_message = "The subscriptions are ${join(", ", keys(oci_ons_subscription.private))}."
  }
  assert {
    condition     = [for k, s in oci_ons_subscription.private : k if s.protocol == "PAGERDUTY" && startswith(k, "alarms ")] == [for k, s in oci_ons_subscription.private : k if s.protocol == "PAGERDUTY"]
    error_message = "PagerDuty gets mails."
  }
  assert {
    condition     = toset(keys(oci_ons_subscription.this)) == toset(["alarms ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets", "mail ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets"])
    error_message = "The subscriptions are ${join(", ", keys(oci_ons_subscription.this))}."
  }
}

run "an_address_that_is_a_credential_is_in_no_resources_name" {
  command = plan

  variables {
    slack_urls              = ["https://hooks.slack.com/services/T0/B0/one"]
    records_topic           = true
    records_https_endpoints = ["https://tickets.example.com/hooks/one"]
  }
  assert {
    condition     = length(oci_ons_subscription.private) == 3 && alltrue([for k in keys(oci_ons_subscription.private) : can(regex("^(mail slack|alarms slack|records custom_https) [0-9a-f]{12}$", k))])
    error_message = "The names are ${join(", ", keys(oci_ons_subscription.private))}."
  }
  assert {
    condition     = alltrue([for s in oci_ons_subscription.private : issensitive(s.endpoint)])
    error_message = "A plan would show an address."
  }
}

run "programs_get_the_records_and_nothing_else" {
  command = plan

  variables {
    records_topic           = true
    records_https_endpoints = ["https://tickets.example.com/keyturn"]
    records_functions       = ["ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets"]
  }
  assert {
    condition     = [for k in concat(keys(oci_ons_subscription.this), keys(oci_ons_subscription.private)) : k if startswith(k, "records ")] == ["records ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets", keys(oci_ons_subscription.private)[0]]
    error_message = "The subscriptions are ${join(", ", keys(oci_ons_subscription.this))}."
  }
  assert {
    condition     = output.configuration.records_topic == output.records_topic_id && length(oci_ons_notification_topic.this) == 3 && oci_ons_notification_topic.this["records"].name == "keyturn-records"
    error_message = "The functions don't know the records' topic."
  }
}

run "without_a_bucket_there_is_no_report" {
  command = plan

  assert {
    condition     = length(oci_objectstorage_bucket.report) == 0 && !contains(keys(output.configuration), "report_bucket") && !anytrue([for s in output.policy_statements : strcontains(s.text, "OBJECT_")])
    error_message = "There is a bucket, or a permission for one."
  }
}

run "the_reports_bucket_is_private_and_keeps_each_report" {
  command = plan

  variables {
    report_bucket                = "reports"
    report_retention_locked_from = "2027-01-31T00:00:00Z"
  }
  expect_failures = [check.report]
  assert {
    condition     = one(oci_objectstorage_bucket.report).access_type == "NoPublicAccess" && one(oci_objectstorage_bucket.report).versioning == "Disabled"
    error_message = "The bucket is public, or has versions."
  }
  assert {
    condition     = [for r in one(oci_objectstorage_bucket.report).retention_rules : "${r.duration[0].time_amount} ${r.duration[0].time_unit} ${r.time_rule_locked}"] == ["400 DAYS 2027-01-31T00:00:00Z"]
    error_message = "The rule isn't the one of the inputs."
  }
  assert {
    condition     = output.configuration.report_bucket == "acmespace/reports" && output.report_bucket == "acmespace/reports"
    error_message = "The sweep doesn't know the bucket."
  }
  assert {
    condition     = [for s in output.policy_statements : s.text if strcontains(s.text, "OBJECT_")] == ["Allow dynamic-group keyturn-sweep to {OBJECT_CREATE} in compartment id ocid1.compartment.oc1..aaaaaaaakeyturn where target.bucket.name = 'reports'"]
    error_message = "Another function may write to the bucket, or to another one, or do more than write."
  }
}
