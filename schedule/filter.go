package schedule

import (
	"slices"
	"strings"
	"time"
)

// Filter picks games of a season. Its zero value keeps every game of the
// regular season, Cup, play-in and play-offs whose two sides are known.
type Filter struct {
	Teams     []string // codes; empty = all teams
	Upcoming  bool     // only what Game.Upcoming says
	Venue     string   // "home" or "away" as seen by Teams; "" = both
	Types     []Type   // empty = all but preseason
	National  bool     // only games shown in the whole country
	Opponents []string // codes, as seen by Teams; empty = all
	From, To  Day      // both included; "" = open
}

// Games returns the games the filter keeps, in the season's order. All-Star
// games and games without two known sides are never kept. With several teams a
// game is kept when it fits for any one of them.
func (f Filter) Games(s *Season, now time.Time) []Game {
	f.Teams = canonical(f.Teams)
	f.Opponents = canonical(f.Opponents)
	games, kept := s.Games, []Game(nil)
	if len(f.Teams) == 1 {
		games = s.For(f.Teams[0])
		kept = make([]Game, 0, len(games))
	}
	for i := range games {
		if f.keeps(&games[i], now) {
			kept = append(kept, games[i])
		}
	}
	return kept
}

// canonical returns the league's codes for codes in any case and spelling.
func canonical(codes []string) []string {
	out := make([]string, len(codes))
	for i, code := range codes {
		out[i] = strings.ToUpper(code)
		if t, ok := TeamByCode(code); ok {
			out[i] = t.Code
		}
	}
	return out
}

func (f *Filter) keeps(g *Game, now time.Time) bool {
	switch {
	case !g.Known() || g.Type == AllStar:
		return false
	case len(f.Types) == 0 && g.Type == Preseason,
		len(f.Types) > 0 && !slices.Contains(f.Types, g.Type),
		f.National && len(g.National) == 0,
		f.From != "" && g.Day < f.From,
		f.To != "" && g.Day > f.To,
		f.Upcoming && !g.Upcoming(now):
		return false
	case len(f.Teams) == 0:
		return len(f.Opponents) == 0 || f.opposes(g.Home.Code) || f.opposes(g.Away.Code)
	}
	for _, team := range f.Teams {
		if g.Has(team) && f.fits(g, team) {
			return true
		}
	}
	return false
}

// fits reports whether venue and opponent are right for a team that plays.
func (f *Filter) fits(g *Game, team string) bool {
	if f.Venue == "home" && !g.AtHome(team) || f.Venue == "away" && g.AtHome(team) {
		return false
	}
	return len(f.Opponents) == 0 || f.opposes(g.Opponent(team).Code)
}

func (f *Filter) opposes(code string) bool { return slices.Contains(f.Opponents, code) }
