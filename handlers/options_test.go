package handlers

import (
	"maps"
	"slices"
	"testing"

	"tipoff/importer"
)

func TestEveryOptionHasAFieldThatOffersItsDefault(t *testing.T) {
	opts, err := importer.ParseOptions(map[string][]string{"team": {"BOS"}, "skip": {"1"}, "again": {"2"}})
	if err != nil {
		t.Fatal(err)
	}
	f := formOf(opts)
	var names []string
	for _, o := range optionFields {
		names = append(names, o.name)
		for _, value := range f.Values[o.name] {
			if o.choices != nil && !slices.ContainsFunc(o.choices, func(c choice) bool { return c.Value == value }) {
				t.Errorf("%s does not offer its default, %q", o.name, value)
			}
		}
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(f.Values)); !slices.Equal(names, want) {
		t.Errorf("the page has the fields %v, the options are %v", names, want)
	}
}
