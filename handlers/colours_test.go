package handlers

import (
	"os"
	"strings"
	"testing"

	"tipoff/schedule"
)

func TestEveryTeamIsReadableInBothSchemes(t *testing.T) {
	for name, on := range map[string]scheme{"light": lightScheme(), "dark": darkScheme()} {
		for _, team := range schedule.Teams() {
			t.Run(name+" "+team.Code, func(t *testing.T) {
				c := coloursOf(team.Primary, team.Secondary, on)
				tint := c.Tint
				for _, pair := range []struct {
					what string
					got  float64
					want float64
				}{
					{"text on the team's colour", contrast(c.Ink, c.Fill), textContrast},
					{"the second colour's line on the first", contrast(c.Trim, c.Fill), graphicContrast},
					{"the edge of the team's surface on the page", contrast(c.Edge, on.page), graphicContrast},
					{"the edge of the team's surface on a card", contrast(c.Edge, on.card), graphicContrast},
					{"team-coloured text on the page", contrast(c.Text, on.page), textContrast},
					{"team-coloured text on a card", contrast(c.Text, on.card), textContrast},
					{"team-coloured text on the tint", contrast(c.Text, tint), textContrast},
					{"body text on the tint", contrast(on.ink, tint), 7},
				} {
					if pair.got < pair.want {
						t.Errorf("%s: contrast %.2f, want at least %.1f", pair.what, pair.got, pair.want)
					}
				}
			})
		}
	}
}

func TestATeamHasItsOwnColourByDayAndByNight(t *testing.T) {
	for code, want := range map[string]string{"BOS": "#008348", "LAL": "#552583", "NYK": "#1d428a", "MIA": "#98002e", "BKN": "#000000"} {
		team, ok := schedule.TeamByCode(code)
		if !ok {
			t.Fatalf("TeamByCode(%q) finds nothing", code)
		}
		for _, on := range []scheme{lightScheme(), darkScheme()} {
			if got := coloursOf(team.Primary, team.Secondary, on).Fill.Hex(); got != want {
				t.Errorf("%s is filled with %s, want %s", code, got, want)
			}
		}
	}
}

func TestTheStyleSheetHasTheSurfacesThatContrastIsComputedOn(t *testing.T) {
	css, err := os.ReadFile("../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--page: " + lightPage, "--card: " + lightCard, "--ink: " + lightInk,
		"--page: " + darkPage, "--card: " + darkCard, "--ink: " + darkInk,
	} {
		if !strings.Contains(string(css), want) {
			t.Errorf("app.css has no %q", want)
		}
	}
}

func TestTeamsCSSHasEachTeamInBothSchemes(t *testing.T) {
	css := string(teamsCSS(schedule.Teams()))
	for _, team := range schedule.Teams() {
		if got := strings.Count(css, ".team-"+strings.ToLower(team.Code)+"{"); got != 2 {
			t.Errorf("teams.css has %d rules for %s, want 2", got, team.Code)
		}
	}
}

func TestContrastIsAsTheStandardSaysIt(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#ff0000", "#ffffff", 4.0}} {
		if got := contrast(hex(tt.a), hex(tt.b)); got < tt.want-0.01 || got > tt.want+0.01 {
			t.Errorf("contrast(%s, %s) = %.3f, want %.2f", tt.a, tt.b, got, tt.want)
		}
	}
}
