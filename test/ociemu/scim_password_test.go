package ociemu_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
)

func works(e *ociemu.Emulator, user, password string) (does bool) {
	e.Look(func(v ociemu.View) { does = v.Works("password", user, password) })
	return does
}

func passwordCall(name string, more ...any) map[string]any {
	return newToken("", append([]any{"schemas", []string{idcs + name}, "user", nil}, more...)...)
}

func TestAPasswordIsChangedToTheChosenValue(t *testing.T) {
	e, user := twoDomains(t, nil)
	old := e.SetPassword(user)
	id, _ := e.SCIMID(user, "")
	c := asDomainFunction(e, "Partners")
	change := func(password string, more ...any) scimAnswer {
		t.Helper()
		return c.do(t, "PUT", "/UserPasswordChanger/"+id, passwordCall("UserPasswordChanger",
			append([]any{"password", password}, more...)...))
	}
	for _, bad := range []string{"Sh0rt", "nocapitals1", "NOSMALL123", "NoDigitsHere", "xxJANExx1a", old} {
		change(bad).refused(t, 400, "")
	}
	const chosen = "Correct-Horse-7"
	got := change(chosen, "bypassNotification", true)
	if got.status != 200 || !works(e, user, chosen) || works(e, user, old) || len(e.DomainMails()) != 0 {
		t.Errorf("got %d %v", got.status, got.body)
	}
	for _, value := range got.body {
		if text, isText := value.(string); isText && strings.Contains(text, chosen) {
			t.Errorf("the answer has the password: %v", got.body)
		}
	}
	change(chosen).refused(t, 400, "")
	change(old).refused(t, 400, "")
	change("Correct-Horse-8")
	if len(e.DomainMails()) != 1 || e.DomainMails()[0].Kind != "changed" {
		t.Errorf("got mails %v", e.DomainMails())
	}
	c.do(t, "PUT", "/UserPasswordChanger/"+id, passwordCall("UserPasswordChanger")).refused(t, 400,
		"error.common.validation.missingReqAttributes")
	c.do(t, "PUT", "/UserPasswordChanger/"+user, passwordCall("UserPasswordChanger")).refused(t, 404, "")
}

func TestAResetPasswordGoesToTheUserAndNotToTheCaller(t *testing.T) {
	e, user := twoDomains(t, nil)
	old := e.SetPassword(user)
	id, _ := e.SCIMID(user, "")
	c := asDomainFunction(e, "Partners")
	got := c.do(t, "PUT", "/UserPasswordResetter/"+id+"?attributes=oneTimePassword",
		passwordCall("UserPasswordResetter"))
	if got.status != 200 || got.body["oneTimePassword"] != nil || works(e, user, old) {
		t.Errorf("got %d %v", got.status, got.body)
	}
	mails := e.DomainMails()
	if len(mails) != 1 || mails[0].User != user || mails[0].Kind != "reset" || mails[0].Domain != "Partners" {
		t.Errorf("got mails %v", mails)
	}
	federated := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "fed", Federated: true})
	fed, _ := e.SCIMID(federated, "")
	c.do(t, "PUT", "/UserPasswordResetter/"+fed, passwordCall("UserPasswordResetter")).refused(t, 400, "")
	c.do(t, "PUT", "/UserPasswordChanger/"+fed, passwordCall("UserPasswordChanger", "password", "Correct-Horse-7")).
		refused(t, 400, "")
}

func TestAUserWithoutMailAddressGetsAOneTimePasswordAsChosen(t *testing.T) {
	for answer, want := range map[ociemu.OneTimePasswordAnswer][2]bool{ // unasked, asked
		"": {false, true}, ociemu.OneTimePasswordAlways: {true, true}, ociemu.OneTimePasswordNever: {false, false},
	} {
		e, _ := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.OneTimePassword = answer }))
		user := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "bob"})
		id, _ := e.SCIMID(user, "")
		c := asDomainFunction(e, "Partners")
		for i, query := range []string{"", "?attributes=oneTimePassword"} {
			got := c.do(t, "PUT", "/UserPasswordResetter/"+id+query, passwordCall("UserPasswordResetter"))
			value := got.text("oneTimePassword")
			if got.status != 200 || (value != "") != want[i] || value != "" && !works(e, user, value) {
				t.Errorf("%s%s: got %d %v", answer, query, got.status, got.body)
			}
		}
		if got := e.DomainMails(); len(got) != 0 {
			t.Errorf("got mails %v", got)
		}
	}
}
