package sweep

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAnIDWhoseHandlingPanicsIsReportedByItsIDAndAllOthersAreHandled(t *testing.T) {
	ids := manyIDs(100)
	for _, bad := range []int{0, 1, 50, 99} {
		r := &run{}
		var handled atomic.Int32
		err := r.ring(t.Context(), []list{pagesOf(ids, 30)}, func(_ context.Context, id string) error {
			if id == ids[bad] {
				var nothing map[string]string
				nothing["hunter2"] = id // as a nil pointer would
			}
			handled.Add(1)
			return nil
		})
		if int(handled.Load()) != len(ids)-1 {
			t.Errorf("%d of %d others were handled", handled.Load(), len(ids)-1)
		}
		if err == nil || !strings.Contains(err.Error(), ids[bad]) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error is %v, want the id %s", err, ids[bad])
		}
	}
}
