package importer

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tipoff/schedule"
)

// anyOptions draws options as ParseOptions can give them.
func anyOptions(t *rapid.T) Options {
	var codes []string
	for _, team := range schedule.Teams() {
		codes = append(codes, team.Code)
	}
	teams := func(label string, least int) []string {
		all := rapid.SliceOfNDistinct(rapid.SampledFrom(codes), least, 4, rapid.ID[string]).Draw(t, label)
		if len(all) == 0 {
			return nil
		}
		return all
	}
	pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	o := Options{
		Teams:     teams("teams", 1),
		Upcoming:  rapid.Bool().Draw(t, "upcoming"),
		Venue:     pick("venue", "", "home", "away"),
		National:  rapid.Bool().Draw(t, "national"),
		Opponents: teams("opponents", 0),
		Title:     pick("title", titleStyles...),
		Timezone:  pick("timezone", "", ZoneTeam, "Europe/Berlin", "America/Los_Angeles"),
		Priority:  rapid.IntRange(1, 4).Draw(t, "priority"),
		Duration:  rapid.IntRange(0, maxDuration).Draw(t, "duration"),
		Reminder:  rapid.IntRange(NoReminder, maxReminder).Draw(t, "reminder"),
		SkipTBD:   rapid.Bool().Draw(t, "skip tbd"),
		Target:    pick("target", TargetNew, TargetEach, "6XGgm6PHrGgMpCFX"),
		View:      rapid.SampledFrom([]string{ViewList, ViewBoard, ViewCalendar}).Draw(t, "view"),
		Months:    rapid.Bool().Draw(t, "months"),
	}
	if o.Target != TargetEach {
		o.Name = strings.Join(strings.Fields(rapid.StringMatching(`[ -~äß🏀]{0,40}`).Draw(t, "name")), " ")
	}
	label := rapid.StringMatching(`[a-zß&=%+#][a-zß&=%+#@]{0,9}`)
	o.Labels = append(o.Labels, rapid.SliceOfNDistinct(label, 0, 4, rapid.ID[string]).Draw(t, "labels")...)
	for _, kind := range everyType {
		if rapid.Bool().Draw(t, "type "+string(kind)) {
			o.Types = append(o.Types, kind)
		}
	}
	if slices.Equal(o.Types, everyType[1:]) {
		o.Types = nil
	}
	day := rapid.Custom(func(t *rapid.T) schedule.Day {
		return schedule.Day("2026-10-01").AddDays(rapid.IntRange(0, 250).Draw(t, "days"))
	})
	if rapid.Bool().Draw(t, "from") {
		o.From = day.Draw(t, "from")
	}
	if rapid.Bool().Draw(t, "to") {
		o.To = max(day.Draw(t, "to"), o.From)
	}
	refs := rapid.Custom(func(t *rapid.T) Ref {
		r := Ref{ID: rapid.StringMatching(`[0-9]{9,10}`).Draw(t, "id")}
		if rapid.Bool().Draw(t, "full") {
			r.Away, r.Home, r.Day = rapid.SampledFrom(codes).Draw(t, "away"), rapid.SampledFrom(codes).Draw(t, "home"), day.Draw(t, "day")
		}
		return r
	})
	o.Skip = append(o.Skip, rapid.SliceOfNDistinct(refs, 0, 5, Ref.String).Draw(t, "skip")...)
	return o
}

func TestOptionsSurviveTheirQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOptions(t)
		query := o.Values().Encode()
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseOptions(v)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if !reflect.DeepEqual(got, o) {
			t.Fatalf("%s:\ngot  %+v\nwant %+v", query, got, o)
		}
	})
}

func TestBareOptionsStayBare(t *testing.T) {
	for query, want := range map[string]bool{
		"team=BOS": true, "team=BOS&team=NYK": true, "team=BOS&skip=0022600001": true, "team=BOS&target=each": true,
		"team=BOS&target=6XGgm6PHrGgMpCFX": true, "team=BOS&games=upcoming": false, "team=BOS&labels=": false, "team=BOS&view=list": false,
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		o, err := ParseOptions(v)
		if err != nil || o.Bare != want {
			t.Errorf("%s: bare is %t, %v; want %t", query, o.Bare, err, want)
		}
		again, err := ParseOptions(o.Values())
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%s: got %+v, %v; want %+v", query, again, err, o)
		}
	}
}

func TestDefaultsAreWhatMostPeopleWant(t *testing.T) {
	o, err := ParseOptions(url.Values{"team": {"bos", "BOS", "ny", " "}})
	want := Options{Teams: []string{"BOS", "NYK"}, Upcoming: true, Title: TitleNames, Priority: 4, Reminder: NoReminder, Target: TargetNew, View: ViewList, Bare: true}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
}

func TestLabelsAreTidied(t *testing.T) {
	o, err := ParseOptions(url.Values{"team": {"BOS"}, "labels": {" @nba ,two words,,nba, x\ty "}})
	if want := []string{"nba", "two_words"}; err == nil {
		t.Errorf("a tab was taken: %q", o.Labels)
	} else if _, ok := err.(Invalid)["labels"]; !ok {
		t.Errorf("got %v, want %q or an error of the labels", err, want)
	}
	o, err = ParseOptions(url.Values{"team": {"BOS"}, "labels": {" @nba ,two words,,nba"}})
	if want := []string{"nba", "two_words"}; err != nil || !slices.Equal(o.Labels, want) {
		t.Errorf("got %q, %v; want %q", o.Labels, err, want)
	}
}

func TestEachMistakeNamesItsField(t *testing.T) {
	for query, field := range map[string]string{
		"":                                               "team",
		"team=XYZ":                                       "team",
		"team=BOS&games=some":                            "games",
		"team=BOS&venue=moon":                            "venue",
		"team=BOS&type=allstar":                          "type",
		"team=BOS&tv=1":                                  "tv",
		"team=BOS&opponent=ZZZ":                          "opponent",
		"team=BOS&from=tomorrow":                         "from",
		"team=BOS&from=2026-11-02&to=2026-11-1":          "to",
		"team=BOS&from=2026-11-02&to=2026-11-01":         "to",
		"team=BOS&skip=a/b":                              "skip",
		"team=BOS&skip=1.BOS.NYK.20261345":               "skip",
		"team=BOS&title=haiku":                           "title",
		"team=BOS&timezone=Local":                        "timezone",
		"team=BOS&timezone=../etc/passwd":                "timezone",
		"team=BOS&labels=" + strings.Repeat("x", 61):     "labels",
		"team=BOS&labels=" + strings.Repeat("x,y,", 600): "labels",
		"team=BOS&labels=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u": "labels",
		"team=BOS&priority=0":                       "priority",
		"team=BOS&priority=high":                    "priority",
		"team=BOS&duration=1440":                    "duration",
		"team=BOS&duration=-1":                      "duration",
		"team=BOS&duration=1e3":                     "duration",
		"team=BOS&reminder=soon":                    "reminder",
		"team=BOS&reminder=99999999999999999999":    "reminder",
		"team=BOS&tbd=maybe":                        "tbd",
		"team=BOS&target=a%20b":                     "target",
		"team=BOS&name=" + strings.Repeat("x", 121): "name",
		"team=BOS&name=a%00b":                       "name",
		"team=BOS&name=%ff":                         "name",
		"team=BOS&target=each&name=Games":           "name",
		"team=BOS&view=table":                       "view",
		"team=BOS&sections=week":                    "sections",
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseOptions(v)
		invalid, ok := err.(Invalid)
		if !ok || len(invalid) != 1 || invalid[field] == "" {
			t.Errorf("%.60s: got %v, want a sentence for %s alone", query, err, field)
		}
		if !strings.Contains(invalid.Error(), field) {
			t.Errorf("%.60s: the error is %q", query, invalid.Error())
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add("team=BOS&reminder=none&labels=a,b&skip=0022600061.BOS.NYK.20261020")
	f.Add("team=%zz")
	f.Add("type=cup&type=&from=2026-02-30")
	f.Fuzz(func(t *testing.T, query string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		o, err := ParseOptions(v)
		if err != nil {
			if invalid, ok := err.(Invalid); !ok || len(invalid) == 0 {
				t.Fatalf("the error is %#v", err)
			}
			return
		}
		again, err := ParseOptions(o.Values())
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Fatalf("got %+v, %v; want %+v", again, err, o)
		}
	})
}
