package ociemu

import (
	"fmt"
	"net/http"
	"time"
)

// controlSpread sets how long new credentials of each kind are refused; kinds that the request omits are not.
func (e *Emulator) controlSpread(r *http.Request) (any, error) {
	body, err := readControl[struct{ APIKey, AuthToken, CustomerSecretKey string }](r)
	if err != nil {
		return nil, err
	}
	var s Spread
	for _, kind := range []struct {
		text string
		to   *time.Duration
	}{{body.APIKey, &s.APIKey}, {body.AuthToken, &s.AuthToken}, {body.CustomerSecretKey, &s.CustomerSecretKey}} {
		if kind.text == "" {
			continue
		}
		*kind.to, err = positive(kind.text)
		if err != nil {
			return nil, err
		}
	}
	e.SetSpread(s)
	return done, nil
}

// controlForward advances the services' clock.
func (e *Emulator) controlForward(r *http.Request) (any, error) {
	body, err := readControl[struct{ Time string }](r)
	if err != nil {
		return nil, err
	}
	d, err := positive(body.Time)
	if err != nil {
		return nil, err
	}
	e.Forward(d)
	return map[string]string{"now": timestamp(e.now())}, nil
}

func positive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: the time is %q, want one such as 15m", errControl, text)
	}
	return d, nil
}
