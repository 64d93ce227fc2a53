// Package ocipolicy reads OCI's policy statements and the matching rules of dynamic groups, and uses them to decide
// whether a request is allowed.
//
// Start with Parse and ParseRule, put what they return into a Set, and ask Set.Decide about a Request. The decision
// names the statement that grants each permission, or the permissions that no statement grants.
//
// It follows Oracle's documentation: the policy syntax and its conditions
// (https://docs.oracle.com/en-us/iaas/Content/Identity/policysyntax/policysyntax.htm), the general variables and the
// permissions of each verb (Policy Reference, https://docs.oracle.com/en-us/iaas/Content/Identity/policyreference/). It
// was never compared with a real tenancy. Verbs are expanded only for the resource types of Permissions; a statement
// about any other type is read, but grants nothing.
//
// It does not support define, endorse, admit and deny statements, time conditions, or several tenancies.
package ocipolicy
