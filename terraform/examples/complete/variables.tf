variable "tenancy_ocid" {
  description = "OCID of the tenancy."
  type        = string
}

variable "compartment_ocid" {
  description = "OCID of Keyturn's compartment."
  type        = string
}

variable "workload_compartment_ocid" {
  description = "OCID of another compartment with secrets."
  type        = string
}

variable "region" {
  description = "Cloud Guard's reporting region, here the home region as well."
  type        = string
}

variable "deploy_user_ocid" {
  description = "OCID of a user for whose credentials the stack creates secrets."
  type        = string
}

variable "rotate_image" {
  description = "Image of functions/rotate, with tag and digest."
  type        = string
}

variable "sweep_image" {
  description = "Image of functions/sweep, with tag and digest."
  type        = string
}

variable "cloud_guard_detector_recipe_ocid" {
  description = "OCID of the detector recipe to start from, for instance Oracle's configuration detector recipe."
  type        = string
}

variable "cloud_guard_responder_recipe_ocid" {
  description = "OCID of the responder recipe, for instance Oracle's."
  type        = string
}

variable "security_zone_recipe_ocid" {
  description = "OCID of a security zone recipe, for instance Oracle's Maximum Security Recipe."
  type        = string
}
