package handlers

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/schedule"
)

// A teamPage is GET /teams/{team}.
type teamPage struct {
	layout
	Team teamCard
	// Season reads "2026-27".
	Season string
	// State is the season's: "unreleased", "ahead" (before the first game),
	// "running", "playoffs" or "over".
	State string
	Facts teamFacts
	// Countdown is how long it is until the next game tips off, in words.
	Countdown string
	// Form has the filter's fields, defaults filled in.
	Form      form
	Opponents []choice
	// Calendar and Games are the same selection, as a picture and as a list.
	Calendar []calendarMonth
	Games    []*renderedGame
	// Filtered says that the query leaves something out. Of counts the
	// season's games before that.
	Filtered bool
	Of       int
	// Zones are the time zones to choose from, and Zone the chosen one in words
	// ("New York time").
	Zones zoneField
	Zone  string
	// CalendarURL, WebcalURL and CSVURL are addresses of the selection:
	// paths but for WebcalURL, which is absolute (webcal://).
	CalendarURL, WebcalURL, CSVURL string
	// ImportURL is the path of the import page with the same selection, Adding how
	// many games that is. Direct is as in homePage.
	ImportURL string
	Adding    int
	Direct    bool
	// Mine is the import of this team that the visitor has, nil for none.
	Mine *projectLine
	// Below is what is below the team's band, where that is already rendered.
	Below template.HTML
}

// Played are the games that are over, and Ahead the others.
func (p teamPage) Played() []*renderedGame {
	return slices.DeleteFunc(slices.Clone(p.Games), func(g *renderedGame) bool { return !g.Over })
}
func (p teamPage) Ahead() []*renderedGame {
	return slices.DeleteFunc(slices.Clone(p.Games), func(g *renderedGame) bool { return g.Over })
}

// PlayedByMonth and AheadByMonth group the games for the list.
func (p teamPage) PlayedByMonth() []month[*renderedGame] { return gameMonths(p.Played()) }
func (p teamPage) AheadByMonth() []month[*renderedGame]  { return gameMonths(p.Ahead()) }

func gameMonths(games []*renderedGame) []month[*renderedGame] {
	return byMonth(games, func(g *renderedGame) moment { return g.When })
}

// Earlier are the months of the calendar that are over, and Months those from today's
// on.
func (p teamPage) Earlier() []calendarMonth {
	return slices.DeleteFunc(slices.Clone(p.Calendar), func(m calendarMonth) bool { return !m.Past })
}
func (p teamPage) Months() []calendarMonth {
	return slices.DeleteFunc(slices.Clone(p.Calendar), func(m calendarMonth) bool { return m.Past })
}

// WhichGames are the things to choose for the field "games", with what this page
// shows by default first.
func (p teamPage) WhichGames() []box {
	return optionField{"games", "games", "radio", []choice{wholeSeason, stillToCome}}.boxes(p.Form)
}

// AnyOpponent are the choices for the field "opponent".
func (p teamPage) AnyOpponent() []choice {
	return append([]choice{{"", "Any"}}, p.Opponents...)
}

// countdown says how long it is until a tip-off, as static/team.js goes on to.
func countdown(left time.Duration) string {
	if left <= 0 {
		return "Tipped off"
	}
	days, hours, minutes := int(left.Hours())/24, int(left.Hours())%24, int(left.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("Tips off in %d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("Tips off in %d h %d min", hours, minutes)
	}
	return fmt.Sprintf("Tips off in %d min", minutes)
}

// teamOf is the team that an address names, in any case.
func teamOf(r *http.Request) (schedule.Team, error) {
	t, ok := schedule.TeamByCode(chi.URLParam(r, "team"))
	if !ok {
		return t, &problem{Status: http.StatusNotFound, Heading: "Team not found",
			Text: "The league has no team with these letters.", Advice: "Choose one of the thirty.", Link: "/", LinkText: "All teams"}
	}
	return t, nil
}

// selection reads a team page's query. A season's page shows the season where
// an import is for what is ahead, so all games are the default here.
func selection(r *http.Request, t schedule.Team) (url.Values, importer.Options, error) {
	query := r.URL.Query()
	query.Set("team", t.Code)
	if query.Get("games") == "" {
		query.Set("games", "all")
	}
	opts, err := importer.ParseOptions(query)
	return query, opts, err
}

func filterOf(t schedule.Team, o importer.Options) schedule.Filter {
	return schedule.Filter{Teams: []string{t.Code}, Upcoming: o.Upcoming, Venue: o.Venue, Types: o.Types,
		National: o.National, Opponents: o.Opponents, From: o.From, To: o.To}
}

// team shows a team's season as a picture and as a list.
func (s *server) team(w http.ResponseWriter, r *http.Request) error {
	t, err := teamOf(r)
	if err != nil {
		return err
	}
	query, opts, err := selection(r, t)
	if invalid, ok := err.(importer.Invalid); ok {
		page, err := s.teamPage(s.layout(r, ""), r, t, opts, false)
		if err != nil {
			return err
		}
		page.Form.typed(query, invalid)
		if page.Me != nil {
			w.Header().Set("Cache-Control", "no-store")
		}
		return s.pages.render(w, r, http.StatusUnprocessableEntity, page)
	}
	return s.renderCached(w, r, isFiltered(opts), func(l layout) (view, error) {
		return s.teamPage(l, r, t, opts, l.Me != nil && !isFiltered(opts))
	})
}

// isFiltered reports whether a season's page differs from the one without a query.
func isFiltered(o importer.Options) bool {
	asked := o.Values()
	return len(asked) > 2 || asked.Get("games") != "all" // the team and the games
}

// teamPage makes a team's page. What is below the band may come from the cache where the
// page is a whole season's for somebody who is signed in.
func (s *server) teamPage(l layout, r *http.Request, t schedule.Team, opts importer.Options, fromCache bool) (teamPage, error) {
	season, loc := s.Schedule.Season(), s.locale(r)
	loc.Zone = zoneOf(t, opts, loc.Zone)
	page := teamPage{layout: l, Team: cardOf(t), Season: season.Label}
	page.Title, page.Section, page.Direct = t.FullName(), "teams", l.Me == nil && s.App != nil
	page.Canonical = s.absolute("/teams/" + t.Code)
	page.Description = "The " + possessive(t.FullName()) + " " + season.Label + " season: every game, when and where it is and who shows it."
	page.theme(s.themes[t.Code])
	page.Form = formOf(opts)
	ts, err := s.seasonOf(t.Code, loc)
	if err != nil {
		return page, err
	}
	page.State, page.Facts, page.Opponents, page.Team.Next = ts.state, ts.facts, ts.opponents, ts.next
	page.Of, page.Games = len(ts.all), ts.all
	if isFiltered(opts) {
		page.Games = nil
		for _, g := range filterOf(t, opts).Games(season, s.Now()) {
			page.Games = append(page.Games, ts.games[g.ID])
		}
		page.Filtered = len(page.Games) != page.Of
	}
	if next := page.Team.Next; next != nil {
		if tip, err := time.Parse(time.RFC3339, next.When.ISO); err == nil {
			page.Countdown = countdown(tip.Sub(loc.Now))
		}
	}
	page.Zone = zoneWords(loc.Zone.String())
	page.Zones = zoneFieldOf(page.Form, defaultZoneLabel(page.layout, r, s.locale(r)), "Where the "+t.Name+" play: "+zoneWords(t.Zone))
	s.teamLinks(&page, t, opts, loc.Zone)
	all, _, err := s.mine(r)
	if err != nil {
		return page, err
	}
	page.Mine = importOf(all, t.Code, season.Label)
	if !fromCache {
		page.Calendar = loc.calendarOf(page.Games)
		return page, nil
	}
	page.Below, err = cached(s.snapshot(), loc.key(), belowKey{t.Code, loc.key()}, func() (template.HTML, int, error) {
		page.Calendar = loc.calendarOf(page.Games)
		html, err := s.pages.part("team", "below", page)
		return html, len(html), err
	})
	return page, err
}

// A belowKey is the key of what is below a team's band when somebody is signed in.
type belowKey teamSeasonKey

// defaultZoneLabel says which zone a season's page takes when none is chosen.
func defaultZoneLabel(l layout, r *http.Request, loc locale) string {
	whose := "The league’s"
	switch {
	case l.Me != nil:
		whose = "Yours in Todoist"
	case r.Header.Get(timesHeader) != "":
		whose = "Yours"
	}
	return whose + ": " + zoneWords(loc.Zone.String())
}

// teamLinks fills in the addresses of the same selection elsewhere.
func (s *server) teamLinks(page *teamPage, t schedule.Team, opts importer.Options, zone *time.Location) {
	link := func(ending string, selection url.Values) string {
		selection.Del("team")
		if selection.Get("games") == "all" {
			selection.Del("games") // as the page has it by default
		}
		if len(selection) == 0 {
			return "/teams/" + t.Code + ending
		}
		return "/teams/" + t.Code + ending + "?" + selection.Encode()
	}
	page.CalendarURL = link(".ics", opts.Values())
	// A calendar has instants, a table has clocks and shows those of the page.
	table := opts.Values()
	if zone.String() != schedule.Eastern().String() {
		table.Set("timezone", zone.String())
	}
	page.CSVURL = link(".csv", table)
	page.WebcalURL = "webcal" + strings.TrimPrefix(s.PublicURL.Scheme, "http") + "://" + s.PublicURL.Host + s.base + page.CalendarURL
	// The page shows the whole season; tasks are for what is still to come.
	// Without a filter the address is bare, so that a project that is there
	// keeps its options.
	tasks, ahead := opts.Values(), filterOf(t, opts)
	ahead.Upcoming = true
	page.Adding = len(ahead.Games(s.Schedule.Season(), s.Now()))
	tasks.Set("games", "upcoming")
	if len(tasks) == 2 {
		tasks.Del("games")
	}
	page.ImportURL = "/import?" + tasks.Encode()
}
