# Without this, every plan would show Oracle's own tags as a difference.
provider "oci" {
  region              = var.region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

# IAM accepts changes only in the home region.
provider "oci" {
  alias               = "home"
  region              = local.home_region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

data "oci_identity_region_subscriptions" "this" {
  count = var.home_region == "" ? 1 : 0

  tenancy_id = var.tenancy_ocid
}
