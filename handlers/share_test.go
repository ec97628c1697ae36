package handlers

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tipoff/schedule"
)

func testGallery(t testing.TB) *gallery {
	t.Helper()
	g, err := newGallery()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestATeamHasAPictureInItsColours(t *testing.T) {
	g, season := testGallery(t), schedule.Embedded()
	now := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	for _, team := range schedule.Teams() {
		// The race detector makes drawing slow: one is enough unless somebody
		// wants to look at them.
		if *storybook == "" && team.Code != "MEM" {
			continue
		}
		content, err := g.picture(season, &team, now)
		if err != nil {
			t.Fatal(err)
		}
		if *storybook != "" {
			if err := os.WriteFile(filepath.Join(*storybook, team.Code+".png"), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		img, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if got := img.Bounds(); got != image.Rect(0, 0, 1200, 630) {
			t.Errorf("%s: the picture is %v", team.Code, got)
		}
		colours := coloursOf(team.Primary, team.Secondary, lightScheme())
		for what, at := range map[string]struct {
			x, y int
			want interface{ RGBA() (r, g, b, a uint32) }
		}{
			"the team's colour":             {10, 10, colours.Fill},
			"the second colour at its foot": {600, 625, colours.Trim},
			"a home game in the legend":     {80, 575, colours.Ink},
			"the middle of an away game":    {180, 575, colours.Fill},
		} {
			r, gr, b, _ := img.At(at.x, at.y).RGBA()
			wr, wg, wb, _ := at.want.RGBA()
			if r>>8 != wr>>8 || gr>>8 != wg>>8 || b>>8 != wb>>8 {
				t.Errorf("%s: %s is #%02x%02x%02x, want #%02x%02x%02x", team.Code, what, r>>8, gr>>8, b>>8, wr>>8, wg>>8, wb>>8)
			}
		}
	}
}

func TestAPictureIsDrawnOnceASeason(t *testing.T) {
	g, season := testGallery(t), schedule.Embedded()
	team, _ := schedule.TeamByCode("BOS")
	draw := func(s *schedule.Season) *byte {
		content, err := g.picture(s, &team, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return &content[0]
	}
	first := draw(season)
	if draw(season) != first {
		t.Error("the picture is drawn again for the same season")
	}
	if draw(&schedule.Season{Label: "2027-28"}) == first {
		t.Error("a season without games has the picture of another one")
	}
}

func BenchmarkPicture(b *testing.B) {
	g, season := testGallery(b), schedule.Embedded()
	team, _ := schedule.TeamByCode("BOS")
	for b.Loop() {
		g.season = nil
		if _, err := g.picture(season, &team, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
