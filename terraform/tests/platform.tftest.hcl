# The resources and their settings.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "the_events_rule_selects_the_four_detector_rules_by_id" {
  command = plan

  assert {
    condition = jsondecode(oci_events_rule.problem_closed[0].condition) == {
      eventType = ["com.oraclecloud.cloudguard.problemremediated"]
      data      = { additionalDetails = { problemName = ["API_KEY_TOO_OLD", "AUTH_TOKEN_TOO_OLD", "SECRET_KEY_TOO_OLD", "PASSWORD_TOO_OLD"] } }
    }
    error_message = "The condition is ${oci_events_rule.problem_closed[0].condition}."
  }
}

run "the_reporting_region_is_looked_up" {
  command = plan

  variables {
    cloud_guard_reporting_region = ""
  }
  override_data {
    target = data.oci_cloud_guard_cloud_guard_configuration.this[0]
    values = { reporting_region = "eu-frankfurt-1", status = "ENABLED" }
  }
  assert {
    condition     = oci_events_rule.problem_closed[0].is_enabled
    error_message = "There is no rule."
  }
}

run "another_reporting_region_in_Cloud_Guard_is_refused" {
  command = plan

  variables {
    cloud_guard_reporting_region = ""
  }
  override_data {
    target = data.oci_cloud_guard_cloud_guard_configuration.this[0]
    values = { reporting_region = "us-ashburn-1" }
  }
  expect_failures = [oci_functions_application.this]
}

run "a_stack_in_another_region_is_refused_before_anything_is_created" {
  command = plan

  variables {
    cloud_guard_reporting_region = ""
    rotate_image                 = ""
    sweep_image                  = ""
    repositories                 = true
  }
  override_data {
    target = data.oci_cloud_guard_cloud_guard_configuration.this[0]
    values = { reporting_region = "us-ashburn-1", status = "ENABLED" }
  }
  expect_failures = [oci_functions_application.this]
}

run "a_tenancy_whose_Cloud_Guard_is_off_is_refused" {
  command = plan

  variables {
    cloud_guard_reporting_region = ""
  }
  override_data {
    target = data.oci_cloud_guard_cloud_guard_configuration.this[0]
    values = { reporting_region = "eu-frankfurt-1", status = "DISABLED" }
  }
  expect_failures = [oci_functions_application.this, check.tenancy]
}

run "the_home_region_is_looked_up" {
  command = plan

  variables {
    home_region = ""
    nat_gateway = true
  }
  override_data {
    target = data.oci_identity_region_subscriptions.this[0]
    values = { region_subscriptions = [
      { is_home_region = false, region_key = "FRA", region_name = "eu-frankfurt-1", state = "READY", tenancy_id = "" },
      { is_home_region = true, region_key = "IAD", region_name = "us-ashburn-1", state = "READY", tenancy_id = "" },
    ] }
  }
  assert {
    condition     = local.home_region == "us-ashburn-1"
    error_message = "The home region is ${local.home_region}."
  }
}

run "images_are_deployed_by_digest" {
  command = plan

  assert {
    condition     = oci_functions_function.this["rotate"].image == "fra.ocir.io/ns/keyturn/rotate:1" && oci_functions_function.this["rotate"].image_digest == "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    error_message = "The image is ${oci_functions_function.this["rotate"].image}."
  }
  assert {
    condition     = alltrue([for f in oci_functions_function.this : f.memory_in_mbs == "256" && f.timeout_in_seconds == 300])
    error_message = "Memory or time aren't the defaults."
  }
}

run "both_functions_have_the_same_configuration" {
  command = plan

  variables {
    dry_run       = true
    grace_period  = "3d"
    configuration = { sweep_days = "30" }
  }
  assert {
    condition = oci_functions_function.this["sweep"].config == oci_functions_function.this["rotate"].config && oci_functions_function.this["rotate"].config == tomap({
      ons_topic           = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaathetopic"
      protected_users     = "breakglass@example.com"
      secret_compartments = "ocid1.compartment.oc1..aaaaaaaakeyturn"
      grace_period        = "3d"
      dry_run             = "yes"
      sweep_days          = "30"
    })
    error_message = "The configuration is ${jsonencode(output.configuration)}."
  }
}

run "without_images_everything_else_is_created" {
  command = plan

  variables {
    rotate_image = ""
    sweep_image  = ""
    repositories = true
  }
  assert {
    condition     = length(oci_functions_function.this) + length(oci_identity_dynamic_group.function) + length(oci_identity_policy.function) + length(oci_events_rule.problem_closed) + length(oci_resource_scheduler_schedule.sweep) + length(oci_monitoring_alarm.this) == 0
    error_message = "A resource needs a function that doesn't exist."
  }
  assert {
    condition     = length(oci_kms_key.signing) == 1 && length(oci_artifacts_container_repository.this) == 2 && output.signing_key_id != null
    error_message = "The repositories or keys for the images are missing."
  }
}

run "only_signed_images_run" {
  command = plan

  assert {
    condition     = oci_functions_application.this.image_policy_config[0].is_policy_enabled && oci_functions_application.this.image_policy_config[0].key_details[0].kms_key_id == output.signing_key_id
    error_message = "The application accepts unsigned images."
  }
  assert {
    condition     = oci_kms_key.signing[0].key_shape[0].algorithm == "RSA" && oci_kms_key.signing[0].protection_mode == "HSM"
    error_message = "The signing key isn't an RSA key in the HSM."
  }
}

run "without_signatures_there_is_no_signing_key_and_the_application_requires_none" {
  command = plan

  variables {
    require_signed_images = false
  }
  assert {
    condition     = length(oci_kms_key.signing) == 0 && !oci_functions_application.this.image_policy_config[0].is_policy_enabled && length(oci_functions_application.this.image_policy_config[0].key_details) == 0 && length(output.service_statements) == 1
    error_message = "A signing key or the application's image policy is still there."
  }
}

run "the_network_has_no_route_to_the_internet" {
  command = plan

  assert {
    condition     = length(oci_core_nat_gateway.this) == 0 && oci_core_subnet.functions[0].prohibit_public_ip_on_vnic && oci_core_subnet.functions[0].prohibit_internet_ingress
    error_message = "There is a gateway to the internet."
  }
  assert {
    condition     = alltrue([for r in oci_core_route_table.functions[0].route_rules : r.destination_type == "SERVICE_CIDR_BLOCK"])
    error_message = "A route leads to another destination than Oracle's services."
  }
  assert {
    condition     = alltrue([for r in oci_core_network_security_group_security_rule.functions : r.direction == "EGRESS" && r.destination_type == "SERVICE_CIDR_BLOCK" && r.tcp_options[0].destination_port_range[0].max == 443])
    error_message = "A rule allows more than HTTPS to Oracle's services."
  }
  assert {
    condition     = length(oci_core_default_security_list.this[0].ingress_security_rules) + length(oci_core_default_security_list.this[0].egress_security_rules) == 0
    error_message = "The security list has rules."
  }
}

run "an_existing_subnet_is_used_and_no_network_created" {
  command = plan

  variables {
    subnet_ocid                  = "ocid1.subnet.oc1.eu-frankfurt-1.aaaaaaaasubnet"
    network_security_group_ocids = ["ocid1.networksecuritygroup.oc1.eu-frankfurt-1.aaaaaaaagroup"]
  }
  assert {
    condition     = length(oci_core_vcn.this) == 0 && oci_functions_application.this.subnet_ids == tolist(["ocid1.subnet.oc1.eu-frankfurt-1.aaaaaaaasubnet"])
    error_message = "The plan creates a network."
  }
}

run "the_master_key_is_AES_256_in_the_HSM_and_rotates_where_the_vault_can" {
  command = plan

  variables {
    vault_type = "VIRTUAL_PRIVATE"
  }
  assert {
    condition     = oci_kms_key.secrets[0].key_shape[0].algorithm == "AES" && oci_kms_key.secrets[0].key_shape[0].length == 32 && oci_kms_key.secrets[0].protection_mode == "HSM"
    error_message = "The master key has another algorithm, length or protection."
  }
  assert {
    condition     = oci_kms_key.secrets[0].is_auto_rotation_enabled && oci_kms_key.secrets[0].auto_key_rotation_details[0].rotation_interval_in_days == 90
    error_message = "The key doesn't rotate."
  }
}

run "a_default_vault_gets_no_key_rotation" {
  command = plan

  assert {
    condition     = !oci_kms_key.secrets[0].is_auto_rotation_enabled && length(oci_kms_key.secrets[0].auto_key_rotation_details) == 0
    error_message = "Vault would refuse the key."
  }
}

run "an_existing_vault_and_key_are_used" {
  command = plan

  variables {
    vault_ocid = "ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaavault"
    key_ocid   = "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaakey"
  }
  assert {
    condition     = length(oci_kms_vault.this) + length(oci_kms_key.secrets) == 0 && output.key_id == "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaakey"
    error_message = "The plan creates a vault or key."
  }
}

run "a_first_secret_is_bound_and_holds_a_placeholder" {
  command = plan

  variables {
    first_secrets = { deploy = { user = "ocid1.user.oc1..aaaaaaaauser", kind = "api-key" } }
  }
  assert {
    condition     = oci_vault_secret.first["deploy"].defined_tags == tomap({ "keyturn.user" = "ocid1.user.oc1..aaaaaaaauser", "keyturn.kind" = "api-key", "keyturn.role" = "bundle" })
    error_message = "The tags are ${jsonencode(oci_vault_secret.first["deploy"].defined_tags)}."
  }
  assert {
    condition     = startswith(base64decode(oci_vault_secret.first["deploy"].secret_content[0].content), "Keyturn has not rotated")
    error_message = "The state contains something other than the placeholder."
  }
}

run "every_alarm_says_what_to_do_and_uses_another_topic_than_the_mails" {
  command = plan

  assert {
    condition     = toset(keys(oci_monitoring_alarm.this)) == toset(["failed", "throttled", "event-lost", "mail-lost", "sweep-missing"])
    error_message = "The alarms are ${join(", ", keys(oci_monitoring_alarm.this))}."
  }
  assert {
    condition     = alltrue([for a in oci_monitoring_alarm.this : length(a.body) > 80 && length(a.destinations) == 1]) && length(oci_ons_notification_topic.this) == 2
    error_message = "An alarm says too little, or has no destination."
  }
}

run "the_alarm_for_a_missing_daily_sweep_waits_a_day" {
  command = plan

  variables {
    sweep_schedule = "daily"
  }
  assert {
    condition     = oci_resource_scheduler_schedule.sweep[0].recurrence_details == "7 3 * * *" && strcontains(oci_monitoring_alarm.this["sweep-missing"].query, "FunctionInvocationCount[1d]") && endswith(oci_monitoring_alarm.this["sweep-missing"].query, ".groupBy(resourceId).absent(3d)")
    error_message = "The alarm doesn't fit the schedule."
  }
}

run "without_a_schedule_there_is_no_alarm_for_a_missing_sweep" {
  command = plan

  variables {
    sweep_schedule = "off"
  }
  expect_failures = [check.sweep]
  assert {
    condition     = length(oci_resource_scheduler_schedule.sweep) + length(oci_identity_policy.schedule) == 0 && !contains(keys(oci_monitoring_alarm.this), "sweep-missing")
    error_message = "A resource needs a schedule."
  }
}

run "hardening_is_off_by_default" {
  command = plan

  assert {
    condition     = length(oci_artifacts_container_repository.this) + length(oci_vulnerability_scanning_container_scan_target.this) + length(oci_cloud_guard_security_zone.this) + length(oci_cloud_guard_target.this) == 0
    error_message = "A hardening resource is planned."
  }
}

run "the_four_rules_are_set_to_90_days_with_the_setting_names_of_Oracles_recipe" {
  command = plan

  variables {
    cloud_guard_target = true
  }
  override_data {
    target = data.oci_cloud_guard_responder_recipes.all[0]
    values = { responder_recipe_collection = [{ items = [
      { id = "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaatheirs", owner = "CUSTOMER" },
      { id = "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaaoracle", owner = "ORACLE" },
    ] }] }
  }
  override_data {
    target = data.oci_cloud_guard_detector_recipes.all[0]
    values = { detector_recipe_collection = [{ items = [
      { id = "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaaactivity", owner = "ORACLE", detector = "IAAS_ACTIVITY_DETECTOR" },
      { id = "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaaoracle", owner = "ORACLE", detector = "IAAS_CONFIGURATION_DETECTOR" },
    ] }] }
  }
  override_data {
    target = data.oci_cloud_guard_detector_recipe.source[0]
    values = {
      effective_detector_rules = [
        { detector_rule_id = "API_KEY_TOO_OLD", details = [{ configurations = [{ config_key = "maxAge", name = "Days", data_type = "int", value = "180" }] }] },
        { detector_rule_id = "AUTH_TOKEN_TOO_OLD", details = [{ configurations = [{ config_key = "maxAge", name = "Days", data_type = "int", value = "180" }] }] },
        { detector_rule_id = "SECRET_KEY_TOO_OLD", details = [{ configurations = [{ config_key = "maxAge", name = "Days", data_type = "int", value = "180" }] }] },
        { detector_rule_id = "PASSWORD_TOO_OLD", details = [{ configurations = [{ config_key = "maxAge", name = "Days", data_type = "int", value = "180" }] }] },
        { detector_rule_id = "BUCKET_IS_PUBLIC", details = [{ configurations = [] }] },
      ]
    }
  }
  assert {
    condition     = toset([for r in oci_cloud_guard_detector_recipe.this[0].detector_rules : r.detector_rule_id]) == toset(["API_KEY_TOO_OLD", "AUTH_TOKEN_TOO_OLD", "SECRET_KEY_TOO_OLD", "PASSWORD_TOO_OLD"]) && alltrue([for r in oci_cloud_guard_detector_recipe.this[0].detector_rules : r.details[0].is_enabled])
    error_message = "Some rules are off."
  }
  assert {
    condition     = alltrue([for r in oci_cloud_guard_detector_recipe.this[0].detector_rules : r.details[0].configurations[0].value == "90"]) && oci_cloud_guard_detector_recipe.this[0].source_detector_recipe_id == "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaaoracle"
    error_message = "The age of a kind, or the recipe, is wrong."
  }
  assert {
    condition     = oci_cloud_guard_target.this[0].target_responder_recipes[0].responder_recipe_id == "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaaoracle"
    error_message = "Without a responder recipe Cloud Guard sends no events."
  }
}

run "a_recipe_with_other_settings_gives_a_warning" {
  command = plan

  variables {
    cloud_guard_target                = true
    cloud_guard_detector_recipe_ocid  = "ocid1.cloudguarddetectorrecipe.oc1..aaaaaaaaoracle"
    cloud_guard_responder_recipe_ocid = "ocid1.cloudguardresponderrecipe.oc1..aaaaaaaaoracle"
  }
  expect_failures = [check.ages]
}
