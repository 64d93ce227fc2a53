# ---------------------------------------------------------------- IAM

# A group for each function, with only that function in it: other functions of the compartment get nothing.
resource "oci_identity_dynamic_group" "function" {
  for_each = local.functions
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = local.dynamic_group_names[each.key]
  description    = "The function ${each.key} of Keyturn (${var.name_prefix}), and nothing else."
  matching_rule  = "ALL {resource.type = 'fnfunc', resource.id = '${oci_functions_function.this[each.key].id}'}"
  freeform_tags  = var.freeform_tags
}

resource "oci_identity_policy" "function" {
  for_each = local.functions
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = local.dynamic_group_names[each.key]
  description    = "What the function ${each.key} of Keyturn (${var.name_prefix}) may do."
  statements     = [for s in local.policy_statements : s.text if s.function == each.key]
  freeform_tags  = var.freeform_tags

  # IAM refuses a policy if its subject doesn't exist.
  depends_on = [oci_identity_dynamic_group.function]
}

resource "oci_identity_policy" "groups" {
  count    = length(local.group_statements) > 0 ? 1 : 0
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name_prefix}-groups"
  description    = "What people may do around Keyturn (${var.name_prefix}), a group for each duty."
  statements     = [for s in local.group_statements : s.text]
  freeform_tags  = var.freeform_tags

  lifecycle {
    precondition {
      condition     = var.deployer_group == "" || var.require_signed_images
      error_message = "deployer_group without require_signed_images: anyone who may deploy any image has the functions' powers over credentials. Turn signatures on, or remove the group."
    }
    precondition {
      condition     = length(distinct(values(local.group_identities))) == length(local.group_identities)
      error_message = "Two of deployer_group, signer_group, secret_admin_group and closer_group are the same group: the duties are meant for different people. If necessary, put a person into several groups."
    }
    precondition {
      condition     = var.signer_group == "" || var.require_signed_images
      error_message = "signer_group without require_signed_images: there is no key to sign with. Turn signatures on, or remove the group."
    }
  }
}

resource "oci_identity_policy" "services" {
  count    = length(local.service_statements) > 0 ? 1 : 0
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name_prefix}-services"
  description    = "What Oracle's services may do for Keyturn (${var.name_prefix})."
  statements     = [for s in local.service_statements : s.text]
  freeform_tags  = var.freeform_tags
}

resource "oci_identity_policy" "schedule" {
  count    = local.scheduled ? 1 : 0
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "${var.name_prefix}-schedule"
  description    = "The schedule of Keyturn's sweep (${var.name_prefix}) may start it."
  statements     = [for s in local.schedule_statements : s.text]
  freeform_tags  = var.freeform_tags
}
