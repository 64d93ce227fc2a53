// Package terraform tests the stack under terraform/: with Terraform itself, where it is installed and a provider can
// be had, and without it what can be read off the files.
//
// It has tests only. Those that run Terraform say so when they are skipped; with CI=true they may not be. They never
// touch an account: Terraform gets an empty home and no credentials. Rewrite the generated parts (schema.yaml, the
// tables of terraform/README.md) with: go test ./test/terraform -update
package terraform
