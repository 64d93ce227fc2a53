package ociemu

// WipeMetadata deletes a secret's metadata, as a user's tool may do that doesn't know it.
func (e *Emulator) WipeMetadata(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.secretByID(id, "")
	if s == nil {
		panic("ociemu: no secret " + id)
	}
	s.metadata, s.etag = map[string]any{}, e.state.ids.etag()
	e.notifyLocked()
}
