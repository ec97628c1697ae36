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
	// maxAge is how old a cached part may get. Pages say how long it is until a
	// game, to the minute.
	maxAge = 10 * time.Second
	// maxBytes bounds the memory of what is cached for locales other than the
	// league's: each visitor may bring another one.
	maxBytes = 8 << 20
)

// A localeKey is a locale without the time, to compare. With the schedule and the
// time it is all that the games of a page depend on.
type localeKey struct {
	zone              string
	hours24, dayFirst bool
	weekStart         time.Weekday
}

func (loc locale) key() localeKey {
	return localeKey{loc.Zone.String(), loc.Hours24, loc.DayFirst, loc.WeekStart}
}

// leagueLocale is the locale of visitors who have not sent theirs.
var leagueLocale = locale{Zone: schedule.Eastern()}.key()

// A cache holds what is costly to render and the same for many people: games,
// team cards, and the whole pages of visitors who are not signed in. Nothing in it
// is about a person.
type cache struct {
	now     func() time.Time
	current atomic.Pointer[snapshot]
}

// A snapshot holds what was rendered of one state of the schedule within maxAge.
type snapshot struct {
	season  *schedule.Season
	trouble string
	begun   time.Time
	parts   sync.Map // of func() (any, error), by key
	size    atomic.Int64
}

// at returns the snapshot for now.
func (c *cache) at(season *schedule.Season, trouble string) *snapshot {
	now := c.now()
	for {
		snap := c.current.Load()
		if snap != nil && snap.season == season && snap.trouble == trouble && now.Sub(snap.begun).Abs() < maxAge {
			return snap
		}
		next := &snapshot{season: season, trouble: trouble, begun: now}
		if c.current.CompareAndSwap(snap, next) {
			return next
		}
	}
}

// cached returns what make makes for a key of its own type. It is made once in a
// snapshot, however many ask at the same moment, and for each request when there
// is no room for more. make returns the size of what it made, in bytes.
func cached[T any](snap *snapshot, loc localeKey, key any, make func() (made T, size int, err error)) (T, error) {
	once, found := snap.parts.Load(key)
	if !found {
		if loc != leagueLocale && snap.size.Load() > maxBytes {
			made, _, err := make()
			return made, err
		}
		once, _ = snap.parts.LoadOrStore(key, sync.OnceValues(func() (any, error) {
			made, size, err := make()
			if loc != leagueLocale {
				snap.size.Add(int64(size))
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

func (s *server) snapshot() *snapshot {
	return s.cache.at(s.Schedule.Season(), s.Schedule.Status().Trouble)
}

// A pageKey is the key of a whole page as it is sent.
type pageKey struct {
	path, coding string
	localeKey
}

// renderCached answers with a page. The page of a visitor who is not signed in is
// cached whole and compressed, unless the query filters it.
func (s *server) renderCached(w http.ResponseWriter, r *http.Request, filtered bool, view func(layout) (view, error)) error {
	_, signedIn := s.Sessions.User(r.Context())
	if signedIn {
		w.Header().Set("Cache-Control", "no-store")
	}
	if signedIn || filtered {
		v, err := view(s.layout(r, ""))
		if err != nil {
			return err
		}
		return s.pages.render(w, r, http.StatusOK, v)
	}
	coding, loc := codingFor(r.Header.Get("Accept-Encoding")), s.locale(r).key()
	key := pageKey{strings.ToLower(r.URL.Path), coding, loc}
	body, err := cached(s.snapshot(), loc, key, func() ([]byte, int, error) {
		v, err := view(s.layout(r, ""))
		if err != nil {
			return nil, 0, err
		}
		page, err := s.pages.bytes(v)
		if err != nil {
			return nil, 0, err
		}
		page = s.pages.packer.small(coding, page)
		return page, len(page), nil
	})
	if err != nil {
		return err
	}
	writePacked(w, http.StatusOK, body, coding)
	return nil
}
