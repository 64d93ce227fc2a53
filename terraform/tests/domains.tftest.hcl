# Identity domains. No account is needed: the provider is mocked, and nothing is applied.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan

  mock_data "oci_identity_domain" {
    defaults = { url = "https://idcs-0123.identity.oraclecloud.com:443", home_region = "eu-frankfurt-1", state = "ACTIVE" }
  }

  mock_data "oci_identity_domains_app_roles" {
    defaults = { app_roles = [{ id = "therole", app = [{ value = "theapp" }] }] }
  }

  mock_resource "oci_identity_domains_dynamic_resource_group" {
    defaults = { id = "thegroup" }
  }
}

variables {
  excluded_users   = ["breakglass@example.com", "admin-*", "*@vendor.example.com", "Partners/jane", "ocid1.user.oc1..aaaaaaaaroot"]
  identity_domains = ["ocid1.domain.oc1..aaaaaaaapartners", "ocid1.domain.oc1..aaaaaaaaplant", "ocid1.domain.oc1..aaaaaaaacorp"]
}

run "every_domain_gets_statements_that_name_it_and_the_functions_know_it" {
  command = plan

  assert {
    condition     = output.configuration.identity_domains == "ocid1.domain.oc1..aaaaaaaapartners,ocid1.domain.oc1..aaaaaaaaplant,ocid1.domain.oc1..aaaaaaaacorp"
    error_message = "The functions ask the domains ${output.configuration.identity_domains}."
  }
  assert {
    condition     = [for s in output.policy_statements : s.name if strcontains(s.name, "domain")] == ["rotate-domains", "rotate-domain-credentials-list", "rotate-domain-credentials-change", "sweep-domains", "sweep-domain-credentials-list", "sweep-domain-credentials-change"]
    error_message = "The statements are ${join(", ", [for s in output.policy_statements : s.name])}."
  }
  assert {
    condition     = alltrue(flatten([for s in output.policy_statements : [for id in var.identity_domains : strcontains(s.text, ".id = '${id}'")] if strcontains(s.name, "domain")]))
    error_message = "A statement doesn't name a domain."
  }
  assert {
    condition     = length(oci_identity_domains_grant.user_administrator) == 0 && length(output.domain_roles) == 0 && length([for s in output.policy_statements : s if strcontains(s.text, "manage")]) == 0
    error_message = "The functions get more than single permissions."
  }
}

run "with_domains_the_statements_for_the_classic_API_cover_only_Default" {
  command = plan

  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "target.resource.domain.name = 'Default'") if strcontains(s.text, "{USER_") && !strcontains(s.text, "USER_INSPECT") && !strcontains(s.name, "domain")])
    error_message = "A statement covers every domain: ${jsonencode(output.policy_statements)}"
  }
}

run "no_statement_about_domains_depends_on_the_name_of_an_operation" {
  command = plan

  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.name, "domain") && strcontains(s.text, "request.operation")]) == 0
    error_message = "No source says which names of operations a domain's API has."
  }
}

run "a_user_of_a_domain_is_excluded_under_the_name_that_the_functions_know" {
  command = plan

  variables {
    identity_domains_manage_users = ["ocid1.domain.oc1..aaaaaaaaplant"]
  }
  assert {
    condition = alltrue([for s in output.policy_statements : endswith(s.text, "target.resource.domain.name != /admin-*/, target.user.name != /*@vendor.example.com/, target.user.name != 'Partners/jane', any {target.resource.domain.name != 'Partners', target.user.name != 'jane'}, target.user.id != 'ocid1.user.oc1..aaaaaaaaroot'}")
      if strcontains(s.name, "domain-credentials-change") || strcontains(s.name, "domain-users-manage")
    ])
    error_message = "A statement lets the functions change an excluded user's credentials: ${jsonencode([for s in output.policy_statements : s.text if strcontains(s.name, "domain")])}"
  }
  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.name, "domain") && strcontains(s.text, "breakglass")]) == 0
    error_message = "A name without a domain means a user of Default."
  }
}

run "the_verb_manage_is_only_for_the_domains_that_need_it" {
  command = plan

  variables {
    identity_domains_manage_users = ["ocid1.domain.oc1..aaaaaaaaplant"]
  }
  assert {
    condition     = length([for s in output.policy_statements : s if can(regex("manage users in tenancy where all \\{any \\{target.resource.domain.id = 'ocid1.domain.oc1..aaaaaaaaplant'\\}, ", s.text))]) == 2 && length([for s in output.policy_statements : s if strcontains(s.text, "manage ")]) == 2
    error_message = "The verb manage is granted elsewhere."
  }
  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.name, "domain-credentials-change") && strcontains(s.text, "plant")]) == 0
    error_message = "A domain has two ways."
  }
}

run "an_App_role_replaces_the_statements_about_users_of_its_domain" {
  command = plan

  variables {
    identity_domains_app_role = ["ocid1.domain.oc1..aaaaaaaacorp"]
  }
  assert {
    condition     = toset([for s in output.policy_statements : s.name if strcontains(s.text, "aaaaaaaacorp")]) == toset(["rotate-domains", "sweep-domains"])
    error_message = "A statement allows what the role allows."
  }
  assert {
    condition     = toset([for r in output.domain_roles : "${r.function} ${r.domain} ${r.role}"]) == toset(["rotate ocid1.domain.oc1..aaaaaaaacorp User Administrator", "sweep ocid1.domain.oc1..aaaaaaaacorp User Administrator"])
    error_message = "The roles are ${jsonencode(output.domain_roles)}."
  }
  assert {
    condition = alltrue([for g in oci_identity_domains_grant.user_administrator :
      g.grant_mechanism == "ADMINISTRATOR_TO_DYNAMIC_RESOURCE_GROUP" && g.grantee[0].type == "DynamicResourceGroup" && g.grantee[0].value == "thegroup" && g.app[0].value == "theapp" && g.entitlement[0].attribute_name == "appRoles" && g.entitlement[0].attribute_value == "therole"
    ])
    error_message = "The role isn't granted to the function's group."
  }
  assert {
    condition     = alltrue([for g in oci_identity_domains_dynamic_resource_group.function : g.matching_rule == "ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaathefunction'}"])
    error_message = "A group contains more than its function."
  }
}

run "a_role_that_is_not_found_is_refused" {
  command = plan

  variables {
    identity_domains_app_role = ["ocid1.domain.oc1..aaaaaaaacorp"]
  }
  override_data {
    target = data.oci_identity_domains_app_roles.user_administrator
    values = { app_roles = [] }
  }
  expect_failures = [oci_identity_domains_grant.user_administrator]
}

run "without_images_no_role_is_granted" {
  command = plan

  variables {
    identity_domains_app_role = ["ocid1.domain.oc1..aaaaaaaacorp"]
    rotate_image              = ""
    sweep_image               = ""
    repositories              = true
  }
  assert {
    condition     = length(oci_identity_domains_dynamic_resource_group.function) == 0
    error_message = "There is a group without its function."
  }
}

run "a_domain_of_another_home_region_needs_a_way_there" {
  command = plan

  override_data {
    target = data.oci_identity_domain.this
    values = { home_region = "us-ashburn-1", state = "ACTIVE" }
  }
  expect_failures = [oci_functions_application.this]
}

run "a_NAT_gateway_is_a_way_to_a_domain_of_another_home_region" {
  command = plan

  variables {
    nat_gateway = true
  }
  override_data {
    target = data.oci_identity_domain.this
    values = { home_region = "IAD", state = "ACTIVE" }
  }
  assert {
    condition     = length(oci_core_nat_gateway.this) == 1
    error_message = "There is no gateway."
  }
}

run "the_key_of_a_home_region_is_understood" {
  command = plan

  override_data {
    target = data.oci_identity_domain.this
    values = { home_region = "FRA", state = "ACTIVE" }
  }
  assert {
    condition     = length(local.distant_domains) == 0
    error_message = "FRA is not ${var.region}."
  }
}

run "an_inactive_domain_is_refused" {
  command = plan

  override_data {
    target = data.oci_identity_domain.this
    values = { home_region = "eu-frankfurt-1", state = "INACTIVE" }
  }
  expect_failures = [oci_functions_application.this]
}

run "a_kind_that_is_off_gets_no_permissions_in_domains" {
  command = plan

  variables {
    kinds = ["password"]
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "to {USER_UPDATE, USER_UIPASS_RESET} in tenancy") if strcontains(s.name, "domain-credentials-change")])
    error_message = "A kind that is off has permissions: ${jsonencode([for s in output.policy_statements : s.text if strcontains(s.name, "domain-")])}"
  }
}
