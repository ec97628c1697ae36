package handlers

import (
	"slices"

	"tipoff/schedule"
)

// A gameRow is one game as one team's fan sees it.
type gameRow struct {
	// ID is the league's or ESPN's; the list's anchor is "game-" and the ID.
	ID   string
	When moment
	// Title reads "Celtics at Knicks"; Opponent "Knicks", OpponentCode "NYK"
	// (empty for a club from outside of the league or one not yet known).
	Title, Opponent, OpponentCode string
	// Home is false for away games; Neutral games are neither.
	Home, Neutral bool
	// Arena and City may be empty.
	Arena, City string
	// TV are the channels, national ones first; National says that there is
	// a national one.
	TV       []string
	National bool
	// Label reads "NBA Cup", "Preseason", "Play-In", "First round, game 3",
	// "If necessary"; empty for a plain game of the regular season.
	Label string
	// Cup marks games of the NBA Cup.
	Cup bool
	// BackToBack is 1 on the first and 2 on the second of two nights in a
	// row, else 0.
	BackToBack int
	// Postponed games have no new date yet; Over games are finished.
	Postponed, Over bool
}

// A gameCell is a game in the calendar. Joined says that it is next to the other
// night of a back-to-back.
type gameCell struct {
	gameRow
	Number int // the day of the month
	Joined bool
}

// Where says "home", "away" or "neutral site".
func (g gameRow) Where() string {
	switch {
	case g.Neutral:
		return "neutral site"
	case g.Home:
		return "home"
	}
	return "away"
}

// Versus is "vs", or "at" for away games.
func (g gameRow) Versus() string {
	if g.Home || g.Neutral {
		return "vs"
	}
	return "at"
}

// gameRowOf is a game as a fan of the team sees it.
func gameRowOf(g *schedule.Game, team string, loc locale) gameRow {
	opponent := g.Opponent(team)
	row := gameRow{
		ID: g.ID, When: whenOf(g, loc), Title: g.Title(team), Opponent: opponent.Short(),
		Home: g.AtHome(team) && !g.Neutral, Neutral: g.Neutral, Arena: g.Arena, City: g.City,
		TV: slices.Clone(g.National), National: len(g.National) > 0, Label: labelOf(g),
		Cup: g.Type == schedule.Cup, Postponed: g.Postponed,
		Over: g.Status == schedule.Final || !g.Upcoming(loc.Now),
	}
	if t, ok := schedule.TeamByCode(opponent.Code); ok && opponent.Code == t.Code {
		row.OpponentCode = t.Code
	}
	own := g.AwayTV
	if g.AtHome(team) {
		own = g.HomeTV
	}
	for _, name := range own {
		if !slices.Contains(row.TV, name) {
			row.TV = append(row.TV, name)
		}
	}
	return row
}

// whenOf is when a game is: its tip-off, or its day where it has no time.
func whenOf(g *schedule.Game, loc locale) moment {
	if g.TBD() {
		return loc.momentOfDay(string(g.Day))
	}
	m := loc.momentOf(g.Tip)
	if !g.Tip.After(loc.Now) && g.Upcoming(loc.Now) && g.Status != schedule.Final && !g.Postponed {
		m.On, m.Relative = true, "on now"
	}
	return m
}

// labelOf says what is special about a game, if anything.
func labelOf(g *schedule.Game) string {
	label := g.Label
	if label == "" {
		label = map[schedule.Type]string{schedule.Preseason: "Preseason", schedule.Cup: "NBA Cup",
			schedule.PlayIn: "Play-In", schedule.Playoffs: "Playoffs"}[g.Type]
	}
	if g.SubLabel != "" && label != "" {
		label += ", " + g.SubLabel
	}
	if g.IfNecessary {
		label += " (if necessary)"
	}
	return label
}
