package handlers

import (
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
