# Permissions. No account is needed: the provider is mocked, and nothing is applied.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "each_function_has_its_own_group" {
  command = plan

  assert {
    condition     = toset(keys(output.dynamic_groups)) == toset(["keyturn-rotate", "keyturn-sweep"])
    error_message = "The groups are ${join(", ", keys(output.dynamic_groups))}."
  }
  assert {
    condition     = alltrue([for g in output.dynamic_groups : g.matching_rule == "ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaathefunction'}"])
    error_message = "A group contains more than its function: ${jsonencode(output.dynamic_groups)}"
  }
}

run "no_statement_grants_manage_or_a_family" {
  command = plan

  variables {
    deployer_group     = "Deployers"
    signer_group       = "Signers"
    secret_admin_group = "SecretAdmins"
    closer_group       = "Closers"
  }
  assert {
    condition     = length([for s in concat(output.policy_statements, output.group_statements) : s if can(regex(" to manage |secret-family|all-resources|cloud-guard-family", s.text))]) == 0
    error_message = "A statement is wider than necessary."
  }
  assert {
    condition     = length([for s in output.policy_statements : s if !can(regex(" to \\{[A-Z_, ]+\\} in | to use cloud-guard-problems in | to read cloud-guard-config in ", s.text))]) == 0
    error_message = "A statement of a function has no single permissions."
  }
}

run "no_statement_lets_a_function_change_an_excluded_users_credentials" {
  command = plan

  variables {
    excluded_users = ["breakglass@example.com", "admin-*", "ocid1.user.oc1..aaaaaaaaroot"]
  }
  assert {
    condition = alltrue([for s in output.policy_statements :
      strcontains(s.text, "target.user.name != 'breakglass@example.com'") && strcontains(s.text, "target.user.name != /admin-*/") && strcontains(s.text, "target.user.id != 'ocid1.user.oc1..aaaaaaaaroot'")
      if can(regex("USER_(UPDATE|APIKEY|AUTHTOKEN|SECRETKEY|UIPASS)", s.text))
    ])
    error_message = "A statement lets the functions change an excluded user's credentials."
  }
  assert {
    condition     = output.configuration.protected_users == "breakglass@example.com,admin-*,ocid1.user.oc1..aaaaaaaaroot"
    error_message = "The functions protect ${output.configuration.protected_users}."
  }
}

run "the_permission_to_update_users_excludes_UpdateUser" {
  command = plan

  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "any {request.operation = 'UploadApiKey', ") && !strcontains(s.text, "'UpdateUser'") if strcontains(s.text, "USER_UPDATE")])
    error_message = "A function may change users, for instance their mail addresses."
  }
}

run "statements_for_lists_have_no_condition" {
  command = plan

  assert {
    condition     = alltrue([for s in output.policy_statements : !strcontains(s.text, "where") if can(regex("USER_INSPECT|SECRET_INSPECT|TENANCY_INSPECT", s.text))])
    error_message = "A list has no target, so a condition on one would always refuse it."
  }
}

run "a_kind_that_is_off_gets_no_permissions_and_no_events" {
  command = plan

  variables {
    kinds = ["api-key"]
  }
  assert {
    condition     = length([for s in output.policy_statements : s if can(regex("AUTHTOKEN|SECRETKEY|UIPASS|NAMESPACE", s.text))]) == 0
    error_message = "A kind that is off has permissions."
  }
  assert {
    condition     = jsondecode(output.event_condition).data.additionalDetails.problemName == ["API_KEY_TOO_OLD"]
    error_message = "The rule's condition is ${output.event_condition}."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "any {target.resource.tag.keyturn.kind = 'api-key'}") if strcontains(s.text, "SECRET_UPDATE")])
    error_message = "Secrets of a kind that is off may be written."
  }
}

run "every_single_kind_gets_its_permissions" {
  command = plan

  variables {
    kinds = ["password", "customer-secret-key"]
  }
  assert {
    condition = [for s in output.policy_statements : s.name if s.function == "rotate"] == [
      "rotate-tenancy", "rotate-users", "rotate-credentials-list", "rotate-credentials-change", "rotate-customer-secret-key", "rotate-password",
      "rotate-password-set", "rotate-namespace", "rotate-problems", "rotate-preflight-cloud-guard", "rotate-secrets-list", "rotate-secrets-write", "rotate-mail",
      "rotate-preflight-topic", "rotate-metrics",
    ]
    error_message = "The statements are ${join(", ", [for s in output.policy_statements : s.name])}."
  }
}

run "only_bound_secrets_of_the_given_compartments_may_be_read_and_written" {
  command = plan

  variables {
    secret_compartment_ocids = ["ocid1.compartment.oc1..aaaaaaaaone", "ocid1.compartment.oc1..aaaaaaaatwo"]
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : can(regex("in compartment id ocid1.compartment.oc1..aaaaaaaa(one|two)", s.text)) if strcontains(s.text, "SECRET_") && !strcontains(s.text, "USER_")])
    error_message = "The functions may use secrets elsewhere."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "where all {target.resource.tag.keyturn.user = /ocid1.user.*/") if can(regex("SECRET_(READ|UPDATE|BUNDLE|VERSION)", s.text))])
    error_message = "The functions may use secrets without tags."
  }
  assert {
    condition     = output.configuration.secret_compartments == "ocid1.compartment.oc1..aaaaaaaaone,ocid1.compartment.oc1..aaaaaaaatwo"
    error_message = "The functions look in other compartments than the policies allow."
  }
}

run "only_the_sweep_may_schedule_the_deletion_of_versions" {
  command = plan

  assert {
    condition     = [for s in output.policy_statements : s.function if strcontains(s.text, "SECRET_VERSION_DELETE")] == ["sweep"]
    error_message = "Another principal may."
  }
}

run "without_tags_every_secret_of_the_compartment_may_be_used" {
  command = plan

  variables {
    secret_policy = "compartment"
    configuration = { secret_binding = "warn" }
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : !strcontains(s.text, "target.resource.tag")])
    error_message = "There is still a condition on tags."
  }
}

run "the_tenancy_as_a_compartment_of_secrets_is_written_as_tenancy" {
  command = plan

  variables {
    secret_compartment_ocids = ["ocid1.tenancy.oc1..aaaaaaaatenancy"]
  }
  assert {
    condition     = anytrue([for s in output.policy_statements : s.text == "Allow dynamic-group keyturn-rotate to {SECRET_INSPECT} in tenancy"])
    error_message = "The tenancy is named as a compartment."
  }
}

run "functions_may_publish_only_in_the_topics_compartment" {
  command = plan

  variables {
    emails                 = []
    alarm_topic_ocid       = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaalarms"
    topic_ocid             = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaexisting"
    topic_compartment_ocid = "ocid1.compartment.oc1..aaaaaaaatopics"
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : can(regex("to \\{ONS_TOPIC_(PUBLISH|READ)\\} in compartment id ocid1.compartment.oc1..aaaaaaaatopics$", s.text)) if strcontains(s.text, "ONS_")])
    error_message = "The functions may publish elsewhere."
  }
}

run "functions_may_also_publish_to_records_and_to_the_topics_of_owners" {
  command = plan

  variables {
    emails                        = []
    alarm_topic_ocid              = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaalarms"
    topic_ocid                    = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaexisting"
    topic_compartment_ocid        = "ocid1.compartment.oc1..aaaaaaaatopics"
    owner_topic_compartment_ocids = ["ocid1.compartment.oc1..aaaaaaaateams", "ocid1.compartment.oc1..aaaaaaaatopics"]
    records_topic                 = true
    records_functions             = ["ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaatickets"]
  }
  assert {
    condition = [for s in output.policy_statements : trimprefix(s.text, "Allow dynamic-group keyturn-rotate to ") if strcontains(s.text, "ONS_") && s.function == "rotate"] == [
      "{ONS_TOPIC_PUBLISH} in compartment id ocid1.compartment.oc1..aaaaaaaatopics",
      "{ONS_TOPIC_READ} in compartment id ocid1.compartment.oc1..aaaaaaaatopics",
      "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in compartment id ocid1.compartment.oc1..aaaaaaaakeyturn",
      "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in compartment id ocid1.compartment.oc1..aaaaaaaateams",
    ]
    error_message = "The statements are ${join(", ", [for s in output.policy_statements : s.text if strcontains(s.text, "ONS_")])}."
  }
  assert {
    condition     = output.configuration.owner_topics == "ocid1.compartment.oc1..aaaaaaaateams,ocid1.compartment.oc1..aaaaaaaatopics"
    error_message = "The functions allow other topics than the policies."
  }
}

run "functions_may_post_metrics_only_to_their_own_namespace" {
  command = plan

  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.text, "METRIC_")]) == 2
    error_message = "Not exactly the functions may post metrics."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : endswith(s.text, "to {METRIC_WRITE} in compartment id ${var.compartment_ocid} where target.metrics.namespace = 'keyturn'") if strcontains(s.text, "METRIC_")])
    error_message = "A function may post metrics elsewhere or under another namespace."
  }
}

run "deployers_may_not_sign_read_secrets_or_change_the_application" {
  command = plan

  variables {
    deployer_group     = "Deployers"
    signer_group       = "Corp/Signers"
    secret_admin_group = "SecretAdmins"
    closer_group       = "Closers"
  }
  assert {
    condition     = length([for s in output.group_statements : s if s.group == "Deployers" && can(regex("keys|KEY_|SECRET|secret|FN_APP_UPDATE|FN_FUNCTION_CREATE", s.text))]) == 0
    error_message = "The deployers may do more than deploy."
  }
  assert {
    condition     = length([for s in output.group_statements : s if strcontains(s.text, "FN_FUNCTION_UPDATE") && s.group != "Deployers"]) == 0
    error_message = "Another group may deploy."
  }
  assert {
    condition     = length([for s in output.group_statements : s if can(regex("SECRET_BUNDLE|secret-bundles", s.text))]) == 0
    error_message = "A group may read secrets."
  }
  assert {
    condition     = anytrue([for s in output.group_statements : startswith(s.text, "Allow group 'Corp'/'Signers' to use keys in tenancy where target.key.id = 'ocid1.key.oc1.eu-frankfurt-1.aaaaaaaathekey'")])
    error_message = "The signers' statement is missing, or wider than the key."
  }
}

run "a_group_given_by_its_OCID_is_named_by_its_OCID" {
  command = plan

  variables {
    deployer_group = "ocid1.group.oc1..aaaaaaaaexamplegroup"
  }
  assert {
    condition     = length(output.group_statements) == 3 && alltrue([for s in output.group_statements : startswith(s.text, "Allow group id ocid1.group.oc1..aaaaaaaaexamplegroup to ")])
    error_message = "IAM would look for a group of that name: ${jsonencode(output.group_statements)}"
  }
}

run "a_group_that_is_not_named_gets_no_statements" {
  command = plan

  assert {
    condition     = length(output.group_statements) == 0 && length(oci_identity_policy.groups) == 0
    error_message = "There are statements without a group."
  }
}

run "only_the_schedule_may_start_functions_by_its_OCID" {
  command = plan

  assert {
    condition     = anytrue([for s in output.service_statements : strcontains(s.text, "request.principal.id = 'ocid1.resourceschedule.oc1.eu-frankfurt-1.aaaaaaaatheschedule'")])
    error_message = "The schedule's statement isn't limited to its OCID: ${jsonencode(output.service_statements)}"
  }
  assert {
    condition     = alltrue([for s in output.service_statements : strcontains(s.text, "request.principal.id = ") if strcontains(s.text, "any-user")])
    error_message = "Any user may start functions."
  }
}

run "Functions_verifies_signatures_only_with_the_signing_key" {
  command = plan

  assert {
    condition     = length([for s in output.service_statements : s if strcontains(s.text, "KEY_") && strcontains(s.text, "target.key.id = 'ocid1.key.oc1.eu-frankfurt-1.aaaaaaaathekey'")]) == 2
    error_message = "Functions may use other keys, or can't verify."
  }
}

run "tenancy_wide_resources_are_in_the_root_compartment" {
  command = plan

  variables {
    closer_group = "Closers"
  }
  assert {
    condition     = alltrue([for c in concat([for g in oci_identity_dynamic_group.function : g.compartment_id], [for p in oci_identity_policy.function : p.compartment_id], oci_identity_policy.groups[*].compartment_id, oci_events_rule.problem_closed[*].compartment_id) : c == var.tenancy_ocid])
    error_message = "A tenancy-wide resource is in another compartment, where it has no effect."
  }
}

run "two_stacks_name_tenancy_wide_resources_differently" {
  command = plan

  variables {
    name_prefix          = "keyturn-blue"
    create_tag_namespace = false
  }
  override_data {
    target = data.oci_identity_tag_namespaces.existing[0]
    values = { tag_namespaces = [{ name = "Keyturn", is_retired = false }] }
  }
  assert {
    condition     = toset(keys(output.dynamic_groups)) == toset(["keyturn-blue-rotate", "keyturn-blue-sweep"]) && length(oci_identity_tag.keyturn) == 0
    error_message = "The second stack has the first one's names."
  }
}

run "without_identity_domains_nothing_is_looked_up_and_no_statement_names_a_domain" {
  command = plan

  assert {
    condition     = length(data.oci_identity_domain.this) + length(oci_identity_domains_grant.user_administrator) == 0 && !contains(keys(output.configuration), "identity_domains")
    error_message = "Identity domains are on."
  }
  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.text, "domain")]) == 0
    error_message = "A statement is about identity domains."
  }
}
