package cloudguard

import (
	"regexp"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// configurationKeys are the keys of the function's configuration that a comment can't set. grace_period is a name of
// grace instead.
var configurationKeys = strings.Fields("ons_topic event_check secret_binding protected_users prove rsa_bits " +
	"log_level metrics sweep_days secret_compartments identity_domains default_domain_api maximum_age bare_closure " +
	"owner_topics records_topic report_bucket")

// optionNames are the names of options, and names of secrets' keys that the kinds of credentials don't have.
var optionNames = []name{
	{keyRotate, keyRotate, false, 1}, {keyReplace, keyReplace, false, 1}, {keyGrace, keyGrace, false, 1},
	{"dryrun", keyDryRun, true, 1}, {"rundry", keyDryRun, true, 0}, {"dry", keyDryRun, false, 0},
	{"graceperiod", keyGrace, true, 2}, {"periodgrace", keyGrace, true, 2}, {"gracedays", keyGrace, true, 1},
	{"gracehours", keyGrace, true, 1}, {"gracetime", keyGrace, true, 1},
	{"secretocid", anySecret, true, 1}, {"ocidsecret", anySecret, true, 1}, {"secretid", anySecret, true, 0},
	{"bundleocid", credential.BundleKey, true, 0}, {"bundlesecret", credential.BundleKey, true, 1},
}

// nameParts are recognised inside a word.
var nameParts = []name{
	{word: "dryrun", key: keyDryRun}, {word: "graceperiod", key: keyGrace}, {word: "rotat", key: keyRotate},
	{word: "replac", key: keyReplace}, {word: "grace", key: keyGrace}, {word: "secretocid", key: anySecret},
	{word: "bareclosure", key: "bare_closure"}, {word: "rsabits", key: "rsa_bits"},
	{word: "eventcheck", key: "event_check"}, {word: "secretbinding", key: "secret_binding"},
	{word: "protecteduser", key: "protected_users"},
}

// inflected are words that are near an option but describe instead of ordering.
var inflected = byWord(map[string]string{
	keyRotate:  "rotated rotates rotating rotation rotations rotational",
	keyReplace: "replaced replaces replacing replacement replacements irreplaceable",
	keyGrace:   "graceful gracefully disgrace",
})

func byWord(lists map[string]string) map[string]string {
	m := map[string]string{}
	for key, words := range lists {
		for w := range set(words) {
			m[w] = key
		}
	}
	return m
}

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
	// A sentence of these words says no more than rotate:yes.
	withRotate = set("please pls kindly rotate it this that the a an these our my your old too is key keys " +
		"credential credentials token tokens api auth iam oci password passwords customer secret secrets access " +
		"user users thanks thank you thx per as policy cis required requested regularly now today immediately asap " +
		"urgent urgently standard quarterly monthly yearly annually every each at least days 90 weekly scheduled " +
		"routine and by for of to in due need needs must should have has we want i let us time go ahead ok okay " +
		"approved")
	// Next to these words Grace is a person.
	beforeGrace = set("by from with ask asked per to cc and mrs ms dr hi thanks dear owner approver requester contact")
	afterGrace  = set("approved approves asked asks agreed agrees requested requests confirmed confirms said says " +
		"signed reviewed ok okay and from")
	// ofPairs are keys of notes that may have the value yes.
	ofPairs = set("approved approval reviewed tested urgent confirmed confirmation informed communicated agreed " +
		"cab verified signed ok done")
	// yeses and noes are words for yes and no.
	yeses = set("yes y true on 1 enable enabled ja si oui")
	noes  = set("no n false off 0 disable disabled nein non never not")
	// plainYesNos are those that are hardly ever something else.
	plainYesNos = set("yes no true false off enable enabled disable disabled not never nein non")
)

// yesOrNo reads a word for yes or no.
func yesOrNo(word string) (yes, ok bool) { return yeses[word], yeses[word] || noes[word] }

// phrases makes a pattern of phrases with '|' between them; a '*' at the end of a word stands for any ending. The
// pattern is for the words of one item, with single spaces between and around them.
func phrases(list string) func() *regexp.Regexp {
	list = strings.ReplaceAll(strings.Join(strings.Fields(list), " "), " |", "|")
	return lazily(` (?:` + strings.ReplaceAll(list, "*", `[a-z]*`) + `)(?: |$)`)
}

// saysNo matches what may mean that nothing is to be rotated.
var saysNo = phrases(`no|not|non|nor|nope|nah|never|none|nothing|nobody|neither|without|cannot
		|(?:do|does|did|wo|ca|is|are|was|were|has|have|had|should|must|need|could|would|ai)nt|dont|donot|dnt
		|false[ ]?positive*|falsepositive*|false alarm*|fp|mistake*|mistook|accident*|oops|wrong|wrongly|misclick*
		|tolerat*|excus*|expected|intended|intentional*|(?:by|as) design*|known issue|erroneous*
		|(?:in|by|an|my) error|unintention*|inadvertent*|sorry
		|(?:accept|accepted|accepting|accepts|acceptance|accepteds) (?:[a-z]+ )?(?:[a-z]+ )?risk*
		|risk* (?:[a-z]+ )?(?:[a-z]+ )?accept*|exception*|exempt*|waive*|deviation*
		|ignore*|disregard*|skip*|suppress*|exclu*|whitelist*|allowlist*|wontfix|wont fix|na|n a
		|duplicate*|dupe*|dup|unneeded|unnecessary|needless*|obsolete
		|cancel*|abort*|stop*|halt*|hold|holding|onhold|pause*|postpon*|defer|deferred|deferring|delay*
		|wait|waiting|awaiting|pending|suspend*|snooze*|freeze|frozen
		|unapproved|unauthori*|denied|deny|reject*|declin*|forbid*|forbidden|prohibit*|disallow*|refuse*|veto*
		|undo|undone|revert*|rollback|roll back|rolled back
		|already|manually|manual (?:rotat*|reset*|chang*|renew*|replac*|updat*)|by hand|myself|ourselves
		|later|tomorrow|tonight|next (?:week|month|quarter|year|sprint|release)|some other time
		|nicht|nichts|kein*|nein|niemals|nie|ohne|fehlalarm|versehentlich|irrtumlich|ausnahme*|spater
		|ne (?:[a-z]+ ){0,4}pas|pas de|jamais|aucun*|sans|faux positif*|par erreur
		|nunca|jamas|tampoco|ningun*|excepcion*|falso positivo|por error|nao|sem|excecao|por engano
		|senza|falso allarme|eccezione|niet|geen|nooit|ikke|ingen|aldrig|inte|ej
		|jangan|tidak|hayir|degil|yok|khong|dung|nem|bez|nu`)

// wishes match words that are no option but may be meant as one.
var wishes = []struct {
	key   string // the option; "" for none
	words func() *regexp.Regexp
}{
	{keyDryRun, phrases(`simulat*|preview*|whatif|what if|noop|no op|rehears*|trial*|test (?:run|mode)
			|(?:check|plan|report|test) only|only (?:check|test|plan|report)|pretend*|try (?:it )?out`)},
	{keyDryRun, phrases(`(?:(?:just|only|this is) ){0,2}(?:(?:a|my|the) )?(?:test|tests|testing)` +
		`(?: (?:only|please|pls)){0,2} $`)},
	{keyGrace, phrases(`keep*|leave|leaving|retain*|retention|preserve*|overlap*|coexist*|parallel|alongside
			|both (?:keys?|tokens?|credentials?|old|work)|transition*|remain*|stay*|continu*|still work*|surviv*`)},
	{"", phrases(`delete|deleting|deletion|remove|removing|removal|revoke|revoking|retire|retiring|purge|destroy
			|deactivate|disable|invalidate|expire`)},
	{"", phrases(`(?:use|using|into|store|put|write|save) (?:[a-z]+ ){0,3}(?:secret|bundle|vault)`)},
	{"", phrases(`(?:rsa )?(?:2048|3072|4096)|protect*`)},
	{"", phrases(`until|till|unless|if|except|but|only|instead|after|afterwards|when|once|first $`)},
}

// likeLatin matches letters of other alphabets that look like Latin ones.
const likeLatin = `[\p{Cyrillic}\p{Greek}\p{Cherokee}\p{Coptic}\x{531}-\x{559}\x{560}-\x{588}\x{FB13}-\x{FB17}]`

var (
	// foreignNo is saysNo for words of other scripts, in lower case.
	foreignNo = lazily(
		`(?:^|[^\pL])(?:не|нет|без|никогда|нельзя|ні|δεν|μην|μη|όχι|لا|ليس|بدون|غير|לא|אין|אל|नहीं|मत)(?:[^\pL]|$)` +
			`|[不勿無无未没沒禁否別别非]|ない|ません|なし|しないで|않|금지|없|말고|마세요|아니|ไม่|อย่า|[🚫❌⛔🛑✋]`)
	// notNo is taken out before saysNo is looked for.
	notNo = lazily(` no [0-9]+| no objections?| non (?:prod[a-z]*|human|interactive|personal)` +
		`|(?: ticket| change| case| request| incident)? no[0-9]+`)
	// duration finds a length of time in a folded text.
	duration = lazily(
		`(?:^|[\s:=(~+>"'|*])(\d{1,6}|an?|one|two|three|four|five|six|seven|ten|few|some|couple of)[ _-]?` +
			`(?:(days?|dias?|tage?n?|jours?|giorni|d)|(hours?|hrs?|stunden?|heures?|horas?|ore|h)|(minutes?|mins?|m)` +
			`|(weeks?|wks?|wochen?|semaines?|semanas?|w)|(months?|monate?n?|mois|meses|years?))(?:[^a-z0-9]|$)`)
	// everyDuration is a length of time in a rule, which asks for nothing.
	everyDuration = lazily(`(?:every|each|than|over|exceeds?|maximum|max|least) \d+[ _-]?(?:d|days?|weeks?|months?)\b` +
		`|\d+[ _-]?(?:d|days?)[ _-](?:old|policy|rule|rotation|cycle|limit|maximum|max|interval|age)\b`)
	assignment = lazily("^[ \"'*_`)\\]>!~]*(?:\u2260|:(?:[^/]|/[^/]|/?$)|=|->|\u2192|\u21d2)")
	unknownYes = lazily(`([\pL\pN_.-]+)["'*_\s]*[:=]+>?["'*_\s]*` +
		`(yes|no|true|false|on|off|y|n|enabled?|disabled?|require|warn|refuse|rotate|try)(?:[^a-z0-9]|$)`)
	lastWord   = lazily(`([a-z]+) (off|false|true|enabled|disabled) $`)
	secretPair = lazily(`(?:^|[^a-z0-9])[a-z_]*(?:secret|bundle|vault|ocid)[a-z_]*["'*_\s]*[:=]`)
	flagForm   = lazily(`(?:^|\s)--[a-z][a-z_-]*`)
	link       = lazily(`[a-z][a-z0-9+.-]*://\S+|\S+@\S+`)
	anyOCID    = lazily(`ocid1\.[a-z0-9._-]*`) // its letters name nothing
	// brokenOCID is an OCID of a secret that a line break may have cut in two.
	brokenOCID = lazily(`ocid1\.vaultsecret\.[a-z0-9._-]*(?:\s+[a-z2-7]+)?`)
	secretOCID = lazily(`ocid1\.vaultsecret\.[a-z0-9._-]*`)
	ticketForm = lazily(`\b[a-z][a-z0-9]+-[0-9]+\b|\b(?:chg|inc|req|ritm|task|sr|cr|chm)[0-9]+\b`)
	// encoded is a character in the encoding of URLs or JSON.
	encoded = lazily(`%([0-9A-Fa-f]{2})|\\[uU]\+?\{?([0-9A-Fa-f]{4})\}?`)
	// twoAlphabets is a word whose letters may look alike.
	twoAlphabets = lazily(`\p{Latin}[\pL_.-]*` + likeLatin + `|` + likeLatin + `[\pL_.-]*\p{Latin}`)
	ticketIn     = lazily(`\b[A-Z][A-Z0-9]+-[0-9]+\b|\b(?:CHG|INC|REQ|RITM|TASK|SR|CR|CHM)[0-9]+\b`) // as typed
	// joinedAnswer is what is joined to an option's name. Its group is a no.
	joinedAnswer = lazily(`(^(?:no|dont|donot|un)|no$)|(?:yes|true)$`)
)
