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
	to := filepath.Join(t.TempDir(), "season.jsonl")
	if err := generate("2026-08-16T19:35:48Z", list, to); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../season.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("season.jsonl differs from what the generator makes of its list")
	}
}

func TestGamesBecomeLines(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "games.json"), filepath.Join(dir, "season.jsonl")
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
		`{"id":"401909090","type":"regular","home":{"code":"SAS","city":"San Antonio","name":"Spurs"},` +
			`"away":{"code":"OKC","city":"Oklahoma City","name":"Thunder"},"day":"2026-10-20","tip":"2026-10-21T01:30:00Z","status":"scheduled",` +
			`"arena":"Frost Bank Center","city":"San Antonio","state":"TX","national":["NBC","Peacock"]}`,
		`{"id":"401900001","type":"preseason","home":{"code":"HOU","city":"Houston","name":"Rockets"},` +
			`"away":{"code":"MEL","name":"Melbourne United"},"day":"2026-10-03","tip":"2026-10-03T23:00:00Z","postponed":true,"status":"scheduled",` +
			`"arena":"Toyota Center","city":"Houston","state":"TX","subLabel":"NBA Global Game"}`,
	} {
		if !strings.Contains(string(got), "\n"+want+"\n") {
			t.Errorf("got\n%s\nwithout %q", got, want)
		}
	}
}
