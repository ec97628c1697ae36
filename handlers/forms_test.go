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
			optionField{"games", "venue", "radio", []choice{{"all", "Home and away"}, {"home", "Home"}}}.boxes(f),
			[]box{{"radio", "venue", "all", "Home and away", false}, {"radio", "venue", "home", "Home", false}, {"radio", "venue", "moon", "moon", true}},
		},
		"several may be chosen": {
			optionField{"games", "type", "checkbox", []choice{{"preseason", "Preseason"}, {"regular", "Regular season"}, {"cup", "NBA Cup"}}}.boxes(f),
			[]box{{"checkbox", "type", "preseason", "Preseason", false}, {"checkbox", "type", "regular", "Regular season", true}, {"checkbox", "type", "cup", "NBA Cup", true}},
		},
		"the empty choice stands for nothing chosen": {
			optionField{"games", "opponent", "", []choice{{"", "Everybody"}, {"NYK", "Knicks"}}}.boxes(f),
			[]box{{"", "opponent", "", "Everybody", true}, {"", "opponent", "NYK", "Knicks", false}},
		},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}
