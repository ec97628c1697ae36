package importer

import (
	"strings"
	"testing"

	"tipoff/schedule"
)

func TestALinkIsFoundWhateverItsOwnerWroteAroundIt(t *testing.T) {
	t.Parallel()
	link := linkTo(&schedule.Game{ID: "0022600001"}, "")
	back := linkTo(&schedule.Game{ID: "0022600001"}, "http://localhost:8080/tipoff/projects/AB2")
	for description, want := range map[string]struct{ game, text string }{
		"":                                 {},
		"Bring the scarf":                  {"", "Bring the scarf"},
		link:                               {"0022600001", ""},
		"Arena\n\n" + link:                 {"0022600001", "Arena"},
		"Arena\r\nTV: ESPN\r\n\r\n" + link: {"0022600001", "Arena\nTV: ESPN"},
		link + "\nMine":                    {"0022600001", "Mine"},
		back:                               {"0022600001", ""},
		"Arena\n" + back:                   {"0022600001", "Arena"},
		"Arena\n" + back + "\nMine":        {"0022600001", "Arena\n\nMine"},
		"Arena\n" + back + " · mine":       {"0022600001", "Arena\n · mine"},
		link + " · [Tipoff](mine)":         {"0022600001", "· [Tipoff](mine)"},
		"https://www.nba.com/game/1#tipoff-1 is it":                                       {"1", "is it"},
		"[renamed by me](https://www.nba.com/game/1#tipoff-1)":                            {"1", ""},
		"[an old one](https://www.nba.com/game/1#tipoff-1)\n" + link:                      {"0022600001", "[an old one](https://www.nba.com/game/1#tipoff-1)"},
		"http://www.nba.com/game/1#tipoff-1":                                              {"", "http://www.nba.com/game/1#tipoff-1"},
		"[Game page](https://www.nba.com/game/1#tipoff-)":                                 {"", "[Game page](https://www.nba.com/game/1#tipoff-)"},
		"see [1] and [Game page](https://www.nba.com/game/0022600001#tipoff-0022600001) ": {"0022600001", "see [1] and"},
	} {
		if game, text := gameIn(description), textOf(description); game != want.game || text != want.text {
			t.Errorf("%q names %q and says %q; want %+v", description, game, text, want)
		}
	}
}

func FuzzLink(f *testing.F) {
	f.Add("Arena\n\n[Game page](https://www.nba.com/game/1#tipoff-1)", "Arena", "0022600001")
	f.Add("https://a#tipoff-https://b#tipoff-2", "[", "x_-")
	f.Add("[[Game](https://a#tipoff-1)](https://b#tipoff-2)", "a](https://b#tipoff-3)", "401900001")
	f.Add("#tipoff-", "\r\n", "")
	f.Add("Arena\n[Game page](https://a#tipoff-1) · [Tipoff](https://b/projects/AB2)", "· [Tipoff](https://c)", "1")
	f.Fuzz(func(t *testing.T, description, text, id string) {
		start, end, named, ok := linkIn(description)
		if ok && (start < 0 || start >= end || end > len(description) || !gameID.MatchString(named)) {
			t.Fatalf("the link in %q is from %d to %d and names %q", description, start, end, named)
		}
		if other := withText(description, text); ok && gameIn(other) != named {
			t.Fatalf("%q with the text %q is %q, which names %q instead of %q", description, text, other, gameIn(other), named)
		}
		tidy := strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) == text
		if ok && tidy && textOf(withText(description, text)) != text {
			t.Fatalf("%q with the text %q says %q", description, text, textOf(withText(description, text)))
		}
		if !gameID.MatchString(id) {
			return
		}
		for _, home := range []string{"", "https://tipoff.example/projects/AB2"} {
			ours := describe(text, linkTo(&schedule.Game{ID: id}, home))
			if gameIn(ours) != id || tidy && textOf(ours) != text {
				t.Fatalf("%q names %q and says %q", ours, gameIn(ours), textOf(ours))
			}
		}
	})
}
