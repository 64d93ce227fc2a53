# ---------------------------------------------------------------- Network

data "oci_core_services" "all" {
  count = local.make_network ? 1 : 0

  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

locals {
  make_network = var.subnet_ocid == ""

  # Every region has this service; its label means the addresses of all of Oracle's services there.
  all_services = {
    id    = try(data.oci_core_services.all[0].services[0].id, "")
    label = try(data.oci_core_services.all[0].services[0].cidr_block, "")
  }

  subnet_id                  = local.make_network ? one(oci_core_subnet.functions[*].id) : var.subnet_ocid
  network_security_group_ids = local.make_network ? oci_core_network_security_group.functions[*].id : var.network_security_group_ocids
}

resource "oci_core_vcn" "this" {
  count = local.make_network ? 1 : 0

  compartment_id = var.compartment_ocid
  display_name   = var.name_prefix
  cidr_blocks    = [var.vcn_cidr]
  freeform_tags  = var.freeform_tags
}

# A VCN's default security list allows SSH from everywhere, so this one has no rules.
resource "oci_core_default_security_list" "this" {
  count = local.make_network ? 1 : 0

  manage_default_resource_id = oci_core_vcn.this[0].default_security_list_id
  display_name               = "${var.name_prefix}-closed"
  freeform_tags              = var.freeform_tags
}

resource "oci_core_service_gateway" "this" {
  count = local.make_network ? 1 : 0

  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name_prefix
  freeform_tags  = var.freeform_tags

  services {
    service_id = local.all_services.id
  }
}

resource "oci_core_nat_gateway" "this" {
  count = local.make_network && var.nat_gateway ? 1 : 0

  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = var.name_prefix
  freeform_tags  = var.freeform_tags
}

resource "oci_core_route_table" "functions" {
  count = local.make_network ? 1 : 0

  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = "${var.name_prefix}-functions"
  freeform_tags  = var.freeform_tags

  route_rules {
    description       = "Oracle's services of this region"
    destination       = local.all_services.label
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.this[0].id
  }

  dynamic "route_rules" {
    for_each = oci_core_nat_gateway.this[*].id
    content {
      description       = "Oracle's services of the home region"
      destination       = "0.0.0.0/0"
      destination_type  = "CIDR_BLOCK"
      network_entity_id = route_rules.value
    }
  }
}

resource "oci_core_subnet" "functions" {
  count = local.make_network ? 1 : 0

  compartment_id             = var.compartment_ocid
  vcn_id                     = oci_core_vcn.this[0].id
  display_name               = "${var.name_prefix}-functions"
  cidr_block                 = var.vcn_cidr
  prohibit_internet_ingress  = true
  prohibit_public_ip_on_vnic = true
  route_table_id             = oci_core_route_table.functions[0].id
  security_list_ids          = [oci_core_default_security_list.this[0].id]
  freeform_tags              = var.freeform_tags
}

resource "oci_core_network_security_group" "functions" {
  count = local.make_network ? 1 : 0

  compartment_id = var.compartment_ocid
  vcn_id         = oci_core_vcn.this[0].id
  display_name   = "${var.name_prefix}-functions"
  freeform_tags  = var.freeform_tags
}

# Only outgoing: nothing connects to a function's address, because invocations come through the platform.
resource "oci_core_network_security_group_security_rule" "functions" {
  for_each = local.make_network ? merge(
    { services = { description = "HTTPS to Oracle's services", destination = local.all_services.label, type = "SERVICE_CIDR_BLOCK" } },
    var.nat_gateway ? { home_region = { description = "HTTPS to the home region", destination = "0.0.0.0/0", type = "CIDR_BLOCK" } } : {},
  ) : {}

  network_security_group_id = oci_core_network_security_group.functions[0].id
  description               = each.value.description
  direction                 = "EGRESS"
  protocol                  = "6"
  destination               = each.value.destination
  destination_type          = each.value.type
  stateless                 = false

  tcp_options {
    destination_port_range {
      min = 443
      max = 443
    }
  }
}
