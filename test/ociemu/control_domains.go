package ociemu

import "net/http"

// controlAddDomain adds an identity domain and answers its snapshot.
func (e *Emulator) controlAddDomain(r *http.Request) (any, error) {
	seed, err := readControl[DomainSeed](r)
	if err != nil {
		return nil, err
	}
	return e.Domain(e.AddDomain(seed)), nil
}
