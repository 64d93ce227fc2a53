package cloudguard_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

func TestTextThatSaysNoIsRefusedForEveryKindWithOrWithoutAnInstruction(t *testing.T) {
	for text := range strings.SplitSeq(saysNo, "\n") {
		for _, rule := range cloudguard.Rules() {
			for _, more := range []string{"", "rotate:yes,", "dry_run:no\n", "CHG-1;"} {
				_, err := cloudguard.ParseComment(rule, more+text)
				refused, ok := errors.AsType[*cloudguard.CommentError](err)
				if !ok {
					t.Errorf("%s %q is understood", rule, more+text)
					continue
				}
				if !slices.ContainsFunc(refused.Faults, func(f cloudguard.Fault) bool { return f.NoOrder }) ||
					!strings.Contains(refused.Remedy(), "dismiss the problem in Cloud Guard") {
					t.Errorf("%s %q: %v doesn't say how to leave the credential as it is", rule, more+text, err)
				}
				checkRefused(t, rule, refused)
			}
		}
	}
}

const saysNo = `do not rotate
don't rotate
Don’t rotate this
DO NOT ROTATE
dont
not rotate
no rotation
No rotation needed
never
without rotation
cannot be rotated yet
false positive
False-Positive
falsepositive
false_positive
FP
false alarm
closed by mistake
Closed in error
by accident
oops
wrong problem
misclick
tolerated until 2027
expected behaviour
by design
known issue
accidentally closed, sorry
accepted risk
Risk accepted until 2027
risk is accepted by CISO
accept the risk
accepted, risk
risk acceptance RA-12
exception granted
Exception EX-77 until 2027
policy exception
exempted by CISO
waiver approved
won't fix
wontfix
not needed
not required
ignore
ignored
please ignore
skip
skip this one
suppress
duplicate
duplicate of CHG-12
N/A
hold
on hold until Friday
postponed
deferred to Q1
cancel
stop
wait for Ann
later
tomorrow
next week
already rotated
already done
rotated manually last week
manual rotation done
pending approval
request denied
rejected by CAB
nope
none
nothing to do
nicht rotieren
kein Wechsel
Ausnahme genehmigt
versehentlich geschlossen
ne pas faire
ne pas toucher SVP
faux positif
no rotar
falso positivo
não rodar
niet roteren
non ruotare
nie rotować
не ротировать
не надо
不要轮换
请勿轮换
误报,不需要
ローテーションしないでください
回転しない
하지 마세요
不要
🚫`

func TestWordsThatMayBeAnInstructionAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"keep the old key for 72 hours":   ",grace:72h",
		"keep old 3d":                     ",grace:72h",
		"keep the old one":                ",grace:72h",
		"please leave the old key active": ",grace:72h",
		"overlap of two weeks":            ",grace:336h",
		"both keys must work for a day":   ",grace:24h",
		"72h":                             ",grace:72h",
		"in 3 days":                       ",grace:72h",
		"3 Tage":                          ",grace:72h",
		"48 heures":                       ",grace:48h",
		"give us five days":               ",grace:120h",
		"simulate":                        ",dry_run:yes",
		"preview only":                    ",dry_run:yes",
		"what-if":                         ",dry_run:yes",
		"no-op":                           ",dry_run:yes",
		"test":                            ",dry_run:yes",
		"just a test":                     ",dry_run:yes",
		"test run":                        ",dry_run:yes",
		"run dry":                         ",dry_run:yes",
		"please do a dry run first":       ",dry_run:yes",
		"delete the old one":              "",
		"remove old key immediately":      "",
		"after the freeze":                "",
		"only if the tests pass":          "",
		"when Ann is back":                "",
		"once approved":                   "",
		"backup first":                    "",
		"old key stays":                   ",grace:72h",
		"must continue to work":           ",grace:72h",
		"rsa 4096":                        "",
		"binding: warn":                   "",
		"proof off":                       "",
		"protect this user":               "",
		"--force":                         "",
		"notify=no":                       "",
		"urgent_mode: on":                 "",
		"yes":                             "",
		"secret: my-secret":               "",
		"use the secret of the web shop":  "",
		"use bundle secret x":             ",bundle_secret_ocid:<OCID of the bundle secret>",
	} {
		_, err := cloudguard.ParseComment(token, "auth_secret_ocid:"+one+","+text)
		refused, ok := errors.AsType[*cloudguard.CommentError](err)
		if !ok {
			t.Errorf("%q is understood", text)
			continue
		}
		if got := strings.TrimPrefix(refused.Corrected, "auth_secret_ocid:"+one); got != want {
			t.Errorf("%q is corrected to %q, want %q", text, got, want)
		}
	}
}

func TestFreeTextIsAccepted(t *testing.T) {
	for text := range strings.SplitSeq(clearlyFree, "\n") {
		c, err := cloudguard.ParseComment(token, "auth_secret_ocid:"+one+",grace:1h;"+text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if len(c.Free) == 0 || *c.Grace != time.Hour || c.DryRun || c.Replace || c.Rotate != nil {
			t.Errorf("%q was read as %q", text, c)
		}
	}
}

const clearlyFree = `CHG-1234 approved by Ann
CHG0012345
see https://wiki.example.com/runbooks/how-to-rotate-keys?id=12
https://jira.example.com/browse/SEC-12
rotated per policy
Ticket: SEC-1:2
Ticket no. 4711
quarterly rotation
Rotation 2026-Q4
Grace Hopper approved
approved by Grace
Approved by Grace O'Hara
please rotate
Please rotate this key as per policy
rotate it
Rotated on Friday
Replaced laptop
Rotate API keys regularly
older than 90 days
Rotate IAM Auth token regularly, at least every 90 days.
ticket CHG-1
monthly
thanks
asked by phone
Ann Lee (SecOps) 2026-11-28
change 4711 / CAB of 12 November
INC0099887: token of the CI of team Web
e-mail of bob@example.com
Approved: yes
risk: medium
non-production account
user ocid1.user.oc1..aaaa asked
the secret is in the vault
チケット CHG-1 承認済み
Genehmigt von Jörg Müller
approuvé par François
100% sure
C++ & Go builds
#secops #audit
SOC2 CC6.1
CIS 1.9
replay of problem 12
grade: A
signed off by Ann
Rotate every 90 days
service account of Ann Lee`
