package handlers

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tipoff/importer"
	"tipoff/imports"
)

// mine are the user's imports as their rows have them, by name. Todoist is not asked,
// so a project may have another name by now, and how much waits is not known.
func (s *server) mine(r *http.Request) ([]projectLine, []planRow, error) {
	user, ok := s.Sessions.User(r.Context())
	if !ok {
		return nil, nil, nil
	}
	rows, err := s.Importer.Rows.Of(r.Context(), user.ID)
	if err != nil {
		return nil, nil, err
	}
	loc := s.locale(r)
	var all []projectLine
	var games []gameAhead
	for _, row := range rows {
		if row.Project == "" {
			continue // it was cut off before it was made
		}
		line := s.rowLine(row)
		line.OpenURL = s.openURL(user, row.Project)
		ahead := s.gamesAhead(row, loc)
		line.Left = len(ahead)
		if len(ahead) > 0 {
			line.Next = &ahead[0].planRow
		}
		games = append(games, ahead...)
		all = append(all, line)
	}
	slices.SortFunc(all, func(a, b projectLine) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	slices.SortStableFunc(games, func(a, b gameAhead) int { return a.at.Compare(b.at) })
	var next []planRow
	for _, g := range games {
		// A game of two imports is said once.
		if !slices.ContainsFunc(next, func(row planRow) bool { return row.ID == g.ID }) && len(next) < maxNext {
			next = append(next, g.planRow)
		}
	}
	return all, next, nil
}

// maxNext is how many of the next games the home page shows.
const maxNext = 4

// rowLine is an import as its row has it.
func (s *server) rowLine(row *imports.Import) projectLine {
	line := projectLine{ID: row.ID, Name: importer.ProjectName(row.Teams, row.Season), Team: onlyTeam(row.Teams),
		Auto: row.Auto && s.AutoUpdate, Teams: row.Teams, Season: row.Season}
	if v, err := url.ParseQuery(row.Options); err == nil && v.Get("name") != "" {
		line.Name = v.Get("name")
	}
	season := s.Schedule.Season().Label
	line.Over = row.Season < season
	line.Changed = row.Season == season && row.Facts != s.Importer.Facts(row.Teams, row.Played)
	if text, trouble := stateLine(row, s.AutoUpdate); trouble {
		line.Trouble = text
	}
	return line
}

// A gameAhead is a game that is still to come, to put in order.
type gameAhead struct {
	at time.Time
	planRow
}

// gamesAhead are an import's games that are still to come and have a date.
func (s *server) gamesAhead(row *imports.Import, loc locale) []gameAhead {
	team := ""
	if len(row.Teams) == 1 {
		team = row.Teams[0]
	}
	var all []gameAhead
	games := s.Schedule.Season().Games
	for i := range games {
		g := &games[i]
		task, ok := row.Tasks[g.ID]
		if !ok || !task.Open() || g.Postponed || !g.Upcoming(loc.Now) {
			continue
		}
		at := g.Tip
		if g.TBD() {
			at, _ = time.Parse(time.DateOnly, string(g.Day))
		}
		all = append(all, gameAhead{at, planRow{ID: g.ID, When: whenOf(g, loc), Title: g.Title(team), Label: labelOf(g)}})
	}
	slices.SortStableFunc(all, func(a, b gameAhead) int { return a.at.Compare(b.at) })
	return all
}

// importOf is the import of a team for this season, nil where there is none: the one of
// the team alone, or else one of several teams.
func importOf(all []projectLine, team, season string) *projectLine {
	var found *projectLine
	for i, line := range all {
		if line.Season != season || !slices.Contains(line.Teams, team) {
			continue
		}
		if found == nil || len(line.Teams) == 1 && len(found.Teams) > 1 {
			found = &all[i]
		}
	}
	return found
}
