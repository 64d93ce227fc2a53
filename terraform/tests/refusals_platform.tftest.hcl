# What is refused, continued: the platform.

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

run "a_VCN_in_place_of_a_subnet_is_refused" {
  command = plan

  variables {
    subnet_ocid = "ocid1.vcn.oc1.eu-frankfurt-1.aaaaaaaavcn"
  }
  expect_failures = [var.subnet_ocid]
}

run "a_range_too_small_for_functions_is_refused" {
  command = plan

  variables {
    vcn_cidr = "10.77.0.0/29"
  }
  expect_failures = [var.vcn_cidr]
}

run "an_unknown_type_of_vault_is_refused" {
  command = plan

  variables {
    vault_type = "EXTERNAL"
  }
  expect_failures = [var.vault_type]
}

run "a_key_rotation_that_Vault_does_not_offer_is_refused" {
  command = plan

  variables {
    key_rotation_days = 30
  }
  expect_failures = [var.key_rotation_days]
}

run "a_secret_compartment_that_is_none_is_refused" {
  command = plan

  variables {
    secret_compartment_ocids = ["prod"]
  }
  expect_failures = [var.secret_compartment_ocids]
}

run "a_first_secret_with_a_role_of_another_kind_is_refused" {
  command = plan

  variables {
    first_secrets = { s = { user = "ocid1.user.oc1..aaaaaaaauser", kind = "api-key", role = "access-key" } }
  }
  expect_failures = [var.first_secrets]
}

run "a_first_secret_for_a_users_name_is_refused" {
  command = plan

  variables {
    first_secrets = { s = { user = "jane", kind = "api-key" } }
  }
  expect_failures = [var.first_secrets]
}

run "a_mail_address_without_a_host_is_refused" {
  command = plan

  variables {
    emails = ["secops"]
  }
  expect_failures = [var.emails]
}

run "an_endpoint_without_TLS_is_refused" {
  command = plan

  variables {
    https_endpoints = ["http://hooks.example.com"]
  }
  expect_failures = [var.https_endpoints]
}

run "a_password_in_an_endpoint_is_refused" {
  command = plan

  variables {
    https_endpoints = ["https://user:word@hooks.example.com"]
  }
  expect_failures = [var.https_endpoints]
}

run "an_unknown_schedule_is_refused" {
  command = plan

  variables {
    sweep_schedule = "weekly"
  }
  expect_failures = [var.sweep_schedule]
}
