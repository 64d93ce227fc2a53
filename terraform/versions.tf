# Resource Manager runs Terraform 1.5, so the stack uses nothing newer; the tests need 1.7 or later.
terraform {
  required_version = ">= 1.5.0"

  required_providers {
    oci = {
      source  = "oracle/oci"
      version = ">= 8.0.0, < 9.0.0"
    }
  }
}
