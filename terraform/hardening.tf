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

data "oci_cloud_guard_detector_recipes" "oracle" {
  count = var.cloud_guard_target ? 1 : 0

  compartment_id = var.tenancy_ocid
  display_name   = "OCI Configuration Detector Recipe (Oracle managed)"
}

data "oci_cloud_guard_responder_recipes" "oracle" {
  count = var.cloud_guard_target ? 1 : 0

  compartment_id = var.tenancy_ocid
  display_name   = "OCI Responder Recipe (Oracle managed)"
}

locals {
  # Oracle's recipe says what the setting of each rule is called; only its value is ours.
  oracle_detector_recipe  = try(data.oci_cloud_guard_detector_recipes.oracle[0].detector_recipe_collection[0].items[0], null)
  oracle_responder_recipe = try(data.oci_cloud_guard_responder_recipes.oracle[0].responder_recipe_collection[0].items[0].id, null)
  age_settings = { for k in local.kinds_on : local.kinds[k].rule => try(one([
    for r in local.oracle_detector_recipe.effective_detector_rules : r.details[0].configurations if r.detector_rule_id == local.kinds[k].rule
  ]), null) }
}

resource "oci_cloud_guard_detector_recipe" "this" {
  count = var.cloud_guard_target ? 1 : 0

  compartment_id            = var.tenancy_ocid
  display_name              = "${var.name_prefix}-credential-age"
  description               = "Oracle's configuration recipe, with credentials too old after 90 days."
  source_detector_recipe_id = try(local.oracle_detector_recipe.id, null)
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

  # Without a responder recipe Cloud Guard sends no events.
  dynamic "target_responder_recipes" {
    for_each = local.oracle_responder_recipe == null ? [] : [local.oracle_responder_recipe]
    content {
      responder_recipe_id = target_responder_recipes.value
    }
  }
}
