# Who may do what. No account is needed: the provider is mocked, and nothing is applied.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "each_function_has_a_group_with_itself_alone" {
  command = plan

  assert {
    condition     = toset(keys(output.dynamic_groups)) == toset(["keyturn-rotate", "keyturn-sweep"])
    error_message = "The groups are ${join(", ", keys(output.dynamic_groups))}."
  }
  assert {
    condition     = alltrue([for g in output.dynamic_groups : g.matching_rule == "ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.oc1.eu-frankfurt-1.aaaaaaaathefunction'}"])
    error_message = "A group takes in more than its function: ${jsonencode(output.dynamic_groups)}"
  }
}

run "no_statement_grants_a_managing_verb_or_a_family" {
  command = plan

  variables {
    deployer_group     = "Deployers"
    signer_group       = "Signers"
    secret_admin_group = "SecretAdmins"
    closer_group       = "Closers"
  }
  assert {
    condition     = length([for s in concat(output.policy_statements, output.group_statements) : s if can(regex(" to manage |secret-family|all-resources|cloud-guard-family", s.text))]) == 0
    error_message = "A statement is wider than it has to be."
  }
  assert {
    condition     = length([for s in output.policy_statements : s if !can(regex(" to \\{[A-Z_, ]+\\} in | to use cloud-guard-problems in | to read cloud-guard-config in ", s.text))]) == 0
    error_message = "A statement of a function names no single permissions."
  }
}

run "every_change_of_a_credential_spares_the_excluded_users" {
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
    error_message = "The functions spare ${output.configuration.protected_users}."
  }
}

run "the_right_to_update_users_leaves_UpdateUser_out" {
  command = plan

  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "any {request.operation = 'UploadApiKey', ") && !strcontains(s.text, "'UpdateUser'") if strcontains(s.text, "USER_UPDATE")])
    error_message = "A function may change users, their mail addresses for instance."
  }
}

run "lists_have_statements_without_a_condition" {
  command = plan

  assert {
    condition     = alltrue([for s in output.policy_statements : !strcontains(s.text, "where") if can(regex("USER_INSPECT|SECRET_INSPECT|TENANCY_INSPECT", s.text))])
    error_message = "A list has a condition on a target that it doesn't have, and would always be refused."
  }
}

run "a_kind_that_is_off_is_granted_nothing_and_starts_nothing" {
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
    error_message = "The rule lets ${output.event_condition} through."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "any {target.resource.tag.keyturn.kind = 'api-key'}") if strcontains(s.text, "SECRET_UPDATE")])
    error_message = "Secrets of a kind that is off may be written."
  }
}

run "every_kind_on_its_own_gets_its_permissions" {
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

run "only_bound_secrets_of_the_named_compartments_may_be_read_and_written" {
  command = plan

  variables {
    secret_compartment_ocids = ["ocid1.compartment.oc1..aaaaaaaaone", "ocid1.compartment.oc1..aaaaaaaatwo"]
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : can(regex("in compartment id ocid1.compartment.oc1..aaaaaaaa(one|two)", s.text)) if strcontains(s.text, "SECRET_") && !strcontains(s.text, "USER_")])
    error_message = "Secrets elsewhere are in reach."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : strcontains(s.text, "where all {target.resource.tag.keyturn.user = /ocid1.user.*/") if can(regex("SECRET_(READ|UPDATE|BUNDLE|VERSION)", s.text))])
    error_message = "Secrets without tags are in reach."
  }
  assert {
    condition     = output.configuration.secret_compartments == "ocid1.compartment.oc1..aaaaaaaaone,ocid1.compartment.oc1..aaaaaaaatwo"
    error_message = "The functions look elsewhere than the policies allow."
  }
}

run "only_the_sweep_may_schedule_the_deletion_of_versions" {
  command = plan

  assert {
    condition     = [for s in output.policy_statements : s.function if strcontains(s.text, "SECRET_VERSION_DELETE")] == ["sweep"]
    error_message = "Somebody else may."
  }
}

run "without_tags_every_secret_of_the_compartment_is_in_reach" {
  command = plan

  variables {
    secret_policy = "compartment"
    configuration = { secret_binding = "warn" }
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : !strcontains(s.text, "target.resource.tag")])
    error_message = "A condition on tags is left."
  }
}

run "the_tenancy_as_a_place_for_secrets_is_written_as_such" {
  command = plan

  variables {
    secret_compartment_ocids = ["ocid1.tenancy.oc1..aaaaaaaatenancy"]
  }
  assert {
    condition     = anytrue([for s in output.policy_statements : s.text == "Allow dynamic-group keyturn-rotate to {SECRET_INSPECT} in tenancy"])
    error_message = "The tenancy is named as a compartment."
  }
}

run "topics_are_in_reach_in_the_topics_compartment_alone" {
  command = plan

  variables {
    emails                 = []
    alarm_topic_ocid       = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaalarms"
    topic_ocid             = "ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaaexisting"
    topic_compartment_ocid = "ocid1.compartment.oc1..aaaaaaaatopics"
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : can(regex("to \\{ONS_TOPIC_(PUBLISH|READ)\\} in compartment id ocid1.compartment.oc1..aaaaaaaatopics$", s.text)) if strcontains(s.text, "ONS_")])
    error_message = "Topics elsewhere are in reach."
  }
}

run "figures_go_into_the_own_namespace_alone" {
  command = plan

  assert {
    condition     = length([for s in output.policy_statements : s if strcontains(s.text, "METRIC_")]) == 2
    error_message = "Not every function may post its figures, or more than they may."
  }
  assert {
    condition     = alltrue([for s in output.policy_statements : endswith(s.text, "to {METRIC_WRITE} in compartment id ${var.compartment_ocid} where target.metrics.namespace = 'keyturn'") if strcontains(s.text, "METRIC_")])
    error_message = "A function may post figures elsewhere, or in the name of another service."
  }
}

run "who_may_deploy_may_neither_sign_nor_read_secrets_nor_change_the_application" {
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
    error_message = "Others than the deployers may deploy."
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
    error_message = "There are statements for nobody."
  }
}

run "the_schedule_may_start_functions_by_its_own_OCID_alone" {
  command = plan

  assert {
    condition     = anytrue([for s in output.service_statements : strcontains(s.text, "request.principal.id = 'ocid1.resourceschedule.oc1.eu-frankfurt-1.aaaaaaaatheschedule'")])
    error_message = "The schedule's statement isn't pinned: ${jsonencode(output.service_statements)}"
  }
  assert {
    condition     = alltrue([for s in output.service_statements : strcontains(s.text, "request.principal.id = ") if strcontains(s.text, "any-user")])
    error_message = "Any user may start functions."
  }
}

run "functions_verifies_signatures_with_the_signing_key_alone" {
  command = plan

  assert {
    condition     = length([for s in output.service_statements : s if strcontains(s.text, "KEY_") && strcontains(s.text, "target.key.id = 'ocid1.key.oc1.eu-frankfurt-1.aaaaaaaathekey'")]) == 2
    error_message = "Functions may use other keys, or can't verify."
  }
}

run "everything_tenancy_wide_is_made_in_the_root_compartment" {
  command = plan

  variables {
    closer_group = "Closers"
  }
  assert {
    condition     = alltrue([for c in concat([for g in oci_identity_dynamic_group.function : g.compartment_id], [for p in oci_identity_policy.function : p.compartment_id], oci_identity_policy.groups[*].compartment_id, oci_events_rule.problem_closed[*].compartment_id) : c == var.tenancy_ocid])
    error_message = "Something would be made where it has no effect."
  }
}

run "two_stacks_have_two_names_for_everything_tenancy_wide" {
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
    error_message = "The second stack would take the first one's names."
  }
}
