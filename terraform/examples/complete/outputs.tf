output "policy_statements" {
  description = "What each function may do."
  value       = module.keyturn.policy_statements
}

output "dynamic_groups" {
  description = "The functions' dynamic groups."
  value       = module.keyturn.dynamic_groups
}

output "domain_roles" {
  description = "The functions' App roles in identity domains."
  value       = module.keyturn.domain_roles
}

output "group_statements" {
  description = "What people may do."
  value       = module.keyturn.group_statements
}

output "service_statements" {
  description = "What Oracle's services may do."
  value       = module.keyturn.service_statements
}

output "event_condition" {
  description = "Condition of the Events rule."
  value       = module.keyturn.event_condition
}

output "function_ids" {
  description = "OCIDs of the functions."
  value       = module.keyturn.function_ids
}

output "configuration" {
  description = "Configuration of both functions."
  value       = module.keyturn.configuration
}

output "secret_ids" {
  description = "OCIDs of the first secrets."
  value       = module.keyturn.secret_ids
}
