package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tipoff/schedule"
	"tipoff/session"
)

// A locale is how one visitor reads times. Zone must be set.
type locale struct {
	Zone *time.Location
	// Hours24 chooses 19:30 over 7:30 PM, DayFirst 20 Oct over Oct 20.
	Hours24, DayFirst bool
	// WeekStart is the calendar's first column.
	WeekStart time.Weekday
	Now       time.Time
}

// timesHeader is how a browser reads times, as a script finds out and sends with
// what it asks for, see static/times.js. Nothing of it is stored: visitors who are
// not signed in get no cookie, and scripts store nothing.
const timesHeader = "Tipoff-Times"

// locale is the locale of a request: the account's, else the browser's, else the
// league's.
func (s *server) locale(r *http.Request) locale {
	loc := locale{Zone: schedule.Eastern(), Now: s.Now()}
	if u, ok := s.Sessions.User(r.Context()); ok {
		return loc.ofAccount(u)
	}
	if own, ok := loc.ofBrowser(r.Header.Get(timesHeader)); ok {
		return own
	}
	return loc
}

// zones are the *time.Location of accounts by their names. Go reads a file for each.
var zones sync.Map

// ofAccount is the locale of an account of Todoist.
func (loc locale) ofAccount(u session.User) locale {
	if known, ok := zones.Load(u.Zone); ok {
		loc.Zone = known.(*time.Location)
	} else if zone, err := time.LoadLocation(u.Zone); err == nil && u.Zone != "" {
		loc.Zone = zone
		zones.Store(u.Zone, zone)
	}
	loc.Hours24, loc.DayFirst = u.Clock24, u.DayFirst
	loc.WeekStart = time.Weekday(u.StartDay % 7)
	return loc
}

// ofBrowser is the locale that the header names: zone, hours on the clock, first
// day of the week (0 is Sunday), whether the day comes before the month (1) or not
// (0), as in "Europe/Berlin~24~1~1".
func (loc locale) ofBrowser(header string) (locale, bool) {
	parts := strings.Split(header, "~")
	if len(parts) != 4 || len(header) > 100 || parts[0] == "" || parts[0] == "Local" {
		return loc, false
	}
	zone, err := time.LoadLocation(parts[0])
	start, wrong := strconv.Atoi(parts[2])
	if err != nil || wrong != nil || start < 0 || start > 6 {
		return loc, false
	}
	loc.Zone, loc.Hours24, loc.WeekStart, loc.DayFirst = zone, parts[1] == "24", time.Weekday(start), parts[3] == "1"
	return loc, true
}
