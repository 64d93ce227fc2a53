package main

import (
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// variant is a special condition of a rotation.
type variant string

const (
	plain   variant = ""
	grace   variant = "grace"   // the old credential keeps working for an hour
	replace variant = "replace" // the user has no free slot, and the old credential may be deleted first
	undo    variant = "undo"    // OCI refuses the new credential during the first delivery, and Keyturn takes it back
	wiped   variant = "wiped"   // after the first delivery the secrets' metadata, with the journal, is emptied
	lagging variant = "lagging" // IAM's lists are a minute old
)

// form is a kind of credential, where it is stored, and how its rotation goes.
type form struct {
	name    string
	want    tenancy.Want
	variant variant
	comment []string // options of the closure comment
}

// allForms lists the forms of the matrix. Those in a domain come last.
func allForms() (all []form) {
	for _, kind := range tenancy.Kinds() {
		all = append(all, formsOf(kind)...)
	}
	return append(all, domainForms()...)
}

// family names the forms that differ only in how the secrets hold the value, and in the user's domain.
func (f form) family() string {
	return strings.NewReplacer(domainPrefix, "", " pair", "", " bundle", "").Replace(f.name)
}

// formsOf lists the forms of a kind for a user of the Default domain: each variant with one secret, or one for each
// half of a pair, and then each variant with a bundle.
func formsOf(kind tenancy.Kind) (all []form) {
	if kind.Resets() {
		return formsOfReset(kind)
	}
	name := string(kind)
	if kind.Pair() {
		name += " pair"
	}
	for _, f := range []form{{name: name, want: tenancy.Want{Kind: kind}},
		{name: string(kind) + " bundle", want: tenancy.Want{Kind: kind, Bundle: true}}} {
		g, r, u, w, l := f, f, f, f, f
		g.name, g.variant, g.comment = f.name+" "+string(grace), grace, []string{"grace:1h"}
		r.name, r.variant, r.comment = f.name+" "+string(replace), replace, []string{"replace:yes"}
		r.want.Bystander = kind.Record().Limit - 1
		u.name, u.variant = f.name+" "+string(undo), undo
		w.name, w.variant = f.name+" "+string(wiped), wiped
		l.name, l.variant = f.name+" "+string(lagging), lagging
		all = append(all, f, g, r, u, w, l)
	}
	return all
}

// formsOfReset lists the forms of a kind whose rotation resets the user's only credential.
func formsOfReset(kind tenancy.Kind) []form {
	name := string(kind)
	return []form{
		{name: name, want: tenancy.Want{Kind: kind}},
		{name: name + " bundle", want: tenancy.Want{Kind: kind, Bundle: true}},
		{name: name + " " + string(lagging), want: tenancy.Want{Kind: kind}, variant: lagging},
		{name: name + " not kept", want: tenancy.Want{Kind: kind, NoSecret: true}},
	}
}

// domainForms lists the forms for a user of another domain than Default. Each kind has every variant once. Every other
// one is with a bundle, and another half of them for the next kind. A kind that resets has all its forms: with a secret
// Keyturn chooses the value and stores it first, and without one the domain mails a link.
func domainForms() (all []form) {
	for i, kind := range tenancy.Kinds() {
		forms := formsOf(kind)
		if kind.Resets() {
			for _, f := range forms {
				all = append(all, inDomain(f))
			}
			continue
		}
		for v, bundles := 0, forms[len(forms)/2:]; v < len(bundles); v++ {
			if (i+v)%2 == 0 {
				all = append(all, inDomain(forms[v]))
			} else {
				all = append(all, inDomain(bundles[v]))
			}
		}
	}
	return all
}

// inDomain is the same form for a user of another domain than Default.
func inDomain(f form) form {
	f.name = domainPrefix + f.name
	f.want.Domain = tenancy.Plant
	if f.want.Kind.Resets() {
		f.want.Person.Email = "web@example.com" // for the link
	}
	return f
}

// domainPrefix begins the names of the forms for a user of another domain than Default.
const domainPrefix = "domain "

// writes are the function's operations that change something.
var writes = map[string]bool{
	"UploadApiKey": true, "CreateApiKey": true, "CreateAuthToken": true, "CreateCustomerSecretKey": true,
	"CreateOrResetUIPassword": true, "PutUserPasswordChanger": true, "PutUserPasswordResetter": true,
	"DeleteApiKey": true, "DeleteAuthToken": true, "DeleteCustomerSecretKey": true,
	"UpdateSecret": true, "UpdateProblemStatus": true,
}

// setsPassword reports whether the operation sets or resets a password.
func setsPassword(operation string) bool {
	return operation == "CreateOrResetUIPassword" || strings.HasPrefix(operation, "PutUserPassword")
}

// isProof reports whether a call uses the new credential to prove that it works.
func isProof(c ociemu.Call) bool {
	return c.Operation == "GetUser" && c.Caller.Kind == "user" || c.Operation == "DockerToken" ||
		c.Operation == "ListBuckets"
}

// refusal is the answer to a proof with a credential that OCI does not accept.
func (f form) refusal() ociemu.Action {
	if f.want.Kind.Record().Endpoint == credential.AtS3 {
		return ociemu.Answer(403, "InvalidAccessKeyId")
	}
	return ociemu.Answer(401, "NotAuthenticated")
}
