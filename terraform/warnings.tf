# Inputs that are allowed but have an unexpected effect, or none: `terraform plan` and `apply` warn. Refusals are in inputs.tf.
locals {
  grace_minutes = sum([for unit, minutes in { d = 1440, h = 60, m = 1 } : minutes * try(tonumber(one(regex("([0-9]+)${unit}", var.grace_period))), 0)])

  unheard_topics = [for t in keys(local.made_topics) : t if local.general_subscribers == 0 && (t != "alarms" || local.alarm_subscribers == 0)]
  alarms_only    = "topic_ocid is given, so they get only the alarms: subscribe them to that topic too"

  # Inputs that change nothing, with the reason.
  unused_inputs = [for input, why in {
    vcn_cidr                     = var.vcn_cidr != "10.77.0.0/26" && var.subnet_ocid != "" ? "subnet_ocid is given, so the stack creates no network" : ""
    nat_gateway                  = var.nat_gateway && var.subnet_ocid != "" ? "subnet_ocid is given, so the stack creates no network: check that the subnet has a route to the home region" : ""
    vault_type                   = var.vault_type != "DEFAULT" && var.vault_ocid != "" ? "vault_ocid is given, so the stack creates no vault" : ""
    key_rotation_days            = var.key_rotation_days == 90 ? "" : var.key_ocid != "" ? "key_ocid is given, so the stack creates no master key" : var.vault_ocid == "" && var.vault_type == "DEFAULT" ? "a vault of the type DEFAULT doesn't rotate keys: rotate the key with the guide's command, or set vault_type to VIRTUAL_PRIVATE" : ""
    signing_key_ocid             = var.signing_key_ocid != "" && !var.require_signed_images ? "require_signed_images is off" : ""
    alarm_topic_ocid             = var.alarm_topic_ocid != "" && !var.alarms ? "alarms is off" : ""
    emails                       = var.topic_ocid != "" && length(var.emails) > 0 && length(local.made_topics) > 0 ? local.alarms_only : ""
    https_endpoints              = var.topic_ocid != "" && length(var.https_endpoints) > 0 && length(local.made_topics) > 0 ? local.alarms_only : ""
    slack_urls                   = var.topic_ocid != "" && nonsensitive(length(var.slack_urls)) > 0 && length(local.made_topics) > 0 ? local.alarms_only : ""
    pagerduty_urls               = local.alarm_subscribers > 0 && length(local.made_topics) > 0 && !contains(keys(local.made_topics), "alarms") ? "the stack creates no topic for alarms, and PagerDuty gets nothing else: subscribe it to alarm_topic_ocid" : ""
    function_subscriptions       = var.topic_ocid != "" && length(var.function_subscriptions) > 0 && length(local.made_topics) > 0 ? local.alarms_only : ""
    report_bucket                = var.report_bucket != "" && var.sweep_schedule == "off" ? "sweep_schedule is off, and only the sweep writes reports" : ""
    report_retention_days        = var.report_retention_days != 400 && var.report_bucket == "" ? "report_bucket is empty" : ""
    report_retention_locked_from = var.report_retention_locked_from != "" && var.report_bucket == "" ? "report_bucket is empty" : ""
    grace_period                 = local.grace_minutes > 0 && alltrue([for k in local.kinds_on : local.kinds[k].origin == "reset"]) ? "a password has no overlap: the reset ends the old one" : ""

    "configuration.rsa_bits"   = contains(keys(var.configuration), "rsa_bits") && length([for k in local.kinds_on : k if local.kinds[k].origin == "local"]) == 0 ? "kinds doesn't contain api-key" : ""
    "configuration.prove"      = contains(keys(var.configuration), "prove") && alltrue([for k in local.kinds_on : local.kinds[k].origin == "reset"]) ? "a password can't be proven" : ""
    "configuration.sweep_days" = contains(keys(var.configuration), "sweep_days") && var.sweep_schedule == "off" ? "sweep_schedule is off" : ""

    cloud_guard_detector_recipe_ocid  = var.cloud_guard_detector_recipe_ocid != "" && !var.cloud_guard_target ? "cloud_guard_target is off" : ""
    cloud_guard_responder_recipe_ocid = var.cloud_guard_responder_recipe_ocid != "" && !var.cloud_guard_target ? "cloud_guard_target is off" : ""
  } : "${input}: ${why}." if why != ""]

  made_repositories = var.repositories ? ["${var.name_prefix}/rotate", "${var.name_prefix}/sweep"] : []
  unknown_region = concat(
    [for e in local.elsewhere : "${e.input} is in ${e.part}; check that this is ${var.region}." if !e.decided],
    local.region_known ? [] : ["${var.region} is not in this version's list of regions; compare it with `oci iam region list`."],
    flatten([for input, ids in local.recipe_ocids : [
      for id in ids : "${input} is in ${split(".", id)[3]}; check that ${var.region} may use it." if try(!contains(["", var.region], lookup(local.region_names, split(".", id)[3], split(".", id)[3])), false)
    ]]),
  )
}

check "mails" {
  assert {
    condition     = length(local.unheard_topics) == 0
    error_message = "emails, https_endpoints, slack_urls and function_subscriptions are empty, so the topics have no subscribers for the ${join(" and the ", [for t in local.unheard_topics : t == "mail" ? "mails, in which Keyturn says what it did and what to do next" : "alarms"])}. Give emails = [\"secops@example.com\"], or subscribe to the topic in the Console."
  }
  assert {
    condition     = var.topic_ocid == "" || !var.alarms || var.alarm_topic_ocid != var.topic_ocid
    error_message = "alarm_topic_ocid is topic_ocid: the alarm mail-lost would go to the topic whose failures it reports. Give another topic, or leave alarm_topic_ocid empty."
  }
}

check "records" {
  assert {
    condition     = !var.records_topic || local.records_subscribers > 0
    error_message = "records_topic is on and has no subscribers: give records_https_endpoints or records_functions, or subscribe to the output records_topic_id in the Console."
  }
}

check "report" {
  assert {
    condition     = var.report_retention_locked_from == "" || var.report_bucket == ""
    error_message = "From ${var.report_retention_locked_from} on, the retention rule of ${var.report_bucket} is locked: nobody can remove it or shorten its ${var.report_retention_days} days, and the bucket and its compartment stay until the last report has expired. Until then you can still set report_retention_locked_from to empty."
  }
}

check "sweep" {
  assert {
    condition     = var.sweep_schedule != "off" || local.grace_minutes == 0
    error_message = "grace_period is ${var.grace_period} and sweep_schedule is off: only the sweep deletes an old credential when its grace period is over, so old credentials would stay. Set sweep_schedule to hourly, or grace_period to 0."
  }
  assert {
    condition     = var.sweep_schedule != "off" || local.grace_minutes > 0
    error_message = "sweep_schedule is off: nothing finishes lost events, interrupted rotations and `grace` options of comments. Set it to hourly as soon as you can."
  }
  assert {
    condition     = var.sweep_schedule != "off" || var.events_enabled
    error_message = "events_enabled and sweep_schedule are both off, so nothing is ever rotated."
  }
  assert {
    condition     = var.sweep_schedule != "daily" || lookup(var.configuration, "sweep_days", "7") != "1"
    error_message = "sweep_days is 1 and sweep_schedule is daily: if one sweep fails, a lost event is never found. Set sweep_days to 2 or more."
  }
}

check "unused_inputs" {
  assert {
    condition     = length(local.unused_inputs) == 0
    error_message = "These inputs have no effect, or less than they seem to:\n${join("\n", local.unused_inputs)}"
  }
}

check "regions" {
  assert {
    condition     = length(local.unknown_region) == 0
    error_message = "The region of these inputs is unknown:\n${join("\n", local.unknown_region)}"
  }
}

check "keys" {
  assert {
    condition     = var.key_ocid == "" || var.vault_ocid == "" || try(split(".", var.key_ocid)[4] == split(".", var.vault_ocid)[4] || length(split(".", var.key_ocid)) < 6 || length(split(".", var.vault_ocid)) < 6, true)
    error_message = "key_ocid seems to belong to another vault than vault_ocid, but a secret can be encrypted only with a key of its own vault. Compare the fifth part of both OCIDs."
  }
}

check "images" {
  assert {
    condition     = alltrue([for image in local.images : !var.repositories || contains(local.made_repositories, image.repository)])
    error_message = "rotate_image or sweep_image is not in the stack's repositories (${join(", ", local.made_repositories)}): it isn't scanned, and Functions looks for signatures in compartment_ocid."
  }
  assert {
    condition     = length(distinct([for i in local.images : i.digest])) == length(local.images)
    error_message = "rotate_image and sweep_image have the same digest, so one function would run the other's code: copy both lines of keyturn deploy variables again."
  }
  assert {
    condition     = var.repositories || length(local.images) > 0
    error_message = "There are no images yet and repositories is off, so there is no repository for them: set repositories to true, or create ${var.name_prefix}/rotate and ${var.name_prefix}/sweep in compartment_ocid before you push."
  }
}

check "groups" {
  assert {
    condition     = length(distinct([for g in values(local.group_identities) : startswith(g, "ocid1.")])) < 2
    error_message = "Some groups are given by name and some by OCID, so Terraform can't see whether two duties have the same group: check it, or write all of ${join(", ", [for duty in keys(local.groups) : "${duty}_group"])} in one form."
  }
}

check "first_secrets" {
  assert {
    condition     = length(distinct([for s in values(var.first_secrets) : "${s.user} ${s.kind} ${s.role}"])) == length(var.first_secrets)
    error_message = "first_secrets has two secrets for the same user, kind and role: Keyturn would refuse a closure comment that names no secret, because two are bound. Name the secret in each comment, or keep only one."
  }
}
