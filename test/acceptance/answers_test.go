package acceptance

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

// variant is one answer of the emulator that is not its default, with the fact by which a run must report it.
type variant[A any] struct {
	field   string
	answers A
	fact    string // empty: a run can't see it
	saw     string
}

var variants = []variant[ociemu.Answers]{
	{"RetryToken", ociemu.Answers{RetryToken: ociemu.RetryTokenNoValue}, "retry-token", "the same, without its value"},
	{"RetryToken", ociemu.Answers{RetryToken: ociemu.RetryTokenConflict}, "retry-token", "409 InvalidatedRetryToken"},
	{"RetryToken", ociemu.Answers{RetryToken: ociemu.RetryTokenIgnored}, "retry-token", "a second one"},
	{"FullSlot", ociemu.Answers{FullSlot: ociemu.FullSlotLimitExceeded}, "full-slots", "400 LimitExceeded"},
	{"FullSlot", ociemu.Answers{FullSlot: ociemu.FullSlotAPIKeyLimit}, "full-slots", "409 ApiKeyLimitExceeded, 400 " +
		"IdcsConversionError"},
	{"FullSlot", ociemu.Answers{FullSlot: ociemu.FullSlotMixed}, "full-slots", "400 IdcsConversionError, 400 " +
		"LimitExceeded"},
	{"FullSlot", ociemu.Answers{FullSlot: ociemu.FullSlotConflict}, "full-slots", "409 Conflict"},
	{"FullSlot", ociemu.Answers{FullSlot: ociemu.FullSlotQuotaExceeded}, "full-slots", "400 QuotaExceeded"},
	{"DuplicateKey", ociemu.Answers{DuplicateKey: ociemu.DuplicateKeyInvalidParameter}, "duplicate-key",
		"400 InvalidParameter"},
	{"EventComments", ociemu.Answers{EventComments: ociemu.EventCommentsJoined}, "", ""},
	{"EventComments", ociemu.Answers{EventComments: ociemu.EventCommentsAbsent}, "", ""},
	{"SecondPending", ociemu.Answers{SecondPending: ociemu.SecondPendingRefused}, "second-pending",
		"refused: 409 IncorrectState"},
	{"SecondPending", ociemu.Answers{SecondPending: ociemu.SecondPendingKeeps}, "second-pending", "PENDING"},
	{"EtagOnSettle", ociemu.Answers{EtagOnSettle: true}, "etag-settles", "changes"},
	{"UpdateState", ociemu.Answers{UpdateState: ociemu.UpdateStateActive}, "update-answer", "ACTIVE"},
	{"S3Rejects", ociemu.Answers{S3Rejects: 401}, "s3-unknown-key", "401 InvalidAccessKeyId"},
	{"DomainMessage", ociemu.Answers{DomainMessage: ociemu.DomainMessageEmbedded}, "", ""},
	{"S3NewKey", ociemu.Answers{S3NewKey: ociemu.S3NewKeyUnknown}, "", ""},
	{"PublishStatus", ociemu.Answers{PublishStatus: 202}, "publish-status", "202"},
	{"DeleteStatus", ociemu.Answers{DeleteStatus: 200}, "delete-status", "200"},
	{"BundleLag", ociemu.Answers{BundleLag: -1}, "late-version", "at once"},
	{"ResolvedState", ociemu.Answers{ResolvedState: ociemu.ResolvedStateInactive}, "resolved-state", "INACTIVE"},
	{"SecretKeyID", ociemu.Answers{SecretKeyID: ociemu.SecretKeyIDOCID}, "access-key", "the id is an OCID that signs"},
	{"PasswordPermission", ociemu.Answers{PasswordPermission: ociemu.PasswordNeedsSet}, "", ""},
	{"NamespacePermission", ociemu.Answers{NamespacePermission: ociemu.NamespaceReads}, "namespace-permission",
		"denied"},
}

func TestEveryOtherAnswerOfOCIIsReportedAndBreaksNothing(t *testing.T) {
	need.Suite(t, need.Acceptance)
	reported(t, variants, func(t *testing.T, answers ociemu.Answers) *customer {
		ten := newTenancy(t, want{options: ociemu.Options{Answers: answers}})
		ten.resolveAProblem()
		return ten
	})
}

// reported runs the command with all variants. The answers of different fields are independent, so one tenancy combines
// one of each field.
func reported[A any](t *testing.T, all []variant[A], tenancy func(*testing.T, A) *customer, notChoices ...string) {
	fields := map[string]bool{}
	for left := all; len(left) > 0; {
		var together, later = left[:0:0], left[:0:0]
		var answers A
		taken := map[string]bool{}
		for _, v := range left {
			if taken[v.field] {
				later = append(later, v)
				continue
			}
			taken[v.field], fields[v.field] = true, true
			reflect.ValueOf(&answers).Elem().FieldByName(v.field).Set(reflect.ValueOf(v.answers).FieldByName(v.field))
			together = append(together, v)
		}
		left = later
		var name []string
		for _, v := range together {
			name = append(name, v.field)
		}
		t.Run(strings.Join(name, ","), func(t *testing.T) {
			t.Parallel()
			ten := tenancy(t, answers)
			before := ten.Configuration(ten.rotate.FunctionID)
			p := ten.accept()
			if p.code != 0 {
				t.Errorf("the command ended with %d\n%s%s", p.code, p.stdout, p.stderr)
			}
			for _, v := range together {
				v.isReported(t, p)
			}
			ten.nothingLeft(before)
		})
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[A]()) {
		if !fields[f.Name] && !slices.Contains(notChoices, f.Name) {
			t.Errorf("no other answer of the field %s is tried", f.Name)
		}
	}
}

// isReported checks that the report has the answer among the differences.
func (v variant[A]) isReported(t *testing.T, p played) {
	t.Helper()
	if v.fact == "" {
		return
	}
	f := p.of(t, v.fact)
	if f.Verdict == "noted" && strings.Contains(f.Saw, v.saw) {
		return
	}
	if f.Verdict != "differs, and Keyturn is ready for it" || !strings.HasPrefix(f.Saw, v.saw) {
		t.Errorf("%s: the report says %q: %s; want that it differs: %s", v.field, f.Saw, f.Verdict, v.saw)
	}
	if _, different, ok := strings.Cut(p.stdout, "### What OCI does differently"); !ok ||
		!strings.Contains(strings.Split(different, "###")[0], "`"+v.fact+"`") {
		t.Errorf("%s: the text doesn't name %s among the differences", v.field, v.fact)
	}
}

func TestAReplyThatClaimsTooMuchFails(t *testing.T) {
	need.Suite(t, need.Acceptance)
	ten := newTenancy(t, want{})
	before := ten.Configuration(ten.rotate.FunctionID)
	lied := ten.Inject(ociemu.Fault{Operation: "DeleteAuthToken", Do: ociemu.Answer(204, ""),
		Match: func(c ociemu.Call) bool { return c.Caller.ID == ten.rotate.FunctionID }})
	p := ten.accept()
	if lied.Hits() != 1 || p.code != 1 {
		t.Errorf("the command ended with %d\n%s%s", p.code, p.stdout, p.stderr)
	}
	for _, says := range []string{"passed  auth-token is rotated", "FAILED  auth-token: the new one is there, the " +
		"old one is gone: the user has 2",
		"passed  auth-token: what Vault has works", "FAILED  auth-token: the old one is refused"} {
		if !strings.Contains(p.stdout, says) {
			t.Errorf("the command doesn't say %q\n%s", says, p.stdout)
		}
	}
	ten.nothingLeft(before)
}

func TestABrokenFunctionIsFoundAndNothingIsLeft(t *testing.T) {
	for i, c := range []struct {
		without string
		answers ociemu.Answers
		says    string
	}{
		{"USER_APIKEY_ADD", ociemu.Answers{}, "FAILED  api-key is rotated"},
		{"SECRET_UPDATE", ociemu.Answers{}, "FAILED  auth-token is rotated"},
		{"USER_SECRETKEY_REMOVE", ociemu.Answers{}, "FAILED  customer-secret-key-pair is rotated"},
		{"USER_UIPASS_SET", ociemu.Answers{PasswordPermission: ociemu.PasswordNeedsSet}, "FAILED  password is rotated"},
		{"TENANCY_INSPECT", ociemu.Answers{}, "FAILED  api-key is rotated"},
	} {
		if !share(t, i, 1) {
			continue
		}
		t.Run(c.without, func(t *testing.T) {
			t.Parallel()
			ten := newTenancy(t, want{without: c.without, options: ociemu.Options{Answers: c.answers}})
			before := ten.Configuration(ten.rotate.FunctionID)
			p := ten.accept()
			if p.code != 1 || p.report.Passed || !strings.Contains(p.stdout, c.says) ||
				!strings.Contains(p.stdout, "NotAuthorizedOrNotFound") {
				t.Errorf("the command ended with %d\n%s%s", p.code, p.stdout, p.stderr)
			}
			ten.nothingLeft(before)
		})
	}
}
