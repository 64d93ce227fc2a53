# ---------------------------------------------------------------- Functions

resource "oci_functions_application" "this" {
  compartment_id             = var.compartment_ocid
  display_name               = var.name_prefix
  subnet_ids                 = [local.subnet_id]
  network_security_group_ids = local.network_security_group_ids
  shape                      = "GENERIC_X86"
  freeform_tags              = var.freeform_tags

  # Always present: the provider leaves the policy unchanged if the block is absent, and the application would keep requiring
  # signatures.
  image_policy_config {
    is_policy_enabled = var.require_signed_images
    dynamic "key_details" {
      for_each = local.signing_key_ids
      content {
        kms_key_id = key_details.value
      }
    }
  }

  trace_config {
    is_enabled = var.tracing
    domain_id  = one(oci_apm_apm_domain.this[*].id)
  }

  # With signatures on, Functions reads the key.
  depends_on = [oci_identity_policy.services]

  lifecycle {
    precondition {
      condition     = (var.rotate_image == "") == (var.sweep_image == "")
      error_message = "One of rotate_image and sweep_image is given, the other is not: give both, or neither to prepare only. Without the sweep, nothing finishes an interrupted rotation."
    }
    precondition {
      condition     = var.subnet_ocid != "" || length(var.network_security_group_ocids) == 0
      error_message = "network_security_group_ocids without subnet_ocid: the stack's own network has its own group. Give both, or neither."
    }
    # Checked before anything is created, because a vault can't be moved. The check tenancy reports an answer that is no region
    # (a test's).
    precondition {
      condition     = local.reporting_region != ""
      error_message = "Cloud Guard has no reporting region, so it is off and sends no events: enable Cloud Guard in the region in which you deploy this stack."
    }
    precondition {
      condition     = local.reporting_region == var.region || !can(regex(local.region_form, local.reporting_region))
      error_message = "Cloud Guard's reporting region is ${local.reporting_region}, the stack's region is ${var.region}: Cloud Guard sends events only in its reporting region, so this stack would never get one. Deploy the stack in ${local.reporting_region}."
    }
    precondition {
      condition     = var.subnet_ocid != "" || var.nat_gateway || local.home_region == var.region
      error_message = "The home region is ${local.home_region}, the stack's region is ${var.region}: IAM accepts changes only in the home region, and a service gateway doesn't reach it. Set nat_gateway, or give a subnet_ocid with a route there."
    }
    precondition {
      condition     = var.subnet_ocid != "" || var.nat_gateway || length(local.distant_domains) == 0
      error_message = "Identity domains with another home region than ${var.region}: ${join(", ", local.distant_domains)}. A domain accepts changes only in its home region, and a service gateway doesn't reach it. Set nat_gateway, or give a subnet_ocid with a route there."
    }
    precondition {
      condition     = alltrue([for id, d in local.domains : d.state == "ACTIVE"])
      error_message = "Identity domains that are not active: ${join(", ", [for id, d in local.domains : "${id} (${coalesce(d.state, "state unknown")})" if d.state != "ACTIVE"])}. Activate them, or remove them from identity_domains: the functions can't tell whether a user is in a domain that doesn't answer."
    }
  }
}

resource "oci_functions_function" "this" {
  for_each = local.functions

  application_id                   = oci_functions_application.this.id
  display_name                     = each.key
  image                            = each.value.image
  image_digest                     = each.value.digest
  memory_in_mbs                    = tostring(var.function_memory)
  timeout_in_seconds               = var.function_timeout
  detached_mode_timeout_in_seconds = each.key == "sweep" ? var.sweep_timeout : var.function_timeout
  config                           = local.configuration
  freeform_tags                    = var.freeform_tags

  trace_config {
    is_enabled = var.tracing
  }

  # With signatures on, OCI refuses a function until Functions may read them.
  depends_on = [oci_identity_policy.services]

  lifecycle {
    # Octets count, not characters.
    precondition {
      condition     = sum([for k, v in merge(local.configuration, { for k in concat(["ons_topic"], var.records_topic ? ["records_topic"] : []) : k => join("", [for i in range(130) : "x"]) }) : floor(length(base64encode("${k}${v}")) * 3 / 4)]) <= 4096
      error_message = "The configuration is longer than the 4 KB that Functions allows: shorten excluded_users (use a * for similar names), identity_domains, secret_compartment_ocids or owner_topic_compartment_ocids."
    }
  }
}

resource "oci_logging_log_group" "this" {
  compartment_id = var.compartment_ocid
  display_name   = var.name_prefix
  description    = "Keyturn's functions. They never log the value of a credential."
  freeform_tags  = var.freeform_tags
}

resource "oci_logging_log" "invocations" {
  log_group_id       = oci_logging_log_group.this.id
  display_name       = "${var.name_prefix}-invocations"
  log_type           = "SERVICE"
  is_enabled         = true
  retention_duration = var.log_retention_days
  freeform_tags      = var.freeform_tags

  configuration {
    compartment_id = var.compartment_ocid
    source {
      source_type = "OCISERVICE"
      service     = "functions"
      resource    = oci_functions_application.this.id
      category    = "invoke"
    }
  }
}

resource "oci_apm_apm_domain" "this" {
  count = var.tracing ? 1 : 0

  compartment_id = var.compartment_ocid
  display_name   = var.name_prefix
  description    = "Traces of Keyturn's invocations."
  is_free_tier   = true
  freeform_tags  = var.freeform_tags
}
