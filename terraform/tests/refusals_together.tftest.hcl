# Inputs that a plan refuses because they contradict each other or the tenancy.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "one_image_without_the_other_is_refused" {
  command = plan

  variables {
    sweep_image = ""
  }
  expect_failures = [oci_functions_application.this]
}

run "security_groups_without_a_subnet_are_refused" {
  command = plan

  variables {
    network_security_group_ocids = ["ocid1.networksecuritygroup.oc1.eu-frankfurt-1.aaaaaaaagroup"]
  }
  expect_failures = [oci_functions_application.this]
}

run "a_stack_that_cannot_reach_the_home_region_is_refused" {
  command = plan

  variables {
    home_region = "us-ashburn-1"
  }
  expect_failures = [oci_functions_application.this]
}

run "a_stack_in_another_region_than_Cloud_Guards_reporting_region_is_refused" {
  command = plan

  variables {
    cloud_guard_reporting_region = "us-ashburn-1"
  }
  expect_failures = [oci_functions_application.this]
}

run "a_topic_without_its_compartment_is_refused" {
  command = plan

  variables {
    emails     = []
    topic_ocid = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaatopic"
  }
  expect_failures = [terraform_data.inputs, check.mails]
}

run "unbound_secrets_with_policies_by_tags_are_refused" {
  command = plan

  variables {
    configuration = { secret_binding = "warn" }
  }
  expect_failures = [terraform_data.inputs]
}

run "deployers_of_unsigned_images_are_refused" {
  command = plan

  variables {
    deployer_group        = "Deployers"
    require_signed_images = false
  }
  expect_failures = [oci_identity_policy.groups]
}

run "one_group_with_two_duties_is_refused" {
  command = plan

  variables {
    deployer_group     = "Everybody"
    secret_admin_group = "'Default'/'everybody'"
  }
  expect_failures = [oci_identity_policy.groups]
}

run "signers_without_signatures_are_refused" {
  command = plan

  variables {
    signer_group          = "Signers"
    require_signed_images = false
  }
  expect_failures = [oci_identity_policy.groups]
}

run "a_key_without_its_vault_is_refused" {
  command = plan

  variables {
    key_ocid = "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaakey"
  }
  expect_failures = [oci_kms_vault.this]
}

run "a_configuration_longer_than_Functions_allows_is_refused" {
  command = plan

  variables {
    excluded_users = [for i in range(200) : "a-rather-long-user-name-${i}@example.com"]
  }
  expect_failures = [oci_functions_function.this["rotate"], oci_functions_function.this["sweep"]]
}

run "a_target_without_a_responder_recipe_is_refused" {
  command = plan

  variables {
    cloud_guard_target               = true
    cloud_guard_detector_recipe_ocid = "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaaoracle"
  }
  override_data {
    target = data.oci_cloud_guard_responder_recipes.all[0]
    values = { responder_recipe_collection = [{ items = [{ id = "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaatheirs", owner = "CUSTOMER" }] }] }
  }
  expect_failures = [oci_cloud_guard_target.this, check.ages]
}
