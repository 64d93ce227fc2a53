package oci

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Prover uses a credential once, as the owner would. See rotation.Prover.
type Prover struct{ cloud *Cloud }

// Prover returns the prover.
func (c *Cloud) Prover() *Prover { return &Prover{c} }

// Prove makes a request in the owner's home region: with an API key it reads the owner's user, with an auth token it
// signs in to the container registry, with a customer secret key it lists buckets. The credential is accepted if the
// service recognizes the owner (see verdict). If a credential can be used in several forms, it is accepted if one form
// is accepted, and rejected if all of them are; otherwise Prove returns an error.
func (p *Prover) Prove(ctx context.Context, m credential.Material, o credential.Owner) (accepted bool, err error) {
	name := "prove " + string(m.Kind)
	proof := kinds[m.Kind].proof
	if proof.forms == nil {
		return false, fault.New(fault.Invalid, name, "there is no way to prove a credential of this kind")
	}
	forms, err := proof.forms(m, o)
	if err != nil {
		return false, fault.New(fault.Invalid, name, err.Error())
	}
	var undecided error // of the first form that was neither accepted nor rejected
	for _, form := range forms {
		accepted, err := p.try(ctx, name, proof, form, o)
		if accepted {
			return true, nil
		}
		if down(err) {
			return false, err
		}
		if undecided == nil {
			undecided = err
		}
	}
	return false, undecided
}

// down reports whether the service can't answer another form either: it gave no answer, failed, or throttled.
func down(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && (f.Status == 0 || f.Status >= http.StatusInternalServerError || f.Class == fault.Throttled)
}

// try makes one request.
func (p *Prover) try(ctx context.Context, name string, proof proof, form request, o credential.Owner) (bool, error) {
	return call(ctx, p.cloud, name, once, func(ctx context.Context) (bool, error) {
		r, err := form(ctx, p.cloud)
		if err != nil {
			if known, ok := errors.AsType[*fault.Error](err); ok {
				return false, known
			}
			return false, fault.New(fault.Invalid, name, "the request can't be made from the credential")
		}
		response, err := p.cloud.http.Do(r)
		if err != nil {
			return false, err
		}
		defer response.Body.Close()
		// to the end, so that the connection can be reused
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return false, err
		}
		if succeeded(response) {
			if proof.success(body, o) {
				return true, nil
			}
			return false, &fault.Error{Class: fault.Unclear, Operation: name, Status: response.StatusCode,
				Message: "the answer isn't the service's: it may come from a gateway or a proxy"}
		}
		a := readFailure(response.StatusCode, response.Header, body)
		switch verdictOf(proof, a) {
		case accepted:
			return true, nil
		case rejected:
			return false, nil
		}
		return false, a.unclear(name)
	})
}

// unclear is the fault of an answer that says nothing about a credential. Its class is Throttled or Unclear: if a proof
// is denied or absent, that says nothing about the object that the caller asks for.
func (a failure) unclear(operation string) *fault.Error {
	f := a.fault(operation, false)
	if f.Class != fault.Throttled {
		f.Class = fault.Unclear
	}
	if a.form != formPage && a.form != formEmpty && a.form != formOther {
		f.Message = "an answer that says nothing about the credential"
	}
	return f
}

// request builds a request that uses a credential.
type request func(ctx context.Context, c *Cloud) (*http.Request, error)

// errNoUse is the reason why a credential can't be used. It never contains a secret value.
type errNoUse string

func (e errNoUse) Error() string { return string(e) }
