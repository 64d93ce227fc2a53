# Users and groups as IAM names them, in whichever form they were given.
locals {
  # A user of the default domain is known by the name alone.
  excluded_users = [for u in var.excluded_users : replace(u, "/^(?i:default)[/]/", "")]

  # A group's domain and name without quotes, or its OCID alone.
  group_parts = { for duty, name in {
    deployer     = var.deployer_group
    signer       = var.signer_group
    secret_admin = var.secret_admin_group
    closer       = var.closer_group
  } : duty => [for part in split("/", name) : trim(part, "'")] if name != "" }

  # As statements name it. A name that isn't one plain word needs quotes, and quotes need the domain.
  groups = { for duty, parts in local.group_parts : duty => (
    length(parts) == 2 ? "'${parts[0]}'/'${parts[1]}'" :
    startswith(parts[0], "ocid1.") ? "id ${parts[0]}" :
    can(regex("^[A-Za-z0-9._+-]+$", parts[0])) && !contains(["id", "to"], lower(parts[0])) ? parts[0] : "'Default'/'${parts[0]}'"
  ) }

  # One spelling for each group: IAM compares names without regard to case.
  group_identities = { for duty, parts in local.group_parts : duty => lower(length(parts) == 2 || startswith(parts[0], "ocid1.") ? join("/", parts) : "default/${parts[0]}") }
}
