# ---------------------------------------------------------------- Vault

# Resources that hold secrets are protected: `terraform destroy` refuses while they are in the state. The guide says how to
# destroy the rest. Terraform doesn't allow prevent_destroy to depend on an input.

data "oci_kms_vault" "existing" {
  count = var.vault_ocid != "" ? 1 : 0

  vault_id = var.vault_ocid
}

locals {
  vault_id        = var.vault_ocid != "" ? var.vault_ocid : one(oci_kms_vault.this[*].id)
  vault_endpoint  = var.vault_ocid != "" ? one(data.oci_kms_vault.existing[*].management_endpoint) : one(oci_kms_vault.this[*].management_endpoint)
  key_id          = var.key_ocid != "" ? var.key_ocid : one(oci_kms_key.secrets[*].id)
  signing_key_ids = !var.require_signed_images ? [] : var.signing_key_ocid != "" ? [var.signing_key_ocid] : oci_kms_key.signing[*].id
}

resource "oci_kms_vault" "this" {
  count = var.vault_ocid == "" ? 1 : 0

  compartment_id = var.compartment_ocid
  display_name   = var.name_prefix
  vault_type     = var.vault_type
  freeform_tags  = var.freeform_tags

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = var.key_ocid == ""
      error_message = "key_ocid without vault_ocid: a key belongs to a vault. Give both, or leave both empty."
    }
  }
}

resource "oci_kms_key" "secrets" {
  count = var.key_ocid == "" ? 1 : 0

  compartment_id           = var.compartment_ocid
  display_name             = "${var.name_prefix}-secrets"
  management_endpoint      = local.vault_endpoint
  protection_mode          = "HSM"
  is_auto_rotation_enabled = local.key_rotates
  freeform_tags            = var.freeform_tags

  key_shape {
    algorithm = "AES"
    length    = 32
  }

  dynamic "auto_key_rotation_details" {
    for_each = local.key_rotates ? [var.key_rotation_days] : []
    content {
      rotation_interval_in_days = auto_key_rotation_details.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  # Only virtual private vaults rotate keys automatically. The type of an existing vault is looked up.
  key_rotates = (var.vault_ocid != "" ? one(data.oci_kms_vault.existing[*].vault_type) : var.vault_type) == "VIRTUAL_PRIVATE"
}

# It protects no secret: images can be signed again with another key.
resource "oci_kms_key" "signing" {
  count = var.require_signed_images && var.signing_key_ocid == "" ? 1 : 0

  compartment_id      = var.compartment_ocid
  display_name        = "${var.name_prefix}-signing"
  management_endpoint = local.vault_endpoint
  protection_mode     = "HSM"
  freeform_tags       = var.freeform_tags

  key_shape {
    algorithm = "RSA"
    length    = 512
  }

  # The application must release the key before it is deleted.
  lifecycle {
    create_before_destroy = true
  }
}

# The namespace of another stack.
data "oci_identity_tag_namespaces" "existing" {
  count = var.create_tag_namespace ? 0 : 1

  compartment_id = var.tenancy_ocid
}

check "tag_namespace" {
  assert {
    condition     = var.create_tag_namespace || anytrue([for n in try(data.oci_identity_tag_namespaces.existing[0].tag_namespaces, []) : lower(n.name) == "keyturn" && !n.is_retired])
    error_message = "create_tag_namespace is off, and the tenancy has no tag namespace keyturn in its root compartment (or it is retired), so no secret can be bound by defined tags. Set create_tag_namespace to true in one stack of the tenancy."
  }
}

# Also protected: it contains the bindings of all secrets, including those that others created.
resource "oci_identity_tag_namespace" "keyturn" {
  count    = var.create_tag_namespace ? 1 : 0
  provider = oci.home

  compartment_id = var.tenancy_ocid
  name           = "keyturn"
  description    = "Binds Vault secrets to the user and the kind of credential that they hold."
  freeform_tags  = var.freeform_tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "oci_identity_tag" "keyturn" {
  for_each = var.create_tag_namespace ? {
    user  = { description = "OCID of the user whose credential the secret holds", values = [] }
    kind  = { description = "Kind of the credential", values = local.kind_names }
    role  = { description = "Which part of the credential the secret holds", values = local.roles }
    owner = { description = "Whom to notify when the secret's credential is rotated", values = [] }
    topic = { description = "OCID of a topic that gets the mails about the secret, too", values = [] }
  } : {}
  provider = oci.home

  tag_namespace_id = oci_identity_tag_namespace.keyturn[0].id
  name             = each.key
  description      = each.value.description
  freeform_tags    = var.freeform_tags

  dynamic "validator" {
    for_each = length(each.value.values) > 0 ? [each.value.values] : []
    content {
      validator_type = "ENUM"
      values         = validator.value
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

# A placeholder until the first rotation. Terraform creates it once and never updates it: the functions write its content and
# metadata, tag defaults and operators add tags, and an update would overwrite a rotation's journal with old metadata. The
# check changed_first_secrets warns if a secret differs from the inputs.
resource "oci_vault_secret" "first" {
  for_each = var.first_secrets

  compartment_id = local.first_secrets_compartment
  vault_id       = local.vault_id
  key_id         = local.key_id
  secret_name    = each.key
  description    = "Filled by Keyturn (${var.name_prefix})."
  freeform_tags  = var.freeform_tags

  defined_tags = {
    "keyturn.user" = each.value.user
    "keyturn.kind" = each.value.kind
    "keyturn.role" = each.value.role
  }

  secret_content {
    content_type = "BASE64"
    content      = base64encode("Keyturn has not rotated this credential yet.")
    name         = "placeholder"
  }

  depends_on = [oci_identity_tag.keyturn]

  lifecycle {
    prevent_destroy = true
    ignore_changes  = all
  }
}

locals {
  # The functions look for secrets there.
  first_secrets_compartment = contains(local.secret_compartments, var.compartment_ocid) ? var.compartment_ocid : local.secret_compartments[0]

  # OCI ignores the case of tags.
  tags_of_first_secrets = { for name, s in oci_vault_secret.first : name => { for tag, v in s.defined_tags : lower(tag) => v } }

  # Differences between first secrets and the inputs.
  changed_first_secrets = concat(
    flatten([for name, s in oci_vault_secret.first : [
      for tag, want in { user = var.first_secrets[name].user, kind = var.first_secrets[name].kind, role = var.first_secrets[name].role } :
      "${name} has the tag keyturn.${tag} = ${try(local.tags_of_first_secrets[name]["keyturn.${tag}"], "(none)")}, first_secrets says ${want}. Change the input, or the tag: ${replace(local.bind_command, "<secret OCID>", s.id)}"
      if lower(try(local.tags_of_first_secrets[name]["keyturn.${tag}"], "")) != lower(want)
    ]]),
    [for name, s in oci_vault_secret.first : "${name} is in the compartment ${s.compartment_id}, where the functions don't look: add it to secret_compartment_ocids, or move the secret." if !contains(local.secret_compartments, s.compartment_id)],
    [for name, s in oci_vault_secret.first : "${name} was created before freeform_tags changed, and keeps its tags: change them with `oci vault secret update`." if anytrue([for k, v in var.freeform_tags : try(s.freeform_tags[k], null) != v])],
  )
}

check "changed_first_secrets" {
  assert {
    condition     = length(local.changed_first_secrets) == 0
    error_message = "Terraform creates first secrets once and doesn't change them afterwards:\n${join("\n", local.changed_first_secrets)}"
  }
}
