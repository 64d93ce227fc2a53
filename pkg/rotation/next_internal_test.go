package rotation

import (
	"reflect"
	"testing"
)

// state returns a state that the row fits: it has the first value of each of the row's fields.
func (r Row) state() State {
	s := State{Replace: r.Replace == "yes"}
	to, from := reflect.ValueOf(&s).Elem(), reflect.ValueOf(r)
	for i := range columns {
		name, field := from.Type().Field(i).Name, from.Field(i)
		if field.Kind() == reflect.Slice && field.Len() > 0 {
			field = field.Index(0)
		}
		if name != "Replace" && field.Kind() == reflect.String {
			to.FieldByName(name).SetString(field.String())
		}
	}
	return s
}

func TestARunThatWouldEndInVainLooksAgainFirstAndEveryDecisionSaysWhy(t *testing.T) {
	for number, row := range Table {
		for _, sight := range []Sight{SightFirst, SightAgain, SightStale} {
			for _, trouble := range []Trouble{TroubleNone, TroubleLater, TroubleFinal, TroubleBlocked} {
				s := row.state()
				s.Sight, s.Trouble = sight, trouble
				want := decide(Table, s)
				if want.Row > 0 && (want.Action != Table[want.Row-1].Then ||
					want.Reason != Table[want.Row-1].Reason) {
					t.Errorf("row %d decides %+v", want.Row, want)
				}
				tried := want.Reason == NotProvenYet || want.Reason == Unprovable
				looks := (want.Action == Refuse || want.Action == Wait) && sight == SightFirst &&
					trouble == TroubleNone && !tried
				got := Next(s)
				if got.Because == "" || got.Row != want.Row {
					t.Errorf("a state of row %d: %+v, row %d fits", number+1, got, want.Row)
				}
				if looks && (got.Action != Look || got.Reason != "" || got.Because == want.Because) || !looks &&
					got != want {
					t.Errorf("a state of row %d, %s, in the trouble %s: %+v, where the table says %+v", number+1,
						sight, trouble, got, want)
				}
			}
		}
	}
	if d := decide(nil, State{}); d.Action != Refuse || d.Reason != Failed || d.Because == "" || d.Row != 0 {
		t.Errorf("what no row fits: %+v", d)
	}
}
