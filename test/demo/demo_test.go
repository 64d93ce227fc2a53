package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// binary is the function, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(tenancy.RunTests(m, &binary, nil)) }

func built(context.Context, string) (string, error) { return binary, nil }

// output is what a run of the demo printed.
type output struct {
	code           int
	stdout, stderr string
}

func runDemo(t *testing.T, prepare func(*tenancy.Deployment), args ...string) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := demo{build: built, prepare: prepare}.run(t.Context(), args, &stdout, &stderr)
	return output{code, stdout.String(), stderr.String()}
}

func (p output) expect(t *testing.T, code int, want ...string) {
	t.Helper()
	if p.code != code {
		t.Errorf("exit code %d, want %d", p.code, code)
	}
	for _, w := range want {
		if !strings.Contains(p.stdout+p.stderr, w) {
			t.Errorf("the output doesn't say %q", w)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", p.stdout, p.stderr)
	}
}

// values collects every content of a secret.
type values struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (v *values) collect(s *tenancy.Deployment) {
	s.OnChange(func(view ociemu.View) {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, id := range view.Secrets() {
			secret := view.Secret(id)
			for _, version := range secret.Versions {
				for line := range strings.Lines(string(version.Content)) {
					line = strings.TrimSpace(line)
					if !strings.HasPrefix(line, "-----") && !strings.HasPrefix(secret.Name, "accesskey") &&
						len(line) >= 10 {
						v.seen[line] = true
					}
				}
			}
		}
	})
}

// copied matches a line that a reader copies from: an OCID, address, id, command or closure comment.
var copied = regexp.MustCompile(`^  │   ?\S+$|^  │  *oci |_secret_ocid:|opc_request_ids=\S+$`)

func TestTheDemoRotatesEveryKindAndShowsNoSecretValue(t *testing.T) {
	t.Setenv("COLUMNS", "")
	v := values{seen: map[string]bool{}}
	p := runDemo(t, v.collect, "-verbose")
	p.expect(t, 0, "4 of 4 rotated in ", "go run ./test/demo -serve",
		"Rotated: API key of", "Rotated: auth token of", "Rotated: customer secret key of",
		"Rotated: console password of",
		"CURRENT LATEST → PREVIOUS", "none → CURRENT LATEST", "401 Unauthorized  refused", "403 Forbidden  refused",
		"200 OK            accepted",
		"too old  ", "deleted  ", "invalid  ", "new      ", "log   info", "none (searched for 8)")
	if p.stderr != "" {
		t.Errorf("on standard error: %s", p.stderr)
	}
	if strings.Contains(p.stdout, "\x1b") {
		t.Error("there are colour codes without a terminal")
	}
	for line := range strings.Lines(p.stdout) {
		line = strings.TrimRight(line, "\n")
		if n := utf8.RuneCountInString(line); n > usualWidth && !copied.MatchString(line) {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
	if len(v.seen) < 8 {
		t.Fatalf("only %d lines of secret values were seen", len(v.seen))
	}
	for value := range v.seen {
		if strings.Contains(p.stdout, value) {
			t.Error("a secret value is in the output")
		}
	}
}

func TestKindSelectsTheKinds(t *testing.T) {
	p := runDemo(t, nil, "-kind", "password,auth-token")
	p.expect(t, 0, "1 of 2  console password", "2 of 2  auth token", "2 of 2 rotated")
	if strings.Contains(p.stdout, "API key of") {
		t.Error("an API key was rotated, too")
	}
}

func TestARotationThatFailsEndsTheDemoWithOne(t *testing.T) {
	denied := func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Operation: "CreateAuthToken", Times: -1,
			Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	}
	p := runDemo(t, denied, "-kind", "auth-token")
	p.expect(t, 1, "NOT ROTATED", `Not as expected: the function answered "refused"`, "0 of 1 rotated",
		"demo: not everything is as expected")
}

func TestAnInvocationThatFailsEndsTheDemoWithOne(t *testing.T) {
	silent := func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Operation: "PublishMessage", Times: -1,
			Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	}
	p := runDemo(t, silent, "-kind", "auth-token")
	p.expect(t, 1, "demo: the function failed with status 502")
}

// afterAnswer makes the function do something more after its answer.
func afterAnswer(s *tenancy.Deployment, more func()) {
	s.HandleFunction(s.Function.FunctionID, func(ctx context.Context, event []byte) error {
		_, err := s.Invoke(ctx, event)
		more()
		return err
	})
}

func TestACredentialTooManyIsNotAsExpected(t *testing.T) {
	p := runDemo(t, func(s *tenancy.Deployment) {
		var user string
		s.OnChange(func(v ociemu.View) { user = v.Users()[len(v.Users())-1] })
		afterAnswer(s, func() { s.AddAuthToken(user, "one too many") })
	}, "-kind", "auth-token")
	p.expect(t, 1, "Not as expected: the user has 2 credentials with 2 new ones")
}

func TestADeadCredentialInVaultIsNotAsExpected(t *testing.T) {
	p := runDemo(t, func(s *tenancy.Deployment) {
		var user string
		s.OnChange(func(v ociemu.View) { user = v.Users()[len(v.Users())-1] })
		afterAnswer(s, func() { s.SetPassword(user) })
	}, "-kind", "password")
	p.expect(t, 1, "not the user's  refused, which is wrong", "0 of 1 rotated")
}

func TestASecretValueInTheLogIsNotAsExpected(t *testing.T) {
	p := runDemo(t, func(s *tenancy.Deployment) {
		var secret string
		s.OnChange(func(v ociemu.View) {
			if ids := v.Secrets(); len(ids) > 0 {
				secret = ids[0]
			}
		})
		afterAnswer(s, func() {
			if _, err := s.Printed.Write(s.Secret(secret).Current()); err != nil {
				t.Error(err)
			}
		})
	}, "-kind", "auth-token")
	p.expect(t, 1, "A secret value leaked: the function's log has a value of the secret auth_secret")
}

func TestAnAccessKeyInTheWrongSecretIsNoLeak(t *testing.T) {
	p := runDemo(t, nil, "-kind", "customer-secret-key", "-comment",
		"accesskey_secret_ocid:{secretkey_secret},secretkey_secret_ocid:{access_secret}")
	if strings.Contains(p.stdout, "A secret value leaked") || !strings.Contains(p.stdout, "and the mails: none") {
		t.Errorf("the demo says:\n%s", p.stdout)
	}
}

func TestACommentWithATypoIsShownWithItsCorrection(t *testing.T) {
	p := runDemo(t, nil, "-comment", "api_secret_ocd:{secret}")
	p.expect(t, 0, "refused; the problem is OPEN", "NOT ROTATED", "did you mean", "Close the problem again with "+
		"this comment:",
		"kept   ", "200 OK  accepted", "0 of 1 rotated")
}

func TestACommentIsPassedOnUnchanged(t *testing.T) {
	for _, m := range []struct {
		kind, comment string
		want          []string
	}{
		{"api-key", "", []string{"(none)", "refused; the problem is OPEN", "orders no rotation", "rotate:yes"}},
		{"api-key", "rotate:yes", []string{"rotated; the problem is RESOLVED"}},
		{"auth-token", "false positive", []string{"refused; the problem is OPEN", "dismiss the problem", "kept   "}},
		{"api-key", "api_secret_ocid:{secret},grace_period:72h", []string{"refused; the problem is OPEN", "grace:72h",
			"kept   "}},
		{"api-key", "bundle_secret_ocid:{bundle}", []string{"bundle_secret", "1 of 1 rotated"}},
		{"auth-token", "auth_secret_ocid:{secret},grace:72h", []string{"kept   ", "works until"}},
		{"customer-secret-key",
			"accesskey_secret_ocid:{access_secret},secretkey_secret_ocid:{secretkey_secret},dry_run:yes",
			[]string{"dry_run", "kept   "}},
	} {
		t.Run(m.kind+" "+m.comment, func(t *testing.T) {
			runDemo(t, nil, "-kind", m.kind, "-comment", m.comment).expect(t, 0, m.want...)
		})
	}
}

func TestARawEventIsSentToTheFunction(t *testing.T) {
	const examples = "../../pkg/cloudguard/testdata/"
	runDemo(t, nil, "-event", examples+"detected_api_key.json").expect(t, 0, "status 200 and the outcome ignored",
		`"outcome": "ignored"`, "SecOps got no mail.")
	runDemo(t, nil, "-event", examples+"remediated_api_key.json").expect(t, 0, "the outcome refused",
		"Keyturn | NOT ROTATED")
	broken := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(broken, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	runDemo(t, nil, "-event", broken).expect(t, 0, "the outcome refused", "mail to SecOps")
	runDemo(t, nil, "-event", "no-such-file").expect(t, 1, "demo: reading the event: open no-such-file")
}

func TestBadFlagsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-kind api_key":                       `unknown kind "api_key": the kinds are api-key, auth-token`,
		"-kind ":                              `unknown kind ""`,
		"-kind password -comment {key}":       "password has no placeholder {key}: use {secret}, {bundle}",
		"-comment {access_secret}":            "api-key has no placeholder {access_secret}",
		"-event x -serve":                     "-event and -serve can't be combined",
		"-serve -comment x":                   "-serve and -comment can't be combined",
		"-event ":                             "-event needs the name of a file",
		"-svg ":                               "-svg needs the name of a file",
		"-svg x.svg -serve":                   "-svg and -serve",
		"-svg x.svg -event f.json":            "-svg and -event",
		"-loud":                               "-loud",
		"now":                                 `unexpected argument "now"`,
		"-kind customer-secret-key,passwords": `unknown kind "passwords"`,
	} {
		t.Run(args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Split(args, " "), &stdout, &stderr)
			output{code, stdout.String(), stderr.String()}.expect(t, 2, "demo: ", want, "demo -h")
			if stdout.Len() > 0 {
				t.Error("there is something on standard output")
			}
		})
	}
}

func TestTheHelpExplainsEveryFlag(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-h"}, &stdout, &stderr)
	output{code, stdout.String(), stderr.String()}.expect(t, 0, "-kind", "-comment", "-event", "-serve", "-verbose",
		"{secretkey_secret}", "NO_COLOR")
}

func TestAnInterruptionEndsTheDemo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	code := demo{build: built, prepare: func(*tenancy.Deployment) { cancel() }}.run(ctx, nil, &stdout, &stderr)
	output{code, stdout.String(), stderr.String()}.expect(t, 1, "demo: interrupted\n")
	if strings.Contains(stdout.String(), "2 of 4") {
		t.Error("it went on")
	}
}
