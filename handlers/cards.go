package handlers

import (
	"html/template"
	"slices"
	"strings"
	"unicode"

	"tipoff/schedule"
)

// A teamCard is a team as cards, headers and chips show it.
type teamCard struct {
	// Code is the tricode, BOS.
	Code string
	// City and Name read "Boston" and "Celtics".
	City, Name string
	// Conference is "East" or "West", Division "Atlantic" and so on.
	Conference, Division string
	// Arena is where the team plays at home.
	Arena string
	// Next is the next game, nil when none is known.
	Next *gameRow
	// Direct is as in homePage.
	Direct bool
}

// FullName reads "Boston Celtics".
func (t teamCard) FullName() string { return t.City + " " + t.Name }

// nicknames are what else people call a team or its city, by tricode.
var nicknames = map[string]string{
	"BKN": "New York",
	"CLE": "Cavs",
	"DAL": "Mavs",
	"DEN": "Nugs",
	"GSW": "San Francisco Oakland Dubs",
	"IND": "Indianapolis",
	"LAC": "Clips",
	"MEM": "Grizz",
	"MIN": "Wolves Minneapolis",
	"NOP": "NOLA Pels",
	"PHI": "Sixers Philly",
	"POR": "Blazers",
	"TOR": "Raps",
	"UTA": "Salt Lake City",
	"WAS": "DC Wiz",
}

// SearchWords are the team's own words: city, name and code.
func (t teamCard) SearchWords() string {
	words := []string{t.City, t.Name, t.Code}
	switch t.Code { // of one city, which each writes in its own way
	case "LAC":
		words = append(words, "Los Angeles")
	case "LAL":
		words = append(words, "LA")
	}
	return strings.ToLower(strings.Join(words, " "))
}

// Nicknames are what else the team is called.
func (t teamCard) Nicknames() string { return strings.ToLower(nicknames[t.Code]) }

// teamsFor are the teams that somebody looks for: those for whom each word typed begins
// one of their own, or else one of their own or of their nicknames. The script that
// searches as somebody types does the same.
func teamsFor(typed string) []schedule.Team {
	find := func(wordsOf func(teamCard) string) (found []schedule.Team) {
		for _, t := range schedule.Teams() {
			if begin(searchWords(wordsOf(cardOf(t))), searchWords(typed)) {
				found = append(found, t)
			}
		}
		return found
	}
	if found := find(teamCard.SearchWords); len(found) > 0 {
		return found
	}
	return find(func(t teamCard) string { return t.SearchWords() + " " + t.Nicknames() })
}

// begin says whether each word typed begins one of a team's.
func begin(words, typed []string) bool {
	return !slices.ContainsFunc(typed, func(word string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, word) })
	})
}

func searchWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// cardOf is a team as pages show it.
func cardOf(t schedule.Team) teamCard {
	return teamCard{Code: t.Code, City: t.City, Name: t.Name, Conference: t.Conference, Division: t.Division, Arena: t.Arena}
}

// onlyTeam is the card of a single team, nil for several.
func onlyTeam(codes []string) *teamCard {
	if len(codes) != 1 {
		return nil
	}
	t, ok := schedule.TeamByCode(codes[0])
	if !ok {
		return nil
	}
	card := cardOf(t)
	return &card
}

// A cardsKey is the key of the team picker's cards. Direct ones lead to Todoist's page
// of consent.
type cardsKey struct {
	localeKey
	direct bool
}

// cardsOf returns the thirty teams' cards by their codes.
func (s *server) cardsOf(loc locale, direct bool) (map[string]template.HTML, error) {
	return cached(s.snapshot(), loc.key(), cardsKey{loc.key(), direct}, func() (map[string]template.HTML, int, error) {
		all, size := map[string]template.HTML{}, 0
		for _, t := range schedule.Teams() {
			card := cardOf(t)
			card.Next, card.Direct = nextGame(s.Schedule.Season(), t.Code, loc), direct
			html, err := s.pages.part("home", "team-card", card)
			if err != nil {
				return nil, 0, err
			}
			all[t.Code] = html
			size += len(html)
		}
		return all, size, nil
	})
}
