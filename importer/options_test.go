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
		Title:     pick("title", TitleNames, TitleCodes, TitleEmoji),
		Timezone:  pick("timezone", "", ZoneTeam, "Europe/Berlin", "America/Los_Angeles"),
		Priority:  rapid.IntRange(1, 4).Draw(t, "priority"),
		Duration:  rapid.IntRange(0, maxDuration).Draw(t, "duration"),
		Reminder:  rapid.IntRange(NoReminder, maxReminder).Draw(t, "reminder"),
		SkipTBD:   rapid.Bool().Draw(t, "skip tbd"),
		Target:    pick("target", "", TargetNew, TargetEach, "6XGgm6PHrGgMpCFX"),
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
	ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[0-9]{9,10}`), 0, 5, rapid.ID[string])
	o.Skip, o.Again = append(o.Skip, ids.Draw(t, "skip")...), append(o.Again, ids.Draw(t, "again")...)
	return o
}

func TestOptionsSurviveTheirQuery(t *testing.T) {
	t.Parallel()
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

func TestDefaultsAreWhatMostPeopleWant(t *testing.T) {
	t.Parallel()
	o, err := ParseOptions(url.Values{"team": {"bos", "BOS", "ny", " "}})
	want := Options{Teams: []string{"BOS", "NYK"}, Upcoming: true, Title: TitleNames, Priority: 4, Reminder: NoReminder, View: ViewList, Comments: true}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
}

func TestLabelsAreTidied(t *testing.T) {
	t.Parallel()
	o, err := ParseOptions(url.Values{"team": {"BOS"}, "labels": {" @nba ,two words,,nba, @@ @x"}})
	if want := []string{"nba", "two_words", "x"}; err != nil || !slices.Equal(o.Labels, want) {
		t.Errorf("got %q, %v; want %q", o.Labels, err, want)
	}
}

func TestEachMistakeNamesItsField(t *testing.T) {
	t.Parallel()
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
		"team=BOS&skip=1.BOS":                            "skip",
		"team=BOS&again=a,b":                             "again",
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
	f.Add("team=BOS&reminder=none&labels=@@a,b&skip=0022600061")
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

func TestWhatAnImportKeepsOfItsOptionsIsNotKeptTwice(t *testing.T) {
	t.Parallel()
	o, err := ParseOptions(url.Values{"team": {"BOS"}, "title": {"codes"}, "skip": {"1"}, "again": {"2"}, "target": {"new"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.stored(), "games=upcoming&team=BOS&title=codes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
