# The outputs next_steps, bind_command and registry.
locals {
  registry = var.repositories ? "${local.registry_host}/${oci_artifacts_container_repository.this["rotate"].namespace}/${var.name_prefix}" : null

  # The fifth part of a key's OCID identifies its vault and is in the vault's endpoint.
  signing_endpoint = var.signing_key_ocid == "" ? local.vault_endpoint : "https://${split(".", var.signing_key_ocid)[4]}-management.kms.${var.region}.${coalesce(local.realm_domain, "<domain>")}"

  bind_command = var.secret_policy == "tags" ? (
    "oci vault secret update --secret-id <secret OCID> --defined-tags '{\"keyturn\":{\"user\":\"<user OCID>\",\"kind\":\"${local.kinds_on[0]}\"}}'"
    ) : (
    "oci vault secret update --secret-id <secret OCID> --freeform-tags '{\"keyturn-user\":\"<user OCID>\",\"keyturn-kind\":\"${local.kinds_on[0]}\"}'"
  )

  # A step has the lines of a text and the commands for it.
  confirm_step = length(local.subscriptions) + length(local.private_subscriptions) == 0 ? [] : [{
    do       = ["Confirm each subscription within three days: Notifications has sent a mail", "or a request."]
    commands = []
  }]

  sign_step = !var.require_signed_images ? [] : [{
    do = ["Sign them with the stack's key:"]
    commands = [
      "export OCI_CLI_REGION=${var.region}",
      "deploy/sign -c ${var.compartment_ocid} \\",
      "  -k ${one(local.signing_key_ids)} \\",
      "  -e ${local.signing_endpoint} $(cat images.txt)",
    ]
  }]

  before_images = concat([{
    do = ["Build both images and push them, in the project's folder. deploy/README.md", "says how to sign in to the registry:"]
    commands = [
      "deploy/build -V 1.0.0",
      "deploy/push -r ${local.registry == null ? "<registry>/<namespace>/<prefix>" : local.registry} -V 1.0.0 >images.txt",
    ]
    }], local.sign_step, [{
    do       = ["Write them into variables. <folder> is where you run terraform:"]
    commands = ["deploy/fill-in -a <folder>/images.auto.tfvars $(cat images.txt)"]
    }, {
    do       = ["Deploy. Then this output shows how to check and test it:"]
    commands = ["terraform apply", "terraform output -raw next_steps"]
  }], local.confirm_step)

  after_images = concat(local.confirm_step, [{
    do = ["Ask each function whether it has everything that a rotation needs. Policies", "take up to 15 minutes to reach a function:"]
    commands = concat(["export OCI_CLI_REGION=${var.region}"], [
      for f in oci_functions_function.this : "oci fn function invoke --function-id ${f.id} --body '{\"keyturn\":\"preflight\"}' --file - | jq ."
    ])
    }, {
    do = concat(length(var.first_secrets) > 0 ? [] : ["Create a secret in the vault for each credential, or use first_secrets."], [
      "Bind each secret to its user and one kind:", "${join(", ", local.kinds_on)}.", "The command replaces the tags, so include the existing ones.",
    ])
    commands = [local.bind_command]
    }, {
    do = concat(["Close a problem in Cloud Guard with a comment that names the secret, and", "read the mail."],
      var.dry_run ? ["dry_run is on, so nothing is rotated yet: when the mail is as expected,", "set dry_run = false and apply."] : [],
    length(var.identity_domains) == 0 ? [] : ["Do this for a user of each identity domain, too. If a domain refuses with", "401, terraform/README.md has other ways, under Identity domains."])
    commands = []
  }])

  next_steps = join("\n", [for i, step in length(local.functions) == 0 ? local.before_images : local.after_images : join("", concat(
    ["${i + 1}. ${join("\n   ", step.do)}\n"],
    length(step.commands) > 0 ? ["\n"] : [],
    [for c in step.commands : "     ${c}\n"],
  ))])
}
