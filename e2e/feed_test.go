package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tipoff/schedule"
)

// feed writes games in the shape of the league's feed, for -schedule-url.
func feed(t *testing.T, path, label string, at time.Time, games []schedule.Game) {
	t.Helper()
	byDay := map[schedule.Day][]any{}
	var days []schedule.Day
	side := func(s schedule.Side) map[string]any {
		team, _ := schedule.TeamByCode(s.Code)
		return map[string]any{"teamId": team.ID, "teamTricode": s.Code, "teamCity": s.City, "teamName": s.Name}
	}
	for _, g := range games {
		prefix := map[schedule.Type]string{schedule.Preseason: "001", schedule.Playoffs: "004", schedule.PlayIn: "005"}[g.Type]
		if prefix == "" {
			prefix = "002"
		}
		id := g.ID
		if len(id) != 10 {
			id = prefix + label[2:4] + id[len(id)-5:]
		}
		status, zero := "7:30 pm ET", g.Tip
		local := g.Tip.In(schedule.Eastern())
		clock := local.Format("1900-01-01T15:04:05Z")
		if g.TBD() {
			status, clock = "TBD", "0001-01-01T00:00:00Z"
			zero = g.Day.Time(schedule.Eastern())
			local = zero
		}
		if g.Postponed {
			status = "PPD"
		}
		sub := ""
		if g.Type == schedule.Cup {
			sub = "in-season"
		}
		var tv []any
		for _, name := range g.National {
			tv = append(tv, map[string]any{"broadcasterScope": "natl", "broadcasterMedia": "tv", "broadcasterDisplay": name})
		}
		if byDay[g.Day] == nil {
			days = append(days, g.Day)
		}
		byDay[g.Day] = append(byDay[g.Day], map[string]any{
			"gameId": id, "gameStatus": max(1, slices.Index([]schedule.Status{"", schedule.Scheduled, schedule.InProgress, schedule.Final}, g.Status)), "gameStatusText": status, "gameDateEst": string(g.Day) + "T00:00:00Z",
			"gameTimeEst": clock, "homeTeamTime": local.Format("2006-01-02T15:04:05Z"),
			"gameDateTimeEst": local.Format("2006-01-02T15:04:05Z"), "gameDateTimeUTC": zero.UTC().Format(time.RFC3339),
			"gameLabel": g.Label, "gameSubLabel": g.SubLabel, "gameSubtype": sub, "postponedStatus": "N",
			"arenaName": g.Arena, "arenaCity": g.City, "arenaState": g.State, "ifNecessary": fmt.Sprint(g.IfNecessary),
			"seriesGameNumber": g.Series,
			"homeTeam":         side(g.Home), "awayTeam": side(g.Away),
			"broadcasters": map[string]any{"nationalBroadcasters": tv},
		})
	}
	slices.Sort(days)
	var dates []any
	for _, day := range days {
		dates = append(dates, map[string]any{"gameDate": day.Time(time.UTC).Format("01/02/2006 00:00:00"), "games": byDay[day]})
	}
	raw, err := json.Marshal(map[string]any{
		"meta":           map[string]any{"version": 1, "time": at.UTC().Format("2006-01-02T15:04:05.0Z")},
		"leagueSchedule": map[string]any{"seasonYear": label, "leagueId": "00", "gameDates": dates},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Written beside and renamed, so that the program never reads half.
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	// Two feeds may be written within one tick of the file system's clock.
	if err := os.Chtimes(path+".new", at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// sharedFile is a real schedule file that is not part of the repository.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "shared", "data", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("the real schedule files are not here")
	}
	return path
}

// serveFeed serves games as the league's feed and returns its address.
func serveFeed(t *testing.T, games []schedule.Game) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "feed.json")
	feed(t, path, "2026-27", midSeason, games)
	return serveAnswer(t, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })
}

func serveAnswer(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL + "/feed.json"
}

// allPostponed is the built-in season without a game that is on.
func allPostponed() []schedule.Game {
	games := slices.Clone(embedded().Games)
	for i := range games {
		games[i].Postponed = true
	}
	return games
}

// oneTwice is the built-in season with its fourth game listed twice.
func oneTwice() []schedule.Game {
	games := embedded().Games
	return append(slices.Clone(games), games[3])
}
