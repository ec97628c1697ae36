// Generate makes the season that comes with the program from a list of games
// that was taken from ESPN's team schedules: a JSON object with an array
// "games", each with id, tip, seasonType, home, away, venue, city, state, note,
// neutral, postponed and broadcast. It passes the games through the decoder of
// ESPN's own format, so that they are named and spelled as in a live refresh.
//
//	go run ./generate -as-of 2026-08-16T19:35:48Z games.json season.jsonl
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"tipoff/schedule"
)

func main() {
	asOf := flag.String("as-of", "", "instant at which the list was taken, RFC 3339")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate -as-of TIME games.json season.jsonl")
		os.Exit(2)
	}
	if err := generate(*asOf, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(asOf, from, to string) error {
	instant, err := time.Parse(time.RFC3339, asOf)
	if err != nil {
		return fmt.Errorf("read -as-of: %w", err)
	}
	list, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	events, err := events(list)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	season, err := schedule.DecodeESPN(bytes.NewReader(events))
	if err != nil {
		return err
	}
	season.Source, season.AsOf = schedule.SourceEmbedded, instant
	var lines bytes.Buffer
	if err := schedule.Encode(&lines, season); err != nil {
		return err
	}
	return os.WriteFile(to, lines.Bytes(), 0o644)
}

// object is a JSON object.
type object = map[string]any

// events writes the list in the form of ESPN's team schedules.
func events(list []byte) ([]byte, error) {
	var doc struct {
		Games []struct {
			ID, SeasonType, Home, Away, HomeName, AwayName, Venue, City, State, Note string

			Tip                time.Time
			Neutral, Postponed bool
			Broadcast          []string
		}
	}
	if err := json.Unmarshal(list, &doc); err != nil {
		return nil, err
	}
	seasonTypes := map[string]string{
		"preseason": "1", "regular": "2", "cup": "2", "playoffs": "3", "allstar": "4", "playin": "5",
	}
	var events []object
	for _, g := range doc.Games {
		year := g.Tip.Year() // in which the season ends
		if g.Tip.Month() >= time.August {
			year++
		}
		status := object{"name": "STATUS_SCHEDULED", "state": "pre"}
		if g.Postponed {
			status = object{"name": "STATUS_POSTPONED", "state": "post"}
		}
		broadcasts := []object{}
		for _, name := range g.Broadcast {
			broadcasts = append(broadcasts, object{"market": object{"type": "National"}, "media": object{"shortName": name}})
		}
		events = append(events, object{
			"id": g.ID, "date": g.Tip, "season": object{"year": year}, "seasonType": object{"id": seasonTypes[g.SeasonType]},
			"competitions": []object{{
				"neutralSite": g.Neutral,
				"venue":       object{"fullName": g.Venue, "address": object{"city": g.City, "state": g.State}},
				"competitors": []object{
					{"homeAway": "home", "team": object{"abbreviation": g.Home, "displayName": g.HomeName}},
					{"homeAway": "away", "team": object{"abbreviation": g.Away, "displayName": g.AwayName}},
				},
				"notes":      []object{{"headline": g.Note}},
				"status":     object{"type": status},
				"broadcasts": broadcasts,
			}},
		})
	}
	return json.Marshal(object{"events": events})
}
