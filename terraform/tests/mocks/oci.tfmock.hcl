# What is known of a resource before it is made, so that plans can be looked at.

mock_resource "oci_functions_function" {
  defaults = { id = "ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaathefunction" }
}

mock_resource "oci_kms_vault" {
  defaults = { id = "ocid1.vault.oc1.eu-frankfurt-1.aaaaaaaathevault" }
}

mock_resource "oci_kms_key" {
  defaults = { id = "ocid1.key.oc1.eu-frankfurt-1.aaaaaaaathekey" }
}

mock_resource "oci_resource_scheduler_schedule" {
  defaults = { id = "ocid1.resourceschedule.oc1.eu-frankfurt-1.aaaaaaaatheschedule" }
}

mock_resource "oci_ons_notification_topic" {
  defaults = { id = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaathetopic" }
}

mock_resource "oci_logging_log_group" {
  defaults = { id = "ocid1.loggroup.oc1.eu-frankfurt-1.aaaaaaaathegroup" }
}

mock_resource "oci_logging_log" {
  defaults = { id = "ocid1.log.oc1.eu-frankfurt-1.aaaaaaaathelog" }
}

mock_data "oci_objectstorage_namespace" {
  defaults = { namespace = "acmespace" }
}
