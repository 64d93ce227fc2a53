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
		r.ring(t.Context(), []list{pagesOf(ids, 30)}, "read users", func(_ context.Context, id string) error {
			if id == ids[bad] {
				panic("hunter2 " + id)
			}
			handled.Add(1)
			return nil
		})
		if int(handled.Load()) != len(ids)-1 {
			t.Errorf("%d of %d others were handled", handled.Load(), len(ids)-1)
		}
		found, err := r.troubles.findings(), r.troubles.err()
		if len(found) != 1 || !strings.Contains(found[0].Text, ids[bad]) || strings.Contains(found[0].Text+err.Error(), "hunter2") {
			t.Errorf("the findings are %v with the error %v, want the id %s", found, err, ids[bad])
		}
	}
}
