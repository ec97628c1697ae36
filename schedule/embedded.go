package schedule

import (
	_ "embed" // for the season
	"strings"
)

// GAMES is the path of the list that generate's documentation describes.
//go:generate go run ./generate -as-of 2026-08-16T19:35:48Z $GAMES season.jsonl

// embedded is the season of 2026-27 as it was released.
//
//go:embed season.jsonl
var embedded string

// Embedded returns the season that comes with the program. It is read anew
// with each call, which takes a few milliseconds, so that a program that has
// found a better one does not keep it in memory.
func Embedded() *Season {
	s, _, err := decode(strings.NewReader(embedded))
	if err != nil {
		panic(err) // the program was built with a season that a test refuses
	}
	return s
}
