package schedule

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// espnDoc writes events as one of ESPN's documents.
func espnDoc(tb testing.TB, events ...object) []byte {
	tb.Helper()
	b, err := json.Marshal(object{"timestamp": "2026-11-20T18:00:00Z", "season": object{"year": 2027}, "events": events})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// espnEventWith is Philadelphia at New York, 7 pm on opening night of 2026-27,
// as in a team's schedule, with some members of the event and of its
// competition replaced.
func espnEventWith(event, competition object) object {
	c := object{
		"id": "401909089", "date": "2026-10-20T23:00Z", "timeValid": true, "neutralSite": false, "type": object{"id": "1"},
		"venue": object{"fullName": "Madison Square Garden", "address": object{"city": "New York", "state": "NY"}},
		"competitors": []object{
			{"homeAway": "home", "team": object{"id": "18", "abbreviation": "NY", "location": "New York", "displayName": "New York Knicks"}, "score": object{"value": 0.0}},
			{"homeAway": "away", "team": object{"id": "20", "abbreviation": "PHI", "location": "Philadelphia", "displayName": "Philadelphia 76ers"}},
		},
		"notes": []object{}, "status": object{"type": object{"id": "1", "name": "STATUS_SCHEDULED", "state": "pre"}},
		"broadcasts": []object{
			{"type": object{"id": "1", "shortName": "TV"}, "market": object{"id": "1", "type": "National"}, "media": object{"shortName": "NBC"}, "lang": "en"},
			{"type": object{"id": "4", "shortName": "Radio"}, "market": object{"id": "1", "type": "National"}, "media": object{"shortName": "ESPN Radio"}},
			{"type": object{"id": "1", "shortName": "TV"}, "market": object{"id": "2", "type": "Home"}, "media": object{"shortName": "MSG"}},
			{"type": object{"id": "1", "shortName": "TV"}, "market": object{"id": "3", "type": "Away"}, "media": object{"shortName": "NBCSP"}},
		},
	}
	maps.Copy(c, competition)
	e := object{
		"id": "401909089", "date": "2026-10-20T23:00Z", "name": "Philadelphia 76ers at New York Knicks", "shortName": "PHI @ NY",
		"season": object{"year": 2027, "displayName": "2026-27"}, "seasonType": object{"id": "2", "type": 2}, "timeValid": true,
		"competitions": []object{c},
	}
	maps.Copy(e, event)
	return e
}

func decodeOneESPN(t *testing.T, event, competition object) Game {
	t.Helper()
	s, err := DecodeESPN(bytes.NewReader(espnDoc(t, espnEventWith(event, competition))))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Games) != 1 || s.Label != "2026-27" || s.Source != SourceESPN {
		t.Fatalf("got %s from %s with %d games", s.Label, s.Source, len(s.Games))
	}
	return s.Games[0]
}

func TestESPNEventIsAGame(t *testing.T) {
	g := decodeOneESPN(t, nil, nil)
	if g.ID != "401909089" || g.Type != Regular || g.Home.FullName() != "New York Knicks" || g.Home.Code != "NYK" || g.Away.Code != "PHI" ||
		g.Day != "2026-10-20" || !g.Tip.Equal(at("2026-10-20T23:00:00Z")) || g.Neutral || g.Postponed || g.Status != Scheduled ||
		g.Place() != "Madison Square Garden, New York, NY" {
		t.Errorf("got %+v", g)
	}
	if !slices.Equal(g.National, []string{"NBC"}) || !slices.Equal(g.HomeTV, []string{"MSG"}) || !slices.Equal(g.AwayTV, []string{"NBCSP"}) {
		t.Errorf("got channels %q, %q, %q", g.National, g.HomeTV, g.AwayTV)
	}
}

func TestESPNCodesAndArenasAreMadeTheLeagues(t *testing.T) {
	for espn, want := range map[string]string{"GS": "GSW", "NO": "NOP", "NY": "NYK", "SA": "SAS", "UTAH": "UTA", "WSH": "WAS", "BOS": "BOS"} {
		g := decodeOneESPN(t, nil, object{"competitors": []object{{"homeAway": "home", "team": object{"abbreviation": espn}}}})
		if g.Home.Code != want || g.Home.City == "" || g.Known() {
			t.Errorf("%s: got %+v", espn, g.Home)
		}
	}
	for espn, want := range map[string]string{
		"crypto.com Arena": "Crypto.com Arena", "Toyota Center (Houston)": "Toyota Center", "Moody Center": "Moody Center", "TBD": "",
	} {
		if g := decodeOneESPN(t, nil, object{"venue": object{"fullName": espn}}); g.Arena != want {
			t.Errorf("%s: got %q, want %q", espn, g.Arena, want)
		}
	}
}

func TestESPNTimeToBeDecided(t *testing.T) {
	g := decodeOneESPN(t, object{"date": "2026-12-04T05:00Z"}, object{"timeValid": false})
	if !g.TBD() || g.Day != "2026-12-04" {
		t.Errorf("got %v on %s", g.Tip, g.Day)
	}
}

func TestESPNTypesAndNotes(t *testing.T) {
	for _, c := range []struct {
		seasonType, note   string
		want               Type
		label, sub, series string
	}{
		{"1", "NBA Canada Series", Preseason, "", "NBA Canada Series", ""},
		{"2", "", Regular, "", "", ""},
		{"2", "NBA Cup - Group Play", Cup, "NBA Cup", "Group Play", ""},
		{"2", "NBA Cup - Quarterfinals", Cup, "NBA Cup", "Quarterfinal", ""},
		{"2", "NBA Cup Championship", Cup, "NBA Cup", "Championship", ""},
		{"2", "NBA Paris Game", Regular, "", "NBA Paris Game", ""},
		{"3", "East 1st Round - Game 1", Playoffs, "East 1st Round", "", "Game 1"},
		{"3", "NBA Finals - Game 7 If Necessary", Playoffs, "NBA Finals", "", "Game 7 If Necessary"},
		{"4", "NBA All-Star - Championship", AllStar, "", "NBA All-Star - Championship", ""},
		{"5", "NBA Play-In - East - 9th Place vs 10th Place", PlayIn, "Play-In Tournament", "East - 9th Place vs 10th Place", ""},
	} {
		g := decodeOneESPN(t, object{"seasonType": object{"id": c.seasonType}}, object{"notes": []object{{"headline": c.note}}})
		if g.Type != c.want || g.Label != c.label || g.SubLabel != c.sub || g.Series != c.series {
			t.Errorf("%s %q: got %s, %q, %q, %q", c.seasonType, c.note, g.Type, g.Label, g.SubLabel, g.Series)
		}
		if g.IfNecessary != strings.Contains(c.note, "Necessary") || g.Counts() != (c.seasonType == "2" && c.note != "NBA Cup Championship") {
			t.Errorf("%s %q: got if necessary %v, counts %v", c.seasonType, c.note, g.IfNecessary, g.Counts())
		}
	}
}

func TestESPNStatus(t *testing.T) {
	for _, c := range []struct {
		name, state string
		want        Status
		postponed   bool
	}{
		{"STATUS_SCHEDULED", "pre", Scheduled, false},
		{"STATUS_IN_PROGRESS", "in", InProgress, false},
		{"STATUS_FINAL", "post", Final, false},
		{"STATUS_POSTPONED", "post", Scheduled, true},
	} {
		g := decodeOneESPN(t, nil, object{"status": object{"type": object{"name": c.name, "state": c.state}}})
		if g.Status != c.want || g.Postponed != c.postponed {
			t.Errorf("%s: got %s, postponed %v", c.name, g.Status, g.Postponed)
		}
	}
}

func TestESPNWhatIsNoScheduleIsAnError(t *testing.T) {
	doc := espnDoc(t, espnEventWith(nil, nil))
	for n := range doc {
		if _, err := DecodeESPN(bytes.NewReader(doc[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d of %d bytes: got %v, want %v", n, len(doc), err, io.ErrUnexpectedEOF)
		}
	}
	for _, body := range []string{"<html>", "[]", `{"code":404}`, string(doc) + "x"} {
		if _, err := DecodeESPN(strings.NewReader(body)); err == nil {
			t.Errorf("%.20q: got no error", body)
		}
	}
}

func TestESPNOtherSeasonsAreLeftOut(t *testing.T) {
	doc := []byte(`{"requestedSeason":{"year":2028},"events":[` + string(must(json.Marshal(espnEventWith(nil, nil)))) + `]}`)
	s, err := DecodeESPN(bytes.NewReader(doc))
	if err != nil || s.Label != "2027-28" || len(s.Games) != 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestESPNScoreboardIsRead(t *testing.T) {
	s, err := DecodeESPN(bytes.NewReader(realFile(t, "espn-scoreboard-sample.json")))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Games) != 4 || s.Label != "2022-23" {
		t.Fatalf("got %s with %d games", s.Label, len(s.Games))
	}
	if g := s.Games[0]; g.Type != Preseason || !g.Neutral || g.City != "Saitama" || g.Away.Code != "GSW" || g.SubLabel != "NBA Japan Games 2022" {
		t.Errorf("got %+v", g)
	}
	if g := s.Games[1]; g.Status != Final || !slices.Equal(g.National, []string{"NBA TV"}) {
		t.Errorf("got %+v", g)
	}
	if g := s.Games[2]; g.Status != InProgress || !g.Neutral {
		t.Errorf("got %+v", g)
	}
	if g := s.Games[3]; g.Type != Regular || g.Day != "2022-12-20" || g.Neutral {
		t.Errorf("got %+v", g)
	}
}

func TestPostponedShellsGoOnceTheGameHasANewDate(t *testing.T) {
	team := func(code string) Side { t, _ := TeamByCode(code); return t.Side() }
	shell := Game{ID: "1", Season: "2026-27", Type: Regular, Home: team("CHI"), Away: team("MIA"), Day: "2027-01-08", Tip: at("2027-01-09T01:00:00Z"), Postponed: true}
	makeup := shell
	makeup.ID, makeup.Day, makeup.Tip, makeup.Postponed = "2", "2027-01-29", at("2027-01-30T01:00:00Z"), false
	return1 := makeup
	return1.ID, return1.Day = "3", "2027-03-29"
	for name, c := range map[string]struct {
		shellNote, makeupNote string
		gone                  bool
	}{
		"the shell says when":               {"Postponed due to court condensation. Makeup date Jan 29", "", true},
		"the new game says from when":       {"", "Makeup from Jan 8", true},
		"with a hyphen and a full stop":     {"Make-up date Jan 29.", "", true},
		"neither says anything":             {"Postponed", "", false},
		"a note names another day":          {"Makeup date Feb 9", "", false},
		"a note names a day that begins so": {"", "Makeup from Jan 80", false},
	} {
		s, m := shell, makeup
		s.SubLabel, m.SubLabel = c.shellNote, c.makeupNote
		got := mergeESPN("2026-27", []*Season{{Games: []Game{s, m, return1}}, {Games: []Game{m, s}}, {}})
		kept := slices.ContainsFunc(got.Games, func(g Game) bool { return g.Postponed })
		if kept == c.gone || len(got.Games) != 3-map[bool]int{true: 1}[c.gone] {
			t.Errorf("%s: got %d games, shell kept %v", name, len(got.Games), kept)
		}
	}
	// Without any note the shell goes when both sides have 82 other games.
	var games []Game
	for n := range 82 {
		g := makeup
		g.ID, g.Day, g.Tip = "9"+string(rune('A'+n)), Day("2026-11-01").AddDays(n), time.Time{}
		games = append(games, g)
	}
	if got := mergeESPN("2026-27", []*Season{{Games: append(games, shell)}}); len(got.Games) != 82 {
		t.Errorf("got %d games, want 82", len(got.Games))
	}
	if got := mergeESPN("2026-27", []*Season{{Games: append(games[:81], shell)}}); len(got.Games) != 82 {
		t.Errorf("with 81 others: got %d games, want 82", len(got.Games))
	}
}

func TestRealSeasonWithShellsHas82GamesForEachTeam(t *testing.T) {
	var list struct {
		Games []struct {
			ID, SeasonType, Home, Away, HomeName, AwayName, Venue, City, State, Note string

			Tip                time.Time
			Neutral, Postponed bool
		}
	}
	if err := json.Unmarshal(realFile(t, "nba-2025-26-espn-derived-final.json"), &list); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{"regular": "2", "cup": "2", "playoffs": "3", "allstar": "4", "playin": "5"}
	events := []object{}
	for _, g := range list.Games {
		name := "STATUS_FINAL"
		if g.Postponed {
			name = "STATUS_POSTPONED"
		}
		events = append(events, espnEventWith(
			object{"id": g.ID, "date": g.Tip.Format(minutes), "season": object{"year": 2026}, "seasonType": object{"id": types[g.SeasonType]}},
			object{
				"neutralSite": g.Neutral, "notes": []object{{"headline": g.Note}}, "status": object{"type": object{"name": name, "state": "post"}},
				"venue": object{"fullName": g.Venue, "address": object{"city": g.City, "state": g.State}},
				"competitors": []object{
					{"homeAway": "home", "team": object{"abbreviation": g.Home, "displayName": g.HomeName}},
					{"homeAway": "away", "team": object{"abbreviation": g.Away, "displayName": g.AwayName}},
				},
			}))
	}
	decoded, err := DecodeESPN(bytes.NewReader(espnDoc(t, events...)))
	if err != nil {
		t.Fatal(err)
	}
	s := mergeESPN("2025-26", []*Season{decoded, decoded})
	if len(s.Games) != 1326 {
		t.Errorf("got %d games, want the 1330 without four shells", len(s.Games))
	}
	if err := checkWhole(s); err != nil {
		t.Error(err)
	}
	total, byTeam := countGames(s)
	if total != 1230 {
		t.Errorf("got %d games that count, want 1230", total)
	}
	for _, team := range Teams() {
		if byTeam[team.Code] != 82 {
			t.Errorf("%s: got %d games, want 82", team.Code, byTeam[team.Code])
		}
	}
	types82 := map[Type]int{}
	for _, g := range s.Games {
		types82[g.Type]++
	}
	if want := (map[Type]int{Regular: 1164, Cup: 67, Playoffs: 85, PlayIn: 6, AllStar: 4}); !maps.Equal(types82, want) {
		t.Errorf("got types %v, want %v", types82, want)
	}
	checkRoundTrip(t, s)

	// With the shells, as it stood in January, everything else is the same.
	if with := dropShells(decoded.Games[:600]); len(with) < 596 {
		t.Errorf("got %d of 600 games", len(with))
	}
}

func FuzzDecodeESPN(f *testing.F) {
	f.Add(espnDoc(f, espnEventWith(nil, nil), espnEventWith(object{"id": 7, "seasonType": nil}, object{"timeValid": false, "competitors": nil})))
	f.Add([]byte(`{"events":[{"id":"1","date":"2026-10-20T23:00Z","season":{"year":2027,"type":2},"competitions":[{"broadcasts":[{"market":"home","names":["a|b"]}]}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := DecodeESPN(bytes.NewReader(doc))
		if err != nil {
			return
		}
		checkRoundTrip(t, s)
		for _, g := range mergeESPN(s.Label, []*Season{s, s}).Games {
			if g.Season != s.Label {
				t.Errorf("got a game of %s in %s", g.Season, s.Label)
			}
		}
	})
}
