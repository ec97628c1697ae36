package handlers

import (
	"fmt"
	"strings"
	"time"
)

// A moment is a point in time, or a day, written for one visitor.
type moment struct {
	// ISO is for the datetime attribute: a UTC instant with seconds
	// (2026-10-20T23:30:00Z) or, for a day without a time, its date.
	ISO string
	// Date is the day as the visitor's zone has it (2026-10-20), Month the
	// heading it goes below ("October 2026").
	Date, Month string
	// Day reads like "Tue, Oct 20" or "Tue 20 Oct".
	Day string
	// Clock reads like "7:30 PM" or "19:30", Zone like "EDT". Both are empty
	// for a day without a time.
	Clock, Zone string
	// Relative reads like "tonight" or "in 3 days"; empty when the day is
	// more than a week ahead, or past.
	Relative string
	// On says that a game has tipped off and is not over; Relative is then
	// "on now".
	On bool
}

// momentOf writes an instant.
func (loc locale) momentOf(t time.Time) moment {
	local := t.In(loc.Zone)
	m := loc.day(local)
	m.ISO = t.UTC().Format(time.RFC3339)
	m.Clock = local.Format("3:04 PM")
	if loc.Hours24 {
		m.Clock = local.Format("15:04")
	}
	m.Zone = zoneName(local)
	if m.Relative == "today" && local.Hour() >= 17 {
		m.Relative = "tonight"
	}
	if t.Before(loc.Now) {
		m.Relative = ""
	}
	return m
}

// momentOfDay writes a calendar date (2026-10-20) that has no time yet, the
// way the league dates games: by the Eastern day. What is not a date is
// written as it came.
func (loc locale) momentOfDay(date string) moment {
	day, err := time.ParseInLocation(time.DateOnly, date, loc.Zone)
	if err != nil {
		return moment{ISO: date, Date: date, Day: date}
	}
	m := loc.day(day)
	m.ISO = date
	return m
}

// day fills in what a moment has of its day; local is in the locale's zone.
func (loc locale) day(local time.Time) moment {
	now := loc.Now.In(loc.Zone)
	m := moment{
		Date:  local.Format(time.DateOnly),
		Month: local.Format("January 2006"),
		Day:   local.Format(loc.dayLayout(local.Sub(now).Abs() > 300*24*time.Hour)),
	}
	switch days := daysBetween(now, local); {
	case days == 0:
		m.Relative = "today"
	case days == 1:
		m.Relative = "tomorrow"
	case days > 1 && days <= 7:
		m.Relative = fmt.Sprintf("in %d days", days)
	}
	return m
}

// dayLayout is how the visitor writes a day, with its year where asked.
func (loc locale) dayLayout(year bool) string {
	switch {
	case loc.DayFirst && year:
		return "Mon 2 Jan 2006"
	case loc.DayFirst:
		return "Mon 2 Jan"
	case year:
		return "Mon, Jan 2, 2006"
	}
	return "Mon, Jan 2"
}

// daysBetween counts midnights from one local time to another.
func daysBetween(from, to time.Time) int {
	midnight := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(to).Sub(midnight(from)).Hours() / 24)
}

// zoneName is the zone's abbreviation, or the offset from UTC where the zone
// has no letters of its own (Go then gives "-03").
func zoneName(local time.Time) string {
	name, offset := local.Zone()
	if !strings.HasPrefix(name, "+") && !strings.HasPrefix(name, "-") {
		return name
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "−", -offset
	}
	if minutes := offset / 60 % 60; minutes != 0 {
		return fmt.Sprintf("UTC%s%d:%02d", sign, offset/3600, minutes)
	}
	return fmt.Sprintf("UTC%s%d", sign, offset/3600)
}

// A month is a stretch of a long list.
type month[Row any] struct {
	Name string // "October 2026"
	Rows []Row
}

// byMonth groups rows, in their order, below the months of when they are.
func byMonth[Row any](rows []Row, when func(Row) moment) []month[Row] {
	var months []month[Row]
	for _, row := range rows {
		if n := len(months); n == 0 || months[n-1].Name != when(row).Month {
			months = append(months, month[Row]{Name: when(row).Month})
		}
		last := &months[len(months)-1]
		last.Rows = append(last.Rows, row)
	}
	return months
}
