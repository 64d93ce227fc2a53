// Package ociemu emulates the part of Oracle Cloud Infrastructure that a credential rotator uses: IAM users and their
// credentials in identity domains, Vault secrets, Cloud Guard problems, Events, Notifications, the container registry's
// login and the S3-compatible API's login.
//
// Start with [New] in a test, or [Start] elsewhere, then seed with the Add methods. A program under test needs only the
// environment of [Emulator.Env]: the emulator is its HTTPS proxy, answers for the real host names with certificates of
// a temporary CA, and gives it a resource principal. In-process clients use [Emulator.Client].
//
// Guarantees: it verifies every request's signature, date and body hash before anything else. Each operation takes
// effect completely or not at all. Each credential that [Emulator.User] shows works over the network until it is
// deleted or expires, or until it or its user is deactivated. By default it is stricter than the cloud: small pages,
// new credentials that are refused for a moment, secrets that stay UPDATING.
//
// It is not for production: it keeps secrets in memory unencrypted, and its control routes need no password. README.md
// lists what it does not emulate.
package ociemu
