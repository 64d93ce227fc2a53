# ---------------------------------------------------------------- Hardening

# Images

resource "oci_artifacts_container_repository" "this" {
  for_each = var.repositories ? toset(["rotate", "sweep"]) : toset([])

  compartment_id = var.compartment_ocid
  display_name   = "${var.name_prefix}/${each.key}"
  is_public      = false
  is_immutable   = true
  freeform_tags  = var.freeform_tags
}

resource "oci_vulnerability_scanning_container_scan_recipe" "this" {
  count = var.repositories ? 1 : 0

  compartment_id = var.compartment_ocid
  display_name   = var.name_prefix
  image_count    = 4
  freeform_tags  = var.freeform_tags

  scan_settings {
    scan_level = "STANDARD"
  }
}

resource "oci_vulnerability_scanning_container_scan_target" "this" {
  count = var.repositories ? 1 : 0

  compartment_id           = var.compartment_ocid
  display_name             = var.name_prefix
  container_scan_recipe_id = oci_vulnerability_scanning_container_scan_recipe.this[0].id
  freeform_tags            = var.freeform_tags

  target_registry {
    compartment_id = var.compartment_ocid
    type           = "OCIR"
    repositories   = [for r in oci_artifacts_container_repository.this : r.display_name]
  }

  depends_on = [oci_identity_policy.services]
}

# Security zone

resource "oci_cloud_guard_security_zone" "this" {
  count = var.security_zone_recipe_ocid != "" ? 1 : 0

  compartment_id          = var.compartment_ocid
  display_name            = var.name_prefix
  description             = "Keyturn's compartment."
  security_zone_recipe_id = var.security_zone_recipe_ocid
  freeform_tags           = var.freeform_tags
}

# Cloud Guard

data "oci_cloud_guard_detector_recipes" "all" {
  count = var.cloud_guard_target && var.cloud_guard_detector_recipe_ocid == "" ? 1 : 0

  compartment_id = var.tenancy_ocid
}

data "oci_cloud_guard_responder_recipes" "all" {
  count = var.cloud_guard_target && var.cloud_guard_responder_recipe_ocid == "" ? 1 : 0

  compartment_id = var.tenancy_ocid
}

locals {
  # Oracle's recipes are identified by their owner, because their display names vary.
  detector_recipe_id = var.cloud_guard_detector_recipe_ocid != "" ? var.cloud_guard_detector_recipe_ocid : try(one([
    for r in data.oci_cloud_guard_detector_recipes.all[0].detector_recipe_collection[0].items : r.id if r.owner == "ORACLE" && r.detector == "IAAS_CONFIGURATION_DETECTOR"
  ]), null)
  responder_recipe_id = var.cloud_guard_responder_recipe_ocid != "" ? var.cloud_guard_responder_recipe_ocid : try(one([
    for r in data.oci_cloud_guard_responder_recipes.all[0].responder_recipe_collection[0].items : r.id if r.owner == "ORACLE"
  ]), null)
}

# The list of recipes doesn't contain their rules' settings.
data "oci_cloud_guard_detector_recipe" "source" {
  count = var.cloud_guard_target ? 1 : 0

  detector_recipe_id = local.detector_recipe_id

  lifecycle {
    precondition {
      condition     = local.detector_recipe_id != null
      error_message = "Oracle's configuration detector recipe was not found: give its OCID as cloud_guard_detector_recipe_ocid."
    }
  }
}

locals {
  # The source has the name of each rule's setting; the stack changes only its value.
  age_settings = { for k in local.kinds_on : local.kinds[k].rule => try(one([
    for r in data.oci_cloud_guard_detector_recipe.source[0].effective_detector_rules : r.details[0].configurations if r.detector_rule_id == local.kinds[k].rule
  ]), null) }
}

check "ages" {
  assert {
    condition     = !var.cloud_guard_target || alltrue([for rule, settings in local.age_settings : try(length(settings) == 1, false)])
    error_message = "The detector recipe doesn't have exactly one setting for each of ${join(", ", keys(local.age_settings))}, so 90 days are not set for all of them. Set them in Cloud Guard's console, in the recipe ${var.name_prefix}-credential-age."
  }
}

resource "oci_cloud_guard_detector_recipe" "this" {
  count = var.cloud_guard_target ? 1 : 0

  compartment_id            = var.tenancy_ocid
  display_name              = "${var.name_prefix}-credential-age"
  description               = "Oracle's configuration recipe, with credentials too old after 90 days."
  source_detector_recipe_id = local.detector_recipe_id
  freeform_tags             = var.freeform_tags

  dynamic "detector_rules" {
    for_each = local.age_settings
    content {
      detector_rule_id = detector_rules.key
      details {
        is_enabled = true
        risk_level = "MEDIUM"

        dynamic "configurations" {
          for_each = detector_rules.value == null ? [] : detector_rules.value
          content {
            config_key = configurations.value.config_key
            name       = configurations.value.name
            data_type  = configurations.value.data_type
            value      = "90"
          }
        }
      }
    }
  }
}

resource "oci_cloud_guard_target" "this" {
  count = var.cloud_guard_target ? 1 : 0

  compartment_id       = var.tenancy_ocid
  display_name         = var.name_prefix
  description          = "The tenancy, watched for old credentials."
  target_resource_id   = var.tenancy_ocid
  target_resource_type = "COMPARTMENT"
  freeform_tags        = var.freeform_tags

  target_detector_recipes {
    detector_recipe_id = oci_cloud_guard_detector_recipe.this[0].id
  }

  target_responder_recipes {
    responder_recipe_id = local.responder_recipe_id
  }

  lifecycle {
    precondition {
      condition     = local.responder_recipe_id != null
      error_message = "Oracle's responder recipe was not found. Without one Cloud Guard sends no events: give its OCID as cloud_guard_responder_recipe_ocid."
    }
  }
}
