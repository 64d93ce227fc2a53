// Package ocipolicy reads OCI's policy statements and the matching rules of dynamic groups, and decides with them
// whether a request may be made.
//
// Start with Parse and ParseRule, put what they return into a Set, and ask Set.Decide about a Request. The decision
// names the statement that grants each permission, or the permissions that nobody grants.
//
// It follows Oracle's documentation: the policy syntax and its conditions
// (https://docs.oracle.com/en-us/iaas/Content/Identity/policysyntax/policysyntax.htm), the general variables and the
// permissions of each verb (Policy Reference, https://docs.oracle.com/en-us/iaas/Content/Identity/policyreference/).
// What a real tenancy does was never compared. Verbs are spelt out for the resource types of Permissions alone;
// a statement about any other type is read, and grants nothing here.
//
// It is not for define, endorse, admit and deny statements, time conditions, or tenancies other than one's own.
package ocipolicy
