# What the functions may do in identity domains, by the domains' own API (SCIM). Oracle's Policy Reference names one set of
# permissions for both APIs, but not which one a SCIM call checks, and no names of operations. So no statement has a condition on
# request.operation, and there are three ways for a domain: single permissions, the verb that covers them all, and an App role.
locals {
  domains_by_policy   = [for id in var.identity_domains : id if !contains(concat(var.identity_domains_manage_users, var.identity_domains_app_role), id)]
  domains_with_policy = concat(local.domains_by_policy, var.identity_domains_manage_users)
  in_domains = { for way, ids in { policy = local.domains_by_policy, manage = var.identity_domains_manage_users, either = local.domains_with_policy } :
    way => "any {${join(", ", [for id in ids : "target.resource.domain.id = '${id}'"])}}"
  }

  # The functions know a user of a domain as domain/name, so a name without a domain means another user. A * matches within
  # both parts.
  not_excluded_in_domains = flatten([for u in local.excluded_users : (
    startswith(u, "ocid1.") ? ["target.user.id != '${u}'"] :
    strcontains(u, "*") ? concat(startswith(u, "*") ? ["target.user.name != /${u}/"] : [], endswith(u, "*") ? ["target.resource.domain.name != /${u}/"] : []) :
    strcontains(u, "/") ? ["target.user.name != '${u}'", "any {target.resource.domain.name != '${regex("^[^/]*", u)}', target.user.name != '${regex("/(.*)$", u)[0]}'}"] : []
  )])

  domain_statements = concat(
    length(var.identity_domains) == 0 ? [] : [
      { name = "domains", purpose = "GetDomain: the address of each identity domain",
      what = "{DOMAIN_READ} in tenancy where any {${join(", ", [for id in var.identity_domains : "target.domain.id = '${id}'"])}}" },
    ],
    length(local.domains_with_policy) == 0 ? [] : [
      { name = "domain-credentials-list", purpose = "SCIM ListApiKeys, ListAuthTokens, ListCustomerSecretKeys: as for the Default domain. Lists have no user, so excluded users can't be left out",
      what = "{USER_READ} in tenancy where ${local.in_domains.either}" },
    ],
    length(local.domains_by_policy) == 0 ? [] : [
      { name = "domain-credentials-change", purpose = "SCIM calls that create and delete credentials and set passwords. USER_UPDATE is part of each; a domain may also allow UpdateUser with it",
      what = "{${join(", ", concat(["USER_UPDATE"], [for k in local.kinds_on : local.kinds[k].permissions]))}} in tenancy where all {${join(", ", concat([local.in_domains.policy], local.not_excluded_in_domains))}}" },
    ],
    length(var.identity_domains_manage_users) == 0 ? [] : [
      { name = "domain-users-manage", purpose = "The same in domains that ask for the whole verb (identity_domains_manage_users). It also allows creating, changing and deleting users",
      what = "manage users in tenancy where all {${join(", ", concat([local.in_domains.manage], local.not_excluded_in_domains))}}" },
    ],
  )
}
