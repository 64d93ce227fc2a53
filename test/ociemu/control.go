package ociemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The control routes seed and observe the emulator without Go. They are not part of an emulated service, need no
// password, and are served only on the loopback origin. README.md has a curl line for each.

const controlPrefix = "/_emulator/"

// errControl is an error in a control request.
var errControl = errors.New("control request")

func (e *Emulator) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(r *http.Request) (any, error){
		"GET /_emulator/calls": func(*http.Request) (any, error) { return e.Calls(), nil },
		"DELETE /_emulator/calls": func(*http.Request) (any, error) {
			e.ResetCalls()
			return done, nil
		},
		"GET /_emulator/connections": func(*http.Request) (any, error) {
			return e.Connections(), nil
		},
		"GET /_emulator/mails": func(*http.Request) (any, error) {
			return orEmpty(e.Mails()), nil
		},
		"GET /_emulator/metrics": func(*http.Request) (any, error) {
			return orEmpty(e.Metrics()), nil
		},
		"GET /_emulator/failures": e.controlFailures,
		"POST /_emulator/faults":  e.controlInject,
		"DELETE /_emulator/faults": func(*http.Request) (any, error) {
			e.ClearFaults()
			return done, nil
		},
		"POST /_emulator/late/release": func(*http.Request) (any, error) {
			return map[string]int{"released": e.ReleaseLate()}, nil
		},
		"POST /_emulator/spread":  e.controlSpread,
		"POST /_emulator/forward": e.controlForward,
		"GET /_emulator/domains": func(*http.Request) (any, error) {
			return orEmpty(e.Domains()), nil
		},
		"GET /_emulator/domainMails": func(*http.Request) (any, error) {
			return orEmpty(e.DomainMails()), nil
		},
		"POST /_emulator/domains": e.controlAddDomain,
		"POST /_emulator/apps":    e.controlAddApp,
		"POST /_emulator/users":   e.controlAddUser,
		"GET /_emulator/users/{id}": func(r *http.Request) (any, error) {
			return e.User(r.PathValue("id")), nil
		},
		"POST /_emulator/users/{id}/apiKeys":            e.controlAddAPIKey,
		"POST /_emulator/users/{id}/authTokens":         e.controlAddAuthToken,
		"POST /_emulator/users/{id}/customerSecretKeys": e.controlAddSecretKey,
		"POST /_emulator/users/{id}/uiPassword":         e.controlSetPassword,
		"POST /_emulator/operators":                     e.controlAddOperator,
		"POST /_emulator/functions":                     e.controlAddFunction,
		"POST /_emulator/secrets":                       e.controlAddSecret,
		"GET /_emulator/secrets/{id}":                   e.controlSecret,
		"POST /_emulator/images":                        e.controlAddImage,
		"POST /_emulator/buckets":                       e.controlAddBucket,
		"POST /_emulator/topics":                        e.controlAddTopic,
		"POST /_emulator/problems":                      e.controlAddProblem,
		"GET /_emulator/problems/{id}": func(r *http.Request) (any, error) {
			return e.Problem(r.PathValue("id")), nil
		},
		"POST /_emulator/problems/{id}/close": e.controlCloseProblem,
		"POST /_emulator/rules":               e.controlAddRule,
		"POST /_emulator/events":              e.controlEmit,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { e.control(w, r, handle) })
	}
	return mux
}

var done = map[string]bool{"done": true}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// control runs a control request. A panic of the seeding methods becomes an answer.
func (e *Emulator) control(w http.ResponseWriter, r *http.Request, handle func(*http.Request) (any, error)) {
	w.Header().Set("Content-Type", "application/json")
	answer, err := func() (answer any, err error) {
		defer func() {
			if mistake := recover(); mistake != nil {
				err = fmt.Errorf("%w: %v", errControl, mistake)
			}
		}()
		return handle(r)
	}()
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		e.opts.Log.Debug("control answer not written", "path", r.URL.Path)
	}
}

// readControl decodes a control request's body. It refuses unknown fields, so that no misspelt one is ignored.
func readControl[T any](r *http.Request) (T, error) {
	var v T
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return v, fmt.Errorf("reading the request: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return v, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&v); err != nil {
		return v, fmt.Errorf("reading the request: %w", err)
	}
	return v, nil
}

type named struct{ Name, Description, DisplayName string }

func (e *Emulator) controlFailures(*http.Request) (any, error) {
	list := []map[string]any{}
	for _, f := range e.Failures() {
		list = append(list, map[string]any{"function": f.Function, "attempt": f.Attempt, "error": f.Err.Error(),
			"at": f.At})
	}
	return list, nil
}

func (e *Emulator) controlInject(r *http.Request) (any, error) {
	order, err := readControl[struct {
		Operation   string
		Region      string // identifier; empty: any
		Domain      string // display name; empty: any
		Skip, Times int
		When, Do    string
		Status      int
		Code, Delay string
	}](r)
	if err != nil {
		return nil, err
	}
	f := Fault{Operation: order.Operation, Skip: order.Skip, Times: order.Times, Match: func(c Call) bool {
		return fits(order.Region, c.Region) && fits(order.Domain, c.Domain)
	}}
	switch order.When {
	case "", "before":
	case "after":
		f.When = After
	default:
		return nil, fmt.Errorf("%w: when is %q, want before or after", errControl, order.When)
	}
	switch order.Do {
	case "answer":
		if order.Status < 100 || order.Status > 599 || order.Code == "" {
			return nil, fmt.Errorf("%w: answer needs a status and a code", errControl)
		}
		f.Do = Answer(order.Status, order.Code)
	case "cut":
		f.Do = Cut
	case "late":
		f.Do = Late
	case "delay":
		d, err := time.ParseDuration(order.Delay)
		if err != nil {
			return nil, fmt.Errorf("reading the delay: %w", err)
		}
		f.Do = Delay(d)
	case "stale":
		if f.When == After {
			return nil, fmt.Errorf("%w: a list is stale before it is read", errControl)
		}
		d, err := positive(order.Delay)
		if err != nil {
			return nil, err
		}
		f.Do = StaleList(d)
	default:
		return nil, fmt.Errorf("%w: do is %q, want answer, cut, late, delay or stale", errControl, order.Do)
	}
	e.Inject(f)
	return done, nil
}

func (e *Emulator) controlAddUser(r *http.Request) (any, error) {
	body, err := readControl[struct{ Name, Domain, Email string }](r)
	if err != nil {
		return nil, err
	}
	if body.Name == "" {
		return nil, fmt.Errorf("%w: a user needs a name", errControl)
	}
	if body.Domain != "" {
		return map[string]string{"id": e.AddDomainUser(body.Domain, UserSeed{Name: body.Name, Email: body.Email})}, nil
	}
	return map[string]string{"id": e.AddUser(body.Name)}, nil
}

func (e *Emulator) controlAddAPIKey(r *http.Request) (any, error) {
	print, key := e.AddAPIKey(r.PathValue("id"))
	return map[string]string{"fingerprint": print, "privateKey": string(key)}, nil
}

func (e *Emulator) controlAddAuthToken(r *http.Request) (any, error) {
	body, err := readControl[named](r)
	if err != nil {
		return nil, err
	}
	id, token := e.AddAuthToken(r.PathValue("id"), body.Description)
	return map[string]string{"id": id, "token": token}, nil
}

func (e *Emulator) controlAddSecretKey(r *http.Request) (any, error) {
	body, err := readControl[named](r)
	if err != nil {
		return nil, err
	}
	id, key := e.AddCustomerSecretKey(r.PathValue("id"), body.DisplayName)
	return map[string]string{"id": id, "key": key}, nil
}

func (e *Emulator) controlSetPassword(r *http.Request) (any, error) {
	return map[string]string{"password": e.SetPassword(r.PathValue("id"))}, nil
}

func (e *Emulator) controlAddOperator(r *http.Request) (any, error) {
	body, err := readControl[named](r)
	if err != nil {
		return nil, err
	}
	o := e.AddOperator(orDefault(body.Name, "operator"))
	return map[string]string{
		"userId": o.UserID, "fingerprint": o.Fingerprint, "keyFile": o.KeyFile, "tenancyId": o.TenancyID,
		"region": o.Region, "config": e.Config(o),
	}, nil
}

// controlAddFunction registers a function. Its events are posted to the URL, if given.
func (e *Emulator) controlAddFunction(r *http.Request) (any, error) {
	body, err := readControl[struct{ Name, Compartment, URL string }](r)
	if err != nil {
		return nil, err
	}
	p := e.NewFunction(orDefault(body.Name, "function"), body.Compartment)
	if body.URL != "" {
		e.HandleFunction(p.FunctionID, PostTo(body.URL))
	}
	return map[string]any{"id": p.FunctionID, "env": e.Env(p)}, nil
}

// PostTo returns a function that posts each event to the URL; a status other than 200 is a failure.
func PostTo(url string) Function {
	return func(ctx context.Context, event []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
		if err != nil {
			return fmt.Errorf("delivering to %s: %w", url, err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("delivering to %s: %w", url, err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("delivering to %s: the function answered %d", url, resp.StatusCode)
		}
		return nil
	}
}

func (e *Emulator) controlAddSecret(r *http.Request) (any, error) {
	body, err := readControl[struct {
		Name, Compartment, Region, Content string
		FreeformTags                       map[string]string
		DefinedTags                        map[string]map[string]any
	}](r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": e.AddSecret(SecretSeed{
		Name: body.Name, Compartment: body.Compartment, Region: body.Region, Content: []byte(body.Content),
		FreeformTags: body.FreeformTags, DefinedTags: body.DefinedTags,
	})}, nil
}

// controlSecret shows a secret without its contents.
func (e *Emulator) controlSecret(r *http.Request) (any, error) {
	s := e.Secret(r.PathValue("id"))
	versions := []map[string]any{}
	for _, v := range s.Versions {
		versions = append(versions, map[string]any{"number": v.Number, "name": v.Name, "stages": v.Stages,
			"bytes": len(v.Content)})
	}
	return map[string]any{
		"id": s.ID, "name": s.Name, "region": s.Region, "state": s.State, "currentVersion": s.CurrentVersion,
		"versions": versions,
		"metadata": s.Metadata, "freeformTags": s.FreeformTags, "definedTags": s.DefinedTags,
	}, nil
}

func (e *Emulator) controlAddTopic(r *http.Request) (any, error) {
	body, err := readControl[named](r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": e.AddTopic(orDefault(body.Name, "topic"))}, nil
}

func (e *Emulator) controlAddProblem(r *http.Request) (any, error) {
	seed, err := readControl[ProblemSeed](r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": e.AddProblem(seed)}, nil
}

func (e *Emulator) controlCloseProblem(r *http.Request) (any, error) {
	body, err := readControl[struct{ Comment, Actor string }](r)
	if err != nil {
		return nil, err
	}
	e.CloseProblem(r.PathValue("id"), body.Comment, orDefault(body.Actor, "operator"))
	return done, nil
}

func (e *Emulator) controlAddRule(r *http.Request) (any, error) {
	body, err := readControl[struct {
		Condition json.RawMessage
		Target    string
	}](r)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": e.AddRule(string(body.Condition), body.Target)}, nil
}

func (e *Emulator) controlEmit(r *http.Request) (any, error) {
	event, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	return map[string]int{"started": e.Emit(event)}, nil
}
