# Oracle's own tags on every resource would show up as a difference in each plan.
provider "oci" {
  region              = var.region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

# IAM takes changes in the home region only.
provider "oci" {
  alias               = "home"
  region              = local.home_region
  ignore_defined_tags = ["Oracle-Tags.CreatedBy", "Oracle-Tags.CreatedOn"]
}

data "oci_identity_region_subscriptions" "this" {
  count = var.home_region == "" ? 1 : 0

  tenancy_id = var.tenancy_ocid
}
