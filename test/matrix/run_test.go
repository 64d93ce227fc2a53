package main

import (
	"slices"
	"testing"
)

func TestCallsThatMayRunInParallelHaveAFixedOrder(t *testing.T) {
	get1, get2, list := site{"GetSecret", 1}, site{"GetSecret", 2}, site{"ListAuthTokens", 1}
	create, update, mail := site{"CreateAuthToken", 1}, site{"UpdateSecret", 1}, site{"PublishMessage", 1}
	want := []site{get1, get2, list, update, create, mail}
	for _, arrived := range [][]site{
		{get1, list, get2, update, create, mail},
		{list, get2, get1, update, create, mail},
	} {
		if got := inFixedOrder(arrived); !slices.Equal(got, want) {
			t.Errorf("the order is %v, want %v", got, want)
		}
	}
}
