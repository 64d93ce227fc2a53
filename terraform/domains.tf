# ---------------------------------------------------------------- IAM

# Identity domains: what the stack looks up about each, and the second way to allow the functions to work in one.

data "oci_identity_domain" "this" {
  for_each = toset(var.identity_domains)
  provider = oci.home

  domain_id = each.key
}

data "oci_identity_domains_app_roles" "user_administrator" {
  for_each = toset(var.identity_domains_app_role)
  provider = oci.home

  idcs_endpoint   = local.domains[each.key].url
  app_role_filter = "displayName eq \"User Administrator\""
}

locals {
  domains = { for id, d in data.oci_identity_domain.this : id => {
    url         = d.url
    state       = d.state
    home_region = lookup(local.region_names, lower(coalesce(d.home_region, "unknown")), lower(coalesce(d.home_region, "unknown")))
  } }

  # No source says whether the service gateway's addresses include those of identity domains. For a domain of another region
  # they don't: the gateway reaches only the services of its own region (Access to Oracle Services: Service Gateway). The
  # preflight shows whether a function reaches each domain.
  distant_domains = [for id, d in local.domains : "${id} (${d.home_region})" if d.home_region != var.region]

  # A domain's administrator roles are roles of an App that each domain has.
  user_administrators = { for id, r in data.oci_identity_domains_app_roles.user_administrator : id => {
    role = try(one(r.app_roles).id, null)
    app  = try(one(r.app_roles).app[0].value, null)
  } }

  # A role can be granted only to a group of its own domain, so each function has a second group there.
  domain_members = merge([for id in var.identity_domains_app_role : { for f in keys(local.functions) : "${f} ${id}" => { function = f, domain = id } }]...)
}

resource "oci_identity_domains_dynamic_resource_group" "function" {
  for_each = local.domain_members
  provider = oci.home

  idcs_endpoint = local.domains[each.value.domain].url
  schemas       = ["urn:ietf:params:scim:schemas:oracle:idcs:DynamicResourceGroup"]
  display_name  = local.dynamic_group_names[each.value.function]
  description   = oci_identity_dynamic_group.function[each.value.function].description
  matching_rule = oci_identity_dynamic_group.function[each.value.function].matching_rule

  # The service adds a schema for tags, which a tenancy may set by default.
  lifecycle {
    ignore_changes = [schemas]
  }
}

# Source of the mechanism and of the type: oci-go-sdk, identitydomains/grant.go and grant_grantee.go. The documentation's
# "Assigning a Domain Role" does the same in the Console.
resource "oci_identity_domains_grant" "user_administrator" {
  for_each = local.domain_members
  provider = oci.home

  idcs_endpoint   = local.domains[each.value.domain].url
  schemas         = ["urn:ietf:params:scim:schemas:oracle:idcs:Grant"]
  grant_mechanism = "ADMINISTRATOR_TO_DYNAMIC_RESOURCE_GROUP"

  grantee {
    type  = "DynamicResourceGroup"
    value = oci_identity_domains_dynamic_resource_group.function[each.key].id
  }

  app {
    value = local.user_administrators[each.value.domain].app
  }

  entitlement {
    attribute_name  = "appRoles"
    attribute_value = local.user_administrators[each.value.domain].role
  }

  lifecycle {
    precondition {
      condition     = local.user_administrators[each.value.domain].app != null
      error_message = "The identity domain ${each.value.domain} doesn't have exactly one role User Administrator that the lookup may read. Run the apply as an administrator of that domain, or remove it from identity_domains_app_role and assign the role in the Console, as terraform/README.md says."
    }
  }
}
