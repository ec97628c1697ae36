package schedule

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"testing"
	"time"
)

// object is a JSON object.
type object = map[string]any

// realFile reads one of the feed files that stay outside of the repository.
func realFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("../../shared/data/" + name)
	if errors.Is(err, os.ErrNotExist) {
		tb.Skip("the real feed files are not here")
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// nbaFeed writes games as the league's feed, each on a date of its own.
func nbaFeed(label string, games ...object) []byte {
	dates := []object{}
	for _, g := range games {
		dates = append(dates, object{"gameDate": "10/20/2026 00:00:00", "games": []object{g}})
	}
	return must(json.Marshal(object{
		"meta": object{"version": 1, "time": "2026-10-04T08:00:06.06Z"},
		"leagueSchedule": object{
			"seasonYear": label, "leagueId": "00", "gameDates": dates,
			"weeks": []object{{"weekNumber": 8, "weekName": "Week 8"}, {"weekNumber": 8, "weekName": "Week 8"}},
		},
	}))
}

// nbaGameWith is Philadelphia at New York, 7 pm on opening night of 2026-27,
// in the shape of the CDN's main file, with some fields replaced.
func nbaGameWith(fields object) object {
	g := object{
		"gameId": "0022600062", "gameCode": "20261020/PHINYK", "gameStatus": 1, "gameStatusText": "7:00 pm ET",
		"gameSequence": 2, "gameDateEst": "2026-10-20T00:00:00Z", "gameTimeEst": "1900-01-01T19:00:00Z",
		"gameDateTimeEst": "2026-10-20T19:00:00Z", "gameDateUTC": "2026-10-20T04:00:00Z",
		"gameTimeUTC": "1900-01-01T23:00:00Z", "gameDateTimeUTC": "2026-10-20T23:00:00Z",
		"awayTeamTime": "2026-10-20T19:00:00Z", "homeTeamTime": "2026-10-20T19:00:00Z", "day": "Tue", "monthNum": 10,
		"weekNumber": 1, "weekName": "Week 1", "ifNecessary": "false", "seriesGameNumber": "", "gameLabel": "",
		"gameSubLabel": "", "seriesText": "", "arenaName": "Madison Square Garden", "arenaState": "NY",
		"arenaCity": "New York", "postponedStatus": "N", "branchLink": "", "gameSubtype": "", "isNeutral": false,
		"broadcasters": object{"nationalBroadcasters": channelList("NBC/Peacock")},
		"homeTeam":     nbaSide("NYK"), "awayTeam": nbaSide("PHI"), "pointsLeaders": []any{},
	}
	maps.Copy(g, fields)
	return g
}

func channelList(names ...string) []object {
	list := []object{}
	for _, name := range names {
		list = append(list, object{"broadcasterScope": "natl", "broadcasterDisplay": name, "broadcasterTeamId": -1, "broadcasterRanking": nil})
	}
	return list
}

func nbaSide(code string) object {
	t, _ := TeamByCode(code)
	return object{"teamId": t.ID, "teamName": t.Name, "teamCity": t.City, "teamTricode": t.Code, "teamSlug": t.Slug, "wins": 0}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

var tbdFields = object{
	"gameStatusText": "TBD", "gameTimeEst": "0001-01-01T00:00:00Z", "gameDateEst": "2026-12-04T00:00:00Z",
	"gameDateTimeEst": "2026-12-04T00:00:00Z", "gameDateUTC": "2026-12-04T05:00:00Z",
	"gameTimeUTC": "1900-01-01T05:00:00Z", "gameDateTimeUTC": "2026-12-04T05:00:00Z",
	"homeTeamTime": "0001-01-01T00:00:00Z", "awayTeamTime": "0001-01-01T00:00:00Z",
}
