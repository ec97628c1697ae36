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
	// Grid are the teams to pick from, by conferences, and Picker all that is around
	// them where that is already rendered.
	Grid, Picker template.HTML
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
	// Mine are the visitor's imports, and Games the next games in them.
	Mine  []projectLine
	Games []planRow
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
	page := homePage{layout: l, Season: season.Label}
	page.Section, page.Direct = "teams", l.Me == nil && s.App != nil
	page.Query = search
	page.Zone = zoneWords(loc.Zone.String())
	page.Canonical = s.absolute("/")
	page.Description = "Put your NBA team’s games into Todoist, and keep them right all season."
	var err error
	if page.Mine, page.Games, err = s.mine(r); err != nil {
		return page, err
	}
	found := schedule.Teams()
	if search != "" {
		found = teamsFor(search)
	}
	if last, ok := schedule.TeamByCode(s.Sessions.Get(r.Context(), teamKey)); ok && slices.Contains(found, last) {
		card := cardOf(last)
		card.Next = nextGame(season, last.Code, loc)
		page.Last = &card
	}
	page.Found = len(found)
	if page.Grid, err = s.gridOf(found, loc, page.Direct); err != nil || l.Me == nil || search != "" {
		return page, err
	}
	page.Picker, err = cached(s.snapshot(), loc.key(), pickerKey{loc.key(), len(page.Mine) > 0}, func() (template.HTML, int, error) {
		html, err := s.pages.part("home", "picker", page)
		return html, len(html), err
	})
	return page, err
}

// A pickerKey is the key of the team picker when somebody is signed in, who has imports
// or none.
type pickerKey struct {
	localeKey
	mine bool
}

// A gridKey is the key of the team picker with all teams.
type gridKey cardsKey

// gridOf returns the team picker with these teams: East and West, each with its
// divisions by their names.
func (s *server) gridOf(teams []schedule.Team, loc locale, direct bool) (template.HTML, error) {
	render := func() (template.HTML, int, error) {
		cards, err := s.cardsOf(loc, direct)
		if err != nil {
			return "", 0, err
		}
		html, err := s.pages.part("home", "team-grid", conferencesOf(teams, cards))
		return html, len(html), err
	}
	if len(teams) < len(schedule.Teams()) {
		html, _, err := render()
		return html, err
	}
	return cached(s.snapshot(), loc.key(), gridKey{loc.key(), direct}, render)
}

// conferencesOf puts the cards of teams, which are by their codes, in order.
func conferencesOf(teams []schedule.Team, cards map[string]template.HTML) []conference {
	var all []conference
	for _, name := range []string{"East", "West"} {
		c := conference{Name: name}
		for _, t := range teams {
			if t.Conference != name {
				continue
			}
			i := slices.IndexFunc(c.Divisions, func(d division) bool { return d.Name == t.Division })
			if i < 0 {
				i = len(c.Divisions)
				c.Divisions = append(c.Divisions, division{Name: t.Division})
			}
			c.Divisions[i].Cards = append(c.Divisions[i].Cards, cards[t.Code])
		}
		slices.SortFunc(c.Divisions, func(a, b division) int { return strings.Compare(a.Name, b.Name) })
		if len(c.Divisions) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// teamKey is where a session has the team that was chosen last. Visitors who are
// not signed in have none, since nothing is stored about them.
const teamKey = "team"
