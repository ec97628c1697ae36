package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
)

// A leaguePage is GET /demo/league: in the demo, the visitor plays the league.
type leaguePage struct {
	layout
	Teams []leagueTeam
}

// A leagueTeam is a team that the visitor has imported, with its next games.
type leagueTeam struct {
	Team *teamCard
	// ID is the import's, Auto says that it updates itself.
	ID    string
	Auto  bool
	Games []leagueGame
}

// A leagueGame is a game as the league has it, and its task as Todoist has it.
type leagueGame struct {
	planRow
	// Task is when the task is due, in words; InStep says that this is when the game is.
	Task   string
	InStep bool
}

// mostLeague is how many games of a team are offered.
const mostLeague = 4

// showLeague shows the next games of the visitor's teams and what the league may do.
func (s *server) showLeague(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	rows, err := s.Importer.Rows.Of(r.Context(), user.ID)
	if err != nil {
		return err
	}
	page := leaguePage{layout: s.private(w, r, "Play the league", "")}
	for _, row := range rows {
		if len(row.Teams) != 1 || row.Project == "" {
			continue
		}
		e, err := s.Importer.Project(r.Context(), c, user.ID, row.ID)
		if err != nil {
			continue // its project is gone, which its own page says
		}
		team := leagueTeam{Team: onlyTeam(row.Teams), ID: row.ID, Auto: row.Auto && s.AutoUpdate}
		loc := s.planLocale(r, e.Plan)
		for _, change := range e.Plan.Changes() {
			if change.Game.Upcoming(s.Now()) && len(team.Games) < mostLeague {
				team.Games = append(team.Games, leagueGameOf(change, loc))
			}
		}
		page.Teams = append(page.Teams, team)
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

func leagueGameOf(c *importer.Change, loc locale) leagueGame {
	g := leagueGame{planRow: planRowOf(c, loc)}
	g.When, g.Title, g.Postponed = whenOf(&c.Game, loc), c.Game.Title(""), c.Game.Postponed
	switch {
	case c.Task == nil:
		g.Task = "no task"
	case c.Task.Due == nil:
		g.Task, g.InStep = "no date", c.Game.Postponed
	default:
		g.Task = dayAndClock(momentOfDue(c.Task.Due, loc))
		g.InStep = !c.Pending()
	}
	return g
}

// playLeague does to a game what the league does: field do is move, postpone, restore or
// announce. The last makes a new game of the team.
func (s *server) playLeague(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.client(r); err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	id, do := r.PostForm.Get("game"), r.PostForm.Get("do")
	found := false
	s.Schedule.Play(func(games []schedule.Game) []schedule.Game {
		i := slices.IndexFunc(games, func(g schedule.Game) bool { return g.ID == id })
		if i < 0 {
			return games
		}
		g := &games[i]
		switch found = true; do {
		case "move":
			shift(g, 24*time.Hour-90*time.Minute)
		case "postpone":
			g.Postponed = true
		case "restore":
			g.Postponed = false
			shift(g, 7*24*time.Hour)
		case "announce":
			next := *g
			next.ID, next.Postponed = announcedID(games), false
			shift(&next, 3*24*time.Hour)
			games = append(games, next)
		default:
			found = false
		}
		return games
	})
	if !found {
		return importer.Invalid{"do": "The league can move, postpone, restore or announce a game of its schedule."}
	}
	return s.redirect(w, r, "/demo/league")
}

// shift moves a game.
func shift(g *schedule.Game, by time.Duration) {
	if g.TBD() {
		g.Day = g.Day.AddDays(int(by.Round(24*time.Hour) / (24 * time.Hour)))
		return
	}
	g.Tip = g.Tip.Add(by)
	g.Day = schedule.DayOf(g.Tip, schedule.Eastern())
}

// announcedID is the id of a new game: the one after the last.
func announcedID(games []schedule.Game) string {
	last := 0
	for _, g := range games {
		if n, err := strconv.Atoi(g.ID); err == nil {
			last = max(last, n)
		}
	}
	return fmt.Sprintf("%0*d", len(games[0].ID), last+1)
}
