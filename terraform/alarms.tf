# ---------------------------------------------------------------- Alarms

locals {
  # Each says what happened and what to check, for the person whom it woke up.
  alarm_table = {
    failed = {
      namespace = "oci_faas"
      query     = "FunctionResponseCount[5m]{applicationId = \"${oci_functions_application.this.id}\", responseType = \"Error\"}.sum() > 0"
      severity  = "CRITICAL"
      body      = "An invocation of Keyturn failed. No working credential is lost: the next delivery or sweep continues where it stopped. Look into the log ${var.name_prefix}-invocations for the reason; 404 NotAuthorizedOrNotFound means a missing policy."
    }
    throttled = {
      namespace = "oci_faas"
      query     = "FunctionResponseCount[5m]{applicationId = \"${oci_functions_application.this.id}\", responseType = \"Throttled\"}.sum() > 0"
      severity  = "WARNING"
      body      = "Functions refused an invocation of Keyturn because the tenancy's limit of memory for functions is reached. The sweep catches up; request a higher limit if it continues."
    }
    event-lost = {
      namespace = "oci_cloudevents"
      query     = "DeliveryFailedEvents[5m]{resourceId = \"${join("", oci_events_rule.problem_closed[*].id)}\"}.sum() > 0"
      severity  = "WARNING"
      body      = "Events could not deliver a closed problem to Keyturn. The sweep finds it. Check that the function exists and that the rule ${var.name_prefix}-problem-closed points to it."
    }
    mail-lost = {
      namespace = "oci_notification"
      query     = "FailedMessagesCount[5m]{resourceId = \"${local.topic_id}\"}.sum() > 0"
      severity  = "WARNING"
      body      = "Notifications could not deliver a mail of Keyturn. Check the subscriptions of its topic; the log ${var.name_prefix}-invocations shows what was done."
    }
    # The interval decides what counts as absent; absent(3d) is how long the alarm stays on.
    sweep-missing = {
      namespace = "oci_faas"
      query     = "FunctionInvocationCount[${var.sweep_schedule == "daily" ? "1d" : "3h"}]{resourceId = \"${try(oci_functions_function.this["sweep"].id, "")}\"}.groupBy(resourceId).absent(3d)"
      severity  = "CRITICAL"
      body      = "Keyturn's sweep has not run. Old credentials stay longer than their grace period, and lost events stay lost. Check the schedule ${var.name_prefix}-sweep and its policy ${var.name_prefix}-schedule."
    }
  }

  runbooks = "https://github.com/keyturn/keyturn/blob/main/docs/runbooks"

  alarms_on = !var.alarms ? [] : concat(
    length(local.functions) > 0 ? ["failed", "throttled", "mail-lost"] : [],
    length(local.functions) > 0 && var.events_enabled ? ["event-lost"] : [],
    local.scheduled ? ["sweep-missing"] : [],
  )
}

resource "oci_monitoring_alarm" "this" {
  for_each = { for name, a in local.alarm_table : name => a if contains(local.alarms_on, name) }

  compartment_id               = var.compartment_ocid
  metric_compartment_id        = each.key == "event-lost" ? var.tenancy_ocid : each.key == "mail-lost" ? local.topic_compartment : var.compartment_ocid
  display_name                 = "${var.name_prefix}-${each.key}"
  namespace                    = each.value.namespace
  query                        = each.value.query
  severity                     = each.value.severity
  body                         = "${each.value.body} What to do: ${local.runbooks}/alarm-${each.key}.md"
  destinations                 = [local.alarm_topic_id]
  is_enabled                   = true
  message_format               = "ONS_OPTIMIZED"
  pending_duration             = each.key == "sweep-missing" ? "PT1H" : "PT1M"
  repeat_notification_duration = "PT24H"
  freeform_tags                = var.freeform_tags
}
