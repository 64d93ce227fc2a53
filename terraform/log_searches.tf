# ---------------------------------------------------------------- Functions

# Saved searches of the invocation log. docs/queries.md is generated from this table. A function writes JSON, one object per
# line, which Logging stores as text, so a search looks for a part of that text.
locals {
  log_search_table = {
    records = {
      description = "The outcome of each closed problem and each rotation, one per line."
      where       = "data.message = '*\"message\":\"outcome\"*'"
      order       = "desc"
    }
    refused = {
      description = "Outcomes that need a person: refusals, with the reason and the remedy."
      where       = "data.message = '*\"outcome\":\"refused\"*'"
      order       = "desc"
    }
    unfinished = {
      description = "Outcomes that another delivery or the sweep will continue."
      where       = "data.message = '*\"outcome\":\"unfinished\"*' or data.message = '*\"outcome\":\"in_progress\"*'"
      order       = "desc"
    }
    rotation = {
      description = "The steps and outcomes of rotations, oldest first. Write a rotation's id before the last asterisk to see only that one."
      where       = "data.message = '*\"rotation\":\"*'"
      order       = "asc"
    }
    failures = {
      description = "Failed invocations, with the error and the platform's message."
      where       = "data.message = '*\"message\":\"the invocation failed\"*' or data.message = '*\"message\":\"the configuration is refused\"*' or data.message = '*with error code*'"
      order       = "desc"
    }
    failed-calls = {
      description = "Calls that OCI answered with an error, with its code and opc-request-id. They are logged with log_level debug."
      where       = "data.message = '*\"message\":\"call\"*' and data.message = '*\"class\":\"*'"
      order       = "desc"
    }
    sweeps = {
      description = "What each sweep checked, found and left."
      where       = "data.message = '*\"message\":\"sweep\"*'"
      order       = "desc"
    }
  }
  log_stream = "${var.compartment_ocid}/${oci_logging_log_group.this.id}/${oci_logging_log.invocations.id}"
}

resource "oci_logging_log_saved_search" "this" {
  for_each = local.log_search_table

  compartment_id = var.compartment_ocid
  name           = "${var.name_prefix}-${each.key}"
  description    = each.value.description
  query          = "search \"${local.log_stream}\" | where ${each.value.where} | sort by datetime ${each.value.order}"
  freeform_tags  = var.freeform_tags
}
