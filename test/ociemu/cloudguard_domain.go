package ociemu

import "strings"

// detected makes the seed of a problem about a user of another domain than Default say what Cloud Guard says there,
// according to DomainAnswers. It reports whether Cloud Guard has such problems.
func (e *Emulator) detected(seed *ProblemSeed) bool {
	u := e.state.users[seed.User]
	if u == nil || u.domain == nil || u.domain.isDefault() {
		return true
	}
	a := e.opts.DomainAnswers
	if a.ProblemIDs == ProblemIDsNone {
		return false
	}
	own := seed.ResourceID[strings.LastIndex(seed.ResourceID, "/")+1:]
	scimID, ocid := View{e: e}.SCIMID(u.id, own)
	if own == "" || own == u.id { // a password has no id; the user is the resource
		scimID, ocid = u.scimID, u.id
	}
	switch {
	case scimID == "":
	case a.ProblemIDs == ProblemIDsOCID:
		seed.ResourceID = ocid
	case a.ProblemIDs == ProblemIDsSCIM:
		seed.ResourceID = scimID
	case a.ProblemIDs == ProblemIDsPath && own != "":
		seed.ResourceID = e.state.tenancy + "/" + u.id + "/" + own
	}
	if a.ProblemDomains {
		seed.ResourceName = u.domain.seed.Name + "/" + u.name
	}
	return true
}
