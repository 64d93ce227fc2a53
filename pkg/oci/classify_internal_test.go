package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/fault"
)

func TestAnErrorThatIsNoAnswerSaysWhetherTimeRanOut(t *testing.T) {
	reset := errors.New("read: connection reset by peer")
	for _, c := range []struct {
		err  error
		want string
	}{
		{reset, "no answer"},
		{context.DeadlineExceeded, "no answer in time"},
		{context.Canceled, "no answer in time"},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), "no answer in time"},
		{fmt.Errorf("asking: %w", context.Canceled), "no answer in time"},
	} {
		got, ok := errors.AsType[*fault.Error](classify("GetUser", c.err))
		if !ok || got.Operation != "GetUser" || got.Class != fault.Unclear || got.Message != c.want ||
			!errors.Is(got, c.err) {
			t.Errorf("%v is %+v, want %q", c.err, got, c.want)
		}
	}
	_, err := background.Start(func() (int, error) { panic("anything") }).Wait(t.Context())
	p, panicked := errors.AsType[*background.Panic](err)
	if !panicked {
		t.Fatalf("a panic gives %v", err)
	}
	if got, ok := errors.AsType[*fault.Error](classify("GetUser", err)); !ok || got.Message != p.Error() {
		t.Errorf("a panic is %+v, want %q", got, p.Error())
	}
	known := fault.New(fault.Absent, "GetSecret", "not there")
	if got := classify("GetUser", fmt.Errorf("asking: %w", known)); !errors.Is(got, known) ||
		fault.Of(got) != fault.Absent {
		t.Errorf("what is a fault already becomes %v", got)
	}
	if got := classify("GetUser", nil); got != nil {
		t.Errorf("no error becomes %v", got)
	}
}

func TestTheServersTimeIsItsDateHeaderOrTheLocalTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		for _, c := range []struct {
			answer *http.Response
			want   time.Time
		}{
			{nil, time.Now()},
			{&http.Response{}, time.Now()},
			{&http.Response{Header: http.Header{"Date": {"yesterday"}}}, time.Now()},
			{&http.Response{Header: http.Header{"Date": {at.Format(http.TimeFormat)}}}, at},
		} {
			if got := serverTime(c.answer); !got.Equal(c.want) {
				t.Errorf("the time of %v is %s, want %s", c.answer, got, c.want)
			}
		}
	})
}
