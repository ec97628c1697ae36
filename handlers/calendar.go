package handlers

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// A calendarMonth is a month of the season as a grid.
type calendarMonth struct {
	// Name reads "October 2026", ID "2026-10".
	Name, ID string
	// Weekdays are the columns' names in the visitor's order.
	Weekdays []weekday
	// Weeks are rows of seven days.
	Weeks [][]calendarDay
	// Games counts the month's games; Home those at home.
	Games, Home int
	// Past says that the month is over.
	Past bool
}

// Days are the rows of the grid. A season has 270 days: a template takes longer for
// them than for the rest of the page.
func (m calendarMonth) Days() template.HTML {
	var b strings.Builder
	for _, week := range m.Weeks {
		b.WriteString("\n<tr>")
		for _, day := range week {
			today := ""
			if day.Today {
				today = ` aria-current="date"`
			}
			switch {
			case day.Number == 0:
				b.WriteString("<td></td>")
			case len(day.Games) == 0:
				fmt.Fprintf(&b, `<td%s class="free">%d</td>`, today, day.Number)
			default:
				fmt.Fprintf(&b, "<td%s>", today)
				for _, cell := range day.Games {
					b.WriteString(string(cell))
				}
				b.WriteString("</td>")
			}
		}
		b.WriteString("</tr>")
	}
	return template.HTML(b.String() + "\n")
}

// A weekday is a column's name.
type weekday struct{ Short, Long string }

// A calendarDay is a cell. Number is 0 for the cells outside of the month.
type calendarDay struct {
	Number int
	Date   string // 2026-10-20
	Today  bool
	Games  []template.HTML
}

// calendarOf lays games out by month, from the first game's month to the
// last's, by the days of the locale's zone.
func (loc locale) calendarOf(games []*renderedGame) []calendarMonth {
	days := map[string][]*renderedGame{}
	var first, last string
	for _, g := range games {
		if _, err := time.Parse(time.DateOnly, g.When.Date); err != nil {
			continue // a postponed game without a date has no place in the grid
		}
		days[g.When.Date] = append(days[g.When.Date], g)
		if first == "" || g.When.Date < first {
			first = g.When.Date
		}
		last = max(last, g.When.Date)
	}
	if first == "" {
		return nil
	}
	begin, _ := time.Parse(time.DateOnly, first)
	end, _ := time.Parse(time.DateOnly, last)
	today := loc.Now.In(loc.Zone).Format(time.DateOnly)
	var months []calendarMonth
	for m := time.Date(begin.Year(), begin.Month(), 1, 0, 0, 0, 0, time.UTC); !m.After(end); m = m.AddDate(0, 1, 0) {
		months = append(months, loc.calendarMonth(m, days, today))
	}
	return months
}

// calendarMonth lays out one month; first is its first day.
func (loc locale) calendarMonth(first time.Time, days map[string][]*renderedGame, today string) calendarMonth {
	month := calendarMonth{Name: first.Format("January 2006"), ID: first.Format("2006-01")}
	month.Past = month.ID < today[:len(month.ID)]
	for i := range 7 {
		name := ((loc.WeekStart + time.Weekday(i)) % 7).String()
		month.Weekdays = append(month.Weekdays, weekday{Short: name[:3], Long: name})
	}
	lead := (int(first.Weekday()) - int(loc.WeekStart) + 7) % 7
	week := make([]calendarDay, lead, 7)
	for d := first; d.Month() == first.Month(); d = d.AddDate(0, 0, 1) {
		date := d.Format(time.DateOnly)
		day := calendarDay{Number: d.Day(), Date: date, Today: date == today}
		for _, g := range days[date] {
			other := d.AddDate(0, 0, 1)
			if g.BackToBack == 2 {
				other = d.AddDate(0, 0, -1)
			}
			cell := g.Alone
			if len(days[other.Format(time.DateOnly)]) > 0 {
				cell = g.Joined
			}
			day.Games = append(day.Games, cell)
			month.Games++
			if g.Home {
				month.Home++
			}
		}
		week = append(week, day)
		if len(week) == 7 {
			month.Weeks = append(month.Weeks, week)
			week = make([]calendarDay, 0, 7)
		}
	}
	if len(week) > 0 {
		month.Weeks = append(month.Weeks, append(week, make([]calendarDay, 7-len(week))...))
	}
	return month
}
