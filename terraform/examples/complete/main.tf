# Everything at once, in the order of the module's inputs.

module "keyturn" {
  source = "../.."

  # General
  tenancy_ocid     = var.tenancy_ocid
  compartment_ocid = var.compartment_ocid
  region           = var.region
  home_region      = var.region
  name_prefix      = "keyturn"
  freeform_tags    = { "cost-centre" = "security" }

  # IAM
  kinds              = ["api-key", "auth-token", "customer-secret-key", "password"]
  excluded_users     = ["breakglass@example.com", "admin-*"]
  secret_policy      = "tags"
  deployer_group     = "KeyturnDeployers"
  signer_group       = "KeyturnSigners"
  secret_admin_group = "KeyturnSecretAdmins"
  closer_group       = "SecOps"

  # OCIDs of identity domains besides Default, if their users' credentials should be rotated, too.
  identity_domains              = []
  identity_domains_manage_users = []
  identity_domains_app_role     = []

  # Events
  cloud_guard_reporting_region = var.region
  events_enabled               = true

  # Functions
  rotate_image          = var.rotate_image
  sweep_image           = var.sweep_image
  require_signed_images = true
  function_memory       = 256
  function_timeout      = 300
  sweep_timeout         = 900
  dry_run               = false
  grace_period          = "72h"
  configuration         = { sweep_days = "14", rsa_bits = "4096" }
  log_retention_days    = 180
  tracing               = true

  # Network
  vcn_cidr    = "10.77.0.0/26"
  nat_gateway = false

  # Vault
  vault_type               = "VIRTUAL_PRIVATE"
  key_rotation_days        = 90
  create_tag_namespace     = true
  secret_compartment_ocids = [var.compartment_ocid, var.workload_compartment_ocid]
  first_secrets = {
    "deploy-api-key" = { user = var.deploy_user_ocid, kind = "api-key" }
    "deploy-s3-keys" = { user = var.deploy_user_ocid, kind = "customer-secret-key" }
    "deploy-token"   = { user = var.deploy_user_ocid, kind = "auth-token", role = "auth-token" }
  }

  # Notifications
  emails          = ["secops@example.com"]
  https_endpoints = ["https://hooks.example.com/keyturn"]

  # Addresses of Slack and PagerDuty are credentials: give them as sensitive variables.
  slack_urls             = []
  pagerduty_urls         = []
  function_subscriptions = []

  # The mails about a secret also go to the topic in its tag keyturn.topic, if it is in one of these compartments.
  owner_topic_compartment_ocids = [var.workload_compartment_ocid]

  # Each outcome as JSON, for programs.
  records_topic           = true
  records_https_endpoints = ["https://tickets.example.com/keyturn"]
  records_functions       = []

  # Alarms
  alarms = true

  # Schedule
  sweep_schedule = "hourly"

  # Report

  # The bucket that the sweep writes its report to. A locked rule can't be removed.
  report_bucket                = "keyturn-reports"
  report_retention_days        = 400
  report_retention_locked_from = ""

  # Hardening
  repositories              = true
  security_zone_recipe_ocid = var.security_zone_recipe_ocid
  cloud_guard_target        = true

  # Oracle's recipes are looked up if these are left out.
  cloud_guard_detector_recipe_ocid  = var.cloud_guard_detector_recipe_ocid
  cloud_guard_responder_recipe_ocid = var.cloud_guard_responder_recipe_ocid
}
