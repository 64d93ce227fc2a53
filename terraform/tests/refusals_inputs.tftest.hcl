# Inputs that a plan refuses.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "an_OCID_of_another_type_is_refused" {
  command = plan

  variables {
    tenancy_ocid                 = "ocid1.compartment.oc1..aaaaaaaakeyturn"
    compartment_ocid             = "ocid1.tenancy.oc1..aaaaaaaatenancy"
    subnet_ocid                  = "ocid1.vcn.oc1.eu-frankfurt-1.aaaaaaaavcn"
    network_security_group_ocids = ["ocid1.vcn.oc1.eu-frankfurt-1.aaaaaaaavcn"]
    vault_ocid                   = "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaakey"
    key_ocid                     = "ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaavault"
    signing_key_ocid             = "ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaavault"
    secret_compartment_ocids     = ["ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaavault"]
    topic_ocid                   = "ocid1.topic.oc1.eu-frankfurt-1.aaaaaaaatopic"
    topic_compartment_ocid       = "ocid1.tenancy.oc1..aaaaaaaatenancy"
    alarm_topic_ocid             = "ocid1.topic.oc1.eu-frankfurt-1.aaaaaaaatopic"
    security_zone_recipe_ocid    = "ocid1.securityzone.oc1..aaaaaaaazone"
    excluded_users               = ["ocid1.group.oc1..aaaaaaaagroup"]
  }
  expect_failures = [var.tenancy_ocid, var.compartment_ocid, var.subnet_ocid, var.network_security_group_ocids, var.vault_ocid, var.key_ocid, var.signing_key_ocid, var.secret_compartment_ocids, var.topic_ocid, var.topic_compartment_ocid, var.alarm_topic_ocid, var.security_zone_recipe_ocid, var.excluded_users]
}

run "a_regions_key_is_refused_in_place_of_its_identifier" {
  command = plan

  variables {
    region                       = "FRA"
    home_region                  = "IAD"
    cloud_guard_reporting_region = "FRA"
  }
  expect_failures = [var.region, var.home_region, var.cloud_guard_reporting_region]
}

run "an_unknown_word_is_refused" {
  command = plan

  variables {
    kinds          = ["api-key", "pager"]
    secret_policy  = "any"
    vault_type     = "EXTERNAL"
    sweep_schedule = "weekly"
    name_prefix    = "Keyturn"
  }
  expect_failures = [var.kinds, var.secret_policy, var.vault_type, var.sweep_schedule, var.name_prefix]
}

run "a_stack_without_kinds_or_excluded_users_is_refused" {
  command = plan

  variables {
    kinds          = []
    excluded_users = []
  }
  expect_failures = [var.kinds, var.excluded_users]
}

run "text_that_could_change_a_statement_is_refused" {
  command = plan

  variables {
    excluded_users     = ["x' || 'y"]
    deployer_group     = "a to manage all-resources in tenancy"
    signer_group       = "a' b"
    secret_admin_group = "a/b/c"
    closer_group       = "a, group b"
  }
  expect_failures = [var.excluded_users, var.deployer_group, var.signer_group, var.secret_admin_group, var.closer_group]
}

run "an_excluded_name_with_a_star_in_the_middle_is_refused" {
  command = plan

  variables {
    excluded_users = ["break*glass"]
  }
  expect_failures = [var.excluded_users]
}

run "an_excluded_name_with_a_star_and_a_slash_is_refused" {
  command = plan

  variables {
    excluded_users = ["corp/admin-*"]
  }
  expect_failures = [var.excluded_users]
}

run "an_image_without_a_complete_digest_is_refused" {
  command = plan

  variables {
    rotate_image = "fra.ocir.io/ns/keyturn/rotate:latest"
    sweep_image  = "fra.ocir.io/ns/keyturn/sweep:1@sha256:abc"
  }
  expect_failures = [var.rotate_image, var.sweep_image]
}

run "a_number_that_the_service_does_not_offer_is_refused" {
  command = plan

  variables {
    function_memory    = 300
    function_timeout   = 301
    sweep_timeout      = 3601
    log_retention_days = 45
    key_rotation_days  = 30
    vcn_cidr           = "10.77.0.0/29"
  }
  expect_failures = [var.function_memory, var.function_timeout, var.sweep_timeout, var.log_retention_days, var.key_rotation_days, var.vcn_cidr]
}

run "a_number_with_a_fraction_is_refused" {
  command = plan

  variables {
    function_timeout  = 90.5
    sweep_timeout     = 90.5
    key_rotation_days = 90.5
  }
  expect_failures = [var.function_timeout, var.sweep_timeout, var.key_rotation_days]
}

run "a_grace_period_without_a_unit_is_refused" {
  command = plan

  variables {
    grace_period = "72"
  }
  expect_failures = [var.grace_period]
}

run "a_configuration_key_with_a_separate_input_is_refused" {
  command = plan

  variables {
    configuration = { protected_users = "x" }
  }
  expect_failures = [var.configuration]
}

run "a_configuration_value_that_the_functions_refuse_is_refused" {
  command = plan

  variables {
    configuration = { rsa_bits = "1024" }
  }
  expect_failures = [var.configuration]
}

run "a_first_secret_with_a_role_of_another_kind_is_refused" {
  command = plan

  variables {
    first_secrets = { s = { user = "ocid1.user.oc1..aaaaaaaauser", kind = "api-key", role = "access-key" } }
  }
  expect_failures = [terraform_data.inputs]
}

run "a_first_secret_for_a_users_name_is_refused" {
  command = plan

  variables {
    first_secrets = { s = { user = "jane", kind = "api-key" } }
  }
  expect_failures = [var.first_secrets]
}

run "a_subscriber_that_cannot_be_reached_safely_is_refused" {
  command = plan

  variables {
    emails          = ["secops"]
    https_endpoints = ["http://hooks.example.com"]
  }
  expect_failures = [var.emails, var.https_endpoints]
}

run "an_address_of_another_service_is_refused" {
  command = plan

  variables {
    slack_urls              = ["https://hooks.slack.example.com/services/T0/B0/x"]
    pagerduty_urls          = ["http://events.pagerduty.com/integration/x/enqueue"]
    function_subscriptions  = ["ocid1.fnapp.oc1.eu-frankfurt-1.aaaaaaaax"]
    records_topic           = true
    records_https_endpoints = ["https://hooks.slack.com/services/T0/B0/x"]
    records_functions       = ["tickets"]
    report_bucket           = "a bucket"
  }
  expect_failures = [var.slack_urls, var.pagerduty_urls, var.function_subscriptions, var.records_https_endpoints, var.records_functions, var.report_bucket]
}

run "an_address_that_is_too_long_is_refused" {
  command = plan

  variables {
    slack_urls      = ["https://hooks.slack.com/services/T0/B0/${join("", [for i in range(500) : "x"])}"]
    https_endpoints = ["https://hooks.example.com/${join("", [for i in range(500) : "x"])}"]
  }
  expect_failures = [var.slack_urls, var.https_endpoints]
}

run "a_topic_of_owners_in_the_root_compartment_is_refused" {
  command = plan

  variables {
    owner_topic_compartment_ocids = ["ocid1.tenancy.oc1..aaaaaaaatenancy"]
    report_retention_days         = 0
    report_retention_locked_from  = "2027-01-31"
  }
  expect_failures = [var.owner_topic_compartment_ocids, var.report_retention_days, var.report_retention_locked_from]
}

run "a_password_in_an_endpoint_is_refused" {
  command = plan

  variables {
    https_endpoints = ["https://user:word@hooks.example.com"]
  }
  expect_failures = [var.https_endpoints]
}

run "a_thing_named_twice_is_refused" {
  command = plan

  variables {
    kinds                    = ["api-key", "api-key"]
    secret_compartment_ocids = ["ocid1.compartment.oc1..aaaaaaaaone", "ocid1.compartment.oc1..aaaaaaaaone"]
    emails                   = ["secops@example.com", "secops@example.com"]
    https_endpoints          = ["https://a.example.com", "https://a.example.com"]
  }
  expect_failures = [var.kinds, var.secret_compartment_ocids, var.emails, var.https_endpoints]
}
