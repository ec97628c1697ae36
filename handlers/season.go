package handlers

import (
	"html/template"
	"time"

	"tipoff/schedule"
)

// A renderedGame is a game on a team's page with its HTML: as a line of the list, and
// as a cell of the calendar, alone or next to the other night of a back-to-back.
type renderedGame struct {
	gameRow
	Line          template.HTML
	Alone, Joined template.HTML
}

// A teamSeason is what a team's page shows of the season, whatever the filter is.
type teamSeason struct {
	games     map[string]*renderedGame // by id
	all       []*renderedGame          // those that no filter leaves out
	state     string                   // as in teamPage
	next      *gameRow                 // nil when none is known
	facts     teamFacts
	opponents []choice
}

// teamSeasonKey is the key of a teamSeason.
type teamSeasonKey struct {
	team string
	localeKey
}

// seasonOf returns a team's season for a locale.
func (s *server) seasonOf(team string, loc locale) (*teamSeason, error) {
	return cached(s.snapshot(), loc.key(), teamSeasonKey{team, loc.key()}, func() (*teamSeason, int, error) {
		season := s.Schedule.Season()
		ts := &teamSeason{games: map[string]*renderedGame{}, state: stateOf(season, loc.Now),
			next: nextGame(season, team, loc), facts: factsOf(season, team, loc)}
		size := 0
		pairs := schedule.FactsFor(season, team, loc.Now).BackToBack
		met := map[string]bool{}
		all := season.For(team)
		for i := range all {
			g := &renderedGame{gameRow: gameRowOf(&all[i], team, loc)}
			g.BackToBack = backToBack(pairs, all[i].Day)
			if err := s.pages.renderGame(g); err != nil {
				return nil, 0, err
			}
			ts.games[g.ID] = g
			met[g.OpponentCode] = true
			size += len(g.Line) + len(g.Alone) + len(g.Joined)
		}
		for _, g := range (schedule.Filter{Teams: []string{team}}).Games(season, loc.Now) {
			ts.all = append(ts.all, ts.games[g.ID])
		}
		for _, t := range schedule.Teams() {
			if met[t.Code] {
				ts.opponents = append(ts.opponents, choice{t.Code, t.FullName()})
			}
		}
		return ts, size, nil
	})
}

// renderGame renders a game's line and its cells.
func (p *pages) renderGame(g *renderedGame) (err error) {
	if g.Line, err = p.part("team", "game-line", g.gameRow); err != nil {
		return err
	}
	day, err := time.Parse(time.DateOnly, g.When.Date)
	if err != nil {
		return nil // without a date it has no place in the calendar
	}
	cell := gameCell{gameRow: g.gameRow, Number: day.Day()}
	if g.Alone, err = p.part("team", "game-cell", cell); err != nil {
		return err
	}
	g.Joined = g.Alone
	if g.BackToBack > 0 {
		cell.Joined = true
		g.Joined, err = p.part("team", "game-cell", cell)
	}
	return err
}

// stateOf is how far a season has come, as pages name it.
func stateOf(season *schedule.Season, now time.Time) string {
	return map[schedule.State]string{schedule.NotReleased: "unreleased", schedule.Ahead: "ahead",
		schedule.RegularSeason: "running", schedule.Postseason: "playoffs", schedule.Over: "over"}[season.State(now)]
}

// teamFacts are the numbers people look for. They are the whole season's, not
// the filter's.
type teamFacts struct {
	// Left counts the games still to come; Home and Away are theirs.
	Left, Home, Away int
	// BackToBacks counts pairs of nights still to come.
	BackToBacks int
	// Trip is the longest run of away games still to come: how many, from and
	// to when. Zero games leave the fact out.
	Trip               int
	TripFrom, TripTo   moment
	National, CupGames int
}

// factsOf are the numbers that people look for, for the games still to come.
func factsOf(season *schedule.Season, team string, loc locale) teamFacts {
	ahead := schedule.Filter{Teams: []string{team}, Upcoming: true}.Games(season, loc.Now)
	f := schedule.FactsFor(&schedule.Season{Label: season.Label, Games: ahead}, team, loc.Now)
	facts := teamFacts{Left: f.Left, Home: f.Home, Away: f.Away, BackToBacks: f.BackToBacks, Trip: f.LongestTrip.Games}
	if facts.Trip > 0 {
		facts.TripFrom, facts.TripTo = loc.momentOfDay(string(f.LongestTrip.From)), loc.momentOfDay(string(f.LongestTrip.To))
	}
	for _, g := range ahead {
		if len(g.National) > 0 {
			facts.National++
		}
		if g.Type == schedule.Cup {
			facts.CupGames++
		}
	}
	return facts
}

// nextGame is a team's next game that has a date, or nil.
func nextGame(season *schedule.Season, team string, loc locale) *gameRow {
	games := season.For(team)
	for i := range games {
		g := &games[i]
		if g.Known() && !g.Postponed && g.Type != schedule.AllStar && g.Upcoming(loc.Now) {
			row := gameRowOf(g, team, loc)
			return &row
		}
	}
	return nil
}

// backToBack is 1 on the first and 2 on the second of two days running with
// games, else 0.
func backToBack(days map[schedule.Day]bool, day schedule.Day) int {
	switch {
	case !days[day]:
		return 0
	case days[day.AddDays(1)]:
		return 1
	}
	return 2
}
