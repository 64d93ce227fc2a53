package oci

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const defaultProfile = "DEFAULT"

// profile is a profile of the OCI CLI's configuration file. The keys of DEFAULT are those of every other profile, too,
// if that has none of its own, as in the OCI CLI, whose parser is Python's configparser.
type profile struct {
	file, name string
	own, keys  map[string]string // by names in lower case
}

func (p profile) String() string { return "profile " + p.name + " of " + p.file }

// profile reads the profile of the login.
func (l Login) profile() (profile, error) {
	p := profile{file: l.path(cmp.Or(l.File, filepath.Join("~", ".oci", "config"))),
		name: cmp.Or(l.Profile, defaultProfile)}
	text, err := os.ReadFile(p.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, fmt.Errorf("there is no OCI configuration %s: run oci setup config or oci session authenticate, "+
			"name a file with --config-file, or use --auth instance_principal on a compute instance", p.file)
	case err != nil:
		return p, fmt.Errorf("reading the OCI configuration: %w", plainPath(err, p.file))
	}
	sections, err := sectionsOf(text)
	if err != nil {
		return p, fmt.Errorf("%s: %w", p.file, err)
	}
	own, ok := sections[p.name]
	if !ok {
		return p, fmt.Errorf("%s has no profile %s: it has %s; choose one with --profile", p.file, p.name,
			cmp.Or(strings.Join(slices.Sorted(maps.Keys(sections)), ", "), "none"))
	}
	p.own, p.keys = own, maps.Clone(own)
	for key, value := range sections[defaultProfile] {
		if _, has := p.keys[key]; !has {
			p.keys[key] = value
		}
	}
	return p, nil
}

// sectionsOf reads an INI file. An error quotes no line, because a line may be a secret value.
func sectionsOf(text []byte) (map[string]map[string]string, error) {
	sections := map[string]map[string]string{}
	var section map[string]string
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, ok = strings.Cut(name, "]")
			if !ok {
				return nil, fmt.Errorf("line %d begins a profile without ]", n)
			}
			if sections[name] == nil {
				sections[name] = map[string]string{}
			}
			section = sections[name]
			continue
		}
		i := strings.IndexAny(line, "=:")
		switch {
		case section == nil:
			return nil, fmt.Errorf("line %d is before the first profile: begin the file with [DEFAULT]", n)
		case i < 0 && strings.HasPrefix(lines.Text(), "OCI_API_KEY"): // the Console's label of a key
		case i < 0:
			return nil, fmt.Errorf("line %d is not of the form key=value", n)
		default:
			section[strings.ToLower(strings.TrimSpace(line[:i]))] = strings.TrimSpace(line[i+1:])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	return sections, nil
}

// auth is the way to sign in that the profile is for. Its own keys decide before those of DEFAULT.
func (p profile) auth() Auth {
	for _, keys := range []map[string]string{p.own, p.keys} {
		switch {
		case keys["security_token_file"] != "":
			return AuthSecurityToken
		case keys["delegation_token_file"] != "":
			return AuthDelegated
		case keys["authentication_type"] == string(AuthInstancePrincipal):
			return AuthInstancePrincipal
		case keys["user"] != "" || keys["key_file"] != "":
			return AuthAPIKey
		}
	}
	return AuthAPIKey
}

// need returns a key's value. The error says what it should be.
func (p profile) need(key, what string, auth Auth) (string, error) {
	if v := p.keys[key]; v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s has no %s, which %s needs: add %[2]s=..., %[4]s", p, key, auth, what)
}
