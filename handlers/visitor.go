package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/session"
)

// timesHeader is how a browser reads times, as a script finds out and sends with
// what it asks for, see static/times.js. Nothing of it is kept: visitors who are
// not signed in get no cookie, and scripts store nothing.
const timesHeader = "Tipoff-Times"

// reader is how whoever asks reads times: as the account has it, else as the
// browser says, else as the league does.
func (s *server) reader(r *http.Request) reader {
	rd := reader{Zone: schedule.Eastern(), Now: s.Now()}
	if u, ok := s.Sessions.User(r.Context()); ok {
		return rd.ofAccount(u)
	}
	if own, ok := rd.ofBrowser(r.Header.Get(timesHeader)); ok {
		return own
	}
	return rd
}

// ofAccount reads times as an account of Todoist does.
func (rd reader) ofAccount(u session.User) reader {
	if zone, err := time.LoadLocation(u.Zone); err == nil && u.Zone != "" {
		rd.Zone = zone
	}
	rd.Hours24, rd.DayFirst = u.Clock24, u.DayFirst
	rd.WeekStart = time.Weekday(u.StartDay % 7)
	return rd
}

// ofBrowser reads times as the header says: zone, hours on
// the clock, first day of the week (0 is Sunday), whether the day comes before
// the month (1) or not (0), as in "Europe/Berlin~24~1~1".
func (rd reader) ofBrowser(header string) (reader, bool) {
	parts := strings.Split(header, "~")
	if len(parts) != 4 || len(header) > 100 || parts[0] == "" || parts[0] == "Local" {
		return rd, false
	}
	zone, err := time.LoadLocation(parts[0])
	start, wrong := strconv.Atoi(parts[2])
	if err != nil || wrong != nil || start < 0 || start > 6 {
		return rd, false
	}
	rd.Zone, rd.Hours24, rd.WeekStart, rd.DayFirst = zone, parts[1] == "24", time.Weekday(start), parts[3] == "1"
	return rd, true
}
