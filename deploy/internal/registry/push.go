package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Options say where to push.
type Options struct {
	Repositories string // beginning of the repositories' names: registry/namespace/prefix
	Tag          string
	User         string    // signs in with TokenFile; "": the credentials of `docker login`
	TokenFile    string    // "-" is In
	In           io.Reader // standard input
	Move         bool      // move a tag that has another digest
}

// Plan is a push that was checked.
type Plan struct {
	all, missing []Item
	remote       remoteSide
}

// References are the names of all images, as they are after the push.
func (p *Plan) References() (names []string) {
	for _, i := range p.all {
		names = append(names, i.String())
	}
	return names
}

// Missing are the names of the images that Push sends.
func (p *Plan) Missing() (names []string) {
	for _, i := range p.missing {
		names = append(names, i.String())
	}
	return names
}

// Check checks the images and their tags, and says what Push would do. It sends nothing.
func Check(ctx context.Context, o Options, images []Item, log io.Writer) (*Plan, error) {
	all, err := aim(o, images)
	if err != nil {
		return nil, err
	}
	auth, err := credentials(ctx, o, all[0].tag.Registry)
	if err != nil {
		return nil, err
	}
	p := &Plan{all: all, remote: remoteSide{auth: auth, options: []remote.Option{remote.WithContext(ctx),
		remote.WithAuth(auth)}}}
	for _, i := range all {
		there, err := p.remote.digest(i.tag)
		switch {
		case err != nil:
			return nil, p.remote.explain(i, "checking "+i.tag.String(), err)
		case there == i.digest:
			fmt.Fprintf(log, "already exists: %s\n", i)
			continue
		case there == v1.Hash{}:
			fmt.Fprintf(log, "will be pushed: %s (%d bytes)\n", i, i.size)
		case o.Move:
			fmt.Fprintf(log, "will be moved from %s: %s (%d bytes)\n", there, i, i.size)
		default:
			return nil, fmt.Errorf("%s already has another image, %s instead of %s: use a new version (a deployed tag "+
				"must not change), or move this one with --move-tag", i.tag, there, i.digest)
		}
		p.missing = append(p.missing, i)
	}
	return p, nil
}

// Push sends what is missing, and reads it back.
func (p *Plan) Push(log io.Writer) error {
	for _, i := range p.missing {
		err := remote.Write(i.tag, i.Image, p.remote.options...)
		if err != nil {
			return p.remote.explain(i, "pushing "+i.String(), err)
		}
		err = p.remote.verify(i)
		if err != nil {
			return err
		}
		fmt.Fprintf(log, "pushed: %s\n", i)
	}
	return nil
}

// remoteSide is the registry.
type remoteSide struct {
	auth    authn.Authenticator
	options []remote.Option
}

// digest is the digest of a tag; the zero hash if the tag doesn't exist.
func (r remoteSide) digest(tag name.Tag) (v1.Hash, error) {
	d, err := remote.Head(tag, r.options...)
	if e, ok := errors.AsType[*transport.Error](err); ok && e.StatusCode == http.StatusNotFound {
		return v1.Hash{}, nil
	}
	if err != nil {
		return v1.Hash{}, err
	}
	return d.Digest, nil
}

// verify reads back what was pushed.
func (r remoteSide) verify(i Item) error {
	there, err := r.digest(i.tag)
	if err != nil {
		return r.explain(i, "reading back "+i.tag.String(), err)
	}
	if there != i.digest {
		return fmt.Errorf("%s was pushed, but the registry now has %s for it: another process pushes there", i, there)
	}
	return nil
}

// explain adds to a refusal of the registry how to fix it. The error wraps the cause.
func (r remoteSide) explain(i Item, doing string, err error) error {
	host, repository := i.tag.RegistryStr(), i.tag.RepositoryStr()
	e, ok := errors.AsType[*transport.Error](err)
	switch {
	case !ok:
		return fmt.Errorf("%s: %s can't be reached, or the connection broke; try again: %w", doing, host, err)
	case e.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s: %s refuses the sign-in as %s. The user is <namespace>/<user>, for a federated one "+
			"<namespace>/oracleidentitycloudservice/<user>; the password is an auth token: %w", doing, host, r.user(),
			err)
	case e.StatusCode == http.StatusForbidden, e.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s: %s may not push to %s, or it doesn't exist: the stack creates the repository with "+
			"repositories = true, and the user's group needs `use repos` in its compartment: %w", doing, r.user(),
			repository, err)
	case e.StatusCode == http.StatusTooManyRequests, e.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %s is overloaded; try again later: %w", doing, host, err)
	default:
		return fmt.Errorf("%s: %s refuses: %w", doing, host, err)
	}
}

// user is the name of the sign-in, for messages.
func (r remoteSide) user() string {
	c, err := r.auth.Authorization()
	if err != nil || c.Username == "" {
		return "a user of unknown name"
	}
	return c.Username
}

// credentials are those of the command line, or those of `docker login` for the registry.
func credentials(ctx context.Context, o Options, registry name.Registry) (authn.Authenticator, error) {
	host := registry.RegistryStr()
	if (o.User == "") != (o.TokenFile == "") {
		return nil, errors.New("one of --user and --token-file is given, the other is not: give both, or neither to " +
			"sign in as `docker login` has left it")
	}
	if o.User == "" {
		found, err := authn.Resolve(ctx, authn.DefaultKeychain, registry)
		if err != nil {
			return nil, fmt.Errorf("reading Docker's credentials for %s: %w", host, err)
		}
		if found == authn.Anonymous {
			return nil, fmt.Errorf("there are no credentials for %s: run `docker login %s`, or give a user and a "+
				"file with a token (--user and --token-file)", host, host)
		}
		return found, nil
	}
	if isOCIR(host) && !strings.Contains(o.User, "/") {
		return nil, fmt.Errorf("--user %s has no namespace: write <namespace>/%s, or "+
			"<namespace>/oracleidentitycloudservice/%s for a federated user", o.User, o.User, o.User)
	}
	token, err := readToken(o.TokenFile, o.In)
	if err != nil {
		return nil, err
	}
	return &authn.Basic{Username: o.User, Password: token}, nil
}

// isOCIR reports whether a host is a registry of OCI, in any realm: ocir.<region>.oci.<domain>, or <key>.ocir.<domain>.
func isOCIR(host string) bool {
	return strings.HasPrefix(host, "ocir.") && strings.Contains(host, ".oci.") || strings.Contains(host, ".ocir.")
}

func readToken(file string, in io.Reader) (string, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("reading --token-file: %w", err)
		}
		defer f.Close()
		in = f
	}
	const longest = 4096 // auth tokens have 20 characters
	text, err := io.ReadAll(io.LimitReader(in, longest))
	if err != nil {
		return "", fmt.Errorf("reading --token-file %s: %w", file, err)
	}
	token := strings.TrimRight(string(text), "\r\n")
	if token == "" || strings.ContainsAny(token, "\r\n") || len(text) == longest {
		return "", fmt.Errorf("--token-file %s is not one line with a token", file)
	}
	return token, nil
}
