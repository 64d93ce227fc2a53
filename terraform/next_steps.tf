# The outputs next_steps, bind_command and registry.
locals {
  registry = var.repositories ? "${local.registry_host}/${oci_artifacts_container_repository.this["rotate"].namespace}/${var.name_prefix}" : null

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

  before_images = concat([{
    do = [
      "Build both images, push them${var.require_signed_images ? ", sign them with the stack's key" : ""}, and write them into",
      "variables, in the project's folder. <folder> is where you run terraform.",
      "deploy/README.md says how to sign in to the registry:",
    ]
    commands = [
      "go run ./deploy/keyturn deploy --version 1.0.0 \\",
      "  --repository ${local.registry == null ? "<registry>/<namespace>/<prefix>" : local.registry} \\",
      "  --compartment ${var.compartment_ocid} \\",
      "  --key ${var.require_signed_images ? one(local.signing_key_ids) : "none"} \\",
      "  --variables <folder>/images.auto.tfvars",
    ]
    }, {
    do       = ["Deploy. Then this output shows how to check and test it:"]
    commands = ["terraform apply", "terraform output -raw next_steps"]
  }], local.confirm_step)

  after_images = concat(local.confirm_step, [{
    do = ["Ask each function whether it has everything that a rotation needs, in the", "project's folder. Policies take up to 15 minutes to reach a function:"]
    commands = [
      "export OCI_CLI_REGION=${var.region}",
      "go run ./deploy/keyturn preflight ${join(" ", [for f in oci_functions_function.this : "--function ${f.id}"])}",
    ]
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
