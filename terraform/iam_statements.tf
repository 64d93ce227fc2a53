# What the two functions may do. Each statement is an object, so that a test can remove it and see what fails.
#
# Three rules of OCI decide the form:
# - a condition on a variable that a request doesn't have is false, so lists (ListUsers, ListSecrets), which have no target,
#   get statements without a condition;
# - an operation may get its permissions from several statements;
# - conditions ignore case.
locals {
  # This protects excluded users even if the function's configuration is wrong.
  not_excluded = [for u in local.excluded_users : startswith(u, "ocid1.") ? "target.user.id != '${u}'" : (
    strcontains(u, "*") ? "target.user.name != /${u}/" : "target.user.name != '${u}'"
  )]
  others_than_excluded = "all {${join(", ", concat(local.in_default, local.not_excluded))}}"

  # With identity_domains, the statements for the classic API cover only the Default domain. Otherwise a domain that counts the
  # same permissions for its own API would allow them for its users, too, whether or not it is named.
  in_default = length(var.identity_domains) > 0 ? ["target.resource.domain.name = 'Default'"] : []

  # USER_UPDATE alone would allow UpdateUser, which can change the mail address for the next reset, and anything that IAM may
  # check with it later. So the statement names the operations.
  credential_operations = flatten([for k in local.kinds_on : local.kinds[k].operations])
  credentials_of_others = "all {${join(", ", concat(local.in_default, ["any {${join(", ", [for o in local.credential_operations : "request.operation = '${o}'"])}}"], local.not_excluded))}}"

  bound_secrets = var.secret_policy == "compartment" ? "" : join("", [
    " where all {target.resource.tag.keyturn.user = /ocid1.user.*/, any {",
    join(", ", [for k in local.kinds_on : "target.resource.tag.keyturn.kind = '${k}'"]),
    "}}",
  ])

  # A compartment, as written in statements.
  place = { for id in concat(local.secret_compartments, [local.topic_compartment], var.owner_topic_compartment_ocids) :
    id => startswith(id, "ocid1.tenancy.") ? "tenancy" : "compartment id ${id}"...
  }

  # The mail's statements cover the other topics of the same compartment.
  records_elsewhere      = var.records_topic && local.topic_compartment != var.compartment_ocid
  owner_topics_elsewhere = [for c in var.owner_topic_compartment_ocids : c if c != local.topic_compartment && !(c == var.compartment_ocid && local.records_elsewhere)]

  dynamic_group_names = { for f in ["rotate", "sweep"] : f => "${var.name_prefix}-${f}" }

  statements_of = { for f, group in local.dynamic_group_names : f => concat(
    [
      { name = "tenancy", purpose = "GetTenancy, ListRegionSubscriptions: the home region, which accepts all changes, and the tenancy's name for the mail",
      what = "{TENANCY_INSPECT} in tenancy" },
      { name = "users", purpose = f == "rotate" ? "GetUser: the user's name, to see whether the user is protected" : "ListUsers, GetUser: the users whose credentials the sweep checks, and their names",
      what = "{USER_INSPECT} in tenancy" },
      { name = "credentials-list", purpose = "ListApiKeys, ListAuthTokens, ListCustomerSecretKeys, GetUserUIPasswordInformation: the credentials before and after each step. Also those of excluded users, so that the function can report that they are excluded, instead of a 404",
      what = "{USER_READ} in tenancy${join("", [for c in local.in_default : " where ${c}"])}" },
      { name = "credentials-change", purpose = "Part of every change of a user's credentials; not for UpdateUser",
      what = "{USER_UPDATE} in tenancy where ${local.credentials_of_others}" },
    ],
    [for k in local.kinds_on :
      { name = k, purpose = local.kinds[k].origin == "reset" ? "${join(", ", local.kinds[k].operations)}, as in Oracle's policy reference" : "Creates the new ${replace(k, "-", " ")}, deletes the old one",
      what = "{${local.kinds[k].permissions}} in tenancy where ${local.others_than_excluded}" }
    ],
    [for k in local.kinds_on :
      { name = "password-set", purpose = "CreateOrResetUIPassword, as in Oracle's tutorial: the reference and the tutorial name different permissions, and only a test in a tenancy can show which is needed",
      what = "{USER_UIPASS_SET} in tenancy where ${local.others_than_excluded}" } if k == "password"
    ],
    local.domain_statements,
    [for k in slice(distinct(concat([for k in local.kinds_on : "namespace" if local.kinds[k].endpoint != ""], ["none"])), 0, 1) :
      { name = "namespace", purpose = "GetNamespace: where an auth token or a customer secret key is used for the proof",
      what = "{OBJECTSTORAGE_NAMESPACE_READ} in tenancy" } if k == "namespace"
    ],
    [
      { name = "problems", purpose = f == "rotate" ? "GetProblem, ListProblemHistories, UpdateProblemStatus: is the problem closed, by whom, with which comment; open it again if nothing was rotated" : "The same, and ListProblems: closed problems whose event was lost",
      what = "use cloud-guard-problems in tenancy" },
      { name = "preflight-cloud-guard", purpose = "GetConfiguration: the preflight asks whether Cloud Guard is on and reports in the function's region; no rotation needs it",
      what = "read cloud-guard-config in tenancy" },
    ],
    flatten([for i, c in local.secret_compartments : [
      { name = length(local.secret_compartments) == 1 ? "secrets-list" : "secrets-list-${i + 1}", purpose = "ListSecrets: secrets that are bound to a user by their tags",
      what = "{SECRET_INSPECT} in ${local.place[c][0]}" },
      { name = length(local.secret_compartments) == 1 ? "secrets-write" : "secrets-write-${i + 1}", purpose = "GetSecret, ListSecretVersions, GetSecretBundle, UpdateSecret: stage the new value, read it back, promote it",
      what = "{SECRET_READ, SECRET_UPDATE, SECRET_VERSION_INSPECT, SECRET_BUNDLE_READ} in ${local.place[c][0]}${local.bound_secrets}" },
      [for s in ["sweep"] : { name = length(local.secret_compartments) == 1 ? "secrets-prune" : "secrets-prune-${i + 1}", purpose = "ScheduleSecretVersionDeletion: deprecated versions of secrets that are about to run out of versions",
      what = "{SECRET_VERSION_DELETE} in ${local.place[c][0]}${local.bound_secrets}" } if f == s],
    ]]),
    [
      { name = "mail", purpose = "PublishMessage. Policies can't name a topic, so this names the topic's compartment",
      what = "{ONS_TOPIC_PUBLISH} in ${local.place[local.topic_compartment][0]}" },
      { name = "preflight-topic", purpose = "GetTopic: the preflight asks whether the topic is there, without a mail; no rotation needs it",
      what = "{ONS_TOPIC_READ} in ${local.place[local.topic_compartment][0]}" },
    ],
    [for c in local.records_elsewhere ? [var.compartment_ocid] : [] :
      { name = "records", purpose = "PublishMessage to records_topic, and GetTopic: the preflight asks whether it is there",
      what = "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in compartment id ${c}" }
    ],
    [for i, c in local.owner_topics_elsewhere :
      { name = length(local.owner_topics_elsewhere) == 1 ? "owner-topics" : "owner-topics-${i + 1}", purpose = "GetTopic, PublishMessage: whether the topic in a secret's tag is in this compartment, and the mail to it",
      what = "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in ${local.place[c][0]}" }
    ],
    [for b in compact([f == "sweep" ? var.report_bucket : ""]) :
      { name = "report", purpose = "PutObject: the sweep's report. The function may not read, overwrite or delete one",
      what = "{OBJECT_CREATE} in compartment id ${var.compartment_ocid} where target.bucket.name = '${b}'" }
    ],
    [
      { name = "metrics", purpose = "PostMetricData: figures of outcomes, durations and ages, in Keyturn's own namespace",
      what = "{METRIC_WRITE} in compartment id ${var.compartment_ocid} where target.metrics.namespace = 'keyturn'" },
    ],
  ) }

  policy_statements = flatten([for f in keys(local.functions) : [for s in local.statements_of[f] : {
    name     = "${f}-${s.name}"
    function = f
    purpose  = s.purpose
    text     = "Allow dynamic-group ${local.dynamic_group_names[f]} to ${s.what}"
  }]])
}
