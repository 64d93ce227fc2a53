// Package command tests the operator's command as users run it: the built binary, against an emulated tenancy that it
// reaches by its environment alone.
package command
