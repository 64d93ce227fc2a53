# ---------------------------------------------------------------- General

output "next_steps" {
  description = "The next steps with their commands: first how to build, push, sign and deploy the images, then how to check, bind and test. Print it with `terraform output -raw`."
  value       = local.next_steps
}

# ---------------------------------------------------------------- IAM

output "policy_statements" {
  description = "What each function may do: name, function, purpose and text of every statement."
  value       = local.policy_statements
}

output "dynamic_groups" {
  description = "The functions' dynamic groups, with their matching rules."
  value       = { for f, g in oci_identity_dynamic_group.function : local.dynamic_group_names[f] => { matching_rule = g.matching_rule } }
}

output "domain_roles" {
  description = "The functions' App roles in identity domains: function, domain and role."
  value       = [for m in local.domain_members : merge(m, { role = "User Administrator" })]
}

output "group_statements" {
  description = "What people may do: name, group, purpose and text of every statement."
  value       = local.group_statements
}

output "service_statements" {
  description = "What Oracle's services may do: name, purpose and text of every statement."
  value       = concat(local.service_statements, local.schedule_statements)
}

# ---------------------------------------------------------------- Events

output "event_condition" {
  description = "Condition of the Events rule, as JSON."
  value       = local.event_condition
}

# ---------------------------------------------------------------- Functions

output "application_id" {
  description = "OCID of the Functions application."
  value       = oci_functions_application.this.id
}

output "function_ids" {
  description = "OCIDs of the functions, by name. Empty until the images are given."
  value       = { for name, f in oci_functions_function.this : name => f.id }
}

output "configuration" {
  description = "Configuration of both functions."
  value       = local.configuration
}

output "log_id" {
  description = "OCID of the invocation log."
  value       = oci_logging_log.invocations.id
}

output "log_searches" {
  description = "Saved searches of the invocation log, by name: OCID and query."
  value       = { for name, s in oci_logging_log_saved_search.this : name => { id = s.id, query = s.query } }
}

# ---------------------------------------------------------------- Network

output "subnet_id" {
  description = "OCID of the functions' subnet."
  value       = local.subnet_id
}

# ---------------------------------------------------------------- Vault

output "vault_id" {
  description = "OCID of the vault."
  value       = local.vault_id
}

output "vault_management_endpoint" {
  description = "Management endpoint of the vault: `oci kms management` takes it as --endpoint, and `keyturn deploy` too if the signing key is in this vault."
  value       = local.vault_endpoint
}

output "key_id" {
  description = "OCID of the master key that encrypts secrets."
  value       = local.key_id
}

output "signing_key_id" {
  description = "OCID of the key that signs images, or null. `keyturn deploy` takes it as --key."
  value       = one(local.signing_key_ids)
}

output "bind_command" {
  description = "Command that binds a secret to a user and kind, with the tags that secret_policy asks for."
  value       = local.bind_command
}

output "secret_ids" {
  description = "OCIDs of the first secrets, by name."
  value       = { for name, s in oci_vault_secret.first : name => s.id }
}

# ---------------------------------------------------------------- Notifications

output "topic_id" {
  description = "OCID of the topic that gets the mails. Subscribers must confirm."
  value       = local.topic_id
}

output "records_topic_id" {
  description = "OCID of the topic that gets the records, or null without one."
  value       = local.records_topic_id
}

# ---------------------------------------------------------------- Alarms

output "alarm_topic_id" {
  description = "OCID of the topic that gets the alarms, or null without alarms."
  value       = var.alarms ? local.alarm_topic_id : null
}

# ---------------------------------------------------------------- Schedule

output "schedule_id" {
  description = "OCID of the sweep's schedule, or null without one."
  value       = one(oci_resource_scheduler_schedule.sweep[*].id)
}

# ---------------------------------------------------------------- Report

output "report_bucket" {
  description = "Namespace and name of the bucket with the sweep's reports, or null without one."
  value       = try(local.configuration.report_bucket, null)
}

# ---------------------------------------------------------------- Hardening

output "registry" {
  description = "Beginning of the repositories' names: registry, namespace and prefix. `keyturn deploy` takes it as --repository. Null if repositories is off."
  value       = local.registry
}

output "repositories" {
  description = "Container Registry repositories to push the images to."
  value       = [for r in oci_artifacts_container_repository.this : r.display_name]
}
