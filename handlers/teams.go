package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/schedule"
)

// team shows a team's season as a picture and as a list.
func (s *server) team(w http.ResponseWriter, r *http.Request) error {
	code := chi.URLParam(r, "team")
	t, ok := schedule.TeamByCode(code)
	if !ok {
		return &problem{Status: http.StatusNotFound, Heading: "There is no such team",
			Text: "The league has no team with these letters.", Advice: "Choose one of the thirty.", Link: "/", LinkText: "All teams"}
	}
	if code != t.Code {
		path := "/teams/" + t.Code
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		return s.redirect(w, r, path)
	}
	user, _ := s.Sessions.User(r.Context())
	season, rd := s.Schedule.Season(), s.reader(user)
	query := r.URL.Query()
	query.Set("team", t.Code)
	if !query.Has("games") {
		// A season's page shows the season; an import is for what is ahead.
		query.Set("games", "all")
	}
	status := http.StatusOK
	opts, err := importer.ParseOptions(query)
	page := teamPage{layout: s.layout(r, t.FullName()), Team: cardOf(t), Season: season.Label}
	page.Section = "teams"
	page.Description = "The " + t.FullName() + "’s " + season.Label + " season: every game, when and where it is and who shows it."
	page.Form = formOf(opts, "")
	if invalid, ok := err.(importer.Invalid); ok {
		page.Form.Errors = invalid
		for field, values := range query {
			page.Form.Values[field] = values
		}
		status = http.StatusUnprocessableEntity
	}
	page.State = map[schedule.State]string{schedule.NotReleased: "unreleased", schedule.Ahead: "ahead",
		schedule.RegularSeason: "running", schedule.Postseason: "playoffs", schedule.Over: "over"}[season.State(s.Now())]
	page.Now = s.Now().UTC().Format(time.RFC3339)
	page.Facts = factsOf(season, t.Code, rd)
	filter := schedule.Filter{Teams: []string{t.Code}, Upcoming: opts.Upcoming, Venue: opts.Venue, Types: opts.Types,
		National: opts.National, Opponents: opts.Opponents, From: opts.From, To: opts.To}
	games := filter.Games(season, s.Now())
	pairs := schedule.FactsFor(season, t.Code, s.Now()).BackToBack
	for i := range games {
		row := gameRowOf(&games[i], t.Code, rd)
		row.BackToBack = backToBack(pairs, games[i].Day)
		page.Games = append(page.Games, row)
	}
	page.Calendar = rd.calendarOf(page.Games)
	page.Of = len(schedule.Filter{Teams: []string{t.Code}}.Games(season, s.Now()))
	page.Filtered = len(page.Games) != page.Of
	opponents := map[string]bool{}
	for _, g := range season.For(t.Code) {
		opponents[g.Opponent(t.Code).Code] = true
	}
	for _, other := range schedule.Teams() {
		if opponents[other.Code] {
			page.Opponents = append(page.Opponents, choice{other.Code, other.FullName()})
		}
	}
	page.Team.Next = nextGame(season, t.Code, rd)
	page.Zone = zoneWords(rd.Zone.String())
	s.teamLinks(&page, r, t, opts)
	if user.ID != "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	return s.pages.render(w, status, page)
}

// teamLinks fills in the addresses of the same selection elsewhere.
func (s *server) teamLinks(page *teamPage, r *http.Request, t schedule.Team, opts importer.Options) {
	selection := opts.Values()
	selection.Del("team")
	query := ""
	if len(selection) > 0 {
		query = "?" + selection.Encode()
	}
	page.CalendarURL = "/teams/" + t.Code + ".ics" + query
	page.CSVURL = "/teams/" + t.Code + ".csv" + query
	page.WebcalURL = "webcal" + strings.TrimPrefix(s.PublicURL.Scheme, "http") + "://" + s.PublicURL.Host + s.base + page.CalendarURL
	importQuery := url.Values{"team": {t.Code}}
	if r.URL.RawQuery != "" {
		importQuery = opts.Values()
	}
	page.ImportURL = "/import?" + importQuery.Encode()
}

// factsOf are the numbers that people look for, for the games still to come.
func factsOf(season *schedule.Season, team string, rd reader) teamFacts {
	ahead := schedule.Filter{Teams: []string{team}, Upcoming: true}.Games(season, rd.Now)
	f := schedule.FactsFor(&schedule.Season{Label: season.Label, Games: ahead}, team, rd.Now)
	facts := teamFacts{Left: f.Left, Home: f.Home, Away: f.Away, BackToBacks: f.BackToBacks, Trip: f.LongestTrip.Games}
	if facts.Trip > 0 {
		facts.TripFrom, facts.TripTo = rd.momentOfDay(string(f.LongestTrip.From)), rd.momentOfDay(string(f.LongestTrip.To))
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
