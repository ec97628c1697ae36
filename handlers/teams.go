package handlers

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"tipoff/importer"
	"tipoff/schedule"
)

// teamOf is the team that an address names, in any case.
func teamOf(r *http.Request) (schedule.Team, error) {
	t, ok := schedule.TeamByCode(chi.URLParam(r, "team"))
	if !ok {
		return t, &problem{Status: http.StatusNotFound, Heading: "There is no such team",
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
		page, err := s.teamPage(s.layout(r, ""), r, t, opts)
		if err != nil {
			return err
		}
		page.Form.Errors = invalid
		for field, values := range query {
			page.Form.Values[field] = values
		}
		if page.Me != nil {
			w.Header().Set("Cache-Control", "no-store")
		}
		return s.pages.render(w, r, http.StatusUnprocessableEntity, page)
	}
	return s.answer(w, r, selects(opts), func(l layout) (view, error) { return s.teamPage(l, r, t, opts) })
}

// selects reports whether a season's page differs from the one without a query.
func selects(o importer.Options) bool {
	asked := o.Values()
	return len(asked) > 2 || asked.Get("games") != "all" // the team and the games
}

func (s *server) teamPage(l layout, r *http.Request, t schedule.Team, opts importer.Options) (teamPage, error) {
	season, rd := s.Schedule.Season(), s.reader(r)
	rd.Zone = zoneOf(t, opts, rd.Zone)
	page := teamPage{layout: l, Team: cardOf(t), Season: season.Label}
	page.Title, page.Section, page.Direct = t.FullName(), "teams", l.Me == nil && s.App != nil
	page.Canonical = s.absolute("/teams/" + t.Code)
	page.Description = "The " + possessive(t.FullName()) + " " + season.Label + " season: every game, when and where it is and who shows it."
	page.theme(s.themes[t.Code])
	page.Form = formOf(opts)
	kept, err := s.seasonOf(t.Code, rd)
	if err != nil {
		return page, err
	}
	page.State, page.Facts, page.Opponents, page.Team.Next = kept.state, kept.facts, kept.opponents, kept.next
	for _, g := range filterOf(t, opts).Games(season, s.Now()) {
		if shown, ok := kept.games[g.ID]; ok {
			page.Games = append(page.Games, shown)
		}
	}
	page.Calendar = rd.calendarOf(page.Games)
	page.Of = len(schedule.Filter{Teams: []string{t.Code}}.Games(season, s.Now()))
	page.Filtered = len(page.Games) != page.Of
	if next := page.Team.Next; next != nil {
		if tip, err := time.Parse(time.RFC3339, next.When.ISO); err == nil {
			page.Countdown = countdown(tip.Sub(rd.Now))
		}
	}
	page.Zone = zoneWords(rd.Zone.String())
	page.Zones = zoneFieldOf(page.Form, openZone(page.layout, r, s.reader(r)), "Where the "+t.Name+" play: "+zoneWords(t.Zone))
	s.teamLinks(&page, t, opts, rd.Zone)
	return page, nil
}

// stateOf is how far a season has come, as pages name it.
func stateOf(season *schedule.Season, now time.Time) string {
	return map[schedule.State]string{schedule.NotReleased: "unreleased", schedule.Ahead: "ahead",
		schedule.RegularSeason: "running", schedule.Postseason: "playoffs", schedule.Over: "over"}[season.State(now)]
}

// calendar writes the selection as a calendar, to be fetched once or subscribed
// to.
func (s *server) calendar(w http.ResponseWriter, r *http.Request) error {
	return s.export(w, r, "text/calendar; charset=utf-8", ".ics", schedule.WriteICS)
}

// table writes the selection as a template that Todoist imports.
func (s *server) table(w http.ResponseWriter, r *http.Request) error {
	return s.export(w, r, "text/csv; charset=utf-8", ".csv", schedule.WriteCSV)
}

func (s *server) export(w http.ResponseWriter, r *http.Request, kind, ending string,
	write func(io.Writer, []schedule.Game, schedule.ExportOptions) error) error {
	t, err := teamOf(r)
	if err != nil {
		return err
	}
	_, opts, err := selection(r, t)
	if err != nil {
		return err
	}
	season := s.Schedule.Season()
	o := schedule.ExportOptions{Name: t.FullName() + " " + season.Label, Team: t.Code, Zone: zoneOf(t, opts, schedule.Eastern()),
		Duration: time.Duration(opts.Duration) * time.Minute, Priority: opts.Priority, Labels: opts.Labels, Sections: opts.Months}
	if opts.Reminder != importer.NoReminder {
		o.Alarms = []time.Duration{time.Duration(opts.Reminder) * time.Minute}
	}
	var b bytes.Buffer
	if err := write(&b, filterOf(t, opts).Games(season, s.Now()), o); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `inline; filename="`+t.Slug+"-"+season.Label+ending+`"`)
	h.Set("Cache-Control", "public, max-age=900")
	h.Set("Vary", "Accept-Encoding")
	// Weak, since it stands for the content in each coding.
	sum := sha256.Sum256(b.Bytes())
	h.Set("ETag", fmt.Sprintf(`W/"%x"`, sum[:16]))
	body := b.Bytes()
	if r.Header.Get("Range") == "" {
		if coding := codingFor(r.Header.Get("Accept-Encoding")); coding != "" {
			body = s.pages.packer.fast(coding, body)
			h.Set("Content-Encoding", coding)
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// openZone says which zone a season's page takes when none is chosen.
func openZone(l layout, r *http.Request, rd reader) string {
	whose := "The league’s"
	switch {
	case l.Me != nil:
		whose = "Yours in Todoist"
	case r.Header.Get(timesHeader) != "":
		whose = "Yours"
	}
	return whose + ": " + zoneWords(rd.Zone.String())
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
	tasks := opts.Values()
	tasks.Set("games", "upcoming")
	if len(tasks) == 2 {
		tasks.Del("games")
	}
	page.ImportURL = "/import?" + tasks.Encode()
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
