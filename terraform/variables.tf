# ---------------------------------------------------------------- General

variable "tenancy_ocid" {
  description = "OCID of the tenancy. Resource Manager fills it in."
  type        = string

  validation {
    condition     = can(regex("^ocid1\\.tenancy\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.tenancy_ocid))
    error_message = "tenancy_ocid is not a tenancy's OCID: copy it from Governance, Tenancy details (ocid1.tenancy.oc1..aaaa...)."
  }
}

variable "compartment_ocid" {
  description = "OCID of the compartment for everything that isn't tenancy-wide. Use it for Keyturn alone: anyone who manages its functions or vault can easily reach the credentials."
  type        = string

  validation {
    condition     = can(regex("^ocid1\\.compartment\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.compartment_ocid))
    error_message = "compartment_ocid is not a compartment's OCID: create a compartment for Keyturn and copy its OCID (ocid1.compartment.oc1..aaaa...). The root compartment is refused on purpose."
  }
}

variable "region" {
  description = "Region of the stack, for instance eu-frankfurt-1. It must be Cloud Guard's reporting region, because Cloud Guard sends events only there."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "region is not a region's identifier: write eu-frankfurt-1, not its key (FRA) or its title."
  }
}

variable "home_region" {
  description = "The tenancy's home region, where IAM accepts changes. Empty: it is looked up."
  type        = string
  default     = ""

  validation {
    condition     = var.home_region == "" || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.home_region))
    error_message = "home_region is not a region's identifier: write us-ashburn-1, not its key (IAD), or leave it empty."
  }
}

variable "name_prefix" {
  description = "Prefix of the names of all resources. Two stacks in a tenancy need two prefixes."
  type        = string
  default     = "keyturn"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix takes 3 to 32 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen."
  }
}

variable "freeform_tags" {
  description = "Freeform tags for all resources. First secrets get them only when they are created."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k in keys(var.freeform_tags) : !startswith(lower(k), "keyturn-")])
    error_message = "freeform_tags has a key that begins with keyturn-: those tags bind a secret to a user. Bind single secrets, as the output bind_command shows, or with first_secrets."
  }
}

# ---------------------------------------------------------------- IAM

variable "kinds" {
  description = "The kinds of credentials that may be rotated. Other kinds get no permissions and no events."
  type        = list(string)
  default     = ["api-key", "auth-token", "customer-secret-key", "password"]

  validation {
    condition     = length(var.kinds) > 0 && length(distinct(var.kinds)) == length(var.kinds) && alltrue([for k in var.kinds : contains(["api-key", "auth-token", "customer-secret-key", "password"], k)])
    error_message = "kinds takes one or more of api-key, auth-token, customer-secret-key, password, each once."
  }
}

variable "excluded_users" {
  description = "Users whose credentials must never be rotated, above all break-glass administrators. Names as in IAM (domain/name for federated users and for users of identity_domains), names with a * at the beginning or the end, or user OCIDs. A name without a domain protects only a user of the Default domain. IAM and the functions both enforce it."
  type        = list(string)

  validation {
    condition     = length(var.excluded_users) > 0
    error_message = "excluded_users is empty: name the break-glass administrators, so that no rotation can lock them out."
  }
  validation {
    condition = alltrue([for u in var.excluded_users : (
      can(regex("^ocid1\\.user\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", u)) ||
      (u == trimspace(u) && !can(regex("(?i)(^|/)ocid[0-9]", u)) && (can(regex("^[^*'\",;[:cntrl:]]+$", u)) || can(regex("^\\*?[^*/'\",;[:cntrl:]]+\\*?$", u))))
    )])
    error_message = "excluded_users takes user names, names with a * at the beginning or the end (without a slash), and OCIDs of users (ocid1.user.oc1..aaaa..., in lower case); quotes, commas, semicolons, and spaces at either end are refused."
  }
}

variable "identity_domains" {
  description = "OCIDs of the identity domains whose users' credentials are rotated, too. Empty: only those of the Default domain's users. The functions may change credentials only in the domains named here, through the domains' own API."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.identity_domains)) == length(var.identity_domains) && alltrue([for d in var.identity_domains : can(regex("^ocid1\\.domain\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", d))])
    error_message = "identity_domains takes OCIDs of identity domains, each once: copy them from Identity, Domains (ocid1.domain.oc1..aaaa...). Names, compartments and `all` are refused, because the policies name each domain."
  }
}

variable "identity_domains_manage_users" {
  description = "Those of identity_domains in which the functions need `manage users`. Name a domain only if it refuses calls that single permissions should allow (401 in the mail). It opens much more: with it, the functions may create, change, unblock and delete all users of the domain, except excluded_users."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.identity_domains_manage_users)) == length(var.identity_domains_manage_users)
    error_message = "identity_domains_manage_users names a domain twice: name each once."
  }
}

variable "identity_domains_app_role" {
  description = "Those of identity_domains in which the functions get the App role User Administrator instead of policy statements, for domains that count only their own roles. It opens the most: the functions may manage all users, groups and memberships of the domain, and IAM doesn't protect excluded_users there. An administrator of the domain must run the apply."
  type        = list(string)
  default     = []

  validation {
    condition     = length(distinct(var.identity_domains_app_role)) == length(var.identity_domains_app_role)
    error_message = "identity_domains_app_role names a domain twice: name each once."
  }
}

variable "secret_policy" {
  description = "Which secrets in secret_compartment_ocids the policies allow: `tags`, only secrets with the defined tags keyturn.user and keyturn.kind; `compartment`, every secret there (for secrets that are bound by freeform tags, which policies can't see)."
  type        = string
  default     = "tags"

  validation {
    condition     = contains(["tags", "compartment"], var.secret_policy)
    error_message = "secret_policy is either tags or compartment."
  }
}

variable "deployer_group" {
  description = "Group that may push images and deploy them to the functions, but not sign images, read secrets or change the application. Empty: no statements. For all four groups: the name of a group of the default identity domain, Domain/Group for another domain, or any group's OCID."
  type        = string
  default     = ""

  validation {
    condition = var.deployer_group == "" || can(regex("^ocid1\\.group\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.deployer_group)) || (
      can(regex("^('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*)(/('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*))?$", var.deployer_group)) &&
      !can(regex("(?i)(^|/)'?ocid[0-9]|^(id|group|dynamic-group) | (to|where) ", var.deployer_group))
    )
    error_message = "deployer_group is a group's name, Domain/Group, or the group's OCID (ocid1.group.oc1..aaaa...). Names take letters, digits, single spaces and . _ - + @ & #; give any other group by its OCID."
  }
}

variable "signer_group" {
  description = "Group that may sign images with the signing key. Empty: no statements."
  type        = string
  default     = ""

  validation {
    condition = var.signer_group == "" || can(regex("^ocid1\\.group\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.signer_group)) || (
      can(regex("^('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*)(/('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*))?$", var.signer_group)) &&
      !can(regex("(?i)(^|/)'?ocid[0-9]|^(id|group|dynamic-group) | (to|where) ", var.signer_group))
    )
    error_message = "signer_group is a group's name, Domain/Group, or the group's OCID (ocid1.group.oc1..aaaa...). Names take letters, digits, single spaces and . _ - + @ & #; give any other group by its OCID."
  }
}

variable "secret_admin_group" {
  description = "Group that may create secrets, write their first values and bind them by tags, but not read any value. Empty: no statements."
  type        = string
  default     = ""

  validation {
    condition = var.secret_admin_group == "" || can(regex("^ocid1\\.group\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.secret_admin_group)) || (
      can(regex("^('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*)(/('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*))?$", var.secret_admin_group)) &&
      !can(regex("(?i)(^|/)'?ocid[0-9]|^(id|group|dynamic-group) | (to|where) ", var.secret_admin_group))
    )
    error_message = "secret_admin_group is a group's name, Domain/Group, or the group's OCID (ocid1.group.oc1..aaaa...). Names take letters, digits, single spaces and . _ - + @ & #; give any other group by its OCID."
  }
}

variable "closer_group" {
  description = "Group that may close Cloud Guard's problems, which starts a rotation, and read the functions' log. Empty: no statements."
  type        = string
  default     = ""

  validation {
    condition = var.closer_group == "" || can(regex("^ocid1\\.group\\.[a-z0-9]+\\.[a-z0-9-]*(\\.[a-z0-9]+)+$", var.closer_group)) || (
      can(regex("^('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*)(/('[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*'|[\\p{L}\\p{N}._+@&#-]+( [\\p{L}\\p{N}._+@&#-]+)*))?$", var.closer_group)) &&
      !can(regex("(?i)(^|/)'?ocid[0-9]|^(id|group|dynamic-group) | (to|where) ", var.closer_group))
    )
    error_message = "closer_group is a group's name, Domain/Group, or the group's OCID (ocid1.group.oc1..aaaa...). Names take letters, digits, single spaces and . _ - + @ & #; give any other group by its OCID."
  }
}

# ---------------------------------------------------------------- Events

variable "cloud_guard_reporting_region" {
  description = "Cloud Guard's reporting region. Empty: it is looked up, which needs `read cloud-guard-config in tenancy`."
  type        = string
  default     = ""

  validation {
    condition     = var.cloud_guard_reporting_region == "" || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.cloud_guard_reporting_region))
    error_message = "cloud_guard_reporting_region is not a region's identifier: write eu-frankfurt-1, or leave it empty."
  }
}

variable "events_enabled" {
  description = "Whether closed problems start rotations. If off, only the sweep works."
  type        = bool
  default     = true
}

# ---------------------------------------------------------------- Functions

variable "rotate_image" {
  description = "Image of functions/rotate in Container Registry of the same region, with tag and digest: fra.ocir.io/namespace/keyturn/rotate:1.0.0@sha256:... If this and sweep_image are empty, the stack creates everything else (keys, repositories, network), but no function yet."
  type        = string
  default     = ""

  validation {
    condition     = var.rotate_image == "" || can(regex("^[a-z0-9.-]+/[^@:[:space:]]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$", var.rotate_image))
    error_message = "rotate_image is not registry/namespace/repository:tag@sha256:<64 hexadecimal digits>, as keyturn deploy prints it. The digest is needed: a tag alone can be moved to another image."
  }
  validation {
    condition     = var.rotate_image == "" || can(regex("^([a-z0-9-]+\\.ocir\\.io|ocir\\.[a-z0-9-]+\\.oci\\.[a-z0-9.-]+)/", var.rotate_image))
    error_message = "rotate_image is not in Container Registry: Functions runs images of its own region's registry only (fra.ocir.io/... or ocir.eu-frankfurt-1.oci.oraclecloud.com/...). Push it there with keyturn deploy."
  }
}

variable "sweep_image" {
  description = "Image of functions/sweep, in the same form."
  type        = string
  default     = ""

  validation {
    condition     = var.sweep_image == "" || can(regex("^[a-z0-9.-]+/[^@:[:space:]]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}$", var.sweep_image))
    error_message = "sweep_image is not registry/namespace/repository:tag@sha256:<64 hexadecimal digits>, as keyturn deploy prints it. The digest is needed: a tag alone can be moved to another image."
  }
  validation {
    condition     = var.sweep_image == "" || can(regex("^([a-z0-9-]+\\.ocir\\.io|ocir\\.[a-z0-9-]+\\.oci\\.[a-z0-9.-]+)/", var.sweep_image))
    error_message = "sweep_image is not in Container Registry: Functions runs images of its own region's registry only (fra.ocir.io/... or ocir.eu-frankfurt-1.oci.oraclecloud.com/...). Push it there with keyturn deploy."
  }
}

variable "require_signed_images" {
  description = "Whether Functions runs only images that were signed with the signing key."
  type        = bool
  default     = true
}

variable "function_memory" {
  description = "Memory of each function in MB. Four new RSA keys at once fit into 256."
  type        = number
  default     = 256

  validation {
    condition     = contains([128, 256, 512, 1024, 2048, 3072], var.function_memory)
    error_message = "function_memory is one of 128, 256, 512, 1024, 2048, 3072."
  }
}

variable "function_timeout" {
  description = "How long a rotation may take, in seconds. A new credential takes time to become usable, so with a shorter time more deliveries end unfinished."
  type        = number
  default     = 300

  validation {
    condition     = var.function_timeout >= 60 && var.function_timeout <= 300 && floor(var.function_timeout) == var.function_timeout
    error_message = "function_timeout is a whole number of seconds from 60 to 300, which is what Functions allows."
  }
}

variable "sweep_timeout" {
  description = "How long a scheduled sweep may take, in seconds. Schedules invoke it detached, so it may be longer than function_timeout."
  type        = number
  default     = 300

  validation {
    condition     = var.sweep_timeout >= 60 && var.sweep_timeout <= 3600 && floor(var.sweep_timeout) == var.sweep_timeout
    error_message = "sweep_timeout is a whole number of seconds from 60 to 3600, which is what Functions allows."
  }
}

variable "dry_run" {
  description = "Report what would be done, and change nothing. A good start."
  type        = bool
  default     = false
}

variable "grace_period" {
  description = "How long the old credential stays alongside the new one: 0, or days, hours and minutes such as 72h, 3d, 90m, up to 90d."
  type        = string
  default     = "0"

  validation {
    condition     = var.grace_period == "0" || (var.grace_period != "" && can(regex("^([0-9]{1,2}d)?([0-9]{1,4}h)?([0-9]{1,6}m)?$", var.grace_period)))
    error_message = "grace_period is 0, or days, hours and minutes in this order, such as 72h, 3d, 1d12h, 90m."
  }
  validation {
    condition     = sum([for unit, minutes in { d = 1440, h = 60, m = 1 } : minutes * try(tonumber(one(regex("([0-9]+)${unit}", var.grace_period))), 0)]) <= 129600
    error_message = "grace_period is longer than 90 days, which the functions refuse at start: write 90d or less."
  }
}

variable "configuration" {
  description = "Further configuration keys of both functions, as docs/configuration.md lists them: event_check, secret_binding, bare_closure, prove, rsa_bits, log_level, metrics, sweep_days, default_domain_api, maximum_age."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for k in keys(var.configuration) : contains(["event_check", "secret_binding", "bare_closure", "prove", "rsa_bits", "log_level", "metrics", "sweep_days", "default_domain_api", "maximum_age"], k)])
    error_message = "configuration takes event_check, secret_binding, bare_closure, prove, rsa_bits, log_level, metrics, sweep_days, default_domain_api and maximum_age. The other keys have separate inputs: notifications, excluded_users, identity_domains, secret_compartment_ocids, dry_run, grace_period, report_bucket."
  }
  validation {
    condition = alltrue([for k, v in var.configuration : can(regex(lookup({
      event_check        = "^(on|off)$"
      secret_binding     = "^(require|warn)$"
      bare_closure       = "^(refuse|rotate)$"
      prove              = "^(require|try|off)$"
      rsa_bits           = "^(2048|3072|4096)$"
      log_level          = "^(trace|debug|info|warn|error)$"
      metrics            = "^(on|off)$"
      sweep_days         = "^([1-9]|[1-8][0-9]|90)$"
      default_domain_api = "^(classic|scim)$"
      maximum_age        = "^(0|3650d|([0-9]{1,3}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9])d(([01]?[0-9]|2[0-3])h)?([0-5]?[0-9]m)?|[0-9]{1,4}h([0-5]?[0-9]m)?|[0-9]{1,6}m)$"
    }, k, ".*"), v))])
    error_message = "configuration has a value that the functions would refuse at start: event_check on, off; secret_binding require, warn; bare_closure refuse, rotate; prove require, try, off; rsa_bits 2048, 3072, 4096; log_level trace, debug, info, warn, error; metrics on, off; sweep_days 1 to 90; default_domain_api classic, scim; maximum_age 0, or days, hours and minutes such as 90d, 36h, up to 3650d."
  }
}

variable "log_retention_days" {
  description = "How long the invocation log is kept, in days."
  type        = number
  default     = 90

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180], var.log_retention_days)
    error_message = "log_retention_days is one of 30, 60, 90, 120, 150, 180."
  }
}

variable "tracing" {
  description = "Create an Application Performance Monitoring domain (always free) and send the platform's traces of invocations there."
  type        = bool
  default     = false
}
