package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCommittedSeasonIsWhatTheGeneratorMakes(t *testing.T) {
	list := "../../../shared/data/nba-2026-27-espn-derived-20260816.json"
	if _, err := os.Stat(list); errors.Is(err, os.ErrNotExist) {
		t.Skip("the list of games is not here")
	}
	to := filepath.Join(t.TempDir(), "season.txt")
	if err := generate("2026-08-16T19:35:48Z", list, to); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../season.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("season.txt differs from what the generator makes of its list")
	}
}

func TestGamesBecomeLines(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "games.json"), filepath.Join(dir, "season.txt")
	list := `{"games":[
		{"id":"401909090","tip":"2026-10-21T01:30:00.000Z","seasonType":"regular","home":"SA","away":"OKC",
		 "venue":"Frost Bank Center","city":"San Antonio","state":"TX","broadcast":["NBC","Peacock"]},
		{"id":"401900001","tip":"2026-10-03T23:00:00.000Z","seasonType":"preseason","home":"HOU","away":"MEL","awayName":"Melbourne United",
		 "venue":"Toyota Center (Houston)","city":"Houston","state":"TX","note":"NBA Global Game","postponed":true}]}`
	if err := os.WriteFile(from, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := generate("2026-08-16T19:35:48Z", from, to); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n401909090\t2026-10-21T01:30Z\tOKC\tSAS\t\t\tNBC|Peacock\n",
		"\n401900001\t2026-10-03T23:00Z\tMEL||Melbourne United\tHOU\tpreseason postponed\t\t\t|NBA Global Game\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("got\n%s\nwithout %q", got, want)
		}
	}
}
