package ociemu

// WipeMetadata empties a secret's metadata, as somebody does who manages the secret with a tool that knows nothing of
// it.
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
