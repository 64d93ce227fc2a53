package ociemu

import (
	"fmt"
	"net/http"
)

// controlAddImage adds an image to the registry and answers how to pull it.
func (e *Emulator) controlAddImage(r *http.Request) (any, error) {
	seed, err := readControl[ImageSeed](r)
	if err != nil {
		return nil, err
	}
	name, digest := e.AddImage(seed)
	return map[string]string{"image": name, "digest": digest}, nil
}

func (e *Emulator) controlAddBucket(r *http.Request) (any, error) {
	body, err := readControl[struct{ Name string }](r)
	if err != nil {
		return nil, err
	}
	if body.Name == "" {
		return nil, fmt.Errorf("%w: a bucket needs a name", errControl)
	}
	e.AddBucket(body.Name)
	return done, nil
}
