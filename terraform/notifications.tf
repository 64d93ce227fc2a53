# ---------------------------------------------------------------- Notifications

resource "oci_ons_notification_topic" "this" {
  for_each = local.made_topics

  compartment_id = var.compartment_ocid
  name           = each.key == "mail" ? var.name_prefix : "${var.name_prefix}-${each.key}"
  description    = each.value
  freeform_tags  = var.freeform_tags
}

locals {
  topic_id       = var.topic_ocid != "" ? var.topic_ocid : oci_ons_notification_topic.this["mail"].id
  alarm_topic_id = var.alarm_topic_ocid != "" ? var.alarm_topic_ocid : one([for name, t in oci_ons_notification_topic.this : t.id if name == "alarms"])

  # Only for new topics; an existing one has its own subscriptions.
  subscriptions = merge(flatten([for name in keys(local.made_topics) : concat(
    [for e in var.emails : { "${name} ${e}" = { topic = name, protocol = "EMAIL", endpoint = e } }],
    [for e in var.https_endpoints : { "${name} ${e}" = { topic = name, protocol = "CUSTOM_HTTPS", endpoint = e } }],
  )])...)
}

resource "oci_ons_subscription" "this" {
  for_each = local.subscriptions

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this[each.value.topic].id
  protocol       = each.value.protocol
  endpoint       = each.value.endpoint
  freeform_tags  = var.freeform_tags
}
