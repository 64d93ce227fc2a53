package main

import (
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

// slots is how many credentials of each kind OCI allows a user.
var slots = map[tenancy.Kind]int{tenancy.APIKey: 3, tenancy.AuthToken: 2, tenancy.CustomerSecretKey: 2}

// allForms lists the forms of the matrix.
func allForms() []form {
	base := []form{
		{name: "api-key", want: tenancy.Want{Kind: tenancy.APIKey}},
		{name: "api-key bundle", want: tenancy.Want{Kind: tenancy.APIKey, Bundle: true}},
		{name: "auth-token", want: tenancy.Want{Kind: tenancy.AuthToken}},
		{name: "auth-token bundle", want: tenancy.Want{Kind: tenancy.AuthToken, Bundle: true}},
		{name: "customer-secret-key pair", want: tenancy.Want{Kind: tenancy.CustomerSecretKey}},
		{name: "customer-secret-key bundle", want: tenancy.Want{Kind: tenancy.CustomerSecretKey, Bundle: true}},
	}
	var all []form
	for _, f := range base {
		all = append(all, f)
		g, r, u, w, l := f, f, f, f, f
		g.name, g.variant, g.comment = f.name+" "+string(grace), grace, []string{"grace:1h"}
		r.name, r.variant, r.comment = f.name+" "+string(replace), replace, []string{"replace:yes"}
		r.want.Bystander = slots[f.want.Kind] - 1
		u.name, u.variant = f.name+" "+string(undo), undo
		w.name, w.variant = f.name+" "+string(wiped), wiped
		l.name, l.variant = f.name+" "+string(lagging), lagging
		all = append(all, g, r, u, w, l)
	}
	return append(all,
		form{name: "password", want: tenancy.Want{Kind: tenancy.Password}},
		form{name: "password bundle", want: tenancy.Want{Kind: tenancy.Password, Bundle: true}},
		form{name: "password " + string(lagging), want: tenancy.Want{Kind: tenancy.Password}, variant: lagging},
		form{name: "password not kept", want: tenancy.Want{Kind: tenancy.Password, NoSecret: true}})
}

// writes are the function's operations that change something.
var writes = map[string]bool{
	"UploadApiKey": true, "CreateAuthToken": true, "CreateCustomerSecretKey": true, "CreateOrResetUIPassword": true,
	"DeleteApiKey": true, "DeleteAuthToken": true, "DeleteCustomerSecretKey": true,
	"UpdateSecret": true, "UpdateProblemStatus": true,
}

// isProof reports whether a call uses the new credential to prove that it works.
func isProof(c ociemu.Call) bool {
	return c.Operation == "GetUser" && c.Caller.Kind == "user" || c.Operation == "DockerToken" ||
		c.Operation == "ListBuckets"
}

// refusal is the answer to a proof with a credential that OCI does not accept.
func (f form) refusal() ociemu.Action {
	if f.want.Kind == tenancy.CustomerSecretKey {
		return ociemu.Answer(403, "InvalidAccessKeyId")
	}
	return ociemu.Answer(401, "NotAuthenticated")
}
