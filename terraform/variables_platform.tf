# ---------------------------------------------------------------- Network

variable "subnet_ocid" {
  description = "An existing subnet for the functions. Empty: the stack creates a VCN with a private subnet and a service gateway. An existing subnet needs a route to all Oracle services of its region."
  type        = string
  default     = ""

  validation {
    condition     = var.subnet_ocid == "" || can(regex("^ocid1\\.subnet\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.subnet_ocid))
    error_message = "subnet_ocid is not a subnet's OCID: copy it from the subnet's page (ocid1.subnet....), or leave it empty to create a network."
  }
}

variable "network_security_group_ocids" {
  description = "Existing network security groups for the functions, only with subnet_ocid. They must allow HTTPS to Oracle's services."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.network_security_group_ocids) <= 5 && alltrue([for g in var.network_security_group_ocids : can(regex("^ocid1\\.networksecuritygroup\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", g))])
    error_message = "network_security_group_ocids takes up to five OCIDs of network security groups (ocid1.networksecuritygroup....)."
  }
}

variable "vcn_cidr" {
  description = "Address range of the new VCN. It contains nothing else and is connected to nothing."
  type        = string
  default     = "10.77.0.0/26"

  validation {
    condition     = can(cidrhost(var.vcn_cidr, 12)) && can(regex("/(1[6-9]|2[0-8])$", var.vcn_cidr))
    error_message = "vcn_cidr is an IPv4 range from /16 to /28, such as 10.77.0.0/26."
  }
}

variable "nat_gateway" {
  description = "Allow HTTPS to the internet through a NAT gateway. Only for a stack outside the home region, or with identity domains of another home region: IAM and the domains accept changes only in their home regions, and a service gateway reaches only the services of its own region."
  type        = bool
  default     = false
}

# ---------------------------------------------------------------- Vault

variable "vault_ocid" {
  description = "An existing vault. Empty: the stack creates one."
  type        = string
  default     = ""

  validation {
    condition     = var.vault_ocid == "" || can(regex("^ocid1\\.vault\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.vault_ocid))
    error_message = "vault_ocid is not a vault's OCID: copy it from the vault's page (ocid1.vault....), or leave it empty to create one."
  }
}

variable "key_ocid" {
  description = "An existing AES master key of that vault for first_secrets. Empty: the stack creates one."
  type        = string
  default     = ""

  validation {
    condition     = var.key_ocid == "" || can(regex("^ocid1\\.key\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.key_ocid))
    error_message = "key_ocid is not a key's OCID: copy it from the key's page (ocid1.key....), or leave it empty to create one."
  }
}

variable "signing_key_ocid" {
  description = "An existing RSA key for image signatures. Empty: the stack creates one if require_signed_images is on."
  type        = string
  default     = ""

  validation {
    condition     = var.signing_key_ocid == "" || can(regex("^ocid1\\.key\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.signing_key_ocid))
    error_message = "signing_key_ocid is not a key's OCID: copy it from the key's page (ocid1.key....), or leave it empty to create one."
  }
}

variable "vault_type" {
  description = "Type of the new vault: DEFAULT (shared HSM, no charge for the vault), or VIRTUAL_PRIVATE (own HSM partition, charged by the hour). Only VIRTUAL_PRIVATE rotates keys automatically."
  type        = string
  default     = "DEFAULT"

  validation {
    condition     = contains(["DEFAULT", "VIRTUAL_PRIVATE"], var.vault_type)
    error_message = "vault_type is either DEFAULT or VIRTUAL_PRIVATE."
  }
}

variable "key_rotation_days" {
  description = "After how many days a virtual private vault rotates the master key. A default vault can't; the guide has a command for it."
  type        = number
  default     = 90

  validation {
    condition     = var.key_rotation_days >= 60 && var.key_rotation_days <= 365 && floor(var.key_rotation_days) == var.key_rotation_days
    error_message = "key_rotation_days is a whole number from 60 to 365, which is what Vault allows."
  }
}

variable "create_tag_namespace" {
  description = "Whether to create the tag namespace keyturn (user, kind, role, owner, topic). Set it to false if another stack of the tenancy has created it: its name is fixed."
  type        = bool
  default     = true
}

variable "secret_compartment_ocids" {
  description = "Compartments (or the tenancy) in which the functions look for secrets and may write to them. Empty: compartment_ocid."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.secret_compartment_ocids) <= 8 && length(distinct(var.secret_compartment_ocids)) == length(var.secret_compartment_ocids) && alltrue([for c in var.secret_compartment_ocids : can(regex("^ocid1\\.(compartment|tenancy)\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", c))])
    error_message = "secret_compartment_ocids takes up to eight OCIDs of compartments or of the tenancy, each once."
  }
}

variable "first_secrets" {
  description = "Secrets to create, bound by tags: name => {user OCID, kind, role}. Each contains a placeholder until the first rotation writes the value, which never enters Terraform's state. The default role is bundle; docs/closing-problems.md lists the others."
  type = map(object({
    user = string
    kind = string
    role = optional(string, "bundle")
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.first_secrets) : can(regex("^[A-Za-z0-9._-]{1,255}$", name))])
    error_message = "first_secrets has a name with other characters than letters, digits, hyphens, underscores and dots."
  }
  validation {
    condition     = alltrue([for s in values(var.first_secrets) : can(regex("^ocid1\\.user\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", s.user))])
    error_message = "first_secrets has a user that is not a user's OCID (ocid1.user.oc1..aaaa...)."
  }
}

# ---------------------------------------------------------------- Notifications

variable "topic_ocid" {
  description = "An existing topic for the mails, in the stack's region. Empty: the stack creates one."
  type        = string
  default     = ""

  validation {
    condition     = var.topic_ocid == "" || can(regex("^ocid1\\.onstopic\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.topic_ocid))
    error_message = "topic_ocid is not a topic's OCID: copy it from the topic's page (ocid1.onstopic....), or leave it empty to create one."
  }
}

variable "topic_compartment_ocid" {
  description = "Compartment of the existing topic. The functions may publish to every topic in it, because policies can't name a topic, so keep no other topic there."
  type        = string
  default     = ""

  validation {
    condition     = var.topic_compartment_ocid == "" || can(regex("^ocid1\\.compartment\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.topic_compartment_ocid))
    error_message = "topic_compartment_ocid is not a compartment's OCID (ocid1.compartment.oc1..aaaa...). The root compartment is refused: the functions could publish to every topic of the tenancy."
  }
}

variable "emails" {
  description = "Mail addresses for the mails and alarms, if the stack creates the topics. Each subscriber must confirm within three days."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct([for e in var.emails : lower(e)])) == length(var.emails) && alltrue([for e in var.emails : can(regex("^[^@[:space:],;:<>\"()\\[\\]\\\\]+@([A-Za-z0-9-]+\\.)+[A-Za-z0-9-]+$", e))])
    error_message = "emails takes mail addresses such as secops@example.com, one in each item and each once: no names, no mailto:, no commas or semicolons."
  }
}

variable "https_endpoints" {
  description = "Endpoints that get the mails and alarms as HTTPS requests. Put no credentials in the address, because Terraform's state stores it."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.https_endpoints)) == length(var.https_endpoints) && alltrue([for e in var.https_endpoints : can(regex("^https://[^@[:space:]]+$", e)) && length(e) <= 512])
    error_message = "https_endpoints takes addresses that begin with https://, each once, without user or password, and of at most 512 characters, which is what Notifications allows."
  }
  validation {
    condition     = alltrue([for e in var.https_endpoints : !can(regex("(?i)^https://([a-z0-9-]+\\.)*(slack\\.com|pagerduty\\.com)(:[0-9]+)?(/|$)", e))])
    error_message = "https_endpoints has an address of Slack or PagerDuty: it would stay unconfirmed, because Notifications has separate protocols for them. Give it in slack_urls or pagerduty_urls."
  }
}

variable "slack_urls" {
  description = "Webhooks of Slack that get the mails and alarms: `https://hooks.slack.com/services/...`. Each is a credential, because its holders may write to the channel: Terraform doesn't show it, but its state stores it. Open the link in the channel's first message within three days."
  type        = list(string)
  default     = []
  sensitive   = true

  validation {
    condition     = length(distinct(var.slack_urls)) == length(var.slack_urls) && alltrue([for u in var.slack_urls : can(regex("^https://hooks\\.slack\\.com/services/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$", u)) && length(u) <= 512])
    error_message = "slack_urls takes addresses of the form https://hooks.slack.com/services/T.../B.../..., each once and without a query. Give other addresses in https_endpoints or pagerduty_urls."
  }
}

variable "pagerduty_urls" {
  description = "Integrations of PagerDuty that get the alarms: `https://events.pagerduty.com/integration/.../enqueue`. They get no mails, because each message opens an incident. Each is a credential: Terraform doesn't show it, but its state stores it. Open the link in the first incident within three days."
  type        = list(string)
  default     = []
  sensitive   = true

  validation {
    condition     = length(distinct(var.pagerduty_urls)) == length(var.pagerduty_urls) && alltrue([for u in var.pagerduty_urls : can(regex("^https://events(\\.eu)?\\.pagerduty\\.com/integration/[A-Za-z0-9_-]+/enqueue$", u)) && length(u) <= 512])
    error_message = "pagerduty_urls takes addresses of the form https://events.pagerduty.com/integration/<integration key>/enqueue, each once. Give other addresses in https_endpoints or slack_urls."
  }
}

variable "function_subscriptions" {
  description = "OCIDs of functions that get the mails and alarms as text. For programs, records_functions is better."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.function_subscriptions)) == length(var.function_subscriptions) && alltrue([for f in var.function_subscriptions : can(regex("^ocid1\\.fnfunc\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", f))])
    error_message = "function_subscriptions takes OCIDs of functions (ocid1.fnfunc....), each once."
  }
}

variable "owner_topic_compartment_ocids" {
  description = "Compartments whose topics the tag keyturn.topic of a secret may name. Such a topic gets the secret's mails, in addition to the mail topic. The functions may publish to every topic in these compartments. Empty: the tag has no effect."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.owner_topic_compartment_ocids) <= 8 && length(distinct(var.owner_topic_compartment_ocids)) == length(var.owner_topic_compartment_ocids) && alltrue([for c in var.owner_topic_compartment_ocids : can(regex("^ocid1\\.compartment\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", c))])
    error_message = "owner_topic_compartment_ocids takes up to eight OCIDs of compartments (ocid1.compartment.oc1..aaaa...), each once. The root compartment is refused: the functions could publish to every topic of the tenancy."
  }
}

variable "records_topic" {
  description = "Whether to create a topic for programs: it gets each outcome's record as JSON, one message for each outcome."
  type        = bool
  default     = false
}

variable "records_https_endpoints" {
  description = "Endpoints that get the records as HTTPS requests, such as a ticket system's webhook. Terraform doesn't show these addresses, but its state stores them."
  type        = list(string)
  default     = []
  sensitive   = true

  validation {
    condition     = length(distinct(var.records_https_endpoints)) == length(var.records_https_endpoints) && alltrue([for e in var.records_https_endpoints : can(regex("^https://[^@[:space:]]+$", e)) && length(e) <= 512])
    error_message = "records_https_endpoints takes addresses that begin with https://, each once, without user or password, and of at most 512 characters, which is what Notifications allows."
  }
  validation {
    condition     = alltrue([for e in var.records_https_endpoints : !can(regex("(?i)^https://([a-z0-9-]+\\.)*(slack\\.com|pagerduty\\.com)(:[0-9]+)?(/|$)", e))])
    error_message = "records_https_endpoints has an address of Slack or PagerDuty, which can't use records. Give it in slack_urls or pagerduty_urls."
  }
}

variable "records_functions" {
  description = "OCIDs of functions that get the records."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.records_functions)) == length(var.records_functions) && alltrue([for f in var.records_functions : can(regex("^ocid1\\.fnfunc\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", f))])
    error_message = "records_functions takes OCIDs of functions (ocid1.fnfunc....), each once."
  }
}

# ---------------------------------------------------------------- Alarms

variable "alarms" {
  description = "Whether to create alarms for failed and throttled invocations, a sweep that hasn't run, and events and mails that can't be delivered."
  type        = bool
  default     = true
}

variable "alarm_topic_ocid" {
  description = "An existing topic for the alarms. Empty: the stack creates a second topic, because the first can't report its own failures. PagerDuty, Slack or HTTPS are better than mail here."
  type        = string
  default     = ""

  validation {
    condition     = var.alarm_topic_ocid == "" || can(regex("^ocid1\\.onstopic\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.alarm_topic_ocid))
    error_message = "alarm_topic_ocid is not a topic's OCID: copy it from the topic's page (ocid1.onstopic....), or leave it empty to create one."
  }
}

# ---------------------------------------------------------------- Schedule

variable "sweep_schedule" {
  description = "How often the sweep runs: hourly, daily (03:07 UTC) or off."
  type        = string
  default     = "hourly"

  validation {
    condition     = contains(["hourly", "daily", "off"], var.sweep_schedule)
    error_message = "sweep_schedule is hourly, daily or off."
  }
}

# ---------------------------------------------------------------- Report

variable "report_bucket" {
  description = "Name of a new bucket for the sweep's report, as evidence for auditors. It is private, and its retention rule keeps every report unchanged. Empty: no bucket and no report."
  type        = string
  default     = ""

  validation {
    condition     = var.report_bucket == "" || can(regex("^[A-Za-z0-9._-]{1,256}$", var.report_bucket))
    error_message = "report_bucket is a bucket's name of letters, digits, hyphens, underscores and dots, such as keyturn-reports, or empty."
  }
}

variable "report_retention_days" {
  description = "How long the bucket keeps each report unchanged, in days. More than a year, so that a year's audit finds all of them."
  type        = number
  default     = 400

  validation {
    condition     = var.report_retention_days >= 1 && var.report_retention_days <= 3650 && floor(var.report_retention_days) == var.report_retention_days
    error_message = "report_retention_days is a whole number of days from 1 to 3650."
  }
}

variable "report_retention_locked_from" {
  description = "The time from which the retention rule is locked, such as 2027-01-31T00:00:00Z, at least 14 days ahead. From then on nobody, not even Oracle, can remove or shorten it, and the bucket can't be deleted before its last report has expired. Empty: the rule isn't locked."
  type        = string
  default     = ""

  validation {
    condition     = var.report_retention_locked_from == "" || can(regex("^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?Z$", var.report_retention_locked_from)) && can(timeadd(var.report_retention_locked_from, "0s"))
    error_message = "report_retention_locked_from is a time in UTC such as 2027-01-31T00:00:00Z, or empty."
  }
}

# ---------------------------------------------------------------- Hardening

variable "repositories" {
  description = "Create private, immutable Container Registry repositories for both images, with a vulnerability scanning recipe and target."
  type        = bool
  default     = false
}

variable "security_zone_recipe_ocid" {
  description = "Make the compartment a security zone with this recipe, for instance Oracle's Maximum Security Recipe. Empty: no zone."
  type        = string
  default     = ""

  validation {
    condition     = var.security_zone_recipe_ocid == "" || can(regex("^ocid1\\.[a-z0-9]*recipe\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.security_zone_recipe_ocid))
    error_message = "security_zone_recipe_ocid is not a security zone recipe's OCID: copy it from Security Zones, Recipes, or leave it empty."
  }
}

variable "cloud_guard_target" {
  description = "Create a Cloud Guard target for the tenancy with the four detector rules at 90 days. Only if the root compartment has no target yet, because it can have only one."
  type        = bool
  default     = false
}

variable "cloud_guard_detector_recipe_ocid" {
  description = "Detector recipe to copy for the target. Empty: Oracle's configuration detector recipe is looked up."
  type        = string
  default     = ""

  validation {
    condition     = var.cloud_guard_detector_recipe_ocid == "" || can(regex("^ocid1\\.cloudguarddetectorrecipe\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.cloud_guard_detector_recipe_ocid))
    error_message = "cloud_guard_detector_recipe_ocid must be the OCID of a detector recipe (ocid1.cloudguarddetectorrecipe...), or empty."
  }
}

variable "cloud_guard_responder_recipe_ocid" {
  description = "Responder recipe of the target. Empty: Oracle's is looked up."
  type        = string
  default     = ""

  validation {
    condition     = var.cloud_guard_responder_recipe_ocid == "" || can(regex("^ocid1\\.cloudguardresponderrecipe\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9_-]+)+$", var.cloud_guard_responder_recipe_ocid))
    error_message = "cloud_guard_responder_recipe_ocid must be the OCID of a responder recipe (ocid1.cloudguardresponderrecipe...), or empty."
  }
}
