package responder_test

import "testing"

func TestAReviewsOutcomeHasTheTenancysOCID(t *testing.T) {
	s := newTenancy()
	if o := s.responder().Review(t.Context(), "call-1", s.closed(comment)); o.TenancyID != tenancyID {
		t.Errorf("the tenancy's OCID is %q", o.TenancyID)
	}
}
