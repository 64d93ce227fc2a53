# The minimum: a new network, vault and topic, repositories for the images, and hourly sweeps.
#
# From nothing to a working set-up, in this folder:
#   1. write terraform.tfvars, as terraform.tfvars.example shows, and change the two lines that say "yours" below
#   2. terraform init && terraform apply         creates everything except the functions, which need images first
#   3. terraform output -raw next_steps          shows the command that builds, pushes, signs and fills in the images
#   4. terraform apply                           creates the functions
#   5. terraform output -raw next_steps          shows how to check them, bind a secret and test a rotation

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

variable "rotate_image" {
  description = "Image of functions/rotate, with tag and digest. keyturn deploy writes it. Empty until there is one."
  type        = string
  default     = ""
}

variable "sweep_image" {
  description = "Image of functions/sweep, in the same form."
  type        = string
  default     = ""
}

variable "dry_run" {
  description = "Report what would be done, and change nothing. Set it to false when the mails are as expected."
  type        = bool
  default     = true
}

module "keyturn" {
  source = "../.."

  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region

  # IAM
  excluded_users = ["breakglass@example.com"] # yours: the administrators whose credentials must never be rotated

  # Functions
  rotate_image = var.rotate_image
  sweep_image  = var.sweep_image
  dry_run      = var.dry_run

  # Notifications
  emails = ["secops@example.com"] # yours: the readers of the mails and alarms

  # Hardening
  repositories = true
}

output "next_steps" {
  description = "What to do now, with the commands."
  value       = module.keyturn.next_steps
}

output "registry" {
  description = "What the repositories' names begin with: keyturn deploy takes it as --repository."
  value       = module.keyturn.registry
}

output "repositories" {
  description = "Repositories to push the images to."
  value       = module.keyturn.repositories
}

output "signing_key_id" {
  description = "Key to sign the images with: keyturn deploy takes it as --key."
  value       = module.keyturn.signing_key_id
}

output "vault_management_endpoint" {
  description = "Endpoint of the vault that has the key: keyturn deploy takes it as --endpoint."
  value       = module.keyturn.vault_management_endpoint
}

output "function_ids" {
  description = "OCIDs of the functions. None before the images are given."
  value       = module.keyturn.function_ids
}

output "bind_command" {
  description = "Command that binds a secret to a user and kind."
  value       = module.keyturn.bind_command
}
