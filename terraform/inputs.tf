# Refusals of inputs that contradict each other or name something in another place. Warnings are in warnings.tf. Both files,
# people.tf and regions.tf use only inputs and no provider, so that a test can check many inputs quickly.
locals {
  region_form = "^[a-z]+(-[a-z]+)+-[0-9]+$"

  # A region is written as a short key or as a name: iad or us-ashburn-1 in OCIDs, fra.ocir.io in images.
  region_names = merge({ for name, r in local.regions : r.key => name }, { for name, r in local.regions : name => name })
  region_known = contains(keys(local.regions), var.region)
  realm        = local.region_known ? local.regions[var.region].realm : split(".", var.tenancy_ocid)[2]
  realm_domain = lookup(local.realm_domains, local.realm, "")

  made_topics = merge(
    var.topic_ocid == "" ? { mail = "What Keyturn did, and what to do next." } : {},
    var.alarms && var.alarm_topic_ocid == "" ? { alarms = "Keyturn's alarms." } : {},
  )

  # The short form is documented only for the realm oc1.
  registry_host = local.region_known && local.realm == "oc1" ? "${local.regions[var.region].key}.ocir.io" : "ocir.${var.region}.oci.${coalesce(local.realm_domain, "<domain of the realm ${local.realm}>")}"

  # How many subscribers there are for mails and alarms, for alarms only, and for records. Only the numbers are not sensitive.
  general_subscribers = length(var.emails) + length(var.https_endpoints) + length(var.function_subscriptions) + nonsensitive(length(var.slack_urls))
  alarm_subscribers   = nonsensitive(length(var.pagerduty_urls))
  records_subscribers = length(var.records_functions) + nonsensitive(length(var.records_https_endpoints))

  # All inputs that are OCIDs. A regional OCID has its region after the third dot.
  regional_ocids = {
    subnet_ocid                  = compact([var.subnet_ocid])
    network_security_group_ocids = var.network_security_group_ocids
    vault_ocid                   = compact([var.vault_ocid])
    key_ocid                     = compact([var.key_ocid])
    signing_key_ocid             = compact([var.signing_key_ocid])
    topic_ocid                   = compact([var.topic_ocid])
    alarm_topic_ocid             = compact([var.alarm_topic_ocid])
  }
  # Oracle's own recipes may name a region or none.
  recipe_ocids = {
    security_zone_recipe_ocid         = compact([var.security_zone_recipe_ocid])
    cloud_guard_detector_recipe_ocid  = compact([var.cloud_guard_detector_recipe_ocid])
    cloud_guard_responder_recipe_ocid = compact([var.cloud_guard_responder_recipe_ocid])
  }
  tenancy_wide_ocids = merge({
    tenancy_ocid                  = [var.tenancy_ocid]
    compartment_ocid              = [var.compartment_ocid]
    identity_domains              = var.identity_domains
    secret_compartment_ocids      = var.secret_compartment_ocids
    topic_compartment_ocid        = compact([var.topic_compartment_ocid])
    owner_topic_compartment_ocids = var.owner_topic_compartment_ocids
    function_subscriptions        = var.function_subscriptions
    records_functions             = var.records_functions
    excluded_users                = [for u in var.excluded_users : u if startswith(u, "ocid1.")]
    first_secrets                 = [for s in values(var.first_secrets) : s.user]
  }, { for duty, parts in local.group_parts : "${duty}_group" => [for p in parts : p if startswith(p, "ocid1.")] })

  # What a domain's second or third way must be: of a named domain, and the only one.
  misplaced_domains = concat(
    flatten([for input, ids in { identity_domains_manage_users = var.identity_domains_manage_users, identity_domains_app_role = var.identity_domains_app_role } : [
      for id in ids : "${input}: ${id} is not in identity_domains. Add it there, too, or remove it here." if !contains(var.identity_domains, id)
    ]]),
    [for id in var.identity_domains_app_role : "identity_domains_app_role: ${id} is also in identity_domains_manage_users. Keep it in one of the two: with the role, the statement would be needless." if contains(var.identity_domains_manage_users, id)],
  )

  images = { for input, image in { rotate_image = var.rotate_image, sweep_image = var.sweep_image } : input => {
    host       = split("/", image)[0]
    repository = try(regex("^[^/]+/[^/]+/([^:@]+):", image)[0], "")
    digest     = split("@", image)[1]
  } if image != "" }

  # What must be in the stack's region, with the region in its OCID or host name.
  located = concat(
    flatten([for input, ids in local.regional_ocids : [for id in ids : { input = input, id = id, part = try(split(".", id)[3], "") }]]),
    [for input, image in local.images : { input = input, id = image.host, part = try(one(regex("^(?:ocir\\.)?([a-z0-9-]+)\\.(?:ocir\\.io|oci\\..+)$", image.host)), "") }],
  )
  elsewhere = [for l in local.located : merge(l, {
    region = lookup(local.region_names, l.part, l.part)
    # A region's name that differs from the stack's is another region. An unknown short key may belong to a new region.
    decided = local.region_known || contains(keys(local.region_names), l.part) || can(regex(local.region_form, l.part)) || l.part == ""
  }) if lookup(local.region_names, l.part, l.part) != var.region]
  remedies = merge(
    { for input in keys(local.regional_ocids) : input => "Give one of ${var.region}${endswith(input, "_ocid") ? ", or leave the input empty to create one" : ""}." },
    { for input in ["rotate_image", "sweep_image"] : input => "Push and sign it in ${var.region}: ${local.registry_host}/..." },
  )
  in_another_region = [for e in local.elsewhere : (
    e.part == "" ? "${e.input}: ${e.id} names no region: it is incomplete or changed. Copy it again." :
    "${e.input}: ${e.id} is in ${e.region}, the stack in ${var.region}, but the functions can only use it in their own region. ${local.remedies[e.input]}"
  ) if e.decided]

  in_another_realm = concat(
    flatten([for input, ids in merge(local.regional_ocids, local.recipe_ocids, local.tenancy_wide_ocids) : [
      for id in ids : "${input}: ${id} is in the realm ${split(".", id)[2]}, the stack's region ${var.region} in ${local.realm}. Give one of the tenancy in which you deploy." if try(split(".", id)[2], "") != local.realm
    ]]),
    [for input, region in { home_region = var.home_region, cloud_guard_reporting_region = var.cloud_guard_reporting_region } :
    "${input}: ${region} is in the realm ${local.regions[region].realm}, the stack's region ${var.region} in ${local.realm}. Give a region of the tenancy." if try(local.regions[region].realm, local.realm) != local.realm],
    [for input, image in local.images : "${input}: the registry of ${var.region} is ${local.registry_host}, not ${image.host}." if local.realm_domain != "" && try(one(regex("\\.oci\\.(.+)$", image.host)), local.realm_domain) != local.realm_domain],
  )

  # Keyturn never rotates half a pair.
  pair_halves = { for user in distinct([for s in values(var.first_secrets) : s.user]) : user => distinct([
    for s in values(var.first_secrets) : s.role if s.user == user && contains(keys(local.other_half), s.role) && contains(try(local.kinds[s.kind].roles, []), s.role)
  ]) }
  misfits = [for name, s in var.first_secrets :
    "${name}: ${contains(local.kind_names, s.kind) ? "${s.kind} takes the role ${join(" or ", local.kinds[s.kind].roles)}, not ${s.role}" : "there is no kind ${s.kind}, only ${join(", ", local.kind_names)}"}"
    if !contains(try(local.kinds[s.kind].roles, []), s.role)
  ]
  first_secrets_that_stay_empty = concat(
    [for name, s in var.first_secrets : "${name} is for the kind ${s.kind}, which is not in kinds: add it to kinds, or remove the secret" if !contains(var.kinds, s.kind)],
    [for name, s in var.first_secrets : "${name} is for the user ${s.user}, whom excluded_users protects from every rotation: remove the user from one of the two" if contains(var.excluded_users, s.user)],
    [for user, roles in local.pair_halves : "the customer secret key of ${user} has only its ${roles[0]}: add a second secret with the role ${local.other_half[roles[0]]}, or one with the role bundle" if length(roles) == 1],
  )
}

# This resource creates nothing. It is separate so that it refuses before any lookup.
resource "terraform_data" "inputs" {
  lifecycle {
    precondition {
      condition     = length(local.in_another_realm) == 0
      error_message = join("\n", local.in_another_realm)
    }
    precondition {
      condition     = length(local.in_another_region) == 0
      error_message = join("\n", local.in_another_region)
    }
    precondition {
      condition     = length(local.misplaced_domains) == 0
      error_message = join("\n", local.misplaced_domains)
    }
    precondition {
      condition     = alltrue([for c in var.secret_compartment_ocids : !startswith(c, "ocid1.tenancy.") || c == var.tenancy_ocid])
      error_message = "secret_compartment_ocids names another tenancy than tenancy_ocid: write ${var.tenancy_ocid}, or compartments of it."
    }
    precondition {
      condition     = !endswith(try(local.images["rotate_image"].repository, ""), "/sweep") && !endswith(try(local.images["sweep_image"].repository, ""), "/rotate")
      error_message = "rotate_image and sweep_image are swapped: rotate_image is ${var.rotate_image}, sweep_image is ${var.sweep_image}. Swap them back."
    }
    precondition {
      condition     = var.topic_ocid == "" || var.topic_compartment_ocid != ""
      error_message = "topic_ocid is given, topic_compartment_ocid is not: the functions need permission to publish in the topic's compartment, so give it."
    }
    precondition {
      condition     = var.topic_ocid != "" || var.topic_compartment_ocid == ""
      error_message = "topic_compartment_ocid is given, topic_ocid is not: give the existing topic's OCID, or leave both empty to create a topic in compartment_ocid."
    }
    precondition {
      condition     = length(local.made_topics) > 0 || local.general_subscribers + local.alarm_subscribers == 0
      error_message = "emails, https_endpoints, slack_urls, pagerduty_urls or function_subscriptions are given, but the stack creates no topic to which it could subscribe them: subscribe them to the existing topics (${join(", ", compact([var.topic_ocid, var.alarm_topic_ocid]))}), and leave the inputs empty."
    }
    precondition {
      condition     = var.records_topic || local.records_subscribers == 0
      error_message = "records_https_endpoints or records_functions are given, and records_topic is off: set records_topic to true, or leave them empty."
    }
    precondition {
      condition     = var.secret_policy == "compartment" || lookup(var.configuration, "secret_binding", "require") == "require"
      error_message = "secret_binding is warn, but the policies allow only secrets with tags: set secret_policy to compartment, or leave secret_binding at require."
    }
    precondition {
      condition     = length(local.misfits) == 0
      error_message = "first_secrets has a kind and role that don't fit: ${join("; ", local.misfits)}."
    }
    precondition {
      condition     = length(local.first_secrets_that_stay_empty) == 0
      error_message = "first_secrets has secrets that no rotation would fill: ${join("; ", local.first_secrets_that_stay_empty)}."
    }
  }
}
