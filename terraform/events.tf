# ---------------------------------------------------------------- Events

data "oci_cloud_guard_cloud_guard_configuration" "this" {
  count = var.cloud_guard_reporting_region == "" ? 1 : 0

  compartment_id = var.tenancy_ocid
}

locals {
  reporting_region = var.cloud_guard_reporting_region != "" ? var.cloud_guard_reporting_region : (
    data.oci_cloud_guard_cloud_guard_configuration.this[0].status == "DISABLED" ? "" : coalesce(data.oci_cloud_guard_cloud_guard_configuration.this[0].reporting_region, "")
  )

  # The rules' ids: Oracle may reword the recommendations.
  event_condition = jsonencode({
    eventType = ["com.oraclecloud.cloudguard.problemremediated"]
    data      = { additionalDetails = { problemName = [for k in local.kinds_on : local.kinds[k].rule] } }
  })
}

# IAM's problems belong to the root compartment, and a rule covers its compartment and those below it.
resource "oci_events_rule" "problem_closed" {
  count = contains(keys(local.functions), "rotate") ? 1 : 0

  compartment_id = var.tenancy_ocid
  display_name   = "${var.name_prefix}-problem-closed"
  description    = "A closed Cloud Guard problem about an old credential starts Keyturn."
  condition      = local.event_condition
  is_enabled     = var.events_enabled
  freeform_tags  = var.freeform_tags

  actions {
    actions {
      action_type = "FAAS"
      description = "Rotate"
      function_id = oci_functions_function.this["rotate"].id
      is_enabled  = true
    }
  }

  # The function needs its permissions before the first event arrives.
  depends_on = [oci_identity_policy.function, oci_identity_domains_grant.user_administrator]
}
