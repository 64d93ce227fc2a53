# What people and Oracle's services may do. A person who deploys code to a function has the function's powers, so the duties
# are separate: one group deploys, one signs, one manages secrets (and can't read them), one closes problems.
locals {
  here = "compartment id ${var.compartment_ocid}"

  duties = {
    deployer = [
      { name = "namespace", purpose = "The registry's namespace, for docker login", what = "read objectstorage-namespaces in tenancy" },
      { name = "push", purpose = "Push images", what = "use repos in ${local.here}" },
      { name = "deploy", purpose = "Deploy another image to a function; not create functions, and not change the application, which requires signed images", what = "{FN_APP_LIST, FN_APP_READ, FN_FUNCTION_LIST, FN_FUNCTION_READ, FN_FUNCTION_UPDATE} in ${local.here}" },
    ]
    signer = concat(
      [{ name = "signature", purpose = "Attach a signature to an image", what = "use repos in ${local.here}" }],
      [for id in local.signing_key_ids : { name = "sign", purpose = "Sign with the signing key, and with no other", what = "use keys in tenancy where target.key.id = '${id}'" }],
    )
    secret_admin = concat(
      [for i, c in local.secret_compartments : { name = "secrets-${i + 1}", purpose = "Create secrets, write first values, bind by tags; no SECRET_BUNDLE_READ, so no value can be read", what = "{SECRET_INSPECT, SECRET_READ, SECRET_CREATE, SECRET_UPDATE, SECRET_VERSION_INSPECT} in ${local.place[c][0]}" }],
      [
        { name = "vault", purpose = "Create secrets in the vault", what = "{VAULT_READ, VAULT_CREATE_SECRET} in tenancy where target.vault.id = '${local.vault_id}'" },
        { name = "key", purpose = "Encrypt secrets with the master key", what = "{KEY_READ, KEY_ENCRYPT, KEY_DECRYPT} in tenancy where target.key.id = '${local.key_id}'" },
        { name = "console-vaults", purpose = "The Console's list of vaults", what = "inspect vaults in ${local.here}" },
        { name = "console-keys", purpose = "The Console's list of keys", what = "inspect keys in ${local.here}" },
        { name = "tags", purpose = "Bind secrets by the tags of the namespace keyturn", what = "use tag-namespaces in tenancy where all {target.tag-namespace.name = 'keyturn', request.operation != 'CreateTag', request.operation != 'UpdateTag'}" },
        { name = "console-tags", purpose = "The Console's list of tag namespaces", what = "inspect tag-namespaces in tenancy" },
      ],
    )
    closer = [
      { name = "problems", purpose = "Close problems", what = "use cloud-guard-problems in tenancy" },
      { name = "console-configuration", purpose = "What the Console's page of problems also reads", what = "read cloud-guard-config in tenancy" },
      { name = "console-detectors", purpose = "The same", what = "inspect cloud-guard-detectors in tenancy" },
      { name = "console-targets", purpose = "The same", what = "inspect cloud-guard-targets in tenancy" },
      { name = "console-resource-types", purpose = "The same", what = "inspect cloud-guard-resource-types in tenancy" },
      { name = "log", purpose = "Read the functions' log, which holds no values", what = "read log-content in ${local.here}" },
    ]
  }

  group_statements = flatten([for duty, group in local.groups : [for s in local.duties[duty] : {
    name    = "${replace(duty, "_", "-")}-${s.name}"
    group   = group
    purpose = s.purpose
    text    = "Allow group ${group} to ${s.what}"
  }]])

  service_statements = concat(
    flatten([for id in local.signing_key_ids : [
      { name = "functions-key", purpose = "Functions reads the signing key's public half", text = "Allow service faas to {KEY_READ} in tenancy where all {target.key.id = '${id}', request.operation = 'GetKeyVersion'}" },
      { name = "functions-verify", purpose = "Functions verifies signatures", text = "Allow service faas to {KEY_VERIFY} in tenancy where all {target.key.id = '${id}', request.operation = 'Verify'}" },
      { name = "functions-signatures", purpose = "Functions lists the signatures of an image", text = "Allow service faas to read repos in tenancy where request.operation = 'ListContainerImageSignatures'" },
    ]]),
    var.tracing ? [
      { name = "functions-traces", purpose = "Functions sends its traces", text = "Allow service faas to use apm-domains in ${local.here}" },
    ] : [],
    var.repositories ? [
      { name = "scanning-images", purpose = "Vulnerability Scanning reads the images", text = "Allow service vulnerability-scanning-service to read repos in ${local.here}" },
      { name = "scanning-compartments", purpose = "Vulnerability Scanning finds the repositories", text = "Allow service vulnerability-scanning-service to read compartments in ${local.here}" },
    ] : [],
  )

  # Separate from the others: the schedule needs the function, which needs the others.
  schedule_statements = [for s in oci_resource_scheduler_schedule.sweep : {
    name    = "schedule"
    purpose = "This one schedule may start functions of the compartment"
    text    = "Allow any-user to use functions-family in ${local.here} where all {request.principal.type = 'resourceschedule', request.principal.id = '${s.id}'}"
  }]
}
