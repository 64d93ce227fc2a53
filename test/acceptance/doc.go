// Package acceptance runs the unmodified command deploy/keyturn against the emulator, as an administrator would
// against a tenancy: with the built functions, the stack's policies, and an OCI configuration file.
//
// It has tests only. Start with newTenancy, then run the command with it.
package acceptance
