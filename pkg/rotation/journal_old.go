package rotation

// OldOf returns the id of the old credential that the journal has for a problem; "" if there is none.
func (j Journal) OldOf(problem string) string {
	if s := j.Staged; s != nil && s.Problem == problem && problem != "" {
		return s.Old
	}
	for _, r := range j.Retire {
		if r.Problem == problem && problem != "" {
			return r.Credential
		}
	}
	return ""
}
