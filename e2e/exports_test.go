package e2e

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"tipoff/schedule"
)

func TestASeasonIsACalendarThatMovesOnlyWhenAGameDoes(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	b := s.browser()
	games := schedule.Filter{Teams: []string{"BOS"}, Venue: "home"}.Games(embedded(), midSeason)
	p := b.get("/teams/bos.ics?venue=home&reminder=30").want(http.StatusOK)
	cal, err := ical.NewDecoder(strings.NewReader(p.body)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	events := cal.Events()
	if len(events) != len(games) {
		t.Fatalf("the calendar has %d events, want %d", len(events), len(games))
	}
	for i, event := range events {
		start, err := event.DateTimeStart(time.UTC)
		if err != nil || !start.Equal(games[i].Tip) {
			t.Errorf("event %d starts %v (%v), want %v", i, start, err, games[i].Tip)
		}
		if alarms := event.Children; len(alarms) != 1 {
			t.Errorf("event %d has %d alarms, want 1", i, len(alarms))
		}
	}
	again := b.get("/teams/BOS.ics?venue=home&reminder=30").want(http.StatusOK)
	if again.body != p.body {
		t.Error("the same selection gives another calendar")
	}
	unchanged, err := b.try("/teams/BOS.ics?venue=home&reminder=30", nil, "If-None-Match", p.header.Get("ETag"))
	if err != nil {
		t.Fatal(err)
	}
	unchanged.want(http.StatusNotModified)
	if cookies := p.header.Values("Set-Cookie"); len(cookies) != 0 {
		t.Errorf("a calendar's answer sets cookies: %d", len(cookies))
	}
	b.get("/teams/XYZ.ics").want(http.StatusNotFound)
	b.get("/teams/BOS.ics?venue=moon").want(http.StatusUnprocessableEntity).has("“moon” is not known")
}

func TestASeasonIsATemplateThatTodoistImports(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason)
	p := s.browser().get("/teams/LAL.csv?games=upcoming&timezone=Europe/Berlin&labels=nba&sections=month").want(http.StatusOK)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.body, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	games := schedule.Filter{Teams: []string{"LAL"}, Upcoming: true}.Games(embedded(), midSeason)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range rows[1:] {
		if row[column["TYPE"]] != "task" {
			continue
		}
		if want := games[n].Tip.In(berlin).Format("2006-01-02 15:04"); row[column["DATE"]] != want || row[column["TIMEZONE"]] != "Europe/Berlin" {
			t.Errorf("row %d is due %s in %s, want %s", n, row[column["DATE"]], row[column["TIMEZONE"]], want)
		}
		if !strings.Contains(row[column["CONTENT"]], "@nba") {
			t.Errorf("row %d has no label: %s", n, row[column["CONTENT"]])
		}
		n++
	}
	if n != len(games) {
		t.Errorf("the template has %d tasks, want %d", n, len(games))
	}
}
