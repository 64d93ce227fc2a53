# The inputs of all tests, if a test says nothing else.
tenancy_ocid                 = "ocid1.tenancy.oc1..aaaaaaaatenancy"
compartment_ocid             = "ocid1.compartment.oc1..aaaaaaaakeyturn"
region                       = "eu-frankfurt-1"
home_region                  = "eu-frankfurt-1"
cloud_guard_reporting_region = "eu-frankfurt-1"
excluded_users               = ["breakglass@example.com"]
rotate_image                 = "fra.ocir.io/ns/keyturn/rotate:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"
sweep_image                  = "fra.ocir.io/ns/keyturn/sweep:1@sha256:1111111111111111111111111111111111111111111111111111111111111111"
emails                       = ["secops@example.com"]
