// Package schedule knows basketball: the thirty teams, a season's games, where
// they are published, and how they are filtered and written out as a calendar.
// It knows nothing of Todoist.
//
// A [Season] comes from the league's feed ([DecodeNBA]), from ESPN
// ([DecodeESPN]), from a saved copy or from the program itself ([Embedded]).
// [Live] keeps the best of them at hand and refreshes it in the background, so
// that no request ever waits for a feed. A [Filter] picks the games a person
// wants; [WriteICS] and [WriteCSV] export them.
//
// Instants are in UTC. A game's official day is its Eastern calendar day,
// a [Day], which is not the UTC day of most evening games.
package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Season is every game of one season as one source told it. Its games are not
// changed once it is in use; a newer state of the season is a new Season.
type Season struct {
	Label  string    // "2026-27"
	Source string    // "nba", "espn", "embedded" or "file"
	AsOf   time.Time // when the source last stood behind these games, in UTC
	Games  []Game    // sorted by day, tip-off and id

	once   sync.Once
	byTeam map[string][]Game
}

// The sources a Season names.
const (
	SourceNBA      = "nba"
	SourceESPN     = "espn"
	SourceEmbedded = "embedded"
	SourceFile     = "file"
)

// For returns the games of one side by its code, in order, among them
// preseason, postponed and All-Star games. The slice is shared by all callers
// and not to be written to.
func (s *Season) For(team string) []Game {
	s.once.Do(func() {
		count := map[string]int{}
		for i := range s.Games {
			count[s.Games[i].Home.Code]++
			count[s.Games[i].Away.Code]++
		}
		s.byTeam = make(map[string][]Game, len(count))
		for i := range s.Games {
			g := &s.Games[i]
			for _, code := range [...]string{g.Home.Code, g.Away.Code} {
				if code == "" {
					continue
				}
				if s.byTeam[code] == nil {
					s.byTeam[code] = make([]Game, 0, count[code])
				}
				s.byTeam[code] = append(s.byTeam[code], *g)
			}
		}
	})
	games := s.byTeam[strings.ToUpper(team)]
	return games[:len(games):len(games)]
}

// Window returns the first and the last day a game of the season may have:
// the first of August to the end of July. Both are "" for a label that names
// no year.
func (s *Season) Window() (from, to Day) {
	year, ok := startYear(s.Label)
	if !ok {
		return "", ""
	}
	return Day(strconv.Itoa(year) + "-08-01"), Day(strconv.Itoa(year+1) + "-07-31")
}

// startYear returns the calendar year in which the season of this label begins.
func startYear(label string) (int, bool) {
	if len(label) != len("2026-27") || label[4] != '-' {
		return 0, false
	}
	year, err := strconv.Atoi(label[:4])
	if err != nil || year < 1946 || label != seasonLabel(year) {
		return 0, false
	}
	return year, true
}

// seasonLabel names the season that begins in this calendar year: "2026-27". Any
// year will do, since feeds may name any.
func seasonLabel(year int) string {
	return fmt.Sprintf("%d-%02d", year, (year+1)%100)
}

// seasonYear returns the year in which the season under way at an instant
// began. A season ends with July, when the next one's schedule is near.
func seasonYear(now time.Time) int {
	now = now.In(Eastern())
	if now.Month() < time.August {
		return now.Year() - 1
	}
	return now.Year()
}

// finish puts a decoded season's games in order and works out what no single
// game can say about itself.
func (s *Season) finish() {
	markNeutral(s.Games)
	slices.SortFunc(s.Games, func(a, b Game) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), a.Tip.Compare(b.Tip), cmp.Compare(a.ID, b.ID))
	})
}

// markNeutral sets Neutral on games away from both sides' cities, on top of
// what the source marked. The league's own flag misses Melbourne, Honolulu and
// others, so the host's city decides: that of the teams table, or one in its
// state in which the team is host of at least two games, such as San Antonio's
// in Austin. Cities are compared and not arenas, because arenas are renamed in
// mid-season and spelled in several ways.
func markNeutral(games []Game) {
	type host struct{ code, city string }
	hosted := map[host]int{}
	for _, g := range games {
		if g.Type == Regular || g.Type == Playoffs {
			hosted[host{g.Home.Code, strings.ToLower(g.City)}]++
		}
	}
	for i := range games {
		g := &games[i]
		home, ok := TeamByCode(g.Home.Code)
		if !ok || g.City == "" {
			continue
		}
		second := g.State == home.ArenaState && hosted[host{home.Code, strings.ToLower(g.City)}] >= 2
		if !strings.EqualFold(g.City, home.ArenaCity) && !second {
			g.Neutral = true
		}
	}
}
