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

// controlAddApp adds an app to a domain, by default to Default.
func (e *Emulator) controlAddApp(r *http.Request) (any, error) {
	body, err := readControl[struct{ Name, Domain string }](r)
	if err != nil {
		return nil, err
	}
	app, secret := e.AddApp(orDefault(body.Domain, DefaultDomain), orDefault(body.Name, "app"))
	return map[string]any{"app": app, "clientSecret": secret}, nil
}
