package schedule

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestGuardsRefuse(t *testing.T) {
	came, whole := embeddedSeason(), wholeFeed()
	with := func(change func([]object) []object) []byte { return nbaFeed("2026-27", change(wholeGames())...) }
	var results []string
	w := newWeb()
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") },
		Observe: func(source, result string) { results = append(results, result) }})
	for _, c := range []struct {
		name    string
		body    []byte
		trouble string
	}{
		{"a feed that is cut short", whole[:len(whole)*9/10], "The league's feed sent only a part of the schedule."},
		{"a web page", []byte("<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD></HTML>"), "The league's feed answered with a web page instead of the schedule."},
		{"an empty answer", nil, "The league's feed sent only a part of the schedule."},
		{"something else", []byte("Service suspended"), "The league's feed sent something other than the schedule."},
		{"another document", []byte(`{"scoreboard":{}}`), "The league's feed sent something other than the schedule."},
		{"a season without games", with(func([]object) []object { return nil }), "The league's feed is not used: it has no game of the Hawks."},
		{"a season without a team", with(func(g []object) []object {
			return slices.DeleteFunc(g, func(o object) bool {
				return strings.Contains(fmt.Sprint(o["homeTeam"], o["awayTeam"]), "Jazz")
			})
		}), "The league's feed is not used: it has no game of the Jazz."},
		{"half of a team's games", with(func(g []object) []object {
			n := 0
			return slices.DeleteFunc(g, func(o object) bool {
				n++
				return n%2 == 0 && strings.Contains(fmt.Sprint(o["homeTeam"], o["awayTeam"]), "Jazz")
			})
		}), "games of the Jazz."},
		{"over a tenth of the games lost", with(func(g []object) []object { return g[:1060] }), "The league's feed is not used: it has 1060 of 1200 games."},
		{"all games postponed", with(func(g []object) []object {
			for _, o := range g {
				o["postponedStatus"] = "Y"
			}
			return g
		}), "The league's feed is not used: 974 of 974 games to come are postponed, cancelled or missing."},
		{"a tenth of the games out of the season", with(func(g []object) []object {
			for _, o := range g[1000:1121] {
				o["gameDateTimeUTC"] = "2026-06-01T23:00:00Z"
			}
			return g
		}), "The league's feed is not used: it has 1079 of 1200 games. The league's feed has 121 faulty entries, which are left out: " +
			"game 0022601001 (Nets at Rockets) is on 2026-06-01, outside of the season; " +
			"game 0022601002 (Hawks at Jazz) is on 2026-06-01, outside of the season; " +
			"game 0022601003 (Grizzlies at Warriors) is on 2026-06-01, outside of the season; and 118 more."},
		{"another league", nbaFeed("2026", wholeGames()...), "The league's feed is not used: it is for no season of the league."},
		{"an old season", nbaFeed("2025-26", nbaGames(shifted(came, -1))...), "The league's feed is not used: it is still for 2025-26."},
		{"the next season before its release", nbaFeed("2027-28"), ""},
		{"the next season with the games of this one", nbaFeed("2027-28", wholeGames()...), ""},
		{"the next season with eighty games", nbaFeed("2027-28", nbaGames(shifted(came, 1))[:80]...), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.league, results = answer(c.body), nil
			err := l.Refresh(t.Context())
			if err == nil {
				t.Error("got no error")
			}
			if s := l.Season(); s.Source != SourceEmbedded || len(s.Games) != 1200 {
				t.Errorf("got %s with %d games", s.Source, len(s.Games))
			}
			if got := l.Status().Trouble; !strings.HasSuffix(got, c.trouble) || (got == "") != (c.trouble == "") {
				t.Errorf("got trouble %q, want %q", got, c.trouble)
			}
			want := "failed"
			if c.trouble == "" || strings.Contains(c.trouble, "is not used") || strings.Contains(c.trouble, "games of the") {
				want = "refused"
			}
			if !slices.Equal(results, []string{want}) {
				t.Errorf("got result %q, want %s", results, want)
			}
		})
	}
	w.league = answer(whole)
	if err := l.Refresh(t.Context()); err != nil || l.Status().Trouble != "" {
		t.Errorf("got %v and %+v for a feed that is right", err, l.Status())
	}
}

func TestFaultyGamesAreLeftOutAndTheRestIsUsed(t *testing.T) {
	games := wholeGames()
	games[5]["gameDateTimeUTC"] = "2026-06-01T23:00:00Z"
	feed := nbaFeed("2026-27", append(games, games[3])...)
	const trouble = " has 2 faulty entries, which are left out: " +
		"game 0022600006 (Timberwolves at Heat) is on 2026-06-01, outside of the season; game 0022600004 (Hawks at Magic) is listed twice."
	var log bytes.Buffer
	w := newWeb()
	w.league = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			t.Error("what is not whole is to be confirmed")
		}
		rw.Header().Set("Etag", `"1"`)
		_, _ = rw.Write(feed)
	}
	l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Keeper: newKeeper(), HTTP: w.client(),
		Now: func() time.Time { return at("2026-11-20T18:00:00Z") }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 2 {
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r := l.Status(); r.Source != SourceNBA || r.Trouble != "The league's feed"+trouble || len(l.Season().Games) != 1199 || w.espnAsked.Load() != 0 {
		t.Errorf("got %d games and %+v, want 1199 and %q", len(l.Season().Games), r, trouble)
	}
	if n := strings.Count(log.String(), trouble); n != 1 {
		t.Errorf("the log names them %d times, want once:\n%s", n, log.String())
	}
	w.league = answer(wholeFeed())
	if err := l.Refresh(t.Context()); err != nil || l.Status().Trouble != "" || len(l.Season().Games) != 1200 {
		t.Errorf("afterwards: got %v, %+v and %d games", err, l.Status(), len(l.Season().Games))
	}

	path := filepath.Join(t.TempDir(), "feed.json")
	if err := os.WriteFile(path, feed, 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := open(t, Config{URL: path})
	for range 2 {
		if got := fromFile.Status().Trouble; got != "The schedule's file"+trouble || len(fromFile.Season().Games) != 1199 {
			t.Errorf("in a file: got %d games and %q, want 1199 and %q", len(fromFile.Season().Games), got, trouble)
		}
		if err := fromFile.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusalIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	w := newWeb()
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") },
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	w.league = answer(nbaFeed("2026-27", wholeGames()[:900]...))
	for range 3 {
		if err := l.Refresh(t.Context()); err == nil {
			t.Fatal("got no error")
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, log.String())
	}
	w.league = denied
	if err := l.Refresh(t.Context()); err == nil {
		t.Fatal("got no error")
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("logged %d times, want another time for another trouble:\n%s", n, log.String())
	}
}

func TestSeasonsFollowEachOther(t *testing.T) {
	came := embeddedSeason()
	for name, c := range map[string]struct {
		now   string
		years int
		taken bool
	}{
		"the next season once it has games":                      {"2027-08-14T00:00:00Z", 1, true},
		"the next season even before this one is over":           {"2027-06-14T00:00:00Z", 1, true},
		"last season while this one is on":                       {"2026-11-20T00:00:00Z", -1, false},
		"last season after this one":                             {"2027-09-20T00:00:00Z", -1, false},
		"an earlier season when that is now":                     {"2024-11-20T00:00:00Z", -2, true},
		"last season in the summer before this one, as it is on": {"2026-07-20T00:00:00Z", -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			other := shifted(came, c.years)
			cfg := Config{URL: "https://league/feed", Keeper: newKeeper(), Now: func() time.Time { return at(c.now) }}
			l := open(t, cfg)
			_, err := l.try(SourceNBA, func() (*Season, validators, error) { return other, validators{}, nil })
			l.save(t.Context())
			if taken := l.Season().Label == other.Label; taken != c.taken || (err == nil) != c.taken {
				t.Errorf("got %s, %v", l.Season().Label, err)
			}
			if again := open(t, cfg); again.Season().Label != l.Season().Label {
				t.Errorf("after a restart: got %s, want %s", again.Season().Label, l.Season().Label)
			}
		})
	}
}

func TestWithoutSourcesThereIsNothingToRefresh(t *testing.T) {
	l := open(t, Config{})
	if err := l.Refresh(t.Context()); err != nil || l.Status().Trouble != "" || l.Season().Source != SourceEmbedded {
		t.Errorf("got %v and %+v", err, l.Status())
	}
}

func BenchmarkRefresh(b *testing.B) {
	w := newWeb()
	w.league = answer(realFile(b, "nba-2024-25-cdn-20240816.json"))
	l, err := Open(b.Context(), Config{URL: "https://league/feed", HTTP: w.client(), Keeper: newKeeper(), Now: func() time.Time { return at("2024-11-20T18:00:00Z") }})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Refresh(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
