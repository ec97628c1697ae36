package handlers

import (
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
	"tipoff/session"
)

func TestABrowserSaysHowItReadsTimes(t *testing.T) {
	tip := time.Date(2027, 1, 10, 0, 30, 0, 0, time.UTC)
	base := locale{Zone: schedule.Eastern(), Now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	league := base.momentOf(tip)
	for header, want := range map[string]string{
		"Europe/Berlin~24~1~1":                "Sun 10 Jan 01:30",
		"America/New_York~12~0~0":             "Sat, Jan 9 7:30 PM",
		"Asia/Tokyo~24~0~0":                   "Sun, Jan 10 09:30",
		"":                                    "",
		"Europe/Berlin":                       "",
		"Mars/Base~24~1~1":                    "",
		"../../etc/passwd~24~1~1":             "",
		"Local~24~1~1":                        "",
		"Europe/Berlin~24~7~1":                "",
		"Europe/Berlin~24~one~1":              "",
		"Europe/Berlin~24~1~1~more":           "",
		strings.Repeat("x", 100) + "~24~1~1~": "",
	} {
		loc, ok := base.ofBrowser(header)
		if ok != (want != "") {
			t.Errorf("%q is taken: %v", header, ok)
		}
		m := loc.momentOf(tip)
		if want == "" {
			want = league.Day + " " + league.Clock
		}
		if got := m.Day + " " + m.Clock; got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func TestAnAccountSaysHowItReadsTimes(t *testing.T) {
	base := locale{Zone: schedule.Eastern(), Now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	loc := base.ofAccount(session.User{ID: "1", Zone: "Europe/Helsinki", Clock24: true, DayFirst: true, StartDay: 1})
	m := loc.momentOf(time.Date(2027, 1, 10, 0, 30, 0, 0, time.UTC))
	if got, want := m.Day+" "+m.Clock, "Sun 10 Jan 02:30"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if loc.WeekStart != time.Monday {
		t.Errorf("weeks begin with %s", loc.WeekStart)
	}
	if got := base.ofAccount(session.User{ID: "1", Zone: "Mars/Base", StartDay: 7}); got.Zone != schedule.Eastern() || got.WeekStart != time.Sunday {
		t.Errorf("an unknown zone is read as %s, weeks begin with %s", got.Zone, got.WeekStart)
	}
}
