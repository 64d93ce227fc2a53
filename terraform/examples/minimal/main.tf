# The least that works: a new network, vault and topic, and hourly sweeps. See the guide for the two applies that a first
# installation takes (keys first, then the images that were signed with them).

variable "tenancy_ocid" {
  description = "OCID of the tenancy."
  type        = string
}

variable "compartment_ocid" {
  description = "OCID of Keyturn's compartment."
  type        = string
}

variable "region" {
  description = "Cloud Guard's reporting region."
  type        = string
}

module "keyturn" {
  source = "../.."

  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region

  # IAM
  excluded_users = ["breakglass@example.com"]

  # Notifications
  emails = ["secops@example.com"]
}

output "signing_key_id" {
  description = "Sign the images with this key, then add rotate_image and sweep_image."
  value       = module.keyturn.signing_key_id
}
