# ---------------------------------------------------------------- Report

data "oci_objectstorage_namespace" "this" {
  count = var.report_bucket != "" ? 1 : 0

  compartment_id = var.tenancy_ocid
}

locals {
  object_storage_namespace = one(data.oci_objectstorage_namespace.this[*].namespace)
}

# A retention rule and versions exclude each other.
resource "oci_objectstorage_bucket" "report" {
  count = var.report_bucket != "" ? 1 : 0

  compartment_id = var.compartment_ocid
  namespace      = local.object_storage_namespace
  name           = var.report_bucket
  access_type    = "NoPublicAccess"
  versioning     = "Disabled"
  freeform_tags  = var.freeform_tags

  retention_rules {
    display_name     = "reports"
    time_rule_locked = var.report_retention_locked_from == "" ? null : var.report_retention_locked_from

    duration {
      time_amount = tostring(var.report_retention_days)
      time_unit   = "DAYS"
    }
  }
}
