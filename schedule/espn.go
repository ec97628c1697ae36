package schedule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tipoff/jsonstream"
)

// espnEvent is what is of use in one event of ESPN's team schedules. Its
// scoreboard, which differs in a few places, is understood too.
type espnEvent struct {
	ID     json.Number `json:"id"`
	Date   string      `json:"date"` // UTC, without seconds
	Season struct {
		Year int `json:"year"` // in which the season ends
		Type int `json:"type"` // the scoreboard's season type
	} `json:"season"`
	SeasonType struct {
		ID json.Number `json:"id"` // the team schedule's season type
	} `json:"seasonType"`
	Competitions []struct {
		TimeValid   *bool     `json:"timeValid"` // false while no time is set
		NeutralSite looseBool `json:"neutralSite"`
		Venue       struct {
			FullName string `json:"fullName"`
			Address  struct {
				City  string `json:"city"`
				State string `json:"state"`
			} `json:"address"`
		} `json:"venue"`
		Competitors []struct {
			HomeAway string   `json:"homeAway"`
			Team     espnTeam `json:"team"`
		} `json:"competitors"`
		Notes []struct {
			Headline string `json:"headline"`
		} `json:"notes"`
		Status struct {
			Type struct {
				Name  string `json:"name"`
				State string `json:"state"`
			} `json:"type"`
		} `json:"status"`
		Broadcasts []struct {
			Type struct {
				ShortName string `json:"shortName"`
			} `json:"type"`
			Market espnMarket `json:"market"`
			Media  struct {
				ShortName string `json:"shortName"`
			} `json:"media"`
			Names []string `json:"names"` // the scoreboard's
		} `json:"broadcasts"`
	} `json:"competitions"`
}

type espnTeam struct {
	Location     string `json:"location"`
	Abbreviation string `json:"abbreviation"`
	DisplayName  string `json:"displayName"`
}

// espnMarket is "national", "home" or "away": a string on the scoreboard, an
// object with a type on team schedules.
type espnMarket string

func (m *espnMarket) UnmarshalJSON(b []byte) error {
	var market struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(b, &market.Type) != nil && json.Unmarshal(b, &market) != nil {
		return nil
	}
	*m = espnMarket(strings.ToLower(market.Type))
	return nil
}

// DecodeESPN reads one team's schedule, or a scoreboard, as ESPN publishes it.
// It is as tolerant as DecodeNBA. A document without events is a season
// without games, and without a label unless the document names the season that
// was asked for. A season has some 1,500 games; a document that lists many
// more is refused.
func DecodeESPN(r io.Reader) (*Season, error) {
	s, err := decodeESPN(jsonstream.NewReader(r, jsonstream.Limits{Value: maxValue, Elements: 2000}))
	if err != nil {
		return nil, fmt.Errorf("read ESPN's schedule: %w", truncated(err))
	}
	return s, nil
}

func decodeESPN(in *jsonstream.Reader) (*Season, error) {
	s := &Season{Source: SourceESPN}
	events := false
	err := in.Object(func(key string) error {
		switch key {
		case "requestedSeason":
			var season struct {
				Year int `json:"year"`
			}
			if err := value(in, &season); err != nil {
				return err
			}
			if season.Year > 0 {
				s.Label = seasonLabel(season.Year - 1)
			}
			return nil
		case "events":
			events = true
			return in.Array(func() error {
				var raw espnEvent
				if err := value(in, &raw); err != nil {
					return err
				}
				if g, ok := raw.game(); ok {
					s.Games = append(s.Games, g)
				}
				return nil
			})
		}
		return in.Skip()
	})
	if err != nil {
		return nil, err
	}
	if err := in.End(); err != nil {
		return nil, err
	}
	if !events {
		return nil, fmt.Errorf("%w: no events", errNotSchedule)
	}
	if s.Label == "" && len(s.Games) > 0 {
		s.Label = s.Games[0].Season
	}
	// Asked for a season it does not have, ESPN may answer with another.
	s.Games = slices.DeleteFunc(s.Games, func(g Game) bool { return g.Season != s.Label })
	s.finish()
	return s, nil
}

func (e *espnEvent) game() (Game, bool) {
	id := e.ID.String()
	tip, ok := instant(e.Date)
	if !ok || !digits(id) || len(id) > 12 || len(e.Competitions) == 0 || e.Season.Year <= 0 {
		return Game{}, false
	}
	c := &e.Competitions[0]
	g := Game{
		ID:      id,
		Season:  seasonLabel(e.Season.Year - 1),
		Day:     DayOf(tip, Eastern()),
		Tip:     tip,
		Neutral: bool(c.NeutralSite),
		Status:  Scheduled,
		Arena:   arenaName(place(c.Venue.FullName)),
		City:    place(c.Venue.Address.City),
		State:   place(c.Venue.Address.State),
	}
	if c.TimeValid != nil && !*c.TimeValid {
		g.Tip = time.Time{}
	}
	for _, side := range c.Competitors {
		switch side.HomeAway {
		case "home":
			g.Home = side.Team.side()
		case "away":
			g.Away = side.Team.side()
		}
	}
	switch {
	case c.Status.Type.Name == "STATUS_POSTPONED" || c.Status.Type.Name == "STATUS_CANCELED":
		g.Postponed = true
	case c.Status.Type.State == "in":
		g.Status = InProgress
	case c.Status.Type.State == "post":
		g.Status = Final
	}

	g.National, g.HomeTV, g.AwayTV = e.channels()

	note := ""
	if len(c.Notes) > 0 {
		note = tidy(c.Notes[0].Headline)
	}
	g.IfNecessary = strings.Contains(strings.ToLower(note), "if necessary")
	g.Label, g.SubLabel, g.Series = espnNote(note)
	g.Label, g.SubLabel, g.Series = tidy(g.Label), tidy(g.SubLabel), tidy(g.Series)

	g.Type = e.gameType(g.Label)
	return g, g.Type != ""
}

// channels returns the names of those who broadcast the game, radio left out.
func (e *espnEvent) channels() (national, home, away []string) {
	for _, b := range e.Competitions[0].Broadcasts {
		all := append(b.Names, b.Media.ShortName)
		switch {
		case strings.EqualFold(b.Type.ShortName, "Radio"):
		case b.Market == "home":
			home = append(home, all...)
		case b.Market == "away":
			away = append(away, all...)
		default:
			national = append(national, all...)
		}
	}
	return names(national), names(home), names(away)
}

// gameType tells the type from the season type and the label, and returns ""
// for a season type that is unknown.
func (e *espnEvent) gameType(label string) Type {
	seasonType, _ := strconv.Atoi(cmp.Or(e.SeasonType.ID.String(), strconv.Itoa(e.Season.Type)))
	switch {
	case seasonType == 1:
		return Preseason
	case label == "NBA Cup":
		return Cup
	case seasonType == 5 || label == "Play-In Tournament":
		return PlayIn
	case seasonType == 2:
		return Regular
	case seasonType == 3:
		return Playoffs
	case seasonType == 4:
		return AllStar
	}
	return ""
}

// espnNote splits the one headline in which ESPN says what the league says in
// three fields.
func espnNote(note string) (label, sub, series string) {
	before, last, found := cutLast(note, " - ")
	switch {
	case strings.HasPrefix(note, "NBA Cup"):
		sub = strings.TrimLeft(strings.TrimPrefix(note, "NBA Cup"), " -")
		if sub == "Quarterfinals" || sub == "Semifinals" {
			sub = strings.TrimSuffix(sub, "s") // as the league has it
		}
		return "NBA Cup", sub, ""
	case strings.HasPrefix(note, "NBA Play-In"):
		return "Play-In Tournament", strings.TrimLeft(strings.TrimPrefix(note, "NBA Play-In"), " -"), ""
	case found && strings.HasPrefix(last, "Game "):
		return before, "", last
	}
	return "", note, ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (t *espnTeam) side() Side {
	if team, ok := TeamByCode(t.Abbreviation); ok {
		return team.Side()
	}
	code := teamCode(t.Abbreviation)
	if code == "" {
		return Side{}
	}
	full, city := tidy(t.DisplayName), tidy(t.Location)
	if name, ok := strings.CutPrefix(full, city+" "); ok && city != "" {
		return Side{Code: code, City: city, Name: name}
	}
	return Side{Code: code, Name: full}
}

// arenaName gives an arena the league's spelling where ESPN's differs:
// "crypto.com Arena", "Toyota Center (Houston)".
func arenaName(name string) string {
	if short, _, ok := strings.Cut(name, " ("); ok {
		name = short
	}
	for i := range teams {
		if strings.EqualFold(teams[i].Arena, name) {
			return teams[i].Arena
		}
	}
	return name
}

// mergeESPN makes one season of the schedules of all teams, in which each game
// occurs twice.
func mergeESPN(label string, schedules []*Season) *Season {
	merged := &Season{Label: label, Source: SourceESPN}
	seen := map[string]bool{}
	for _, s := range schedules {
		for _, g := range s.Games {
			if g.Season == label && !seen[g.ID] {
				seen[g.ID] = true
				merged.Games = append(merged.Games, g)
			}
		}
	}
	merged.Games = dropShells(merged.Games)
	merged.finish()
	return merged
}

// dropShells leaves out postponed games that have been given a new date. ESPN
// keeps such a game under its old id and adds an event with a new one, while
// the league moves the game it has. A shell is one if a note on either event
// names the day of the other, or if both sides have their 82 games without it.
func dropShells(games []Game) []Game {
	counts := map[string]int{}
	for _, g := range games {
		if g.Counts() && !g.Postponed {
			counts[g.Home.Code]++
			counts[g.Away.Code]++
		}
	}
	shell := func(g Game) bool {
		if !g.Postponed {
			return false
		}
		if g.Counts() && counts[g.Home.Code] >= 82 && counts[g.Away.Code] >= 82 {
			return true
		}
		return slices.ContainsFunc(games, func(h Game) bool {
			return !h.Postponed && samePair(g, h) &&
				(noted(h.SubLabel, "makeup from", g.Day) || noted(g.SubLabel, "makeup date", h.Day))
		})
	}
	kept := make([]Game, 0, len(games))
	for _, g := range games {
		if !shell(g) {
			kept = append(kept, g)
		}
	}
	return kept
}

// noted reports whether a note says these words and then the day, "Jan 29".
func noted(note, words string, day Day) bool {
	note = strings.ReplaceAll(strings.ToLower(note), "make-up", "makeup")
	_, rest, ok := strings.Cut(note, words+" ")
	date := strings.ToLower(day.Time(time.UTC).Format("Jan 2"))
	return ok && strings.HasPrefix(strings.TrimRight(rest, ".")+" ", date+" ")
}

// samePair reports whether the same two sides play, whoever is at home.
func samePair(g, h Game) bool {
	return g.Home.Code == h.Home.Code && g.Away.Code == h.Away.Code ||
		g.Home.Code == h.Away.Code && g.Away.Code == h.Home.Code
}
