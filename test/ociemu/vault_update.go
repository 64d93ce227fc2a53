package ociemu

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
)

// secretContent is the new content in an update or a create.
type secretContent struct {
	ContentType string
	Content     *string
	Name        string
	Stage       string
}

// secretUpdate is the body of UpdateSecret. Maps replace the whole map of the secret.
type secretUpdate struct {
	CurrentVersionNumber *int64
	Description          *string
	Metadata             map[string]any
	FreeformTags         map[string]string
	DefinedTags          map[string]map[string]any
	SecretContent        *secretContent
	SecretRules          []secretRule
}

func updateSecret(x *exchange, s *secret) reply {
	var update secretUpdate
	if refused := x.read(&update); refused != nil {
		return refused.reply()
	}
	if refused := x.mayUpdate(s, update); refused != nil {
		return refused.reply()
	}
	if n := update.CurrentVersionNumber; n != nil {
		v := s.version(*n, x.now)
		if v == nil || !v.deletion.IsZero() {
			return errInvalid.because(fmt.Sprintf("The secret has no version %d that can become the current one.",
				*n)).reply()
		}
		s.promote(v)
	}
	if c := update.SecretContent; c != nil {
		if refused := x.addVersion(s, c); refused != nil {
			return refused.reply()
		}
	}
	if update.Description != nil {
		s.description = *update.Description
	}
	if update.Metadata != nil {
		s.metadata = update.Metadata
	}
	if update.FreeformTags != nil {
		s.freeform = update.FreeformTags
	}
	if update.DefinedTags != nil {
		s.defined = update.DefinedTags
	}
	if update.SecretRules != nil {
		s.rules = update.SecretRules
	}
	x.touch(s, "UPDATING")
	state := "UPDATING" // even without a settling time: the service answers before it has finished
	if x.e.opts.Answers.UpdateState == UpdateStateActive {
		state = "ACTIVE"
	}
	return ok(secretBody(s, state, false)).with("etag", s.etag)
}

// mayUpdate checks everything that does not depend on the new content.
func (x *exchange) mayUpdate(s *secret, u secretUpdate) *refusal {
	if s.replica {
		bad := errInvalid.because("The secret is a replica; update it in its source region.")
		return &bad
	}
	if refused := x.checkEtag(s.etagNow(x.now)); refused != nil {
		return refused
	}
	if state := s.state(x.now); state != "ACTIVE" {
		bad := errState.because("The secret is " + state + ", not ACTIVE.")
		return &bad
	}
	together := 0
	for _, given := range []bool{u.CurrentVersionNumber != nil, u.SecretContent != nil, u.SecretRules != nil} {
		if given {
			together++
		}
	}
	if together > 1 {
		bad := errInvalid.because("The current version number, the contents and the rules of a secret cannot be " +
			"updated at the same time.")
		return &bad
	}
	return nil
}

var versionName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,255}$`)

// addVersion checks new content and adds it as a version.
func (x *exchange) addVersion(s *secret, c *secretContent) *refusal {
	invalid := func(why string) *refusal {
		bad := errInvalid.because(why)
		return &bad
	}
	if c.ContentType != "BASE64" || c.Content == nil {
		return invalid("The secret content must be given in BASE64.")
	}
	content, err := base64.StdEncoding.DecodeString(*c.Content)
	if err != nil {
		return invalid("The secret content is not valid BASE64.")
	}
	if len(content) > maxSecretContent {
		return invalid("The secret content is larger than 25 KB.")
	}
	live := s.live(x.now)
	if c.Name != "" {
		if !versionName.MatchString(c.Name) {
			return invalid("The name of a secret version may have letters, digits, hyphens, underscores and periods.")
		}
		if slices.ContainsFunc(live, func(v *version) bool { return v.name == c.Name }) {
			return invalid("name already exists")
		}
	}
	if refused := reused(s, live, content); refused != nil {
		return refused
	}
	if count(live, func(v *version) bool { return v.deletion.IsZero() }) >= maxActiveVersions {
		bad := errLimit.because("The secret has 30 active versions.")
		return &bad
	}
	v := &version{name: c.Name, content: content, created: x.now.Add(x.e.state.createdOffset),
		lag: x.e.opts.Answers.BundleLag}
	switch c.Stage {
	case "", "CURRENT":
	case "PENDING":
		if refused := x.secondPending(live); refused != nil {
			return refused
		}
		v.pending = true
	default:
		return invalid("The stage must be CURRENT or PENDING.")
	}
	s.add(v)
	return nil
}

func reused(s *secret, live []*version, content []byte) *refusal {
	for _, rule := range s.rules {
		if rule.RuleType != "SECRET_REUSE_RULE" {
			continue
		}
		for _, v := range live {
			if bytes.Equal(v.content, content) && (v.deletion.IsZero() || rule.IsEnforcedOnDeletedSecretVersions) {
				bad := errInvalid.because("The secret has a reuse rule, and another of its versions has the same " +
					"content.")
				return &bad
			}
		}
	}
	return nil
}

func (x *exchange) secondPending(live []*version) *refusal {
	for _, v := range live {
		if !v.pending {
			continue
		}
		switch x.e.opts.Answers.SecondPending {
		case SecondPendingRefused:
			bad := errState.because("The secret has a PENDING version already.")
			return &bad
		case SecondPendingDeprecates:
			v.pending = false
		}
	}
	return nil
}

func createSecret(x *exchange) reply {
	return x.once(func() (reply, func() bool) {
		var details struct {
			secretUpdate
			CompartmentID string `json:"compartmentId"`
			KeyID         string `json:"keyId"`
			VaultID       string `json:"vaultId"`
			SecretName    string `json:"secretName"`
		}
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		if details.CompartmentID == "" || details.KeyID == "" || details.VaultID == "" || details.SecretName == "" ||
			details.SecretContent == nil {
			return errMissing.because("compartmentId, keyId, vaultId, secretName and secretContent " +
				"are needed.").reply(), nil
		}
		if details.SecretContent.Stage == "PENDING" {
			return errInvalid.because("The first version of a secret can only be CURRENT.").reply(), nil
		}
		for _, s := range x.e.state.secrets {
			if s.vault.vault == details.VaultID && s.name == details.SecretName {
				return errConflict.because("The vault has a secret of this name.").reply(), nil
			}
		}
		s := &secret{
			id: x.e.state.ids.ocid("vaultsecret", regionInOCID(x.call.Region)), name: details.SecretName,
			compartment: details.CompartmentID,
			region:      x.call.Region, vault: vaultRecord{details.VaultID, details.KeyID},
			created:  x.now.Add(x.e.state.createdOffset),
			metadata: orMap(details.Metadata), freeform: orMap(details.FreeformTags),
			defined: orMap(details.DefinedTags), rules: details.SecretRules,
		}
		if details.Description != nil {
			s.description = *details.Description
		}
		if refused := x.addVersion(s, details.SecretContent); refused != nil {
			return refused.reply(), nil
		}
		x.touch(s, "CREATING")
		x.e.state.secrets = append(x.e.state.secrets, s)
		return ok(secretBody(s, "CREATING", false)).with("etag", s.etag), func() bool { return true }
	})
}

func orMap[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}
