package schedule

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
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

var embeddedOnce = sync.OnceValue(Embedded)

// embeddedSeason returns a copy of the season that comes with the program.
func embeddedSeason() *Season {
	s := embeddedOnce()
	return &Season{Label: s.Label, Source: s.Source, AsOf: s.AsOf, Games: slices.Clone(s.Games)}
}

// nbaGames writes the games of a season as those of the league's feed, with
// what is of use in them. Games with ESPN's ids get ids of the league, in order.
func nbaGames(s *Season) []object {
	year, _ := startYear(s.Label)
	number := map[string]int{}
	prefix := map[Type]string{Preseason: "001", Regular: "002", Cup: "002", PlayIn: "005", Playoffs: "004", AllStar: "003"}
	side := func(s Side) object {
		team, _ := TeamByCode(s.Code)
		return object{"teamId": team.ID, "teamCity": s.City, "teamName": s.Name}
	}
	channels := func(names []string) (list []object) {
		for _, name := range names {
			list = append(list, object{"broadcasterDisplay": name})
		}
		return list
	}
	var out []object
	for _, g := range s.Games {
		id := g.ID
		if len(id) != 10 {
			kind := prefix[g.Type]
			number[kind]++
			id = fmt.Sprintf("%s%02d%05d", kind, year%100, number[kind])
		}
		out = append(out, object{
			"gameId": id, "gameDateEst": string(g.Day) + "T00:00:00Z", "gameDateTimeUTC": g.Tip.Format(time.RFC3339),
			"arenaName": g.Arena, "arenaCity": g.City, "arenaState": g.State, "homeTeam": side(g.Home), "awayTeam": side(g.Away),
			"broadcasters": object{"nationalBroadcasters": channels(g.National)}, "gameLabel": g.Label, "gameSubLabel": g.SubLabel,
		})
	}
	return out
}

var wholeOnce = sync.OnceValue(func() []object { return nbaGames(embeddedSeason()) })

// wholeGames returns copies of the games of the season that comes with the
// program, as those of the league's feed.
func wholeGames() []object {
	var out []object
	for _, g := range wholeOnce() {
		out = append(out, maps.Clone(g))
	}
	return out
}

// wholeFeed returns the league's feed with all games of that season. It is not
// to be written to.
var wholeFeed = sync.OnceValue(func() []byte { return nbaFeed("2026-27", wholeGames()...) })

// espnEvents writes games as events of ESPN's team schedules, with what is of
// use in them.
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
			return object{"abbreviation": t.ESPN}
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
			"id": g.ID, "date": tip.UTC().Format(minutes), "season": object{"year": year + 1}, "seasonType": object{"id": types[g.Type]},
			"competitions": []object{{
				"timeValid": !g.TBD(), "neutralSite": g.Neutral, "status": object{"type": status}, "notes": []object{{"headline": note}},
				"venue":       object{"fullName": g.Arena, "address": object{"city": g.City, "state": g.State}},
				"competitors": []object{{"homeAway": "home", "team": team(g.Home)}, {"homeAway": "away", "team": team(g.Away)}},
				"broadcasts":  []object{{"market": object{"type": "National"}, "media": object{"shortName": "ESPN"}}},
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
	l, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
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
