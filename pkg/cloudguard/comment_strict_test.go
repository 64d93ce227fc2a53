package cloudguard_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
)

// spelling makes one spelling of an option or of a configuration key with a value.
type spelling struct{ *rand.Rand }

func (s spelling) of(from ...string) string { return from[s.IntN(len(from))] }

// wanted is what the option does if it is understood; nil for a configuration key,
// which a comment can't have.
type wanted func(c cloudguard.Comment) bool

func (s spelling) option() (words []string, value string, does wanted) {
	grace := func(c cloudguard.Comment) bool { return c.Grace != nil && *c.Grace > 0 }
	switch n := s.IntN(12); {
	case n < 4:
		return []string{"dry", "run"}, s.of("yes", "true", "on", "1", "YES", "please", ""), func(c cloudguard.Comment) bool { return c.DryRun }
	case n < 6:
		return []string{"grace"}, s.of("72h", "3d", "3 days", "72 hours", "90m", "a week", "91d", "soon"), grace
	case n < 7:
		return []string{"grace", "period"}, s.of("72h", "3d", "3 days"), grace
	case n < 8:
		return []string{"replace"}, s.of("yes", "true", "on", "first"), func(c cloudguard.Comment) bool { return c.Replace }
	case n < 10:
		return []string{"rotate"}, s.of("no", "false", "off", "later", "never", "next week"), func(c cloudguard.Comment) bool { return c.Rotate != nil && !*c.Rotate }
	}
	keys := config.Keys()
	key := keys[s.IntN(len(keys))].Name
	if key == "dry_run" {
		return []string{"dry", "run"}, "yes", func(c cloudguard.Comment) bool { return c.DryRun }
	}
	return strings.Split(key, "_"), s.of("off", "warn", "4096", "7", "x", ""), func(cloudguard.Comment) bool { return false }
}

func (s spelling) letterCase(word string) string {
	switch s.IntN(5) {
	case 0:
		return strings.ToUpper(word)
	case 1:
		return strings.ToUpper(word[:1]) + word[1:]
	case 2:
		return strings.Map(func(r rune) rune {
			if s.IntN(2) == 0 {
				return unicode.ToUpper(r)
			}
			return r
		}, word)
	}
	return word
}

// english are words that a typo can make of an option's name, and that mean nothing.
var english = []string{"trace", "grade", "brace", "grape", "grave", "graze", "race", "place", "rotates", "rotated", "replaced", "replaces", "notate"}

// typo changes one letter of a word of five or more.
func (s spelling) typo(word string) string {
	r := []rune(word)
	i, letter := s.IntN(len(r)-1), rune('a'+s.IntN(26))
	switch s.IntN(4) {
	case 0:
		r[i], r[i+1] = r[i+1], r[i]
	case 1:
		r = slices.Delete(r, i, i+1)
	case 2:
		r = slices.Insert(r, i, letter)
	default:
		r[i] = letter
	}
	if slices.Contains(english, string(r)) {
		return word
	}
	return string(r)
}

// disguise writes letters in another way that people or programs write them.
func (s spelling) disguise(word string) string {
	each := func(one func(r rune) string) string {
		var b strings.Builder
		for _, r := range word {
			if unicode.IsLetter(r) && r < unicode.MaxASCII {
				b.WriteString(one(r))
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	switch s.IntN(16) {
	case 0:
		return each(func(r rune) string { return fmt.Sprintf("&#%d;", r) })
	case 1:
		return each(func(r rune) string { return fmt.Sprintf("&#x%x;", r) })
	case 2:
		return each(func(r rune) string { return fmt.Sprintf("%%%02X", r) })
	case 3:
		return each(func(r rune) string { return string(r + 0xfee0) })
	case 4:
		return each(func(r rune) string { return string(unicode.ToLower(r) - 'a' + 0x1d41a) })
	case 5:
		return each(func(r rune) string { return string(r) + s.of("", "\u200b", "\u00ad", "\u0301") })
	case 6:
		return strings.NewReplacer("a", "\u0430", "e", "\u0435", "o", "\u043e", "c", "\u0441", "y", "\u0443").Replace(word)
	case 7:
		return strings.NewReplacer("a", "\u00e1", "e", "\u00e8", "o", "\u00f6", "u", "\u00fc", "n", "\u00f1").Replace(word)
	}
	return word
}

// text is the option in one of many forms.
func (s spelling) text() (text string, does wanted) {
	words, value, does := s.option()
	if s.IntN(8) == 0 {
		return strings.Join(words, "_") + ":" + value, does
	}
	name := strings.Join(words, s.of("_", "_", " ", "-", "", ".", "\u2013", " _ ", "\u00a0", "\uff3f", "/", "+"))
	if len(words) < 2 && len(name) >= 6 && s.IntN(4) == 0 && name != "metrics" {
		name = s.typo(name)
	}
	name = s.disguise(s.letterCase(name))
	if mark := s.of("", "", "", "**", "`", "\"", "'", "_", "\u201c", "~"); mark != "" {
		name = mark + name + mark
	}
	assign := s.of(":", ":", "=", " ", "\uff1a", " : ", " = ", "\u2192", " -> ", "=>", "\t", " | ", ": ", "::", ":=", "\n", "\uff1d")
	text = name + assign + value
	if s.IntN(6) == 0 {
		text = value + s.of(" ", ":", " = ") + name
	}
	if value == "" {
		text = name
	}
	return s.of("", "", "", "please ", "- ", "* ", "1. ", "2) ", "--", "with ", "CHG-1 ", "(", "{", "| ", "> ", "> - ", "[x] ") + text + s.of("", "", " please", ".", "!", ")", "}", " |", " thanks"), does
}

func TestNoSpellingOfAnOptionChangesNothingSilently(t *testing.T) {
	s := spelling{rand.New(rand.NewPCG(12, 2026))}
	understood := 0
	for range 4000 {
		text, does := s.text()
		if s.IntN(2) == 0 {
			text = "auth_secret_ocid:" + one + s.of(",", ", ", "\n", ";") + text
		} else {
			text += s.of(",", ", ", "\n", ";") + "auth_secret_ocid:" + one
		}
		c, err := cloudguard.ParseComment(token, text)
		if refused, ok := errors.AsType[*cloudguard.CommentError](err); ok {
			checkRefused(t, token, refused)
			continue
		}
		understood++
		if !does(c) {
			t.Errorf("%q was read as %q", text, c)
		}
	}
	if understood < 50 {
		t.Errorf("only %d spellings were understood exactly", understood)
	}
}

func TestEveryConfigurationKeyIsRecognisedInAComment(t *testing.T) {
	for _, k := range config.Keys() {
		for _, text := range []string{k.Name, k.Name + ":" + k.Default, strings.ToUpper(k.Name) + "=x", strings.ReplaceAll(k.Name, "_", " "), strings.ReplaceAll(k.Name, "_", "-") + " x"} {
			if c, err := cloudguard.ParseComment(token, text); err == nil && (k.Name != "dry_run" || len(c.Free) > 0) {
				t.Errorf("%q was read as %q", text, c)
			}
		}
	}
}

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

func TestWordsThatWishSomethingOfTheRotationAreRefused(t *testing.T) {
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

func TestTextThatIsClearlyFreeIsLeftAlone(t *testing.T) {
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
