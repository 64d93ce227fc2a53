package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	kvault "github.com/keyturn/keyturn/pkg/vault"
)

// vaultProbe observes Vault's answers on a throw-away secret.
type vaultProbe struct {
	*run
	id string
}

// metadataKey is the key under which the probes write metadata.
const metadataKey = "keyturn-acceptance"

// change is one UpdateSecret.
type change struct {
	name, content, stage, mark, ifMatch string
	promote                             int64
}

// update makes a change. Show only the status and code of its errors, since the request has a value.
func (p *vaultProbe) update(ctx context.Context, c change) (vault.UpdateSecretResponse, error) {
	var details vault.UpdateSecretDetails
	if c.name != "" {
		details.SecretContent = vault.Base64SecretContentDetails{Name: &c.name, Content: encoded([]byte(c.content)),
			Stage: vault.SecretContentDetailsStageEnum(c.stage)}
	}
	if c.mark != "" {
		details.Metadata = map[string]any{metadataKey: c.mark}
	}
	if c.promote != 0 {
		details.CurrentVersionNumber = &c.promote
	}
	request := vault.UpdateSecretRequest{SecretId: &p.id, UpdateSecretDetails: details}
	if c.ifMatch != "" {
		request.IfMatch = &c.ifMatch
	}
	return once(ctx, func(ctx context.Context) (vault.UpdateSecretResponse, error) {
		return p.vault.UpdateSecret(ctx, request)
	})
}

// probeVault observes Vault. An error ends the run.
func (r *run) probeVault(ctx context.Context) error {
	ghost := invented("vaultsecret", r.options.secretRegion)
	_, err := once(ctx, func(ctx context.Context) (vault.GetSecretResponse, error) {
		return r.vault.GetSecret(ctx, vault.GetSecretRequest{SecretId: &ghost})
	})
	r.fact("absent-secret", seen(err), "")
	_, id, err := r.newSecret(ctx, "probe", "", "")
	if err != nil {
		return err
	}
	p := &vaultProbe{r, id}
	for _, probe := range []func(context.Context) error{
		p.stage, p.busy, p.nameTwice, p.pendingTwice, p.size, p.versionDeletion} {
		if err := probe(ctx); err != nil {
			return fmt.Errorf("observing Vault: %w", err)
		}
		if _, err := p.active(ctx, p.id); err != nil { // the next probe needs a secret that takes changes
			return fmt.Errorf("observing Vault: %w", err)
		}
	}
	return nil
}

// stage writes a PENDING version with metadata, as a rotation does.
func (p *vaultProbe) stage(ctx context.Context) error {
	before, err := p.active(ctx, p.id)
	if err != nil {
		return err
	}
	began := time.Now()
	u, err := p.update(ctx, change{name: "one", content: "first", stage: "PENDING", mark: "first",
		ifMatch: before.ETag})
	if err != nil {
		p.fact("metadata-with-content", seen(err), "")
		return fmt.Errorf("a PENDING version is refused: %s", seen(err))
	}
	p.fact("update-answer", string(u.LifecycleState), "")
	late := 0
	took, err := until(ctx, time.Minute, func() (bool, error) {
		_, err := p.read(ctx, p.id, "one")
		if statusIs(err, 404) {
			late++
			return false, nil
		}
		return err == nil, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("reading the new version: %s", seenOr(err))
	case late > 0:
		p.fact("late-version", "404 at first", "%d times, found after %s", late, took.Round(time.Millisecond))
	default:
		p.fact("late-version", "at once", "")
	}
	now, err := p.active(ctx, p.id)
	if err != nil {
		return err
	}
	settled := time.Since(began)
	p.fact("settling", pick(settled > time.Minute, "ACTIVE later than after 1m0s", "ACTIVE within 1m0s"), "after %s",
		settled.Round(time.Millisecond))
	p.fact("etag-settles", pick(text(u.Etag) == now.ETag, "stays", "changes"), "")
	p.dates = append(p.dates, u.RawResponse.Header.Get("Date"))
	c, err := p.read(ctx, p.id, "one")
	if err != nil {
		return err
	}
	content, metadata := string(c.value.Reveal()) == "first", marked(now, "first")
	p.fact("metadata-with-content", both(content, metadata), "content %s, metadata %s",
		pick(content, "kept", "not kept"), pick(metadata, "kept", "not kept"))
	_, err = p.update(ctx, change{mark: "stale", ifMatch: before.ETag})
	p.fact("stale-etag", seen(err), "")
	return nil
}

// marked reports whether a secret's metadata has a mark.
func marked(s kvault.Secret, mark string) bool {
	text, err := s.Metadata.Text(metadataKey)
	return err == nil && text == mark
}

func both(a, b bool) string { return pick(a && b, "both kept", "not both kept") }

// busy writes twice without waiting.
func (p *vaultProbe) busy(ctx context.Context) error {
	const tries = 3
	for range tries {
		if _, err := p.active(ctx, p.id); err != nil {
			return err
		}
		if _, err := p.update(ctx, change{mark: "busy"}); err != nil {
			return fmt.Errorf("writing metadata: %s", seen(err))
		}
		if _, err := p.update(ctx, change{mark: "busier"}); err != nil {
			p.fact("busy-secret", seen(err), "")
			return nil
		}
	}
	p.unseen("busy-secret", "the secret was ACTIVE again before the second write, %d times", tries)
	return nil
}

// nameTwice writes another content under the name of a version.
func (p *vaultProbe) nameTwice(ctx context.Context) error {
	_, err := p.update(ctx, change{name: "one", content: "another", stage: "PENDING"})
	outcome := seen(err)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		outcome += ", already exists"
	}
	p.fact("version-name-twice", outcome, "")
	return nil
}

// pendingTwice writes a second PENDING version, and makes the last one CURRENT.
func (p *vaultProbe) pendingTwice(ctx context.Context) error {
	_, refused := p.update(ctx, change{name: "two", content: "second", stage: "PENDING"})
	if _, err := p.active(ctx, p.id); err != nil {
		return err
	}
	versions, err := p.cloud.Vault().Versions(ctx, p.id)
	if err != nil {
		return err
	}
	byName := map[string]kvault.Version{}
	for _, v := range versions {
		byName[v.Name] = v
	}
	last := "two"
	if refused != nil {
		last = "one"
		p.fact("second-pending", "refused: "+seen(refused), "")
	} else {
		p.fact("second-pending", cmp.Or(byName["one"].Stage(), "none"), "")
	}
	number := byName[last].Number
	if number == 0 {
		return fmt.Errorf("the version %q is not listed", last)
	}
	if _, err := p.update(ctx, change{promote: number, mark: "promoted"}); err != nil {
		p.fact("metadata-with-promotion", seen(err), "")
		return nil
	}
	now, err := p.active(ctx, p.id)
	if err != nil {
		return err
	}
	p.fact("metadata-with-promotion", both(now.Current == number, marked(now, "promoted")), "")
	return nil
}

// mostContent is the largest size of a version, as Keyturn assumes.
const mostContent = 25 << 10

// size writes as much as fits, and then a byte more. An accepted version becomes CURRENT.
func (p *vaultProbe) size(ctx context.Context) error {
	outcomes := []string{}
	for i, n := range []int{mostContent, mostContent + 1} {
		if _, err := p.active(ctx, p.id); err != nil {
			return err
		}
		_, err := p.update(ctx, change{name: fmt.Sprintf("large-%d", i), content: strings.Repeat("x", n)})
		outcomes = append(outcomes, fmt.Sprintf("%d%s%s", n, []string{" bytes ", ": "}[i], seen(err)))
	}
	p.fact("secret-size", strings.Join(outcomes, ", "), "")
	return nil
}

// versionDeletion schedules the deletion of a DEPRECATED version, and tries the same with CURRENT.
func (p *vaultProbe) versionDeletion(ctx context.Context) error {
	all, err := p.cloud.Vault().Versions(ctx, p.id)
	if err != nil {
		return err
	}
	var outcomes []string
	for _, stage := range []string{"DEPRECATED", "CURRENT"} {
		said := "none there"
		for _, v := range all {
			if v.Stage() != stage || v.Leaving {
				continue
			}
			_, err := once(ctx, func(ctx context.Context) (vault.ScheduleSecretVersionDeletionResponse, error) {
				return p.vault.ScheduleSecretVersionDeletion(ctx, vault.ScheduleSecretVersionDeletionRequest{
					SecretId: &p.id, SecretVersionNumber: &v.Number,
					ScheduleSecretVersionDeletionDetails: vault.ScheduleSecretVersionDeletionDetails{
						TimeOfDeletion: &common.SDKTime{Time: time.Now().Add(2 * leadTime)}}})
			})
			said = seen(err)
			break
		}
		outcomes = append(outcomes, stage+" "+said)
		if _, err := p.active(ctx, p.id); err != nil {
			return err
		}
	}
	p.fact("version-deletion", strings.Join(outcomes, ", "), "")
	return nil
}
