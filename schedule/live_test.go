package schedule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// handler is a transport that asks an HTTP handler instead of the network, so
// that a whole refresh runs in a test's own time.
type handler func(http.ResponseWriter, *http.Request)

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// nbaGames writes the games of a season as those of the league's feed. Games
// with ESPN's ids get ids of the league, in order.
func nbaGames(s *Season) []object {
	year, _ := startYear(s.Label)
	number := map[string]int{}
	prefix := map[Type]string{Preseason: "001", Regular: "002", Cup: "002", PlayIn: "005", Playoffs: "004", AllStar: "003"}
	var out []object
	for _, g := range s.Games {
		id := g.ID
		if len(id) != 10 {
			kind := prefix[g.Type]
			number[kind]++
			id = fmt.Sprintf("%s%02d%05d", kind, year%100, number[kind])
		}
		o := nbaGameWith(object{
			"gameId": id, "gameDateEst": string(g.Day) + "T00:00:00Z", "gameDateTimeUTC": g.Tip.Format(time.RFC3339),
			"arenaName": g.Arena, "arenaCity": g.City, "arenaState": g.State, "homeTeam": nbaSide(g.Home.Code), "awayTeam": nbaSide(g.Away.Code),
			"broadcasters": object{"nationalBroadcasters": channelList(g.National...), "homeTvBroadcasters": channelList(g.HomeTV...)},
			"gameLabel":    g.Label, "gameSubLabel": g.SubLabel, "gameStatusText": "7:00 pm ET",
		})
		if g.TBD() {
			maps.Copy(o, tbdFields)
			o["gameDateEst"] = string(g.Day) + "T00:00:00Z"
		}
		if g.Postponed {
			o["gameStatusText"] = "PPD"
		}
		out = append(out, o)
	}
	return out
}

// espnEvents writes games as events of ESPN's team schedules.
func espnEvents(games []Game) []object {
	types := map[Type]string{Preseason: "1", Regular: "2", Cup: "2", Playoffs: "3", AllStar: "4", PlayIn: "5"}
	events := []object{}
	for _, g := range games {
		year, _ := startYear(g.Season)
		status := object{"name": "STATUS_SCHEDULED", "state": "pre"}
		switch {
		case g.Postponed:
			status = object{"name": "STATUS_POSTPONED", "state": "post"}
		case g.Status == Final:
			status = object{"name": "STATUS_FINAL", "state": "post"}
		}
		team := func(s Side) object {
			t, _ := TeamByCode(s.Code)
			return object{"abbreviation": t.ESPN, "location": t.City, "displayName": t.FullName()}
		}
		note := g.SubLabel
		if g.Type == Cup {
			note = "NBA Cup - " + note
		}
		tip := g.Tip
		if g.TBD() {
			tip = g.Day.Time(Eastern())
		}
		events = append(events, object{
			"id": g.ID, "date": tip.UTC().Format(minutes), "season": object{"year": year + 1, "displayName": g.Season},
			"seasonType": object{"id": types[g.Type], "type": 2},
			"competitions": []object{{
				"type": object{"id": "1"}, "timeValid": !g.TBD(), "neutralSite": g.Neutral,
				"venue":       object{"fullName": g.Arena, "address": object{"city": g.City, "state": g.State}},
				"competitors": []object{{"homeAway": "home", "team": team(g.Home)}, {"homeAway": "away", "team": team(g.Away)}},
				"notes":       []object{{"headline": note}}, "status": object{"type": status},
				"broadcasts": []object{{"market": object{"id": "1", "type": "National"}, "type": object{"shortName": "TV"}, "media": object{"shortName": "ESPN"}}},
			}},
		})
	}
	return events
}

// web stands for the league's CDN at https://league and ESPN at https://espn.
type web struct {
	league func(http.ResponseWriter, *http.Request)
	espn   *Season // nil = down

	asked, espnAsked atomic.Int64
	atOnce, most     atomic.Int64
	mu               sync.Mutex
	teams            map[string]int // how often each schedule was asked for
}

func (w *web) client() *http.Client {
	return &http.Client{Transport: handler(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Host == "league" {
			w.asked.Add(1)
			w.mu.Lock()
			league := w.league
			w.mu.Unlock()
			league(rw, r)
			return
		}
		w.espnAsked.Add(1)
		if now := w.atOnce.Add(1); now > w.most.Load() {
			w.most.Store(now)
		}
		defer w.atOnce.Add(-1)
		time.Sleep(50 * time.Millisecond)
		if w.espn == nil {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		q := r.URL.Query()
		code := strings.Split(r.URL.Path, "/")[8]
		w.mu.Lock()
		w.teams[code+" "+q.Get("seasontype")]++
		w.mu.Unlock()
		team, ok := TeamByCode(code)
		year, _ := startYear(w.espn.Label)
		if !ok || team.ESPN != strings.ToUpper(code) {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		var games []Game
		if q.Get("season") == strconv.Itoa(year+1) {
			for _, g := range w.espn.For(team.Code) {
				kind := map[Type]string{Preseason: "1", Playoffs: "3", AllStar: "4", PlayIn: "5"}[g.Type]
				if kind == q.Get("seasontype") || kind == "" && q.Get("seasontype") == "2" {
					games = append(games, g)
				}
			}
		}
		asked, _ := strconv.Atoi(q.Get("season"))
		_ = json.NewEncoder(rw).Encode(object{"events": espnEvents(games), "requestedSeason": object{"year": asked}, "season": object{"year": year + 1}})
	})}
}

func newWeb() *web { return &web{league: denied, teams: map[string]int{}} }

func denied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD></HTML>")
}

func answer(body []byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
}

// inSeason runs a test in a bubble whose clock shows a day in the season.
func inSeason(t *testing.T, test func(t *testing.T, now func() time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		shift := time.Until(at("2026-11-20T18:00:00Z"))
		test(t, func() time.Time { return time.Now().Add(shift) })
	})
}

func open(t *testing.T, cfg Config) *Live {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLiveIsReadyWithoutNetwork(t *testing.T) {
	l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Dir: t.TempDir(), HTTP: &http.Client{Transport: handler(
		func(http.ResponseWriter, *http.Request) { t.Error("the network was asked") })}})
	if s := l.Season(); s.Source != SourceEmbedded || len(s.Games) != 1200 || s.Games[0].Changed.IsZero() {
		t.Errorf("got %s with %d games", s.Source, len(s.Games))
	}
	if r := l.Status(); r.Source != SourceEmbedded || !r.AsOf.Equal(at("2026-08-16T19:35:48Z")) || r.Trouble != "" {
		t.Errorf("got %+v", r)
	}
}

func TestLeagueIsAskedAsItWantsAndConfirmsWhatIsHere(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w, dir := newWeb(), t.TempDir()
		feed := nbaFeed(t, "2026-27", nbaGames(Embedded())...)
		w.league = func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Referer") != "https://www.nba.com/" || !strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/5.0") {
				denied(rw, r)
				return
			}
			if r.Header.Get("If-None-Match") == `"1"` && r.Header.Get("If-Modified-Since") == "Fri, 20 Nov 2026 10:00:00 GMT" {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			rw.Header().Set("Etag", `"1"`)
			rw.Header().Set("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
			_, _ = rw.Write(feed)
		}
		var results []string
		cfg := Config{URL: "https://league/feed", ESPNURL: "https://espn", Dir: dir, HTTP: w.client(), Now: now,
			Observe: func(source, result string) { results = append(results, source+" "+result) }}
		l := open(t, cfg)
		for range 2 {
			if err := l.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		s := l.Season()
		if s.Source != SourceNBA || len(s.Games) != 1200 || !s.AsOf.Equal(now().Add(-time.Hour)) {
			t.Errorf("got %s with %d games as of %v at %v", s.Source, len(s.Games), s.AsOf, now())
		}
		for _, g := range s.Games {
			if len(g.ID) != 10 || !g.Changed.Equal(at("2026-08-16T19:35:48Z")) {
				t.Fatalf("the league's feed says what was known, and got %+v", g)
			}
		}
		// A restart goes on with the copy and its validators.
		again := open(t, cfg)
		if s := again.Season(); s.Source != SourceNBA || len(s.Games) != 1200 || !s.AsOf.Equal(l.Season().AsOf) {
			t.Errorf("after a restart: got %s with %d games as of %v", s.Source, len(s.Games), s.AsOf)
		}
		if err := again.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"nba unchanged", "nba unchanged", "nba unchanged"}; !slices.Equal(results, want) || w.asked.Load() != 3 || w.espnAsked.Load() != 0 {
			t.Errorf("got %q after %d requests and %d of ESPN", results, w.asked.Load(), w.espnAsked.Load())
		}
		info, err := os.Stat(filepath.Join(dir, copyName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got copy %v, %v", info, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("got files %q", left)
		}
		// Validators are for the URL they came from.
		cfg.URL = "https://league/other"
		other := open(t, cfg)
		if other.validators != (validators{}) || other.Season().Source != SourceNBA {
			t.Errorf("got %+v for another URL", other.validators)
		}
	})
}

func TestESPNStandsInGentlyAndUnderTheLeaguesIDs(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		w.espn = Embedded()
		l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn/", HTTP: w.client(), Now: now})
		if err := l.Refresh(t.Context()); err == nil {
			t.Error("got no error for the league's 403")
		}
		if s := l.Season(); s.Source != SourceESPN || len(s.Games) != 1200 {
			t.Fatalf("got %s with %d games", s.Source, len(s.Games))
		}
		if r := l.Status(); r.Trouble != "The league's feed refused the request (403 Forbidden). This is ESPN's schedule." || !r.Since.Equal(r.AsOf) {
			t.Errorf("got %+v", r)
		}
		if len(w.teams) != 120 || w.most.Load() > espnAtOnce || w.espnAsked.Load() != 120 {
			t.Errorf("asked for %d schedules with %d requests, %d at once", len(w.teams), w.espnAsked.Load(), w.most.Load())
		}

		// Now the league answers, and then it does not again.
		w.league = answer(nbaFeed(t, "2026-27", nbaGames(Embedded())...))
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		league := l.Season()
		if r := l.Status(); r.Source != SourceNBA || r.Trouble != "" || !r.Since.IsZero() {
			t.Errorf("got %+v", r)
		}
		w.league = denied
		moved := Embedded()
		g := &moved.Games[700]
		g.Tip, g.ID = g.Tip.Add(48*time.Hour), "401999999"
		g.Day = DayOf(g.Tip, Eastern())
		moved.finish()
		w.espn = moved
		time.Sleep(time.Hour)
		if err := l.Refresh(t.Context()); err == nil {
			t.Error("got no error for the league's 403")
		}
		espn := l.Season()
		if espn.Source != SourceESPN || len(espn.Games) != len(league.Games) {
			t.Fatalf("got %s with %d games", espn.Source, len(espn.Games))
		}
		before := map[string]Game{}
		for _, g := range league.Games {
			before[g.ID] = g
		}
		changes := 0
		for _, g := range espn.Games {
			old, ok := before[g.ID]
			if !ok {
				t.Fatalf("ESPN's game has got no id of the league's: %+v", g)
			}
			if g.Label != old.Label || g.SubLabel != old.SubLabel || len(old.National) > 0 && !slices.Equal(g.National, old.National) {
				t.Errorf("got %+v, want labels and channels of %+v", g, old)
			}
			if !g.Tip.Equal(old.Tip) {
				changes++
				if !g.Changed.Equal(espn.AsOf) {
					t.Errorf("a moved game changed at %v, want %v", g.Changed, espn.AsOf)
				}
			} else if !g.Changed.Equal(old.Changed) {
				t.Errorf("a game that was not moved changed at %v, want %v", g.Changed, old.Changed)
			}
		}
		if changes != 1 {
			t.Errorf("got %d moved games, want 1", changes)
		}
	})
}

func TestWithoutAnySourceTheScheduleStays(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		var log bytes.Buffer
		results := map[string]int{}
		w := newWeb()
		l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Dir: t.TempDir(), Refresh: time.Hour, HTTP: w.client(), Now: now,
			Log: slog.New(slog.NewTextHandler(&log, nil)), Observe: func(source, result string) { results[source+" "+result]++ }})
		began := now()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		time.Sleep(10*time.Hour + 30*time.Minute)
		synctest.Wait()
		r := l.Status()
		if r.Source != SourceEmbedded || r.Trouble != "The league's feed refused the request (403 Forbidden). ESPN refused the request (403 Forbidden)." || r.Since.Sub(began) > time.Minute {
			t.Errorf("got %+v", r)
		}
		if n := results["nba failed"]; n < 9 || n > 12 || results["espn failed"] != n || int64(n) != w.asked.Load() {
			t.Errorf("got %v after %d requests", results, w.asked.Load())
		}
		if n := strings.Count(log.String(), "the schedule is not refreshed"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, log.String())
		}
		answering := answer(nbaFeed(t, "2026-27", nbaGames(Embedded())...))
		w.mu.Lock()
		w.league = answering
		w.mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if r := l.Status(); r.Trouble != "" || r.Source != SourceNBA || strings.Count(log.String(), "no more trouble") != 1 {
			t.Errorf("got %+v\n%s", r, log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunWaitsWhileTheCopyIsRecent(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w, dir := newWeb(), t.TempDir()
		w.league = answer(nbaFeed(t, "2026-27", nbaGames(Embedded())...))
		cfg := Config{URL: "https://league/feed", Dir: dir, Refresh: time.Hour, HTTP: w.client(), Now: now}
		if err := open(t, cfg).Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		l := open(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for _, step := range []struct {
			wait time.Duration
			want int64
		}{{39 * time.Minute, 1}, {2 * time.Minute, 2}, {50 * time.Minute, 2}, {20 * time.Minute, 3}} {
			time.Sleep(step.wait)
			synctest.Wait()
			if got := w.asked.Load(); got != step.want {
				t.Errorf("after another %v: got %d requests, want %d", step.wait, got, step.want)
			}
		}
		cancel()
		<-done
	})
}

func TestRunWithoutRefreshOnlyWaits(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: now})
		ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
		defer cancel()
		if err := l.Run(ctx); err != nil || w.asked.Load() != 0 {
			t.Errorf("got %v after %d requests", err, w.asked.Load())
		}
	})
}

func TestGuardsRefuse(t *testing.T) {
	came := Embedded()
	games := nbaGames(came)
	with := func(change func([]object) []object) []byte {
		copied := make([]object, len(games))
		for i, g := range games {
			copied[i] = maps.Clone(g)
		}
		return nbaFeed(t, "2026-27", change(copied)...)
	}
	whole := with(func(g []object) []object { return g })
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
		{"a tenth of the games out of the season", with(func(g []object) []object {
			for _, o := range g[1000:1121] {
				o["gameDateTimeUTC"] = "2026-06-01T23:00:00Z"
			}
			return g
		}), "The league's feed is not used: it has 1079 of 1200 games. The league's feed has 121 faulty entries, which are left out: " +
			"game 0022601001 (Nets at Rockets) is on 2026-06-01, outside of the season; " +
			"game 0022601002 (Hawks at Jazz) is on 2026-06-01, outside of the season; " +
			"game 0022601003 (Grizzlies at Warriors) is on 2026-06-01, outside of the season; and 118 more."},
		{"another league", nbaFeed(t, "2026", games...), "The league's feed is not used: it is for no season of the league."},
		{"an old season", nbaFeed(t, "2025-26", nbaGames(shifted(came, -1))...), "The league's feed is not used: it is still for 2025-26."},
		{"the next season before its release", nbaFeed(t, "2027-28"), ""},
		{"the next season with the games of this one", nbaFeed(t, "2027-28", games...), ""},
		{"the next season with eighty games", nbaFeed(t, "2027-28", nbaGames(shifted(came, 1))[:80]...), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWeb()
			w.league = answer(c.body)
			var results []string
			l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") },
				Observe: func(source, result string) { results = append(results, result) }})
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
	t.Run("nothing is refused that is right", func(t *testing.T) {
		w := newWeb()
		w.league = answer(whole)
		l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") }})
		if err := l.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFaultyGamesAreLeftOutAndNamed(t *testing.T) {
	games := nbaGames(Embedded())
	with := func(change func([]object) []object) []byte {
		copied := make([]object, len(games))
		for i, g := range games {
			copied[i] = maps.Clone(g)
		}
		return nbaFeed(t, "2026-27", change(copied)...)
	}
	for name, c := range map[string]struct {
		body    []byte
		games   int
		trouble string
	}{
		"a game twice": {with(func(g []object) []object { return append(g, g[3]) }), 1200,
			"The league's feed has a faulty entry, which is left out: game 0022600004 (Hawks at Magic) is listed twice."},
		"a day out of the season": {with(func(g []object) []object {
			g[5]["gameDateEst"] = "2029-01-01T00:00:00Z"
			return g
		}), 1199, "The league's feed has a faulty entry, which is left out: game 0022600006 (Timberwolves at Heat) is on 2029-01-01, outside of the season."},
		"an instant out of the season, and a game twice": {with(func(g []object) []object {
			g[5]["gameDateTimeUTC"] = "2026-06-01T23:00:00Z"
			return append(g, g[3])
		}), 1199, "The league's feed has 2 faulty entries, which are left out: " +
			"game 0022600006 (Timberwolves at Heat) is on 2026-06-01, outside of the season; game 0022600004 (Hawks at Magic) is listed twice."},
		"many": {with(func(g []object) []object { return append(g, g[:5]...) }), 1200,
			"The league's feed has 5 faulty entries, which are left out: game 0022600001 (Celtics at Pistons) is listed twice; " +
				"game 0022600002 (76ers at Knicks) is listed twice; game 0022600003 (Thunder at Spurs) is listed twice; and 2 more."},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w, dir := newWeb(), t.TempDir()
			w.league = func(rw http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-None-Match") != "" {
					t.Error("what is not whole is to be confirmed")
				}
				rw.Header().Set("Etag", `"1"`)
				_, _ = rw.Write(c.body)
			}
			l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn", Dir: dir, HTTP: w.client(),
				Now: func() time.Time { return at("2026-11-20T18:00:00Z") }, Log: slog.New(slog.NewTextHandler(&log, nil))})
			for range 2 {
				if err := l.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if r := l.Status(); r.Source != SourceNBA || r.Trouble != c.trouble || len(l.Season().Games) != c.games || w.espnAsked.Load() != 0 {
				t.Errorf("got %d games and %+v, want %d and %q", len(l.Season().Games), r, c.games, c.trouble)
			}
			if n := strings.Count(log.String(), c.trouble); n != 1 {
				t.Errorf("the log names them %d times, want once:\n%s", n, log.String())
			}
			w.league = answer(nbaFeed(t, "2026-27", games...))
			if err := l.Refresh(t.Context()); err != nil || l.Status().Trouble != "" || len(l.Season().Games) != 1200 {
				t.Errorf("afterwards: got %v, %+v and %d games", err, l.Status(), len(l.Season().Games))
			}

			path := filepath.Join(dir, "feed.json")
			if err := os.WriteFile(path, c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			fromFile := open(t, Config{URL: path})
			for range 2 {
				want := strings.Replace(c.trouble, "The league's feed", "The schedule's file", 1)
				if got := fromFile.Status().Trouble; got != want || len(fromFile.Season().Games) != c.games {
					t.Errorf("in a file: got %d games and %q, want %d and %q", len(fromFile.Season().Games), got, c.games, want)
				}
				if err := fromFile.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestStatusIsToldForWhatItIs(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusForbidden:       "The league's feed refused the request (403 Forbidden).",
		http.StatusTooManyRequests: "The league's feed refused the request (429 Too Many Requests).",
		http.StatusBadGateway:      "The league's feed answered 502 Bad Gateway instead of the schedule.",
		599:                        "The league's feed answered 599 instead of the schedule.",
	} {
		w := newWeb()
		w.league = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }
		l := open(t, Config{URL: "https://league/feed", HTTP: w.client()})
		if err := l.Refresh(t.Context()); err == nil || l.Status().Trouble != want {
			t.Errorf("got %v and %q, want %q", err, l.Status().Trouble, want)
		}
	}
}

func TestRefusalIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	w := newWeb()
	w.league = answer(nbaFeed(t, "2026-27", nbaGames(Embedded())[:1100]...))
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") },
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	w.league = answer(nbaFeed(t, "2026-27", nbaGames(Embedded())[:900]...))
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

// shifted returns the season so many years later, for which its weekdays are
// of no importance.
func shifted(s *Season, years int) *Season {
	year, _ := startYear(s.Label)
	next := &Season{Label: seasonLabel(year + years), Source: s.Source, AsOf: s.AsOf, Games: slices.Clone(s.Games)}
	for i := range next.Games {
		g := &next.Games[i]
		g.Tip = g.Tip.AddDate(years, 0, 0)
		g.Day, g.Season = DayOf(g.Tip, Eastern()), next.Label
	}
	next.finish()
	return next
}

func TestSeasonsFollowEachOther(t *testing.T) {
	came := Embedded()
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
			w, dir := newWeb(), t.TempDir()
			other := shifted(came, c.years)
			w.league = answer(nbaFeed(t, other.Label, nbaGames(other)...))
			cfg := Config{URL: "https://league/feed", Dir: dir, HTTP: w.client(), Now: func() time.Time { return at(c.now) }}
			l := open(t, cfg)
			err := l.Refresh(t.Context())
			if taken := l.Season().Label == other.Label; taken != c.taken || (err == nil) != c.taken {
				t.Errorf("got %s, %v", l.Season().Label, err)
			}
			if again := open(t, cfg); again.Season().Label != l.Season().Label {
				t.Errorf("after a restart: got %s, want %s", again.Season().Label, l.Season().Label)
			}
		})
	}
}

func TestSavedCopyThatIsBadIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	cfg := Config{URL: "https://league/feed", Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for name, saved := range map[string]string{
		"cut short": embedded[:len(embedded)/2], "empty": "", "something else": "{}", "few games": `{"season":"2026-27","games":0}`,
		"older than what came": strings.Replace(embedded, `"asOf":"2026-08-16`, `"asOf":"2026-08-15`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			if err := os.WriteFile(filepath.Join(dir, copyName), []byte(saved), 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, cfg)
			if s := l.Season(); s.Source != SourceEmbedded || len(s.Games) != 1200 || strings.Count(log.String(), "WARN") != 1 {
				t.Errorf("got %s with %d games\n%s", s.Source, len(s.Games), log.String())
			}
		})
	}
}

func TestFeedInAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "feed.json")
	if _, err := Open(Config{URL: path}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no file", err)
	}
	write := func(feed []byte, modified string) {
		t.Helper()
		if err := os.WriteFile(path, feed, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at(modified), at(modified)); err != nil {
			t.Fatal(err)
		}
	}
	// A season of one's own may be small, and past.
	old := shifted(Embedded(), -6)
	games := nbaGames(old)[:200]
	write(nbaFeed(t, old.Label, games[:10]...), "2026-11-01T00:00:00Z")
	if _, err := Open(Config{URL: path}); err == nil {
		t.Error("got no error for a season without all teams")
	}
	write(nbaFeed(t, old.Label, games...), "2026-11-01T00:00:00Z")
	var results []string
	l := open(t, Config{URL: path, ESPNURL: "https://espn", Dir: dir, HTTP: newWeb().client(),
		Now: func() time.Time { return at("2026-11-20T18:00:00Z") }, Observe: func(s, r string) { results = append(results, s+" "+r) }})
	if s := l.Season(); s.Label != "2020-21" || s.Source != SourceFile || len(s.Games) != 200 || !s.AsOf.Equal(at("2026-10-04T08:00:06Z")) {
		t.Errorf("got %s from %s with %d games as of %v", s.Label, s.Source, len(s.Games), s.AsOf)
	}
	if err := l.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	write(nbaFeed(t, old.Label, nbaGames(old)[:150]...), "2026-11-02T00:00:00Z")
	if err := l.Refresh(t.Context()); err != nil || len(l.Season().Games) != 150 {
		t.Errorf("got %v and %d games", err, len(l.Season().Games))
	}
	write([]byte("{"), "2026-11-03T00:00:00Z")
	if err := l.Refresh(t.Context()); err == nil || len(l.Season().Games) != 150 || l.Status().Trouble != "The schedule's file cannot be read." {
		t.Errorf("got %v, %d games and %+v", err, len(l.Season().Games), l.Status())
	}
	if want := []string{"file unchanged", "file changed", "file failed"}; !slices.Equal(results, want) {
		t.Errorf("got %q, want %q", results, want)
	}
	if _, err := os.Stat(filepath.Join(dir, copyName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy of a file was made: %v", err)
	}
}

func TestRealFileOfAnotherSeasonIsServed(t *testing.T) {
	realFile(t, "nba-2024-25-cdn-20240816.json")
	l := open(t, Config{URL: "../../shared/data/nba-2024-25-cdn-20240816.json", Now: func() time.Time { return at("2024-11-20T18:00:00Z") }})
	if s := l.Season(); s.Label != "2024-25" || len(s.Games) != 1208 || s.State(at("2024-11-20T18:00:00Z")) != RegularSeason {
		t.Errorf("got %s with %d games", s.Label, len(s.Games))
	}
}

func TestAnswersOverTheLimitAreRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"leagueSchedule":{"seasonYear":"2026-27","weeks":[`)
		line := []byte(`{"weekName":"` + strings.Repeat("Week 1", 10_000) + `"},`)
		for n := 0; n < maxBody; n += len(line) {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `{}]}}`)
	}))
	defer server.Close()
	l := open(t, Config{URL: server.URL, HTTP: server.Client()})
	var tooLarge *http.MaxBytesError
	if err := l.Refresh(t.Context()); !errors.As(err, &tooLarge) {
		t.Errorf("got %v, want one that says the body is too large", err)
	}
	if got, want := l.Status().Trouble, "The league's feed sent more than 20 MB."; got != want {
		t.Errorf("got trouble %q, want %q", got, want)
	}
}

func TestServerThatHangsIsGivenUp(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		client := &http.Client{Transport: hanging{}}
		l := open(t, Config{URL: "https://league/feed", HTTP: client, Now: now})
		began := now()
		if err := l.Refresh(t.Context()); !errors.Is(err, context.DeadlineExceeded) || now().Sub(began) != requestTimeout {
			t.Errorf("got %v after %v", err, now().Sub(began))
		}
		if got, want := l.Status().Trouble, "The league's feed is not answering."; got != want {
			t.Errorf("got trouble %q, want %q", got, want)
		}
	})
}

// hanging is a transport whose server accepts and then says nothing.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestReadersAndRefreshesDoNotDisturbEachOther(t *testing.T) {
	w := newWeb()
	feed := nbaFeed(t, "2026-27", nbaGames(Embedded())...)
	w.league = answer(feed)
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client(), Dir: t.TempDir(), Now: func() time.Time { return at("2026-11-20T18:00:00Z") }})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				if n := len(l.Season().For("NYK")); n != 80 {
					t.Errorf("got %d games", n)
				}
				l.Status()
			}
		})
	}
	for range 3 {
		group.Go(func() {
			if err := l.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func BenchmarkRefresh(b *testing.B) {
	w := newWeb()
	w.league = answer(realFile(b, "nba-2024-25-cdn-20240816.json"))
	l, err := Open(Config{URL: "https://league/feed", HTTP: w.client(), Dir: b.TempDir(), Now: func() time.Time { return at("2024-11-20T18:00:00Z") }})
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

func TestESPNAlone(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		l := open(t, Config{ESPNURL: "https://espn", HTTP: w.client(), Now: now})
		if err := l.Refresh(t.Context()); err == nil || l.Status().Trouble != "ESPN refused the request (403 Forbidden)." {
			t.Errorf("got %v and %+v", err, l.Status())
		}
		if n := w.espnAsked.Load(); n > 3*espnAtOnce {
			t.Errorf("an ESPN that refuses was asked %d times", n)
		}
		w.espn = Embedded()
		// Some requests fail once, and there is no play-in yet.
		client, failed := w.client(), map[string]bool{}
		var mu sync.Mutex
		l.cfg.HTTP = &http.Client{Transport: handler(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			first := !failed[r.URL.String()]
			failed[r.URL.String()] = true
			mu.Unlock()
			switch {
			case r.URL.Query().Get("seasontype") == "5":
				rw.WriteHeader(http.StatusNotFound)
			case first && strings.Contains(r.URL.Path, "/teams/gs/"):
				rw.WriteHeader(http.StatusBadGateway)
			default:
				resp, err := client.Transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(rw, resp.Body)
			}
		})}
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := l.Status(); r.Source != SourceESPN || r.Trouble != "" || len(l.Season().Games) != 1200 {
			t.Errorf("got %+v with %d games", r, len(l.Season().Games))
		}
	})
}

func TestWithoutSourcesThereIsNothingToRefresh(t *testing.T) {
	l := open(t, Config{})
	if err := l.Refresh(t.Context()); err != nil || l.Status().Trouble != "" || l.Season().Source != SourceEmbedded {
		t.Errorf("got %v and %+v", err, l.Status())
	}
}

func TestScheduleThatCannotBeSavedIsServed(t *testing.T) {
	var log bytes.Buffer
	w, file := newWeb(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.league = answer(nbaFeed(t, "2026-27", nbaGames(Embedded())...))
	l := open(t, Config{URL: "https://league/feed", Dir: filepath.Join(file, "below"), HTTP: w.client(),
		Now: func() time.Time { return at("2026-11-20T18:00:00Z") }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := l.Refresh(t.Context()); err != nil || l.Season().Source != SourceNBA || !strings.Contains(log.String(), "the schedule is not saved") {
		t.Errorf("got %v, %s\n%s", err, l.Season().Source, log.String())
	}
}
