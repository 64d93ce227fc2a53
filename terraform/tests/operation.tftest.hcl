# The runbooks that alarms name, and the log searches that runbooks begin with.

mock_provider "oci" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "oci" {
  alias           = "home"
  override_during = plan
}

run "every_alarm_names_its_runbook" {
  command = plan

  assert {
    condition     = alltrue([for name, a in oci_monitoring_alarm.this : endswith(a.body, "/docs/runbooks/alarm-${name}.md")])
    error_message = "An alarm doesn't say what to do: ${jsonencode([for a in oci_monitoring_alarm.this : a.body])}"
  }
  assert {
    condition     = alltrue([for a in oci_monitoring_alarm.this : length(a.body) <= 1024])
    error_message = "An alarm's body is too long."
  }
}

run "every_saved_search_reads_only_the_invocation_log" {
  command = plan

  assert {
    condition     = alltrue([for s in oci_logging_log_saved_search.this : startswith(s.query, "search \"ocid1.compartment.oc1..aaaaaaaakeyturn/ocid1.loggroup.oc1.eu-frankfurt-1.aaaaaaaathegroup/ocid1.log.oc1.eu-frankfurt-1.aaaaaaaathelog\" | where ")])
    error_message = "A search reads another log: ${jsonencode(output.log_searches)}"
  }
  assert {
    condition     = output.log_searches["refused"].query == "search \"ocid1.compartment.oc1..aaaaaaaakeyturn/ocid1.loggroup.oc1.eu-frankfurt-1.aaaaaaaathegroup/ocid1.log.oc1.eu-frankfurt-1.aaaaaaaathelog\" | where data.message = '*\"outcome\":\"refused\"*' | sort by datetime desc"
    error_message = "The search for refusals is ${output.log_searches["refused"].query}"
  }
}

run "two_stacks_of_a_compartment_name_saved_searches_differently" {
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
    condition     = alltrue([for name, s in oci_logging_log_saved_search.this : s.name == "keyturn-blue-${name}"]) && length(oci_logging_log_saved_search.this) == 7
    error_message = "The searches are ${join(", ", [for s in oci_logging_log_saved_search.this : s.name])}."
  }
}

run "the_log_can_be_searched_before_there_is_a_function" {
  command = plan

  variables {
    rotate_image = ""
    sweep_image  = ""
    repositories = true
  }
  assert {
    condition     = length(output.log_searches) == 7
    error_message = "There are no searches."
  }
}
