package ociemu_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

const (
	current = vault.SecretContentDetailsStageCurrent
	pending = vault.SecretContentDetailsStagePending
)

// stages writes the stages of a secret's versions as "1:PREVIOUS 2:CURRENT,LATEST".
func stages(s ociemu.Secret) string {
	var all []string
	for _, v := range s.Versions {
		all = append(all, fmt.Sprintf("%d:%s", v.Number, strings.Join(v.Stages, ",")))
	}
	return strings.Join(all, " ")
}

func (c *clients) promote(t testing.TB, secret string, number int64, etag *string) (vault.UpdateSecretResponse, error) {
	t.Helper()
	return c.vault.UpdateSecret(t.Context(), vault.UpdateSecretRequest{
		SecretId: &secret, IfMatch: etag, UpdateSecretDetails: vault.UpdateSecretDetails{CurrentVersionNumber: &number},
	})
}

func TestStagesFollowEachWriteAndPromotion(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one"})
	for _, step := range []struct {
		what string
		do   func() error
		want string
	}{
		{"seed", func() error { return nil }, "1:CURRENT,LATEST"},
		{"write", func() error { _, err := c.put(t.Context(), secret, "", "2", ""); return err },
			"1:PREVIOUS 2:CURRENT,LATEST"},
		{"write", func() error { _, err := c.put(t.Context(), secret, "", "3", current); return err },
			"1:DEPRECATED 2:PREVIOUS 3:CURRENT,LATEST"},
		{"stage", func() error { _, err := c.put(t.Context(), secret, "", "4", pending); return err },
			"1:DEPRECATED 2:PREVIOUS 3:CURRENT 4:PENDING,LATEST"},
		{"promote the staged", func() error { _, err := c.promote(t, secret, 4, nil); return err },
			"1:DEPRECATED 2:DEPRECATED 3:PREVIOUS 4:CURRENT,LATEST"},
		{"promote an old one", func() error { _, err := c.promote(t, secret, 1, nil); return err },
			"1:CURRENT 2:DEPRECATED 3:DEPRECATED 4:PREVIOUS,LATEST"},
		{"promote it again", func() error { _, err := c.promote(t, secret, 1, nil); return err },
			"1:CURRENT 2:DEPRECATED 3:DEPRECATED 4:PREVIOUS,LATEST"},
		{"stage", func() error { _, err := c.put(t.Context(), secret, "", "5", pending); return err },
			"1:CURRENT 2:DEPRECATED 3:DEPRECATED 4:PREVIOUS 5:PENDING,LATEST"},
		{"write with a pending one", func() error { _, err := c.put(t.Context(), secret, "", "6", ""); return err },
			"1:PREVIOUS 2:DEPRECATED 3:DEPRECATED 4:DEPRECATED 5:PENDING 6:CURRENT,LATEST"},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if got := stages(e.Secret(secret)); got != step.want {
			t.Fatalf("after %q: got %s, want %s", step.what, got, step.want)
		}
	}
}

func TestAnswersChooseWhatASecondPendingVersionDoes(t *testing.T) {
	for answer, want := range map[ociemu.SecondPendingAnswer]string{
		"":                             "1:CURRENT 2:DEPRECATED 3:PENDING,LATEST",
		ociemu.SecondPendingDeprecates: "1:CURRENT 2:DEPRECATED 3:PENDING,LATEST",
		ociemu.SecondPendingRefused:    "1:CURRENT 2:PENDING,LATEST",
		ociemu.SecondPendingKeeps:      "1:CURRENT 2:PENDING 3:PENDING,LATEST",
	} {
		opts := ociemu.Calm()
		opts.Answers.SecondPending = answer
		e := ociemu.New(t, opts)
		c := asFunction(t, e)
		secret := e.AddSecret(ociemu.SecretSeed{Name: "one"})
		must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "a", "a", pending))
		_, err := c.put(t.Context(), secret, "b", "b", pending)
		if answer == ociemu.SecondPendingRefused {
			refused(t, err, 409, "IncorrectState")
		} else if err != nil {
			t.Errorf("%q: %v", answer, err)
		}
		if got := stages(e.Secret(secret)); got != want {
			t.Errorf("%q: got %s, want %s", answer, got, want)
		}
	}
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", VersionName: "taken"})
	reuse := e.AddSecret(ociemu.SecretSeed{Name: "reuse", ReuseRule: true, Content: []byte("used")})
	gone := e.AddSecret(ociemu.SecretSeed{Name: "gone", State: "PENDING_DELETION"})
	replica := e.AddSecret(ociemu.SecretSeed{Name: "replica", Replica: true})
	full := e.AddSecret(ociemu.SecretSeed{Name: "full", Versions: 30})
	content := func(name, content string) vault.UpdateSecretDetails {
		return vault.UpdateSecretDetails{SecretContent: vault.Base64SecretContentDetails{Content: encoded(content),
			Name: common.String(name)}}
	}
	with := func(d vault.UpdateSecretDetails, change func(*vault.UpdateSecretDetails)) vault.UpdateSecretDetails {
		change(&d)
		return d
	}
	for _, row := range []struct {
		name, secret string
		details      vault.UpdateSecretDetails
		etag         string
		status       int
		code         string
	}{
		{"name taken", secret, content("taken", "x"), "", 400, "InvalidParameter"},
		{"name with a slash", secret, content("a/b", "x"), "", 400, "InvalidParameter"},
		{"content over 25 KB", secret, content("big", strings.Repeat("x", 25<<10+1)), "", 400, "InvalidParameter"},
		{"no BASE64", secret, vault.UpdateSecretDetails{SecretContent: vault.Base64SecretContentDetails{
			Content: common.String("?")}}, "", 400, "InvalidParameter"},
		{"content and promotion", secret, with(content("n", "x"), func(d *vault.UpdateSecretDetails) {
			d.CurrentVersionNumber = common.Int64(1)
		}), "", 400, "InvalidParameter"},
		{"content and rules", secret, with(content("n", "x"), func(d *vault.UpdateSecretDetails) {
			d.SecretRules = []vault.SecretRule{vault.SecretReuseRule{}}
		}), "", 400, "InvalidParameter"},
		{"promotion of nothing", secret, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(7)}, "", 400,
			"InvalidParameter"},
		{"stale etag", secret, content("n", "x"), "stale", 412, "NoEtagMatch"},
		{"content used before", reuse, content("n", "used"), "", 400, "InvalidParameter"},
		{"pending deletion", gone, content("n", "x"), "", 409, "IncorrectState"},
		{"replica", replica, content("n", "x"), "", 400, "InvalidParameter"},
		{"thirty versions", full, content("n", "x"), "", 400, "LimitExceeded"},
		{"no secret", strings.Replace(secret, "amaaaaaa", "amaaaaab", 1), content("n", "x"), "", 404,
			"NotAuthorizedOrNotFound"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := e.Secret(row.secret)
			req := vault.UpdateSecretRequest{SecretId: &row.secret, UpdateSecretDetails: row.details}
			if row.etag != "" {
				req.IfMatch = &row.etag
			}
			_, err := c.vault.UpdateSecret(t.Context(), req)
			refused(t, err, row.status, row.code)
			if after := e.Secret(row.secret); stages(after) != stages(before) || after.Etag != before.Etag {
				t.Errorf("the refused update left %s, was %s", stages(after), stages(before))
			}
		})
	}
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "big", strings.Repeat("x", 25<<10), ""))
}

func TestASecretIsUpdatingForAMomentAndRefusesWritersMeanwhile(t *testing.T) {
	for _, answer := range []ociemu.UpdateStateAnswer{"", ociemu.UpdateStateUpdating, ociemu.UpdateStateActive} {
		for _, etagOnSettle := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", answer, etagOnSettle), func(t *testing.T) {
				now := newClock()
				e := ociemu.New(t, ociemu.Options{
					Now: now.Now, Settle: time.Second, Answers: ociemu.Answers{UpdateState: answer,
						EtagOnSettle: etagOnSettle},
				})
				c := asFunction(t, e)
				secret := e.AddSecret(ociemu.SecretSeed{Name: "one"})
				first := must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "a", "a", ""))
				wantState := vault.SecretLifecycleStateUpdating
				if answer == ociemu.UpdateStateActive {
					wantState = vault.SecretLifecycleStateActive
				}
				if first.LifecycleState != wantState {
					t.Errorf("the answer says %s, want %s", first.LifecycleState, wantState)
				}
				get := func() vault.GetSecretResponse {
					return must[vault.GetSecretResponse](t)(c.vault.GetSecret(t.Context(),
						vault.GetSecretRequest{SecretId: &secret}))
				}
				if got := get().LifecycleState; got != vault.SecretLifecycleStateUpdating {
					t.Errorf("at once the secret is %s", got)
				}
				_, err := c.put(t.Context(), secret, "b", "b", "")
				refused(t, err, 409, "IncorrectState")
				now.Advance(time.Second)
				settled := get()
				if settled.LifecycleState != vault.SecretLifecycleStateActive {
					t.Errorf("later the secret is %s", settled.LifecycleState)
				}
				if changed := *settled.Etag != *first.Etag; changed != etagOnSettle {
					t.Errorf("the etag changed on settling: %v, want %v", changed, etagOnSettle)
				}
				_, err = c.promote(t, secret, 1, first.Etag)
				if etagOnSettle {
					refused(t, err, 412, "NoEtagMatch")
				} else if err != nil {
					t.Errorf("with the answered etag: %v", err)
				}
			})
		}
	}
}

func TestAnUpdateReplacesWholeMaps(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{
		Name: "one", Metadata: map[string]any{"a": "1", "b": "2"}, FreeformTags: map[string]string{"a": "1", "b": "2"},
		DefinedTags: map[string]map[string]any{"keyturn": {"user": "x"}},
	})
	must[vault.UpdateSecretResponse](t)(c.vault.UpdateSecret(t.Context(), vault.UpdateSecretRequest{
		SecretId: &secret, UpdateSecretDetails: vault.UpdateSecretDetails{
			Metadata: map[string]any{"c": "3"}, FreeformTags: map[string]string{"c": "3"},
			DefinedTags: map[string]map[string]any{"keyturn": {"kind": "y"}},
		},
	}))
	got := must[vault.GetSecretResponse](t)(c.vault.GetSecret(t.Context(), vault.GetSecretRequest{SecretId: &secret}))
	if len(got.Metadata) != 1 || got.Metadata["c"] != "3" || len(got.FreeformTags) != 1 ||
		got.FreeformTags["c"] != "3" {
		t.Errorf("got metadata %v and tags %v", got.Metadata, got.FreeformTags)
	}
	if tags := got.DefinedTags["keyturn"]; len(tags) != 1 || tags["kind"] != "y" {
		t.Errorf("got defined tags %v", got.DefinedTags)
	}
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "", "x", ""))
	if snap := e.Secret(secret); snap.Metadata["c"] != "3" || snap.FreeformTags["c"] != "3" {
		t.Errorf("an update without maps left %v and %v", snap.Metadata, snap.FreeformTags)
	}
}

func TestASecretIsFoundOnlyInItsOwnRegion(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Region: "us-phoenix-1"})
	if !strings.HasPrefix(secret, "ocid1.vaultsecret.oc1.phx.amaaaaaa") {
		t.Errorf("the OCID is %s", secret)
	}
	if other := e.AddSecret(ociemu.SecretSeed{Name: "two", Region: "eu-frankfurt-1"}); !strings.HasPrefix(other,
		"ocid1.vaultsecret.oc1.eu-frankfurt-1.") {
		t.Errorf("the OCID is %s", other)
	}
	_, err := c.vault.GetSecret(t.Context(), vault.GetSecretRequest{SecretId: &secret})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	c.vault.SetRegion("us-phoenix-1")
	must[vault.GetSecretResponse](t)(c.vault.GetSecret(t.Context(), vault.GetSecretRequest{SecretId: &secret}))
}

func TestVersionsAreListedPageByPageWithTheirNames(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Versions: 5, VersionName: "fifth"})
	for order, want := range map[vault.ListSecretVersionsSortOrderEnum][]int64{
		vault.ListSecretVersionsSortOrderAsc: {1, 2, 3, 4, 5}, vault.ListSecretVersionsSortOrderDesc: {5, 4, 3, 2, 1},
		"": {5, 4, 3, 2, 1},
	} {
		var got []int64
		var page *string
		for range 5 {
			r := must[vault.ListSecretVersionsResponse](t)(c.vault.ListSecretVersions(t.Context(),
				vault.ListSecretVersionsRequest{
					SecretId: &secret, SortOrder: order, Page: page,
				}))
			for _, v := range r.Items {
				got = append(got, *v.VersionNumber)
				if *v.VersionNumber == 5 && *v.Name != "fifth" {
					t.Errorf("version 5 is called %v", v.Name)
				}
			}
			page = r.OpcNextPage
			if page == nil {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("order %q: got %v", order, got)
		}
	}
	one := must[vault.GetSecretVersionResponse](t)(c.vault.GetSecretVersion(t.Context(), vault.GetSecretVersionRequest{
		SecretId: &secret, SecretVersionNumber: common.Int64(4),
	}))
	if len(one.Stages) != 1 || one.Stages[0] != vault.SecretVersionStagesPrevious {
		t.Errorf("version 4 is %v", one.Stages)
	}
}

func TestOnlyDeprecatedVersionsCanBeScheduledForDeletion(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now = now.Now
	e := ociemu.New(t, opts)
	c := asFunction(t, e)
	secret := e.AddSecret(ociemu.SecretSeed{Name: "one", Versions: 30})
	schedule := func(n int64, at *common.SDKTime) error {
		_, err := c.vault.ScheduleSecretVersionDeletion(t.Context(), vault.ScheduleSecretVersionDeletionRequest{
			SecretId: &secret, SecretVersionNumber: &n,
			ScheduleSecretVersionDeletionDetails: vault.ScheduleSecretVersionDeletionDetails{TimeOfDeletion: at},
		})
		return err
	}
	refused(t, schedule(30, nil), 409, "IncorrectState")
	refused(t, schedule(29, nil), 409, "IncorrectState")
	refused(t, schedule(31, nil), 404, "NotAuthorizedOrNotFound")
	refused(t, schedule(1, &common.SDKTime{Time: now.Now()}), 400, "InvalidParameter")
	if err := schedule(1, &common.SDKTime{Time: now.Now().Add(25 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	refused(t, schedule(1, nil), 409, "IncorrectState")
	if snap := e.Secret(secret); len(snap.Versions) != 30 || snap.Versions[0].Deletion.IsZero() {
		t.Errorf("a scheduled version must stay in the list until its time: %v", stages(snap))
	}
	must[vault.UpdateSecretResponse](t)(c.put(t.Context(), secret, "", "room again", ""))
	_, err := c.promote(t, secret, 1, nil)
	refused(t, err, 400, "InvalidParameter")
	now.Advance(26 * time.Hour)
	if snap := e.Secret(secret); len(snap.Versions) != 30 || snap.Versions[0].Number != 2 {
		t.Errorf("after its time the version is still there: %v", stages(snap))
	}
}
