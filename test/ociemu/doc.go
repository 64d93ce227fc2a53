// Package ociemu emulates the part of Oracle Cloud Infrastructure that a credential rotator touches: IAM users and
// their credentials, Vault secrets, Cloud Guard problems, Events, Notifications, the container registry's login and the
// S3-compatible API's login.
//
// Begin with [New] in a test, or [Start] elsewhere, then seed with the Add methods. A program under test needs nothing
// but the environment of [Emulator.Env]: the emulator is its HTTPS proxy, answers for the real host names with
// certificates of a throw-away CA, and gives it a resource principal. In-process clients use [Emulator.Client].
//
// It guarantees that every request's signature, date and body hash were verified before anything happened, that each
// operation takes effect whole or not at all, and that each credential which [Emulator.User] shows works over the wire
// until it is deleted. By default it is stricter than the cloud: small pages, new credentials that are refused for a
// moment, secrets that stay UPDATING.
//
// It is not for production and not for guarding anything: it keeps secrets in memory in the clear and its control
// routes ask no password. What it does not emulate stands in README.md.
package ociemu
