# ---------------------------------------------------------------- Schedule

resource "oci_resource_scheduler_schedule" "sweep" {
  count = local.scheduled ? 1 : 0

  compartment_id     = var.compartment_ocid
  display_name       = "${var.name_prefix}-sweep"
  description        = "Starts Keyturn's sweep."
  action             = "START_RESOURCE"
  recurrence_type    = "CRON"
  recurrence_details = { hourly = "7 * * * *", daily = "7 3 * * *", off = "" }[var.sweep_schedule]
  freeform_tags      = var.freeform_tags

  resources {
    id = oci_functions_function.this["sweep"].id
  }
}
