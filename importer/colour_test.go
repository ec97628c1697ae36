package importer

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/lucasb-eyer/go-colorful"

	"tipoff/schedule"
)

// todoistColours are the twenty as Todoist's documentation lists them.
// https://developer.todoist.com/api/v1/ ("Colors")
var todoistColours = map[string]string{
	"berry_red": "#B8255F", "red": "#DC4C3E", "orange": "#C77100", "yellow": "#B29104", "olive_green": "#949C31", "lime_green": "#65A33A",
	"green": "#369307", "mint_green": "#42A393", "teal": "#148FAD", "sky_blue": "#319DC0", "light_blue": "#6988A4", "blue": "#4180FF",
	"grape": "#692EC2", "violet": "#CA3FEE", "lavender": "#A4698C", "magenta": "#E05095", "salmon": "#C9766F", "charcoal": "#808080",
	"grey": "#999999", "taupe": "#8F7A69",
}

// testdata/colours.txt is for looking at; that it is right is computed here.
func TestEachTeamsProjectHasTheNearestOfTodoistsColours(t *testing.T) {
	table, err := os.ReadFile("testdata/colours.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			rows[fields[0]] = fields
		}
	}
	if len(rows) != len(schedule.Teams()) || len(todoistColours) != 20 {
		t.Errorf("the table has %d teams, want %d; there are %d colours, want 20", len(rows), len(schedule.Teams()), len(todoistColours))
	}
	hex := func(s string) colorful.Color {
		c, err := colorful.Hex(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		return c
	}
	for _, team := range schedule.Teams() {
		row := rows[team.Code]
		if len(row) != 7 || row[1] != team.Primary {
			t.Errorf("%s of %s is %q in the table", team.Code, team.Primary, row)
			continue
		}
		far := map[string]float64{}
		for name, value := range todoistColours {
			far[name] = 100 * hex(team.Primary).DistanceCIEDE2000klch(hex(value), 2, 1, 1)
		}
		nearest, next := row[2], row[5]
		if got := Colour(team); got != nearest || row[3] != todoistColours[nearest] {
			t.Errorf("%s: its project is %s, and %s %s in the table", team.Code, got, nearest, row[3])
		}
		for name, distance := range far {
			if distance < far[nearest] || name != nearest && distance < far[next] {
				t.Errorf("%s: %s is %.1f away; in the table are %s, %.1f, and %s, %.1f", team.Code, name, distance, nearest, far[nearest], next, far[next])
			}
		}
		for i, name := range map[int]string{4: nearest, 6: next} {
			if written, err := strconv.ParseFloat(row[i], 64); err != nil || math.Abs(written-far[name]) > 0.051 {
				t.Errorf("%s: %s is %.1f away, and %s in the table", team.Code, name, far[name], row[i])
			}
		}
	}
}
