# ---------------------------------------------------------------- Notifications

resource "oci_ons_notification_topic" "this" {
  for_each = local.topics

  compartment_id = var.compartment_ocid
  name           = each.key == "mail" ? var.name_prefix : "${var.name_prefix}-${each.key}"
  description    = each.value
  freeform_tags  = var.freeform_tags
}

locals {
  # The records' topic is for programs, the others for people.
  topics = merge(local.made_topics, var.records_topic ? { records = "Each outcome of Keyturn as JSON, for programs." } : {})

  topic_id         = var.topic_ocid != "" ? var.topic_ocid : oci_ons_notification_topic.this["mail"].id
  alarm_topic_id   = var.alarm_topic_ocid != "" ? var.alarm_topic_ocid : one([for name, t in oci_ons_notification_topic.this : t.id if name == "alarms"])
  records_topic_id = one([for name, t in oci_ons_notification_topic.this : t.id if name == "records"])

  # Only for new topics; an existing one has its own subscriptions.
  subscriptions = merge(
    merge(flatten([for name in keys(local.made_topics) : concat(
      [for e in var.emails : { "${name} ${e}" = { topic = name, protocol = "EMAIL", endpoint = e } }],
      [for e in var.https_endpoints : { "${name} ${e}" = { topic = name, protocol = "CUSTOM_HTTPS", endpoint = e } }],
      [for f in var.function_subscriptions : { "${name} ${f}" = { topic = name, protocol = "ORACLE_FUNCTIONS", endpoint = f } }],
    )])...),
    var.records_topic ? { for f in var.records_functions : "records ${f}" => { topic = "records", protocol = "ORACLE_FUNCTIONS", endpoint = f } } : {},
  )

  # An address that is a credential may not be a part of a resource's name: there it is a hash.
  private_addresses = { for u in concat(var.slack_urls, var.pagerduty_urls, var.records_https_endpoints) : substr(sha256(u), 0, 12) => u }
  private_hashes = {
    SLACK        = nonsensitive([for u in var.slack_urls : substr(sha256(u), 0, 12)])
    PAGERDUTY    = nonsensitive([for u in var.pagerduty_urls : substr(sha256(u), 0, 12)])
    CUSTOM_HTTPS = nonsensitive([for u in var.records_https_endpoints : substr(sha256(u), 0, 12)])
  }
  private_topics = {
    SLACK        = keys(local.made_topics)
    PAGERDUTY    = [for name in keys(local.made_topics) : name if name == "alarms"]
    CUSTOM_HTTPS = var.records_topic ? ["records"] : []
  }
  private_subscriptions = merge(flatten([for protocol, hashes in local.private_hashes : [for name in local.private_topics[protocol] : [
    for h in hashes : { "${name} ${lower(protocol)} ${h}" = { topic = name, protocol = protocol, hash = h } }
  ]]])...)
}

resource "oci_ons_subscription" "this" {
  for_each = local.subscriptions

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this[each.value.topic].id
  protocol       = each.value.protocol
  endpoint       = each.value.endpoint
  freeform_tags  = var.freeform_tags
}

resource "oci_ons_subscription" "private" {
  for_each = local.private_subscriptions

  compartment_id = var.compartment_ocid
  topic_id       = oci_ons_notification_topic.this[each.value.topic].id
  protocol       = each.value.protocol
  endpoint       = local.private_addresses[each.value.hash]
  freeform_tags  = var.freeform_tags
}
