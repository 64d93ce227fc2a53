// Package terraform tests the stack in terraform/. Some tests run Terraform with a provider, if available; others only
// read the files.
//
// It has only tests. With CI=true none is skipped. They never use an account: Terraform gets an empty home and no
// credentials. Update the generated parts (schema.yaml, the tables of terraform/README.md) with: go test
// ./test/terraform -update
package terraform
