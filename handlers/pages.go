package handlers

import (
	"net/http"
	"slices"
	"time"

	"tipoff/schedule"
	"tipoff/session"
)

// layout fills in what every page shows.
func (s *server) layout(r *http.Request, title string) layout {
	l := layout{Title: title, Demo: s.Demo != nil}
	user, ok := s.Sessions.User(r.Context())
	if ok {
		l.Me = &account{Name: user.Name, Plan: user.Plan}
		l.Private = true
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
	l.Schedule = &scheduleNote{Source: source, AsOf: s.reader(user).momentOf(report.AsOf), Trouble: report.Trouble}
	return l
}

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

// reader is how a user reads times; a visitor's are the league's.
func (s *server) reader(u session.User) reader {
	rd := reader{Zone: schedule.Eastern(), Now: s.Now()}
	if u.ID == "" {
		return rd
	}
	if zone, err := time.LoadLocation(u.Zone); err == nil && u.Zone != "" {
		rd.Zone = zone
	}
	rd.Hours24, rd.DayFirst = u.Clock24, u.DayFirst
	rd.WeekStart = time.Weekday(u.StartDay % 7)
	return rd
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
	return rd.momentOf(g.Tip)
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
	user, _ := s.Sessions.User(r.Context())
	season, rd := s.Schedule.Season(), s.reader(user)
	page := homePage{layout: s.layout(r, ""), Season: season.Label}
	page.Section = "teams"
	page.Canonical, page.ShareImage = s.absolute("/"), s.absolute("/share.png")
	page.ShareWords = "Every game on your list. Right all season."
	page.Description = "Put your NBA team’s games into Todoist, and keep them right all season."
	last := s.Sessions.Get(r.Context(), teamKey)
	for _, name := range []string{"East", "West"} {
		c := conference{Name: name}
		for _, t := range schedule.Teams() {
			if t.Conference != name {
				continue
			}
			card := cardOf(t)
			card.Next = nextGame(season, t.Code, rd)
			i := slices.IndexFunc(c.Divisions, func(d division) bool { return d.Name == t.Division })
			if i < 0 {
				c.Divisions = append(c.Divisions, division{Name: t.Division})
				i = len(c.Divisions) - 1
			}
			c.Divisions[i].Teams = append(c.Divisions[i].Teams, card)
			if t.Code == last {
				page.Last = &card
			}
		}
		slices.SortFunc(c.Divisions, func(a, b division) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		page.Conferences = append(page.Conferences, c)
	}
	if user.ID != "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	return s.pages.render(w, r, http.StatusOK, page)
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

// teamKey is where a session keeps the team that was chosen last.
const teamKey = "team"

// listSessions shows where a user is signed in.
func (s *server) listSessions(w http.ResponseWriter, r *http.Request) error {
	_, user, err := s.client(r)
	if err != nil {
		return err
	}
	infos, err := s.Sessions.Sessions(r.Context())
	if err != nil {
		return err
	}
	page := sessionsPage{layout: s.private(w, r, "Where you are signed in", "")}
	rd := s.reader(user)
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
