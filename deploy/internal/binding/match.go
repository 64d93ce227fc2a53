package binding

import (
	"slices"
	"strings"
	"unicode"

	"github.com/keyturn/keyturn/pkg/credential"
)

// wordsOf splits a name into words of letters and digits, in lower case.
func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// at is the position of some words within all; -1 if they aren't there one after the other.
func at(all, some []string) int {
	for i := 0; len(some) > 0 && i+len(some) <= len(all); i++ {
		if slices.Equal(all[i:i+len(some)], some) {
			return i
		}
	}
	return -1
}

// kindWords are words of a secret's name that say what it holds. The longer ones come first.
var kindWords = []struct {
	words []string
	kind  credential.Kind
	role  credential.Role // "" is the kind's default
}{
	{[]string{"customer", "secret", "key"}, credential.CustomerSecretKey, ""},
	{[]string{"secret", "access", "key"}, credential.CustomerSecretKey, credential.RoleSecretKey},
	{[]string{"access", "key", "id"}, credential.CustomerSecretKey, credential.RoleAccessKey},
	{[]string{"registry", "token"}, credential.AuthToken, ""},
	{[]string{"private", "key"}, credential.APIKey, ""},
	{[]string{"signing", "key"}, credential.APIKey, ""},
	{[]string{"secret", "key"}, credential.CustomerSecretKey, credential.RoleSecretKey},
	{[]string{"access", "key"}, credential.CustomerSecretKey, credential.RoleAccessKey},
	{[]string{"auth", "token"}, credential.AuthToken, ""},
	{[]string{"api", "key"}, credential.APIKey, ""},
	{[]string{"secretkey"}, credential.CustomerSecretKey, credential.RoleSecretKey},
	{[]string{"accesskey"}, credential.CustomerSecretKey, credential.RoleAccessKey},
	{[]string{"authtoken"}, credential.AuthToken, ""},
	{[]string{"apikey"}, credential.APIKey, ""},
	{[]string{"password"}, credential.Password, ""},
	{[]string{"passwd"}, credential.Password, ""},
	{[]string{"ocir"}, credential.AuthToken, ""},
	{[]string{"auth"}, credential.AuthToken, ""},
	{[]string{"api"}, credential.APIKey, ""},
	{[]string{"s3"}, credential.CustomerSecretKey, ""},
}

// part is a kind and a role that words name.
type part struct {
	kind credential.Kind
	role credential.Role
}

// partsIn lists the kinds that words name, each once.
func partsIn(words []string) (found []part) {
	words = slices.Clone(words)
	bundle := slices.Contains(words, "bundle")
	for _, k := range kindWords {
		i := at(words, k.words)
		if i < 0 {
			continue
		}
		for n := range k.words {
			words[i+n] = "" // a word counts once
		}
		p := part{k.kind, k.role}
		if p.role == "" {
			p.role = k.kind.DefaultRole()
		}
		if bundle {
			p.role = credential.RoleBundle
		}
		if !slices.ContainsFunc(found, func(f part) bool { return f.kind == p.kind }) {
			found = append(found, p)
		}
	}
	return found
}

// people finds users by words of names. It has an index, since there may be many secrets and users.
type people struct {
	first map[string][]person // by the first word
}

type person struct {
	words []string
	user  string
}

// leastName is how many letters a user's name must have to be recognized within another name.
const leastName = 3

func newPeople(all []Subject) people {
	p, known := people{map[string][]person{}}, map[string]bool{}
	for _, s := range all {
		if known[s.User] {
			continue
		}
		known[s.User] = true
		name := s.Name[strings.LastIndex(s.Name, "/")+1:]
		local, _, _ := strings.Cut(name, "@")
		for _, form := range []string{s.Name, name, local} {
			words := wordsOf(form)
			if len(strings.Join(words, "")) < leastName {
				continue
			}
			p.first[words[0]] = append(p.first[words[0]], person{words, s.User})
		}
	}
	return p
}

// named returns the users whose names are in the words: those with the longest match. rest are the words without it.
func (p people) named(words []string) (users, rest []string) {
	longest := 0
	for i, w := range words {
		for _, one := range p.first[w] {
			if i+len(one.words) > len(words) || !slices.Equal(words[i:i+len(one.words)], one.words) ||
				len(one.words) < longest {
				continue
			}
			if len(one.words) > longest {
				longest, users = len(one.words), nil
				rest = slices.Concat(words[:i], []string{""}, words[i+len(one.words):])
			}
			if !slices.Contains(users, one.user) {
				users = append(users, one.user)
			}
		}
	}
	slices.Sort(users)
	return users, rest
}
