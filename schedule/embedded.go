package schedule

import _ "embed" // for the season

// GAMES is the path of the list that generate's documentation describes.
//go:generate go run ./generate -as-of 2026-08-16T19:35:48Z $GAMES season.txt

// embedded is the season of 2026-27 as it was released, as a compact table.
//
//go:embed season.txt
var embedded string

// Embedded returns the season that comes with the program. It is read anew
// with each call, which takes a few milliseconds, so that a program that has
// found a better one does not keep it in memory.
func Embedded() *Season {
	s, _, err := decode(embedded)
	if err != nil {
		panic(err) // the program was built with a table that a test refuses
	}
	return s
}
