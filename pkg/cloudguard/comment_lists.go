package cloudguard

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/pkg/credential"
)

// name is one name of an option, a key or a configuration key, as a word that
// stands for it in text.
type name struct {
	word     string // in lower case, without anything between its words
	key      string // what it names
	compound bool   // it has several words, so that it is no word of a language
	config   bool   // key is one of the function's configuration
	limit    int    // how many typos are seen through
}

// ConfigurationKeys are the keys of the function's configuration that a comment
// can't set; dry_run is also an option. A test compares them with the real ones.
var configurationKeys = strings.Fields("ons_topic event_check secret_binding protected_users grace_period prove " +
	"rsa_bits log_level metrics sweep_days secret_compartments bare_closure")

// anySecret is the key of a name that doesn't say which secret it is about.
const anySecret = "secret_ocid"

// names is the one table of the names that text may hold.
var names = sync.OnceValue(func() []name {
	all := []name{
		{keyRotate, keyRotate, false, false, 1}, {keyReplace, keyReplace, false, false, 1},
		{keyGrace, keyGrace, false, false, 1},
		{"dryrun", keyDryRun, true, false, 1}, {"rundry", keyDryRun, true, false, 0},
		{"dry", keyDryRun, false, false, 0},
		{"graceperiod", keyGrace, true, false, 2}, {"periodgrace", keyGrace, true, false, 2},
		{"gracedays", keyGrace, true, false, 1},
		{"gracehours", keyGrace, true, false, 1}, {"gracetime", keyGrace, true, false, 1},
		{"secretocid", anySecret, true, false, 1}, {"ocidsecret", anySecret, true, false, 1},
		{"secretid", anySecret, true, false, 0},
		{"bundleocid", credential.BundleKey, true, false, 0}, {"bundlesecret", credential.BundleKey, true, false, 1},
	}
	for _, k := range secretKeys() {
		typos := k.role.Part().Near
		for _, near := range slices.Sorted(maps.Keys(typos)) {
			all = append(all, name{near, k.name, true, false, typos[near]})
		}
	}
	for _, k := range secretKeys() {
		all = append(all, name{strings.ReplaceAll(k.name, "_", ""), k.name, true, false, 2})
	}
	for _, key := range configurationKeys {
		words := strings.Split(key, "_")
		limit := 0
		if len(words) > 1 {
			limit = 1
		}
		if key == "grace_period" {
			continue // it is above, as what it was meant for
		}
		all = append(all, name{strings.Join(words, ""), key, len(words) > 1, true, limit})
		if slices.Reverse(words); len(words) > 1 {
			all = append(all, name{strings.Join(words, ""), key, true, true, limit})
		}
	}
	return all
})

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

var (
	// ordinary are English words that are one or two typos away from an option.
	ordinary = set("trace grade brace grape grave graze race place places replay replica retrace relate release " +
		"releases state rate date notate gracie tracy racer space")
	// inflected are the forms of the options' words that tell of a rotation instead of
	// ordering something.
	inflected = map[string]string{"rotated": keyRotate, "rotates": keyRotate, "rotating": keyRotate,
		"rotation": keyRotate, "rotations": keyRotate,
		"rotational": keyRotate, "replaced": keyReplace, "replaces": keyReplace, "replacing": keyReplace,
		"replacement":  keyReplace,
		"replacements": keyReplace, "irreplaceable": keyReplace, "graceful": keyGrace, "gracefully": keyGrace,
		"disgrace": keyGrace}
	// withRotate are the words with which "rotate" says no more than rotate:yes.
	withRotate = set("please pls kindly rotate it this that the a an these our my your old too is key keys " +
		"credential credentials token tokens api auth iam oci password passwords customer secret secrets access " +
		"user users thanks thank you thx per as policy cis required requested regularly now today immediately asap " +
		"urgent urgently standard quarterly monthly yearly annually every each at least days 90 weekly scheduled " +
		"routine and by for of to in due need needs must should have has we want i let us time go ahead ok okay " +
		"approved")
	// Grace is a person after and before these words.
	beforeGrace = set("by from with ask asked per to cc and mrs ms dr hi thanks dear owner approver requester contact")
	afterGrace  = set("approved approves asked asks agreed agrees requested requests confirmed confirms said says " +
		"signed reviewed ok okay and from")
	// ofPairs are keys of other people's notes that may have the value yes.
	ofPairs = set("approved approval reviewed tested urgent confirmed confirmation informed communicated agreed " +
		"cab verified signed ok done")
	// yesNos are words for yes and no. "on" is in none of plainYesNos, since it is
	// mostly something else.
	plainYesNos = set("yes no true false off enable enabled disable disabled not never nein non")
	yesNos      = map[string]bool{"yes": true, "y": true, "true": true, "on": true, "1": true, "enable": true,
		"enabled": true, "ja": true, "si": true, "oui": true,
		"no": false, "n": false, "false": false, "off": false, "0": false, "disable": false, "disabled": false,
		"nein": false, "non": false, "never": false, "not": false}
)

// phrases makes a pattern of phrases with '|' between them; a '*' at the end of a
// word stands for any ending.
func phrases(list string) *regexp.Regexp {
	list = strings.ReplaceAll(strings.Join(strings.Fields(list), " "), "*", `[a-z]*`)
	return regexp.MustCompile(` (?:` + list + `)(?: |$)`)
}

// Each pattern is for the words of one item with single spaces between and around
// them.
var (
	// saysNo is found in what may mean that nothing is to be rotated.
	saysNo = sync.OnceValue(func() *regexp.Regexp {
		return phrases(`no|not|non|nor|nope|nah|never|none|nothing|nobody|neither|without|cannot` +
			`|(?:do|does|did|wo|ca|is|are|was|were|has|have|had|should|must|need|could|would|ai)nt|dont|donot|dnt` +
			`|false[ ]?positive*|falsepositive*|false alarm*|fp|mistake*|mistook|accident*|oops|wrong|wrongly|misclick*|tolerat*|excus*|expected|intended|intentional*|(?:by|as) design*|known issue|erroneous*|(?:in|by|an|my) error|unintention*|inadvertent*|sorry` +
			`|(?:accept|accepted|accepting|accepts|acceptance|accepteds) (?:[a-z]+ )?(?:[a-z]+ )?risk*|risk* (?:[a-z]+ )?(?:[a-z]+ )?accept*|exception*|exempt*|waive*|deviation*` +
			`|ignore*|disregard*|skip*|suppress*|exclu*|whitelist*|allowlist*|wontfix|wont fix|na|n a|duplicate*|dupe*|dup|unneeded|unnecessary|needless*|obsolete` +
			`|cancel*|abort*|stop*|halt*|hold|holding|onhold|pause*|postpon*|defer|deferred|deferring|delay*|wait|waiting|awaiting|pending|suspend*|snooze*|freeze|frozen` +
			`|unapproved|unauthori*|denied|deny|reject*|declin*|forbid*|forbidden|prohibit*|disallow*|refuse*|veto*|undo|undone|revert*|rollback|roll back|rolled back` +
			`|already|manually|manual (?:rotat*|reset*|chang*|renew*|replac*|updat*)|by hand|myself|ourselves|later|tomorrow|tonight|next (?:week|month|quarter|year|sprint|release)|some other time` +
			// other languages
			`|nicht|nichts|kein*|nein|niemals|nie|ohne|fehlalarm|versehentlich|irrtumlich|ausnahme*|spater` +
			`|ne (?:[a-z]+ ){0,4}pas|pas de|jamais|aucun*|sans|faux positif*|par erreur|nunca|jamas|tampoco|ningun*|excepcion*|falso positivo|por error|nao|sem|excecao|por engano` +
			`|senza|falso allarme|eccezione|niet|geen|nooit|ikke|ingen|aldrig|inte|ej|jangan|tidak|hayir|degil|yok|khong|dung|nem|bez|nu`)
	})
	// foreignNo is saysNo for words of other scripts, in plain lower case.
	foreignNo = lazily(func() string {
		return `(?:^|[^\pL])(?:не|нет|без|никогда|нельзя|ні|δεν|μην|μη|όχι|لا|ليس|بدون|غير|לא|אין|אל|नहीं|मत)(?:[^\pL]|$)` +
			`|[不勿無无未没沒禁否別别非]|ない|ません|なし|しないで|않|금지|없|말고|마세요|아니|ไม่|อย่า|[🚫❌⛔🛑✋]`
	})
	// notNo is taken out before saysNo is looked for.
	notNo = lazily(func() string {
		return ` no [0-9]+| no objections?| non (?:prod[a-z]*|human|interactive|personal)|(?: ticket| change| case| request| incident)? no[0-9]+`
	})
	// wishes are words for something else than to rotate now.
	wishes = sync.OnceValue(func() []wish {
		return []wish{
			{
				phrases(
					`simulat*|preview*|whatif|what if|noop|no op|rehears*|trial*|test (?:run|mode)|(?:check|plan|report|test) only|only (?:check|test|plan|report)|pretend*|try (?:it )?out`), keyDryRun},
			{
				phrases(
					`(?:just |only |this is ){0,2}(?:a |my |the )?(?:test|tests|testing)(?: only| please| pls){0,2} $`),
				keyDryRun},
			{
				phrases(
					`keep*|leave|leaving|retain*|retention|preserve*|overlap*|coexist*|parallel|alongside|both (?:keys?|tokens?|credentials?|old|work)|transition*|remain*|stay*|continu*|still work*|surviv*`), keyGrace},
			{
				phrases(
					`delete|deleting|deletion|remove|removing|removal|revoke|revoking|retire|retiring|purge|destroy|deactivate|disable|invalidate|expire`), ""},
			{phrases(`(?:use|using|into|store|put|write|save) (?:[a-z]+ ){0,3}(?:secret|bundle|vault)`), ""},
			{phrases(`(?:rsa )?(?:2048|3072|4096)|protect*`), ""},
			{phrases(`until|till|unless|if|except|but|only|instead|after|afterwards|when|once|first $`), ""},
		}
	})
	// duration finds a length of time in a folded text.
	duration = lazily(func() string {
		return `(?:^|[\s:=(~+>"'|*])(\d{1,6}|an?|one|two|three|four|five|six|seven|ten|few|some|couple of)[ _-]?` +
			`(?:(days?|dias?|tage?n?|jours?|giorni|d)|(hours?|hrs?|stunden?|heures?|horas?|ore|h)|(minutes?|mins?|m)|(weeks?|wks?|wochen?|semaines?|semanas?|w)|(months?|monate?n?|mois|meses|years?))(?:[^a-z0-9]|$)`
	})
	// everyDuration is a length of time that speaks of a rule, not of a wish.
	everyDuration = lazily(func() string {
		return `(?:every|each|than|over|exceeds?|maximum|max|least) \d+[ _-]?(?:d|days?|weeks?|months?)\b|\d+[ _-]?(?:d|days?)[ _-](?:old|policy|rule|rotation|cycle|limit|maximum|max|interval|age)\b`
	})
	link       = lazily(func() string { return `[a-z][a-z0-9+.-]*://\S+|\S+@\S+` })
	unknownYes = lazily(func() string {
		return `([\pL\pN_.-]+)["'*_\s]*[:=]+>?["'*_\s]*(yes|no|true|false|on|off|y|n|enabled?|disabled?|require|warn|refuse|rotate|try)(?:[^a-z0-9]|$)`
	})
	lastWord   = lazily(func() string { return `([a-z]+) (off|false|true|enabled|disabled) $` })
	secretPair = lazily(func() string {
		return `(?:^|[^a-z0-9])[a-z_]*(?:secret|bundle|vault|ocid)[a-z_]*["'*_\s]*[:=]`
	})
	flagForm = lazily(func() string { return `(?:^|\s)--[a-z][a-z_-]*` })
)

// wish is a pattern of words that are no option but may be meant as one.
type wish struct {
	words *regexp.Regexp
	key   string // the option; "" for none
}
