# Values that several files use.
locals {
  looked_up_home = try(one([for r in data.oci_identity_region_subscriptions.this[0].region_subscriptions : r.region_name if r.is_home_region]), null)
  home_region    = coalesce(var.home_region, local.looked_up_home, var.region)

  # Without images everything else is prepared.
  functions = { for name, image in { rotate = var.rotate_image, sweep = var.sweep_image } : name => {
    image  = split("@", image)[0]
    digest = split("@", image)[1]
  } if image != "" }
  scheduled = contains(keys(local.functions), "sweep") && var.sweep_schedule != "off"

  secret_compartments = length(var.secret_compartment_ocids) > 0 ? var.secret_compartment_ocids : [var.compartment_ocid]
  topic_compartment   = var.topic_ocid == "" ? var.compartment_ocid : var.topic_compartment_ocid

  # What the functions read at start. An empty value counts as not set.
  configuration = merge(
    {
      ons_topic           = local.topic_id
      protected_users     = join(",", local.excluded_users)
      secret_compartments = join(",", local.secret_compartments)
      grace_period        = var.grace_period
      dry_run             = var.dry_run ? "yes" : "no"
    },
    length(var.owner_topic_compartment_ocids) > 0 ? { owner_topics = join(",", var.owner_topic_compartment_ocids) } : {},
    var.records_topic ? { records_topic = local.records_topic_id } : {},
    var.report_bucket != "" ? { report_bucket = "${local.object_storage_namespace}/${var.report_bucket}" } : {},
    length(var.identity_domains) > 0 ? { identity_domains = join(",", var.identity_domains) } : {},
    var.configuration,
  )
}

check "tenancy" {
  assert {
    condition     = can(regex(local.region_form, local.reporting_region))
    error_message = "Cloud Guard's reporting region was not found: check that it is ${var.region}, or give cloud_guard_reporting_region."
  }
  assert {
    condition     = var.home_region != "" || local.looked_up_home != null
    error_message = "The home region was not found, so the stack uses ${var.region}: check it, or give home_region."
  }
}
