package handlers

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestMomentsReadAsTheVisitorReadsTimes(t *testing.T) {
	now := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	american := locale{Zone: zone(t, "America/New_York"), Now: now}
	german := locale{Zone: zone(t, "Europe/Berlin"), Hours24: true, DayFirst: true, Now: now}
	brazilian := locale{Zone: zone(t, "America/Sao_Paulo"), Hours24: true, Now: now}
	for name, tt := range map[string]struct {
		got, want moment
	}{
		"tonight, in New York": {
			american.momentOf(at("2026-11-21T00:30:00Z")),
			moment{ISO: "2026-11-21T00:30:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "7:30 PM", Zone: "EST", Relative: "tonight"},
		},
		"the same game is tomorrow in Berlin": {
			german.momentOf(at("2026-11-21T00:30:00Z")),
			moment{ISO: "2026-11-21T00:30:00Z", Date: "2026-11-21", Month: "November 2026", Day: "Sat 21 Nov", Clock: "01:30", Zone: "CET", Relative: "tomorrow"},
		},
		"a matinée is today": {
			american.momentOf(at("2026-11-20T20:00:00Z")),
			moment{ISO: "2026-11-20T20:00:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "3:00 PM", Zone: "EST", Relative: "today"},
		},
		"what has begun is not relative": {
			american.momentOf(at("2026-11-20T17:00:00Z")),
			moment{ISO: "2026-11-20T17:00:00Z", Date: "2026-11-20", Month: "November 2026", Day: "Fri, Nov 20", Clock: "12:00 PM", Zone: "EST"},
		},
		"days are counted by midnights, not by hours, over the change to winter time": {
			locale{Zone: zone(t, "America/New_York"), Now: at("2026-10-30T03:00:00Z")}.momentOf(at("2026-11-02T00:30:00Z")),
			moment{ISO: "2026-11-02T00:30:00Z", Date: "2026-11-01", Month: "November 2026", Day: "Sun, Nov 1", Clock: "7:30 PM", Zone: "EST", Relative: "in 3 days"},
		},
		"a zone without letters is named by its offset": {
			brazilian.momentOf(at("2027-01-10T00:30:00Z")),
			moment{ISO: "2027-01-10T00:30:00Z", Date: "2027-01-09", Month: "January 2027", Day: "Sat, Jan 9", Clock: "21:30", Zone: "UTC−3"},
		},
		"an offset may have minutes": {
			locale{Zone: zone(t, "Asia/Kathmandu"), Hours24: true, Now: now}.momentOf(at("2027-01-10T00:30:00Z")),
			moment{ISO: "2027-01-10T00:30:00Z", Date: "2027-01-10", Month: "January 2027", Day: "Sun, Jan 10", Clock: "06:15", Zone: "UTC+5:45"},
		},
		"a day without a time stays the league's day everywhere": {
			german.momentOfDay("2026-11-22"),
			moment{ISO: "2026-11-22", Date: "2026-11-22", Month: "November 2026", Day: "Sun 22 Nov", Relative: "in 2 days"},
		},
		"a day far away says its year": {
			american.momentOfDay("2028-01-02"),
			moment{ISO: "2028-01-02", Date: "2028-01-02", Month: "January 2028", Day: "Sun, Jan 2, 2028"},
		},
		"what is no day is shown as it came": {
			american.momentOfDay("TBD"),
			moment{ISO: "TBD", Date: "TBD", Day: "TBD"},
		},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, tt.got, tt.want)
		}
	}
}
