package handlers

import (
	"reflect"
	"testing"
	"time"
)

func TestTheCalendarHasEveryDayOnceAndEveryGameOnItsDay(t *testing.T) {
	ny := zone(t, "America/New_York")
	for name, start := range map[string]time.Weekday{"from Sunday": time.Sunday, "from Monday": time.Monday, "from Saturday": time.Saturday} {
		loc := locale{Zone: ny, WeekStart: start, Now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
		games := []*renderedGame{
			{gameRow: gameRow{When: loc.momentOf(time.Date(2026, 10, 21, 2, 0, 0, 0, time.UTC)), Home: true}, Alone: "a"},
			{gameRow: gameRow{When: loc.momentOfDay("TBD")}, Alone: "no date"},
			{gameRow: gameRow{When: loc.momentOfDay("2027-02-28")}, Alone: "b"},
			{gameRow: gameRow{When: loc.momentOfDay("2027-02-28"), Home: true}, Alone: "c"},
		}
		months := loc.calendarOf(games)
		if len(months) != 5 {
			t.Fatalf("%s: %d months, want October to February", name, len(months))
		}
		found := map[string]string{}
		today := ""
		for _, m := range months {
			if got := m.Weekdays[0].Long; got != start.String() {
				t.Errorf("%s: the first column is %s", name, got)
			}
			days := 0
			for _, week := range m.Weeks {
				if len(week) != 7 {
					t.Errorf("%s: a week of %s has %d days", name, m.Name, len(week))
				}
				for i, day := range week {
					if day.Number == 0 {
						continue
					}
					days++
					date, err := time.Parse(time.DateOnly, day.Date)
					if err != nil || date.Day() != day.Number || date.Weekday().String() != m.Weekdays[i].Long {
						t.Errorf("%s: %s stands below %s as %d", name, day.Date, m.Weekdays[i].Long, day.Number)
					}
					if day.Today {
						today += day.Date
					}
					for _, g := range day.Games {
						found[string(g)] += day.Date
					}
				}
			}
			first, _ := time.Parse("2006-01", m.ID)
			if want := first.AddDate(0, 1, -1).Day(); days != want {
				t.Errorf("%s: %s has %d days, want %d", name, m.Name, days, want)
			}
		}
		if want := map[string]string{"a": "2026-10-20", "b": "2027-02-28", "c": "2027-02-28"}; !reflect.DeepEqual(found, want) {
			t.Errorf("%s: games stand on %v, want %v", name, found, want)
		}
		if today != "2026-11-20" {
			t.Errorf("%s: today is %q, want 2026-11-20", name, today)
		}
		if last := months[4]; last.Games != 2 || last.Home != 1 {
			t.Errorf("%s: February counts %d games, %d at home, want 2 and 1", name, last.Games, last.Home)
		}
	}
	if got := (locale{Zone: ny}).calendarOf(nil); got != nil {
		t.Errorf("the calendar of no games is %v, want nothing", got)
	}
}
