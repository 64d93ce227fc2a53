# What is refused, and that the message names the input.

mock_provider "oci" {
  override_during = plan

  mock_resource "oci_functions_function" {
    defaults = { id = "ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaathefunction" }
  }
  mock_resource "oci_kms_vault" {
    defaults = { id = "ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaathevault" }
  }
  mock_resource "oci_kms_key" {
    defaults = { id = "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaathekey" }
  }
  mock_resource "oci_resource_scheduler_schedule" {
    defaults = { id = "ocid1.resourceschedule.oc1.eu-frankfurt-1.aaaaaaaatheschedule" }
  }
  mock_resource "oci_ons_notification_topic" {
    defaults = { id = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaathetopic" }
  }
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

variables {
  tenancy_ocid                 = "ocid1.tenancy.oc1..aaaaaaaatenancy"
  compartment_ocid             = "ocid1.compartment.oc1..aaaaaaaakeyturn"
  region                       = "eu-frankfurt-1"
  home_region                  = "eu-frankfurt-1"
  cloud_guard_reporting_region = "eu-frankfurt-1"
  excluded_users               = ["breakglass@example.com"]
  rotate_image                 = "fra.ocir.io/ns/keyturn/rotate:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  sweep_image                  = "fra.ocir.io/ns/keyturn/sweep:1@sha256:1111111111111111111111111111111111111111111111111111111111111111"
}

run "a_compartment_OCID_in_place_of_the_tenancys_is_refused" {
  command = plan

  variables {
    tenancy_ocid = "ocid1.compartment.oc1..aaaaaaaakeyturn"
  }
  expect_failures = [var.tenancy_ocid]
}

run "the_root_compartment_as_Keyturns_own_is_refused" {
  command = plan

  variables {
    compartment_ocid = "ocid1.tenancy.oc1..aaaaaaaatenancy"
  }
  expect_failures = [var.compartment_ocid]
}

run "a_regions_key_is_refused" {
  command = plan

  variables {
    region = "FRA"
  }
  expect_failures = [var.region]
}

run "a_home_regions_key_is_refused" {
  command = plan

  variables {
    home_region = "IAD"
  }
  expect_failures = [var.home_region]
}

run "a_prefix_with_capitals_is_refused" {
  command = plan

  variables {
    name_prefix = "Keyturn"
  }
  expect_failures = [var.name_prefix]
}

run "an_unknown_kind_is_refused" {
  command = plan

  variables {
    kinds = ["api-key", "smtp"]
  }
  expect_failures = [var.kinds]
}

run "no_kind_at_all_is_refused" {
  command = plan

  variables {
    kinds = []
  }
  expect_failures = [var.kinds]
}

run "a_stack_that_spares_nobody_is_refused" {
  command = plan

  variables {
    excluded_users = []
  }
  expect_failures = [var.excluded_users]
}

run "an_excluded_name_with_a_quote_is_refused" {
  command = plan

  variables {
    excluded_users = ["x' || 'y"]
  }
  expect_failures = [var.excluded_users]
}

run "an_excluded_name_with_a_star_in_the_middle_is_refused" {
  command = plan

  variables {
    excluded_users = ["break*glass"]
  }
  expect_failures = [var.excluded_users]
}

run "an_excluded_OCID_of_a_group_is_refused" {
  command = plan

  variables {
    excluded_users = ["ocid1.group.oc1..aaaaaaaagroup"]
  }
  expect_failures = [var.excluded_users]
}

run "an_unknown_secret_policy_is_refused" {
  command = plan

  variables {
    secret_policy = "any"
  }
  expect_failures = [var.secret_policy]
}

run "a_group_with_a_quote_is_refused" {
  command = plan

  variables {
    closer_group = "a' to manage all-resources in tenancy"
  }
  expect_failures = [var.closer_group]
}

run "a_reporting_regions_key_is_refused" {
  command = plan

  variables {
    cloud_guard_reporting_region = "FRA"
  }
  expect_failures = [var.cloud_guard_reporting_region]
}

run "an_image_by_tag_alone_is_refused" {
  command = plan

  variables {
    rotate_image = "fra.ocir.io/ns/keyturn/rotate:latest"
  }
  expect_failures = [var.rotate_image]
}

run "an_image_with_a_short_digest_is_refused" {
  command = plan

  variables {
    sweep_image = "fra.ocir.io/ns/keyturn/sweep:1@sha256:abc"
  }
  expect_failures = [var.sweep_image]
}

run "an_odd_amount_of_memory_is_refused" {
  command = plan

  variables {
    function_memory = 300
  }
  expect_failures = [var.function_memory]
}

run "a_timeout_beyond_what_Functions_allows_is_refused" {
  command = plan

  variables {
    function_timeout = 301
  }
  expect_failures = [var.function_timeout]
}

run "a_sweep_beyond_what_detached_invocations_allow_is_refused" {
  command = plan

  variables {
    sweep_timeout = 3601
  }
  expect_failures = [var.sweep_timeout]
}

run "a_grace_period_without_a_unit_is_refused" {
  command = plan

  variables {
    grace_period = "72"
  }
  expect_failures = [var.grace_period]
}

run "a_configuration_key_that_has_an_input_of_its_own_is_refused" {
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

run "an_odd_retention_is_refused" {
  command = plan

  variables {
    log_retention_days = 45
  }
  expect_failures = [var.log_retention_days]
}
