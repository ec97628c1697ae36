package handlers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/session"
	"tipoff/static"
)

// layout fills in what every page shows.
func (s *server) layout(r *http.Request, title string) layout {
	rd := s.reader(r)
	l := layout{Title: title, Demo: s.Demo != nil, Times: true, Now: rd.Now.UTC().Format(time.RFC3339),
		ShareImage: s.absolute(static.Prefix + "share.png")}
	// The way back from Todoist is good for one time, and its address secret.
	if isGet(r) && r.URL.Path != "/oauth/callback" {
		l.Here = r.URL.RequestURI()
	}
	user, ok := s.Sessions.User(r.Context())
	if ok {
		l.Me = accountOf(user)
		l.Private, l.Times = true, false
	}
	if l.Demo {
		l.DemoURL = "/demo/todoist/"
		if ok {
			l.DemoURL += user.ID
		}
	}
	report := s.Schedule.Status()
	source := map[string]string{
		schedule.SourceNBA: "the league’s feed", schedule.SourceESPN: "ESPN",
		schedule.SourceFile: "a file on this server", schedule.SourceEmbedded: "the one that came with Tipoff",
	}[report.Source]
	l.Schedule = &scheduleNote{Source: source, AsOf: rd.momentOf(report.AsOf), Trouble: report.Trouble}
	return l
}

func accountOf(u session.User) *account { return &account{Name: u.Name, Plan: u.Plan} }

// absolute is the address of a path of ours for the outside.
func (s *server) absolute(path string) string {
	return s.PublicURL.Scheme + "://" + s.PublicURL.Host + s.base + path
}

// private is the layout of a page about one person, which nobody else and no
// cache may keep.
func (s *server) private(w http.ResponseWriter, r *http.Request, title, section string) layout {
	w.Header().Set("Cache-Control", "no-store")
	l := s.layout(r, title)
	l.Private, l.Section = true, section
	return l
}

// cardOf is a team as pages show it.
func cardOf(t schedule.Team) teamCard {
	return teamCard{Code: t.Code, City: t.City, Name: t.Name, Conference: t.Conference, Division: t.Division, Arena: t.Arena}
}

// gameRowOf is a game as a fan of the team sees it.
func gameRowOf(g *schedule.Game, team string, rd reader) gameRow {
	opponent := g.Opponent(team)
	row := gameRow{
		ID: g.ID, When: whenOf(g, rd), Title: g.Title(team), Opponent: opponent.Short(),
		Home: g.AtHome(team) && !g.Neutral, Neutral: g.Neutral, Arena: g.Arena, City: g.City,
		TV: slices.Clone(g.National), National: len(g.National) > 0, Label: labelOf(g),
		Cup: g.Type == schedule.Cup, Postponed: g.Postponed,
		Over: g.Status == schedule.Final || !g.Upcoming(rd.Now),
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
func whenOf(g *schedule.Game, rd reader) moment {
	if g.TBD() {
		return rd.momentOfDay(string(g.Day))
	}
	m := rd.momentOf(g.Tip)
	if !g.Tip.After(rd.Now) && g.Upcoming(rd.Now) && g.Status != schedule.Final && !g.Postponed {
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

// home is the team picker.
func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	search := strings.TrimSpace(r.URL.Query().Get("q"))
	return s.answer(w, r, search != "", func(l layout) (view, error) { return s.homePage(l, r, search) })
}

func (s *server) homePage(l layout, r *http.Request, search string) (homePage, error) {
	season, rd := s.Schedule.Season(), s.reader(r)
	last := s.Sessions.Get(r.Context(), teamKey)
	page := homePage{layout: l, Season: season.Label}
	page.Section, page.Direct = "teams", l.Me == nil && s.App != nil
	page.Query = search
	cards, err := s.cardsOf(rd, page.Direct)
	if err != nil {
		return page, err
	}
	page.Zone = zoneWords(rd.Zone.String())
	page.Canonical = s.absolute("/")
	page.Description = "Put your NBA team’s games into Todoist, and keep them right all season."
	for _, name := range []string{"East", "West"} {
		c := conference{Name: name}
		for _, t := range schedule.Teams() {
			card := cardOf(t)
			if t.Conference != name || search != "" && !card.Fits(search) {
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
				card.Next = nextGame(season, t.Code, rd)
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

// nextGame is a team's next game that has a date, or nil.
func nextGame(season *schedule.Season, team string, rd reader) *gameRow {
	games := season.For(team)
	for i := range games {
		g := &games[i]
		if g.Known() && !g.Postponed && g.Type != schedule.AllStar && g.Upcoming(rd.Now) {
			row := gameRowOf(g, team, rd)
			return &row
		}
	}
	return nil
}

// teamKey is where a session keeps the team that was chosen last. Visitors who
// are not signed in have none, since nothing is kept of them.
const teamKey = "team"

// listSessions shows where a user is signed in.
func (s *server) listSessions(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.client(r); err != nil {
		return err
	}
	infos, err := s.Sessions.Sessions(r.Context())
	if err != nil {
		return err
	}
	page := sessionsPage{layout: s.private(w, r, "Where you are signed in", "")}
	rd := s.reader(r)
	for _, info := range infos {
		page.Sessions = append(page.Sessions, sessionLine{Handle: info.Handle, Browser: info.Browser,
			Since: rd.momentOf(info.Since), Seen: rd.momentOf(info.Seen), Here: info.Current})
	}
	return s.pages.render(w, r, http.StatusOK, page)
}

// endSession ends one of a user's sessions.
func (s *server) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if err := s.Sessions.End(r.Context(), r.PostForm.Get("handle")); err != nil && !isNotRevoked(err) {
		return err
	}
	if _, ok := s.Sessions.User(r.Context()); !ok {
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
		return s.redirect(w, r, "/")
	}
	return s.redirect(w, r, "/sessions")
}
