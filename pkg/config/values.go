package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// words maps each word to itself.
func words[W ~string](all ...W) map[string]W {
	m := make(map[string]W, len(all))
	for _, w := range all {
		m[string(w)] = w
	}
	return m
}

// choice returns a reader for one of a few words.
func choice[V any](values map[string]V, set func(*Config, V)) func(*Config, string) string {
	return func(c *Config, value string) string {
		v, ok := values[strings.ToLower(value)]
		if !ok {
			return "is " + quote(value)
		}
		set(c, v)
		return ""
	}
}

// ocidForm is the documented form of an OCID, ocid1.<type>.<realm>.[region].[future use.]<unique>.
var ocidForm = regexp.MustCompile(`^ocid1\.([a-z0-9]+)\.[a-z0-9]+\.[a-z0-9-]*(?:\.[a-z0-9]+)+$`)

const maxOCID = 255

func isOCID(s string) bool { return strings.HasPrefix(strings.ToLower(s), "ocid1.") }

// readOCID returns the OCID in lower case, or the problem with it.
func readOCID(value string, types ...string) (ocid, problem string) {
	value = strings.ToLower(value)
	m := ocidForm.FindStringSubmatch(value)
	if m == nil || len(value) > maxOCID {
		return "", quote(value) + ", which is not an OCID"
	}
	if slices.Contains(types, m[1]) {
		return value, ""
	}
	return "", fmt.Sprintf(`%s, which is an OCID of type %q, not "%s"`, quote(value), m[1],
		strings.Join(types, `" or "`))
}

// Topic returns the OCID of a Notifications topic in lower case, or what the value is instead: "..., which is not an
// OCID".
func Topic(value string) (ocid, problem string) { return readOCID(value, topicType) }

// topicType is the type of topics in their OCIDs.
const topicType = "onstopic"

// topic returns a reader for the OCID of a topic.
func topic(set func(c *Config, ocid string)) func(*Config, string) string {
	return func(c *Config, value string) string {
		ocid, problem := Topic(value)
		if problem != "" {
			return "is " + problem
		}
		set(c, ocid)
		return ""
	}
}

func readOwnerTopics(c *Config, value string) string {
	var problems []string
	for _, item := range list(value) {
		ocid, problem := readOCID(item, topicType, "compartment")
		if problem != "" {
			problems = append(problems, problem)
			continue
		}
		c.OwnerTopics = append(c.OwnerTopics, ocid)
	}
	return contains(problems)
}

// bucketForm is a namespace and the name of a bucket (Object Storage's "Managing Buckets").
var bucketForm = regexp.MustCompile(`^[a-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,256}$`)

func readBucket(c *Config, value string) string {
	if !bucketForm.MatchString(value) {
		return "is " + quote(value)
	}
	c.ReportBucket = value
	return ""
}

func readCompartments(c *Config, value string) string {
	var problems []string
	for _, item := range list(value) {
		ocid, problem := readOCID(item, "compartment", "tenancy")
		if problem != "" {
			problems = append(problems, problem)
			continue
		}
		c.SecretCompartments = append(c.SecretCompartments, ocid)
	}
	return contains(problems)
}

func readProtected(c *Config, value string) string {
	var problems []string
	for _, item := range list(value) {
		if isOCID(item) {
			ocid, problem := readOCID(item, "user")
			if problem != "" {
				problems = append(problems, problem)
				continue
			}
			item = ocid
		}
		if domain, name, ok := strings.Cut(item, "/"); ok && strings.EqualFold(domain, "Default") {
			// Keyturn names users of Default without their domain. Another domain may have the name Default, too.
			c.ProtectedUsers = append(c.ProtectedUsers, name)
		}
		c.ProtectedUsers = append(c.ProtectedUsers, item)
	}
	return contains(problems)
}

func readDomains(c *Config, value string) string {
	var problems []string
	for _, item := range list(value) {
		if strings.EqualFold(item, AllDomains) {
			c.IdentityDomains = append(c.IdentityDomains, AllDomains)
			continue
		}
		ocid, problem := readOCID(item, "domain", "compartment", "tenancy")
		if problem != "" {
			problems = append(problems, problem)
			continue
		}
		c.IdentityDomains = append(c.IdentityDomains, ocid)
	}
	return contains(problems)
}

func contains(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	return "contains " + strings.Join(problems, ", and ")
}

// list splits at commas, semicolons and line breaks; blank items are dropped.
func list(value string) []string {
	var items []string
	for _, item := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",;\r\n", r) }) {
		item = strings.TrimSpace(item)
		if item != "" {
			items = append(items, item)
		}
	}
	return items
}

func readSweepDays(c *Config, value string) string {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 90 {
		return "is " + quote(value)
	}
	c.SweepDays = n
	return ""
}

const (
	// maxGrace is the age at which Cloud Guard calls a credential too old.
	maxGrace = 90 * 24 * time.Hour
	// maxAge is ten years.
	maxAge = 3650 * 24 * time.Hour
)

// readDuration reads days, hours and minutes, or the problem with them.
func readDuration(value string, most time.Duration) (d time.Duration, problem string) {
	minutes, ok := phrase.Minutes(value)
	switch {
	case !ok:
		return 0, "is " + quote(value)
	case minutes > int(most/time.Minute):
		return 0, fmt.Sprintf("is %s, which is longer than %d days", quote(value), int(most.Hours())/24)
	}
	return time.Duration(minutes) * time.Minute, ""
}

func readGrace(c *Config, value string) (problem string) {
	c.Grace, problem = readDuration(value, maxGrace)
	return problem
}

func readMaximumAge(c *Config, value string) (problem string) {
	c.MaximumAge, problem = readDuration(value, maxAge)
	return problem
}

// matches reports whether name matches pattern, in which '*' matches any
// characters. It backtracks only to the last '*', so it takes at most len(pattern)
// * len(name) steps.
func matches(pattern, name string) bool {
	p, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
