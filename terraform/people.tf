# Users and groups as IAM names them, from every accepted form.
locals {
  # The name of a user of the default domain has no domain.
  excluded_users = [for u in var.excluded_users : replace(u, "/^(?i:default)[/]/", "")]

  # A group's domain and name without quotes, or its OCID alone.
  group_parts = { for duty, name in {
    deployer     = var.deployer_group
    signer       = var.signer_group
    secret_admin = var.secret_admin_group
    closer       = var.closer_group
  } : duty => [for part in split("/", name) : trim(part, "'")] if name != "" }

  # As written in statements. A name that isn't one plain word needs quotes, and quotes need the domain.
  groups = { for duty, parts in local.group_parts : duty => (
    length(parts) == 2 ? "'${parts[0]}'/'${parts[1]}'" :
    startswith(parts[0], "ocid1.") ? "id ${parts[0]}" :
    can(regex("^[A-Za-z0-9._+-]+$", parts[0])) && !contains(["id", "to"], lower(parts[0])) ? parts[0] : "'Default'/'${parts[0]}'"
  ) }

  # One spelling for each group: IAM ignores case.
  group_identities = { for duty, parts in local.group_parts : duty => lower(length(parts) == 2 || startswith(parts[0], "ocid1.") ? join("/", parts) : "default/${parts[0]}") }
}
