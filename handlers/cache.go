package handlers

import (
	"html/template"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tipoff/schedule"
)

const (
	// keepFor is how old a kept part may get. Pages say how long it is until a
	// game, to the minute.
	keepFor = 10 * time.Second
	// keepAtMost bounds the memory of what is kept for visitors who read times
	// otherwise than the league does: each brings a zone of their own choosing.
	keepAtMost = 8 << 20
)

// A style is how somebody reads times. With the schedule and the time it is all
// that the games of a page depend on.
type style struct {
	zone              string
	hours24, dayFirst bool
	weekStart         time.Weekday
}

func (rd reader) style() style {
	return style{rd.Zone.String(), rd.Hours24, rd.DayFirst, rd.WeekStart}
}

// leagueStyle is how visitors read times who have not said how they do.
var leagueStyle = reader{Zone: schedule.Eastern()}.style()

// A cache keeps what is costly to render and the same for many people: games,
// team cards, and the whole pages of visitors who are not signed in. Nothing in it
// is about a person.
type cache struct {
	now     func() time.Time
	present atomic.Pointer[edition]
}

// An edition holds what was rendered of one state of the schedule within a few
// seconds.
type edition struct {
	season  *schedule.Season
	trouble string
	begun   time.Time
	kept    sync.Map // of func() (any, error), by key
	size    atomic.Int64
}

// at returns the edition for now.
func (c *cache) at(season *schedule.Season, trouble string) *edition {
	now := c.now()
	for {
		e := c.present.Load()
		if e != nil && e.season == season && e.trouble == trouble && now.Sub(e.begun).Abs() < keepFor {
			return e
		}
		next := &edition{season: season, trouble: trouble, begun: now}
		if c.present.CompareAndSwap(e, next) {
			return next
		}
	}
}

// keep returns what make makes for a key of its own type. It is made once in an
// edition, however many ask at the same moment, and for each request when there is
// no room for more. make returns the size of what it made, in bytes.
func keep[T any](e *edition, read style, key any, make func() (made T, size int, err error)) (T, error) {
	once, found := e.kept.Load(key)
	if !found {
		if read != leagueStyle && e.size.Load() > keepAtMost {
			made, _, err := make()
			return made, err
		}
		once, _ = e.kept.LoadOrStore(key, sync.OnceValues(func() (any, error) {
			made, size, err := make()
			if read != leagueStyle {
				e.size.Add(int64(size))
			}
			return made, err
		}))
	}
	made, err := once.(func() (any, error))()
	if err != nil {
		var none T
		return none, err
	}
	return made.(T), nil
}

func (s *server) edition() *edition {
	return s.cache.at(s.Schedule.Season(), s.Schedule.Status().Trouble)
}

// visitorsPage is the key of a whole page as it is sent.
type visitorsPage struct {
	path, coding string
	style
}

// answer answers with a page. The page of a visitor who is not signed in is kept
// whole, as it is compressed, unless the query selects something.
func (s *server) answer(w http.ResponseWriter, r *http.Request, selects bool, view func(layout) (view, error)) error {
	render := func() ([]byte, error) {
		v, err := view(s.layout(r, ""))
		if err != nil {
			return nil, err
		}
		return s.pages.bytes(v)
	}
	coding := codingFor(r.Header.Get("Accept-Encoding"))
	var body []byte
	var err error
	if _, signedIn := s.Sessions.User(r.Context()); signedIn || selects {
		if signedIn {
			w.Header().Set("Cache-Control", "no-store")
		}
		if body, err = render(); err != nil {
			return err
		}
		body = s.pages.packer.fast(coding, body)
	} else {
		read := s.reader(r).style()
		key := visitorsPage{strings.ToLower(r.URL.Path), coding, read}
		body, err = keep(s.edition(), read, key, func() ([]byte, int, error) {
			page, err := render()
			if err != nil {
				return nil, 0, err
			}
			page = s.pages.packer.small(coding, page)
			return page, len(page), nil
		})
		if err != nil {
			return err
		}
	}
	writePacked(w, http.StatusOK, body, coding)
	return nil
}

// cards is the key of the team picker's cards. Direct ones lead to Todoist's page
// of consent.
type cards struct {
	style
	direct bool
}

// cardsOf returns the thirty teams' cards by their codes.
func (s *server) cardsOf(rd reader, direct bool) (map[string]template.HTML, error) {
	return keep(s.edition(), rd.style(), cards{rd.style(), direct}, func() (map[string]template.HTML, int, error) {
		all, size := map[string]template.HTML{}, 0
		for _, t := range schedule.Teams() {
			card := cardOf(t)
			card.Next, card.Direct = nextGame(s.Schedule.Season(), t.Code, rd), direct
			html, err := s.pages.part("home", "team-card", card)
			if err != nil {
				return nil, 0, err
			}
			all[t.Code] = html
			size += len(html)
		}
		return all, size, nil
	})
}

// A shownGame is a game on a team's page with its HTML: as a line of the list, and
// as a cell of the calendar, alone or next to the other night of a back-to-back.
type shownGame struct {
	gameRow
	Line          template.HTML
	Alone, Joined template.HTML
}

// A teamSeason is what a team's page shows of the season, whatever the filter is.
type teamSeason struct {
	games     map[string]*shownGame // by id
	state     string                // as in teamPage
	next      *gameRow              // nil when none is known
	facts     teamFacts
	opponents []choice
}

// teamSeasonKey is the key of a teamSeason.
type teamSeasonKey struct {
	team string
	style
}

// seasonOf returns a team's season for somebody who reads times like rd.
func (s *server) seasonOf(team string, rd reader) (*teamSeason, error) {
	return keep(s.edition(), rd.style(), teamSeasonKey{team, rd.style()}, func() (*teamSeason, int, error) {
		season := s.Schedule.Season()
		ts := &teamSeason{games: map[string]*shownGame{}, state: stateOf(season, rd.Now),
			next: nextGame(season, team, rd), facts: factsOf(season, team, rd)}
		size := 0
		pairs := schedule.FactsFor(season, team, rd.Now).BackToBack
		met := map[string]bool{}
		all := season.For(team)
		for i := range all {
			g := &shownGame{gameRow: gameRowOf(&all[i], team, rd)}
			g.BackToBack = backToBack(pairs, all[i].Day)
			if err := s.pages.show(g); err != nil {
				return nil, 0, err
			}
			ts.games[g.ID] = g
			met[g.OpponentCode] = true
			size += len(g.Line) + len(g.Alone) + len(g.Joined)
		}
		for _, t := range schedule.Teams() {
			if met[t.Code] {
				ts.opponents = append(ts.opponents, choice{t.Code, t.FullName()})
			}
		}
		return ts, size, nil
	})
}

// show renders a game's line and its cells.
func (p *pages) show(g *shownGame) (err error) {
	if g.Line, err = p.part("team", "game-line", g.gameRow); err != nil {
		return err
	}
	day, err := time.Parse(time.DateOnly, g.When.Date)
	if err != nil {
		return nil // without a date it has no place in the calendar
	}
	cell := gameCell{gameRow: g.gameRow, Number: day.Day()}
	if g.Alone, err = p.part("team", "game-cell", cell); err != nil {
		return err
	}
	g.Joined = g.Alone
	if g.BackToBack > 0 {
		cell.Joined = true
		g.Joined, err = p.part("team", "game-cell", cell)
	}
	return err
}
