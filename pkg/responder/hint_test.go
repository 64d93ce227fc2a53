package responder_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

type (
	fields = map[string]any
	// levels are the nested objects of an event.
	levels struct{ root, data, details, more fields }
)

// changedEvent is the tenancy's event after a change.
func changedEvent(t *testing.T, s *tenancy, change func(levels)) []byte {
	t.Helper()
	var root fields
	if err := json.Unmarshal(s.event.json(t), &root); err != nil {
		t.Fatal(err)
	}
	l := levels{root: root, data: root["data"].(fields)}
	l.details = l.data["additionalDetails"].(fields)
	l.more = l.details["problemAdditionalDetails"].(fields)
	change(l)
	body, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// hints are events of which nothing but the problem's OCID is as usual. None contradicts the record.
var hints = map[string]func(levels){
	"as usual":                    func(levels) {},
	"no problemAdditionalDetails": func(l levels) { delete(l.details, "problemAdditionalDetails") },
	"empty ones":                  func(l levels) { l.details["problemAdditionalDetails"] = fields{} },
	"null for them":               func(l levels) { l.details["problemAdditionalDetails"] = nil },
	"a text for them":             func(l levels) { l.details["problemAdditionalDetails"] = "[a, b]" },
	"a list for them":             func(l levels) { l.details["problemAdditionalDetails"] = []any{1} },
	"no user":                     func(l levels) { delete(l.more, "User OCID") },
	"a user's name":               func(l levels) { l.more["User OCID"] = "web@example.com" },
	"a tenancy for the user":      func(l levels) { l.more["User OCID"] = tenancyID },
	"a user with a query":         func(l levels) { l.more["User OCID"] = userID + "?x=1" },
	"an object for the user":      func(l levels) { l.more["User OCID"] = fields{"id": userID} },
	"a user in capitals":          func(l levels) { l.more["User OCID"] = strings.ToUpper(userID) },
	"a user with blanks":          func(l levels) { l.more["User OCID"] = "\u00a0 " + userID + "\r\n" },
	"userOcid":                    func(l levels) { delete(l.more, "User OCID"); l.more["userOcid"] = userID },
	"user_ocid":                   func(l levels) { delete(l.more, "User OCID"); l.more["user_ocid"] = userID },
	"the user in a list":          func(l levels) { l.more["User OCID"] = []any{userID} },
	"no additionalDetails":        func(l levels) { delete(l.data, "additionalDetails") },
	"a number for them all":       func(l levels) { l.data["additionalDetails"] = 7 },
	"no resource":                 func(l levels) { delete(l.details, "resourceId") },
	"an object for the resource":  func(l levels) { l.details["resourceId"] = fields{} },
	"the resource in capitals":    func(l levels) { l.details["resourceId"] = strings.ToUpper(tokenID) },
	"the resource as a path": func(l levels) {
		l.details["resourceId"] = tenancyID + "/" + userID + "/" + tokenID
	},
	"a path that leads elsewhere":       func(l levels) { l.details["resourceId"] = "../../users?x=y" },
	"the user for the resource":         func(l levels) { l.details["resourceId"] = userID },
	"the user's name for the resource":  func(l levels) { l.details["resourceId"] = "web@example.com" },
	"the token's name for the resource": func(l levels) { l.details["resourceId"] = "token-of-web" },
	"a SCIM id for the resource": func(l levels) {
		l.details["resourceId"] = "3f5b8a0c1d2e4f60718293a4b5c6d7e8"
	},
	"no rule": func(l levels) { delete(l.details, "problemName") },
	"no rule and no title": func(l levels) {
		delete(l.details, "problemName")
		delete(l.data, "resourceName")
	},
	"the title for the rule":       func(l levels) { l.details["problemName"] = "IAM Auth token is too old" },
	"the rule in another spelling": func(l levels) { l.details["problemName"] = "auth-token-too-old" },
	"a list for the rule":          func(l levels) { l.details["problemName"] = []any{} },
	"a number for the rule":        func(l levels) { l.details["problemName"] = 12 },
	"no status":                    func(l levels) { delete(l.details, "status") },
	"a status in small letters":    func(l levels) { l.details["status"] = "resolved" },
	"a list for the status":        func(l levels) { l.details["status"] = []any{"RESOLVED"} },
	"a sentence for the status":    func(l levels) { l.details["status"] = "closed by a person" },
	"no time":                      func(l levels) { delete(l.root, "eventTime") },
	"a malformed time":             func(l levels) { l.root["eventTime"] = "2024-5-24T.." },
	"an object for the time":       func(l levels) { l.root["eventTime"] = fields{} },
	"no version":                   func(l levels) { delete(l.root, "eventTypeVersion") },
	"a number for the version":     func(l levels) { l.root["eventTypeVersion"] = 2 },
	"a word for the version":       func(l levels) { l.root["eventTypeVersion"] = "v2" },
	"no type":                      func(l levels) { delete(l.root, "eventType") },
	"an object for the type":       func(l levels) { l.root["eventType"] = fields{} },
	"the type under another key": func(l levels) {
		l.root["event_type"] = l.root["eventType"]
		delete(l.root, "eventType")
	},
	"a list for the risk":       func(l levels) { l.details["riskLevel"] = []any{} },
	"a list for the name":       func(l levels) { l.details["resourceName"] = []any{fields{}} },
	"an object for the tenancy": func(l levels) { l.details["tenantId"] = fields{} },
	"an object for the comment": func(l levels) { l.more["comments"] = fields{} },
	"no comment":                func(l levels) { delete(l.more, "comments") },
	"another comment": func(l levels) {
		l.more["comments"] = "auth_secret_ocid:ocid1.vaultsecret.oc1.iad.amaaaaaaforged"
	},
	"a comment that can't be understood": func(l levels) { l.more["comments"] = "auth_secret_ocd:x, replace:maybe" },
	"a huge comment":                     func(l levels) { l.more["comments"] = strings.Repeat("x", 1<<17) },
	"a huge field that nobody knows":     func(l levels) { l.root["more"] = strings.Repeat("x", 1<<17) },
	"the problem in capitals":            func(l levels) { l.data["resourceId"] = strings.ToUpper(problemID) },
	"the problem with blanks":            func(l levels) { l.data["resourceId"] = " " + problemID + "\n" },
	"the problem in a list":              func(l levels) { l.data["resourceId"] = []any{problemID} },
	"the problem under another key": func(l levels) {
		delete(l.data, "resourceId")
		l.data["problemId"] = problemID
	},
	"the problem elsewhere": func(l levels) { l.data["resourceId"] = 7; l.root["id"] = problemID },
	"nothing but the problem": func(l levels) {
		clear(l.root)
		clear(l.data)
		l.root["data"], l.data["resourceId"] = l.data, problemID
	},
	"keys in other letters": func(l levels) {
		for _, level := range []fields{l.details, l.data, l.root} {
			for key, value := range maps.Clone(level) {
				delete(level, key)
				level[strings.ToUpper(key)] = value
			}
		}
	},
}

// recordEnd is how an event has to end with a record, whatever the event says.
type recordEnd struct {
	change   func(*cloudguard.Problem)
	want     outcome.Status
	reopened bool
}

var recordEnds = map[string]recordEnd{
	"as usual": {func(*cloudguard.Problem) {}, outcome.Rotated, false},
	"userOcid": {func(p *cloudguard.Problem) { p.Details = map[string]string{"userOcid": userID} },
		outcome.Rotated, false},
	"user_ocid, capitals": {func(p *cloudguard.Problem) {
		p.Details = map[string]string{"USER_OCID": strings.ToUpper(userID)}
	}, outcome.Rotated, false},
	"the user in the path": {func(p *cloudguard.Problem) { p.Details, p.ResourceID = nil, userID+"/"+tokenID },
		outcome.Rotated, false},
	"the whole path, capitals": {func(p *cloudguard.Problem) {
		p.ResourceID = strings.ToUpper(tenancyID + "/" + userID + "/" + tokenID)
	}, outcome.Rotated, false},
	"the token in the details": {func(p *cloudguard.Problem) {
		p.ResourceID, p.Details["Auth Token OCID"] = userID, tokenID
	}, outcome.Rotated, false},
	"the token as the name": {func(p *cloudguard.Problem) {
		p.ResourceID, p.ResourceName = "web@example.com", tokenID
	}, outcome.Rotated, false},
	"blanks and small letters": {func(p *cloudguard.Problem) {
		p.Rule, p.Detail, p.ResourceID = " auth_token_too_old ", " resolved", " "+tokenID+"\n"
	}, outcome.Rotated, false},
	"the comment of the problem": {func(p *cloudguard.Problem) { p.Comment, p.History[0].Comment = comment, "" },
		outcome.Rotated, false},
	"closed twice": {func(p *cloudguard.Problem) {
		p.History = append(p.History, cloudguard.Change{At: closedAt.Add(1), ActorKind: "CLOUD_GUARD_SERVICE",
			Detail: "RESOLVED"})
	}, outcome.Rotated, false},
	"no credential": {func(p *cloudguard.Problem) { p.ResourceID = "" }, outcome.Refused, true},
	"only the user": {func(p *cloudguard.Problem) { p.ResourceID = userID }, outcome.Refused, true},
	"two tokens": {func(p *cloudguard.Problem) {
		p.Details["tokenId"] = tokenID + "2"
	}, outcome.Refused, true},
	"a comment with a mistake": {func(p *cloudguard.Problem) {
		p.History[0].Comment = "auth_secret_ocd:" + secretID
	}, outcome.Refused, true},
	"of another rule, not ours": {func(p *cloudguard.Problem) { p.Rule = "BUCKET_IS_PUBLIC" }, outcome.Ignored,
		false},
	"closed by Cloud Guard": {func(p *cloudguard.Problem) { p.History[0].ActorKind = "CLOUD_GUARD_SERVICE" },
		outcome.Ignored, false},
	"dismissed":                    {func(p *cloudguard.Problem) { p.Detail = "DISMISSED" }, outcome.Refused, false},
	"deleted":                      {func(p *cloudguard.Problem) { p.Detail = "DELETED" }, outcome.Refused, false},
	"of a state that nobody knows": {func(p *cloudguard.Problem) { p.Detail = "CLOSED" }, outcome.Refused, false},
	"re-opened by us": {func(p *cloudguard.Problem) {
		p.Detail = "OPEN"
		p.History = append(p.History, cloudguard.Change{At: closedAt.Add(1e10), ActorKind: "USER", Detail: "OPEN",
			Comment: "Keyturn did not rotate: x"})
	}, outcome.Ignored, false},
}

func TestAnEventCanOnlyStartWhatTheRecordSays(t *testing.T) {
	for hint, change := range hints {
		for name, end := range recordEnds {
			s := newTenancy()
			s.problem = func(int) (cloudguard.Problem, error) {
				p := s.closed(comment)
				end.change(&p)
				return p, nil
			}
			o, _ := s.respondTo(t.Context(), changedEvent(t, s, change))
			want, reopened := end.want, end.reopened
			if name == "of another rule, not ours" && saysRule(hint) {
				want = outcome.Refused // the event says another rule: it is forged, and not ours to open again
			}
			if o.Status != want || o.Reopened != reopened {
				t.Errorf("event %q, record %q: %s, re-opened %v (%s), want %s, %v", hint, name, o.Status, o.Reopened,
					o.Reason, want, reopened)
			}
			if o.Status == outcome.Refused && o.Remedy == "" {
				t.Errorf("event %q, record %q: no remedy for: %s", hint, name, o.Reason)
			}
			if s.saw("Run") != (o.Status == outcome.Rotated) {
				t.Errorf("event %q, record %q: called %v", hint, name, s.calls())
			}
			for _, j := range s.jobs {
				if want := (credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID}); j.Ref != want ||
					s.saw("Run") && j.Secrets[0].SecretID != secretID {
					t.Errorf("event %q, record %q: rotated %v into %v", hint, name, j.Ref, j.Secrets)
				}
			}
		}
	}
	t.Logf("%d events with %d records", len(hints), len(recordEnds))
}

// saysRule reports whether a hint still has a rule that can be read.
func saysRule(hint string) bool {
	return hint != "no rule and no title" && hint != "nothing but the problem"
}

func TestAnEventThatContradictsTheRecordIsRefusedAndTheProblemReopened(t *testing.T) {
	const other = "aaaaaaaaother"
	for name, change := range map[string]func(levels){
		"another user":     func(l levels) { l.more["User OCID"] = "ocid1.user.oc1.." + other },
		"another user too": func(l levels) { l.more["userId"] = "ocid1.user.oc1.." + other },
		"another user in the path": func(l levels) {
			l.details["resourceId"] = "ocid1.user.oc1.." + other + "/" + tokenID
		},
		"another token":                func(l levels) { l.details["resourceId"] = "ocid1.credential.oc1.." + other },
		"another token in capitals":    func(l levels) { l.details["resourceId"] = "OCID1.CREDENTIAL.OC1.." + other },
		"another token in the details": func(l levels) { l.more["token ocid"] = "ocid1.credential.oc1.." + other },
		"another rule":                 func(l levels) { l.details["problemName"] = "SECRET_KEY_TOO_OLD" },
		"another rule's title":         func(l levels) { l.details["problemName"] = "API key is too old" },
	} {
		s := newTenancy()
		o, err := s.respondTo(t.Context(), changedEvent(t, s, change))
		expect(t, s, o, err, outcome.Refused)
		if s.saw("Run") || !o.Reopened {
			t.Errorf("%s: called %v", name, s.calls())
		}
	}
}

func TestAMalformedEventOpensTheClosedProblemThatItNames(t *testing.T) {
	whole := func(s *tenancy) string { return string(s.event.json(t)) }
	for name, c := range map[string]struct {
		body     func(*tenancy) string
		reopened bool
	}{
		"cut short":        {func(s *tenancy) string { return whole(s)[:len(whole(s))-1] }, true},
		"in a list":        {func(s *tenancy) string { return "[" + whole(s) + "]" }, true},
		"twice":            {func(s *tenancy) string { return whole(s) + whole(s) }, true},
		"in a text":        {func(s *tenancy) string { return fmt.Sprintf("%q", whole(s)) }, true},
		"in single quotes": {func(s *tenancy) string { return strings.ReplaceAll(whole(s), `"`, "'") }, true},
		"with a comma":     {func(s *tenancy) string { return strings.Replace(whole(s), "}", ",}", 1) }, true},
		"too long": {func(s *tenancy) string { return whole(s) + strings.Repeat(" ", cloudguard.MaxEventBytes) },
			true},
		"two problems": {func(s *tenancy) string { return "[" + whole(s) + `,"` + problemID + `2"]` }, false},
		"cut in its OCID": {func(s *tenancy) string { return `{"data":{"resourceId":"` + problemID[:len(problemID)-2] },
			false},
		"no problem": {func(*tenancy) string { return `{"data":` }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			o, err := s.respondTo(t.Context(), []byte(c.body(s)))
			expect(t, s, o, err, outcome.Refused)
			if o.Reopened != c.reopened || s.saw("Run") || o.Remedy == "" {
				t.Errorf("re-opened %v, called %v, the remedy %q", o.Reopened, s.calls(), o.Remedy)
			}
			for end, r := range recordEnds { // what no person closed, or isn't ours, is left alone
				s := newTenancy()
				s.problem = func(int) (cloudguard.Problem, error) {
					p := s.closed(comment)
					r.change(&p)
					return p, nil
				}
				o, _ := s.respondTo(t.Context(), []byte(c.body(s)))
				want := c.reopened && (r.want == outcome.Rotated || r.reopened)
				if o.Status != outcome.Refused || o.Reopened != want || s.saw("Run") {
					t.Errorf("record %q: %s, re-opened %v, called %v", end, o.Status, o.Reopened, s.calls())
				}
			}
		})
	}
}

func TestWithoutEventCheckARecordFillsInWhatTheEventLacks(t *testing.T) {
	lacks := map[string]func(levels){
		"no details": func(l levels) { delete(l.details, "problemAdditionalDetails") },
		"no rule":    func(l levels) { delete(l.details, "problemName"); delete(l.data, "resourceName") },
		"no token":   func(l levels) { delete(l.details, "resourceId") },
	}
	for name, change := range lacks {
		s := newTenancy()
		s.config.EventCheck = false
		o, err := s.respondTo(t.Context(), changedEvent(t, s, change))
		expect(t, s, o, err, outcome.Rotated)

		s = newTenancy()
		s.config.EventCheck = false
		s.problem = func(int) (cloudguard.Problem, error) {
			return cloudguard.Problem{}, fault.New(fault.Denied, "GetProblem", "no")
		}
		o, err = s.respondTo(t.Context(), changedEvent(t, s, change))
		expect(t, s, o, err, outcome.Refused)
		if s.saw("Run") || !strings.Contains(o.Reason, "data.additionalDetails") || len(o.Notes) != 1 ||
			o.Remedy == "" {
			t.Errorf("%s: the reason is %q, the notes %q, called %v", name, o.Reason, o.Notes, s.calls())
		}
		if want := name != "no rule"; o.Reopened != want { // which may be another's problem
			t.Errorf("%s: re-opened %v, want %v", name, o.Reopened, want)
		}
	}
}
