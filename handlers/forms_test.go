package handlers

import (
	"net/url"
	"slices"
	"testing"
)

func TestAFormShowsWhatWasTypedEvenWhereItIsNoChoice(t *testing.T) {
	f := form{Values: url.Values{"venue": {"moon"}, "type": {"cup", "regular"}}}
	for name, tt := range map[string]struct {
		got, want []box
	}{
		"a value that is no choice comes last": {
			boxesOf(f, "radio", "venue", "all", "Home and away", "home", "Home"),
			[]box{{"radio", "venue", "all", "Home and away", false}, {"radio", "venue", "home", "Home", false}, {"radio", "venue", "moon", "moon", true}},
		},
		"several may be chosen": {
			boxesOf(f, "checkbox", "type", "preseason", "Preseason", "regular", "Regular season", "cup", "NBA Cup"),
			[]box{{"checkbox", "type", "preseason", "Preseason", false}, {"checkbox", "type", "regular", "Regular season", true}, {"checkbox", "type", "cup", "NBA Cup", true}},
		},
		"the empty choice stands for nothing chosen": {
			boxesOf(f, "", "opponent", "", "Everybody", "NYK", "Knicks"),
			[]box{{"", "opponent", "", "Everybody", true}, {"", "opponent", "NYK", "Knicks", false}},
		},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}
