package handlers

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"tipoff/schedule"
)

// A homePage is GET /.
type homePage struct {
	layout
	// Conferences are East and West, each with its three divisions.
	Conferences []conference
	// Last is the team that the visitor had last, nil when unknown.
	Last *teamCard
	// Season reads "2026-27".
	Season string
	// Query is what was searched for, Found how many teams fit.
	Query string
	Found int
	// Direct says that picking a team leads straight to Todoist's page of
	// consent: nobody is signed in, and the host has registered an app.
	Direct bool
	// Zone is the zone of the times in words ("New York time").
	Zone string
}

// A conference is a part of the team picker.
type conference struct {
	Name      string // "East" or "West"
	Divisions []division
}

// A division is a part of a conference.
type division struct {
	Name  string
	Cards []template.HTML
}

// home is the team picker.
func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	search := strings.TrimSpace(r.URL.Query().Get("q"))
	return s.renderCached(w, r, search != "", func(l layout) (view, error) { return s.homePage(l, r, search) })
}

func (s *server) homePage(l layout, r *http.Request, search string) (homePage, error) {
	season, loc := s.Schedule.Season(), s.locale(r)
	last := s.Sessions.Get(r.Context(), teamKey)
	page := homePage{layout: l, Season: season.Label}
	page.Section, page.Direct = "teams", l.Me == nil && s.App != nil
	page.Query = search
	cards, err := s.cardsOf(loc, page.Direct)
	if err != nil {
		return page, err
	}
	page.Zone = zoneWords(loc.Zone.String())
	page.Canonical = s.absolute("/")
	page.Description = "Put your NBA team’s games into Todoist, and keep them right all season."
	for _, name := range []string{"East", "West"} {
		c := conference{Name: name}
		for _, t := range schedule.Teams() {
			card := cardOf(t)
			if t.Conference != name || search != "" && !card.Matches(search) {
				continue
			}
			page.Found++
			i := slices.IndexFunc(c.Divisions, func(d division) bool { return d.Name == t.Division })
			if i < 0 {
				c.Divisions = append(c.Divisions, division{Name: t.Division})
				i = len(c.Divisions) - 1
			}
			c.Divisions[i].Cards = append(c.Divisions[i].Cards, cards[t.Code])
			if t.Code == last {
				card.Next = nextGame(season, t.Code, loc)
				page.Last = &card
			}
		}
		slices.SortFunc(c.Divisions, func(a, b division) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		if len(c.Divisions) > 0 {
			page.Conferences = append(page.Conferences, c)
		}
	}
	return page, nil
}

// teamKey is where a session has the team that was chosen last. Visitors who are
// not signed in have none, since nothing is stored about them.
const teamKey = "team"
