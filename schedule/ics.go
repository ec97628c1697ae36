package schedule

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
)

// refreshHint is how often a calendar program should ask again. Games are
// moved and postponed on the day they are played.
const refreshHint = "PT3H"

// WriteICS writes games as a calendar in the form of RFC 5545.
//
// An event's UID is made of the game's id. Its DTSTAMP, LAST-MODIFIED and
// SEQUENCE are made of the instant at which the game last changed, so that
// they move when the game does and only then, and two calendars of the same
// games are the same to the byte. SEQUENCE is the number of minutes from the
// first of August before the season to that instant: it can only grow, also
// when the instant is lost with the saved schedule and becomes a later one.
//
// A game without a time is an event of its whole Eastern day, without alarms.
// A postponed game is cancelled until it has a new date. Events take up no
// time of their reader's: a game is no appointment.
func WriteICS(w io.Writer, games []Game, o ExportOptions) error {
	cal := ics.NewCalendarFor("Tipoff")
	cal.SetProductId("-//Tipoff//NBA schedule//EN")
	cal.SetCalscale("GREGORIAN")
	if o.Name != "" {
		cal.SetName(o.Name)
		cal.SetXWRCalName(o.Name)
	}
	if team, ok := TeamByCode(o.Team); ok {
		o.Team = team.Code
		cal.CalendarProperties = append(cal.CalendarProperties, ics.CalendarProperty{
			BaseProperty: ics.BaseProperty{IANAToken: "X-APPLE-CALENDAR-COLOR", Value: team.Primary}})
	}
	cal.SetRefreshInterval(refreshHint) // a duration, as the library writes it
	cal.SetXPublishedTTL(refreshHint)
	for i := range games {
		addEvent(cal, &games[i], o)
	}
	if err := cal.SerializeTo(w, ics.WithNewLineWindows); err != nil {
		return fmt.Errorf("write the calendar: %w", err)
	}
	return nil
}

func addEvent(cal *ics.Calendar, g *Game, o ExportOptions) {
	e := cal.AddEvent(g.ID + "@tipoff")
	changed, sequence := lastChange(g)
	e.SetDtStampTime(changed)
	e.SetLastModifiedAt(changed)
	e.SetSequence(sequence)
	if g.TBD() {
		day := g.Day.Time(time.UTC)
		e.SetAllDayStartAt(day)
		e.SetAllDayEndAt(day.AddDate(0, 0, 1))
	} else {
		e.SetStartAt(g.Tip)
		e.SetEndAt(g.Tip.Add(cmp.Or(o.Duration, 150*time.Minute)))
	}
	summary := heading(g, o.Team)
	e.SetSummary(summary)
	if place := g.Place(); place != "" {
		e.SetLocation(place)
	}
	lines := details(g, o.Team)
	if url := g.URL(); url != "" {
		e.SetURL(url)
		lines = append(lines, url) // which some programs show and others do not
	}
	if len(lines) > 0 {
		e.SetDescription(strings.Join(lines, "\n"))
	}
	switch {
	case g.Postponed:
		e.SetStatus(ics.ObjectStatusCancelled)
	case g.TBD() || g.IfNecessary:
		e.SetStatus(ics.ObjectStatusTentative)
	default:
		e.SetStatus(ics.ObjectStatusConfirmed)
	}
	e.SetTimeTransparency(ics.TransparencyTransparent)
	if g.TBD() || g.Postponed {
		return
	}
	for _, before := range o.Alarms {
		alarm := e.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetTrigger("-PT" + strconv.Itoa(int(before/time.Minute)) + "M")
		alarm.SetDescription(summary)
	}
}

// lastChange returns the instant at which a game last changed and the number
// of minutes from the season's beginning to it.
func lastChange(g *Game) (time.Time, int) {
	begin := time.Date(seasonYear(g.Day.Time(Eastern())), time.August, 1, 0, 0, 0, 0, time.UTC)
	if g.Changed.Before(begin) {
		return begin, 0
	}
	return g.Changed, int(g.Changed.Sub(begin) / time.Minute)
}
