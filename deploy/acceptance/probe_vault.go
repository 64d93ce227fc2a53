package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"
)

// vaultProbe is a throw-away secret on which Vault's answers are observed.
type vaultProbe struct {
	*run
	id string
}

// metadataKey is the key of the metadata that the probes write.
const metadataKey = "keyturn-acceptance"

// change is one UpdateSecret.
type change struct {
	name, content, stage, mark, ifMatch string
	promote                             int64
}

// once makes a call and repeats it only while it is throttled: then it had no effect.
func once[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := call(context.WithoutCancel(ctx))
		if status, _ := answer(err); status != 429 || attempt == 10 || sleep(ctx, pauseOf(attempt)) != nil {
			return v, err
		}
	}
}

// update makes a change. Errors of it are shown as status and code alone.
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
	r.report.fact("absent-secret", seen(err), "")
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
		ifMatch: text(before.Etag)})
	if err != nil {
		p.report.fact("metadata-with-content", seen(err), "")
		return fmt.Errorf("a PENDING version is refused: %s", seen(err))
	}
	p.report.fact("update-answer", string(u.LifecycleState), "")
	late := 0
	took, err := until(ctx, time.Minute, func() (bool, error) {
		_, err := p.read(ctx, p.id, "one")
		if status, _ := answer(err); status == 404 {
			late++
			return false, nil
		}
		return err == nil, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("reading the new version: %s", seenOr(err))
	case late > 0:
		p.report.fact("late-version", "404 at first", "%d times, found after %s", late, took.Round(time.Millisecond))
	default:
		p.report.fact("late-version", "at once", "")
	}
	now, err := p.active(ctx, p.id)
	if err != nil {
		return err
	}
	settled := time.Since(began)
	outcome := "ACTIVE within 1m0s"
	if settled > time.Minute {
		outcome = "ACTIVE later than after 1m0s"
	}
	p.report.fact("settling", outcome, "after %s", settled.Round(time.Millisecond))
	p.report.fact("etag-settles", map[bool]string{true: "stays", false: "changes"}[text(u.Etag) == text(now.Etag)], "")
	p.dates = append(p.dates, u.RawResponse.Header.Get("Date"))
	c, err := p.read(ctx, p.id, "one")
	if err != nil {
		return err
	}
	kept := map[bool]string{true: "kept", false: "not kept"}
	content, metadata := string(c.value.Reveal()) == "first", now.Metadata[metadataKey] == "first"
	p.report.fact("metadata-with-content", both(content, metadata), "content %s, metadata %s", kept[content],
		kept[metadata])
	if _, err := p.update(ctx, change{mark: "stale", ifMatch: text(before.Etag)}); true {
		p.report.fact("stale-etag", seen(err), "")
	}
	return nil
}

func both(a, b bool) string {
	if a && b {
		return "both kept"
	}
	return "not both kept"
}

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
			p.report.fact("busy-secret", seen(err), "")
			return nil
		}
	}
	p.report.unseen("busy-secret", "the secret was ACTIVE again before the second write, %d times", tries)
	return nil
}

// nameTwice writes another content under the name of a version.
func (p *vaultProbe) nameTwice(ctx context.Context) error {
	if _, err := p.active(ctx, p.id); err != nil {
		return err
	}
	_, err := p.update(ctx, change{name: "one", content: "another", stage: "PENDING"})
	outcome := seen(err)
	if err != nil && strings.Contains(err.Error(), "already exists") {
		outcome += ", already exists"
	}
	p.report.fact("version-name-twice", outcome, "")
	return nil
}

// pendingTwice writes a second PENDING version, and makes the last one CURRENT.
func (p *vaultProbe) pendingTwice(ctx context.Context) error {
	if _, err := p.active(ctx, p.id); err != nil {
		return err
	}
	_, refused := p.update(ctx, change{name: "two", content: "second", stage: "PENDING"})
	if _, err := p.active(ctx, p.id); err != nil {
		return err
	}
	versions, err := p.versions(ctx)
	if err != nil {
		return err
	}
	last := "two"
	if refused != nil {
		last = "one"
		p.report.fact("second-pending", "refused: "+seen(refused), "")
	} else {
		p.report.fact("second-pending", stageOf(versions["one"]), "")
	}
	number := versions[last].VersionNumber
	if number == nil {
		return fmt.Errorf("the version %q is not listed", last)
	}
	if _, err := p.update(ctx, change{promote: *number, mark: "promoted"}); err != nil {
		p.report.fact("metadata-with-promotion", seen(err), "")
		return nil
	}
	now, err := p.active(ctx, p.id)
	if err != nil {
		return err
	}
	p.report.fact("metadata-with-promotion", both(now.CurrentVersionNumber != nil &&
		*now.CurrentVersionNumber == *number, now.Metadata[metadataKey] == "promoted"), "")
	return nil
}

// stageOf is the stage that isn't LATEST.
func stageOf(v vault.SecretVersionSummary) string {
	for _, s := range v.Stages {
		if s != vault.SecretVersionSummaryStagesLatest {
			return string(s)
		}
	}
	return "none"
}

// versions are the secret's, by name.
func (p *vaultProbe) versions(ctx context.Context) (map[string]vault.SecretVersionSummary, error) {
	all := map[string]vault.SecretVersionSummary{}
	for page := (*string)(nil); ; {
		r, err := patiently(ctx, func(ctx context.Context) (vault.ListSecretVersionsResponse, error) {
			return p.vault.ListSecretVersions(ctx, vault.ListSecretVersionsRequest{SecretId: &p.id, Page: page})
		})
		if err != nil {
			return nil, fmt.Errorf("listing the versions: %s", told(err))
		}
		for _, v := range r.Items {
			all[text(v.Name)] = v
		}
		if page = r.OpcNextPage; text(page) == "" {
			return all, nil
		}
	}
}

// mostContent is the size of a version that Keyturn assumes to be the largest.
const mostContent = 25 << 10

// size writes as much as fits, and a byte more. What is accepted becomes CURRENT.
func (p *vaultProbe) size(ctx context.Context) error {
	outcomes := []string{}
	for i, n := range []int{mostContent, mostContent + 1} {
		if _, err := p.active(ctx, p.id); err != nil {
			return err
		}
		_, err := p.update(ctx, change{name: fmt.Sprintf("large-%d", i), content: strings.Repeat("x", n)})
		outcomes = append(outcomes, fmt.Sprintf("%d%s%s", n, []string{" bytes ", ": "}[i], seen(err)))
	}
	p.report.fact("secret-size", strings.Join(outcomes, ", "), "")
	return nil
}

// versionDeletion schedules the deletion of a DEPRECATED version, and tries it with CURRENT.
func (p *vaultProbe) versionDeletion(ctx context.Context) error {
	if _, err := p.active(ctx, p.id); err != nil {
		return err
	}
	all, err := p.versions(ctx)
	if err != nil {
		return err
	}
	var outcomes []string
	for _, stage := range []vault.SecretVersionSummaryStagesEnum{vault.SecretVersionSummaryStagesDeprecated,
		vault.SecretVersionSummaryStagesCurrent} {
		said := "none there"
		for _, v := range all {
			if !slices.Contains(v.Stages, stage) || v.TimeOfDeletion != nil {
				continue
			}
			_, err := once(ctx, func(ctx context.Context) (vault.ScheduleSecretVersionDeletionResponse, error) {
				return p.vault.ScheduleSecretVersionDeletion(ctx, vault.ScheduleSecretVersionDeletionRequest{
					SecretId: &p.id, SecretVersionNumber: v.VersionNumber,
					ScheduleSecretVersionDeletionDetails: vault.ScheduleSecretVersionDeletionDetails{
						TimeOfDeletion: &common.SDKTime{Time: time.Now().Add(2 * leadTime)}}})
			})
			said = seen(err)
			break
		}
		outcomes = append(outcomes, string(stage)+" "+said)
		if _, err := p.active(ctx, p.id); err != nil {
			return err
		}
	}
	p.report.fact("version-deletion", strings.Join(outcomes, ", "), "")
	return nil
}
