package handlers

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/lucasb-eyer/go-colorful"

	"tipoff/schedule"
)

// What text and graphics need at least against what lies behind them.
// https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
const (
	textContrast    = 4.5
	graphicContrast = 3.0
)

// The surfaces of app.css that team colours lie on: the page and the cards of
// each scheme. A test compares them with the style sheet.
const (
	lightPage, lightCard, lightInk = "#f5f4f1", "#ffffff", "#1b1a17"
	darkPage, darkCard, darkInk    = "#12110f", "#1d1b18", "#f4f0e9"
)

// teamColours are what the style sheet knows of a team in one colour scheme.
type teamColours struct {
	// Fill is the team's colour as a surface; Ink is text on it; Trim is the second
	// colour as a line on it. Edge is a line around it that tells it apart from the
	// page, and Fill itself where that needs none.
	Fill, Ink, Trim, Edge colorful.Color
	// Text is the team's colour as text on the page, on cards and on Tint,
	// which is a surface with a breath of the team's colour.
	Text, Tint colorful.Color
}

// A scheme is what colours have to be readable on.
type scheme struct{ page, card, ink colorful.Color }

func lightScheme() scheme { return scheme{hex(lightPage), hex(lightCard), hex(lightInk)} }
func darkScheme() scheme  { return scheme{hex(darkPage), hex(darkCard), hex(darkInk)} }

// coloursOf computes a team's colours for a scheme: the given ones where they
// can be read, else the nearest shade of the same hue that can.
func coloursOf(primary, secondary string, on scheme) teamColours {
	var c teamColours
	first, second := hex(primary), hex(secondary)
	standsOut := func(c colorful.Color) bool { return shade(c, graphicContrast, on.page, on.card) == c }
	if pale := lightness(first)-lightness(shade(first, graphicContrast, on.page, on.card)) > 0.1; pale && standsOut(second) {
		// A pale colour made dark turns muddy: the other one takes its place.
		first, second = second, first
	}
	c.Fill = first
	black, white := hex("#000000"), hex("#ffffff")
	c.Ink = white
	if contrast(white, c.Fill) < textContrast {
		c.Ink = black
	}
	c.Trim = shade(second, graphicContrast, c.Fill)
	switch {
	case standsOut(c.Fill):
		c.Edge = c.Fill
	case standsOut(c.Trim):
		c.Edge = c.Trim
	default:
		c.Edge = shade(first, graphicContrast, on.page, on.card)
	}
	c.Tint = to8Bit(on.card.BlendOkLab(c.Fill, 0.12).Clamped())
	c.Text = shade(first, textContrast, on.page, on.card, c.Tint)
	// A colour far from its own self tells less than the team's other one,
	// unless that is a grey beside a colour.
	if math.Abs(lightness(first)-lightness(c.Text)) > 0.2 && (chroma(second) > 0.06 || chroma(first) < 0.03) && shade(second, textContrast, on.page, on.card, c.Tint) == second {
		c.Text = second
	}
	return c
}

// lightness is OKLCH's, from 0 to 1.
func lightness(c colorful.Color) float64 {
	l, _, _ := c.OkLch()
	return l
}

// chroma is OKLCH's, from 0 for greys to about 0.3.
func chroma(c colorful.Color) float64 {
	_, chroma, _ := c.OkLch()
	return chroma
}

// shade is the colour itself when it stands out from all the others by the
// ratio, else the nearest one that does by lightness alone. Black and white
// always are among the candidates, and one of them stands out from any one
// surface by 4.58 or more.
func shade(c colorful.Color, ratio float64, from ...colorful.Color) colorful.Color {
	enough := func(c colorful.Color) bool {
		for _, other := range from {
			if contrast(c, other) < ratio {
				return false
			}
		}
		return true
	}
	l, chroma, hue := c.OkLch()
	for step := 0.0; step <= 1; step += 0.005 {
		for _, lightness := range []float64{l - step, l + step} {
			if step == 0 && enough(c) {
				return c
			}
			if lightness < 0 || lightness > 1 {
				continue
			}
			if tried := to8Bit(colorful.OkLch(lightness, chroma, hue).Clamped()); enough(tried) {
				return tried
			}
		}
	}
	if white := (colorful.Color{R: 1, G: 1, B: 1}); enough(white) {
		return white
	}
	return colorful.Color{}
}

// to8Bit is the colour as the style sheet will have it, in 8 bits a channel.
func to8Bit(c colorful.Color) colorful.Color {
	eighth := func(v float64) float64 { return math.Round(v*255) / 255 }
	return colorful.Color{R: eighth(c.R), G: eighth(c.G), B: eighth(c.B)}
}

// contrast is the ratio of two colours' luminances, from 1 to 21.
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
func contrast(a, b colorful.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is relative luminance.
// https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
func luminance(c colorful.Color) float64 {
	r, g, b := c.LinearRgb()
	return 0.2126*r + 0.7152*g + 0.0722*b
}

// hex reads #RRGGBB. What is something else is black; a test reads every
// colour there is.
func hex(s string) colorful.Color {
	c, err := colorful.Hex(s)
	if err != nil {
		return colorful.Color{}
	}
	return c
}

// Finding the colours takes a while, and they are the same for every site.
var (
	teamThemes = sync.OnceValue(func() map[string]theme { return themes(schedule.Teams()) })
	teamStyles = sync.OnceValue(func() []byte { return teamsCSS(schedule.Teams()) })
)

// A theme is a team's surface in both schemes.
type theme struct{ light, dark string }

// themes are the teams' by tricode.
func themes(teams []schedule.Team) map[string]theme {
	all := map[string]theme{}
	for _, t := range teams {
		all[t.Code] = theme{coloursOf(t.Primary, t.Secondary, lightScheme()).Fill.Hex(), coloursOf(t.Primary, t.Secondary, darkScheme()).Fill.Hex()}
	}
	return all
}

// teamsCSS is the style sheet with a class per team (team-bos) and one for no
// team in particular (team-none), in both schemes.
func teamsCSS(teams []schedule.Team) []byte {
	var b bytes.Buffer
	block := func(on scheme) {
		fmt.Fprintln(&b, rule("none", coloursOf("#a63c0a", "#efc88f", on)))
		for _, t := range teams {
			fmt.Fprintln(&b, rule(strings.ToLower(t.Code), coloursOf(t.Primary, t.Secondary, on)))
		}
	}
	block(lightScheme())
	fmt.Fprintln(&b, "@media (prefers-color-scheme:dark){")
	block(darkScheme())
	fmt.Fprintln(&b, "}")
	return b.Bytes()
}

func rule(name string, c teamColours) string {
	return fmt.Sprintf(".team-%s{--team:%s;--team-ink:%s;--team-trim:%s;--team-edge:%s;--team-text:%s;--team-tint:%s}",
		name, c.Fill.Hex(), c.Ink.Hex(), c.Trim.Hex(), c.Edge.Hex(), c.Text.Hex(), c.Tint.Hex())
}
