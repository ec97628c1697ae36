package schedule

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Type is the part of a season that a game belongs to.
type Type string

// The types of games. Cup games other than the final count in the regular
// season too.
const (
	Preseason Type = "preseason"
	Regular   Type = "regular"
	Cup       Type = "cup"
	PlayIn    Type = "playin"
	Playoffs  Type = "playoffs"
	AllStar   Type = "allstar"
)

// Status is how far a game has come. A postponed game is still Scheduled.
type Status string

// The three states that the league numbers 1 to 3.
const (
	Scheduled  Status = "scheduled"
	InProgress Status = "live"
	Final      Status = "final"
)

// gameLength is how long after its tip-off a game is taken to be going on.
const gameLength = 3 * time.Hour

// Game is one game as a source describes it.
type Game struct {
	ID     string    `json:"id"` // the league's ten digits or ESPN's nine
	Season string    `json:"-"`  // "2026-27"
	Type   Type      `json:"type"`
	Home   Side      `json:"home,omitzero"`
	Away   Side      `json:"away,omitzero"`
	Day    Day       `json:"day"`          // the official day, Eastern
	Tip    time.Time `json:"tip,omitzero"` // UTC; zero when no time is set

	Postponed   bool   `json:"postponed,omitempty"`   // off, and no new date known
	IfNecessary bool   `json:"ifNecessary,omitempty"` // a play-off game that may not be needed
	Neutral     bool   `json:"neutral,omitempty"`     // in neither side's city
	Status      Status `json:"status"`

	Arena string `json:"arena,omitempty"` // the three are "" when not known
	City  string `json:"city,omitempty"`
	State string `json:"state,omitempty"` // "CA", "ON"; "" abroad

	National []string `json:"national,omitempty"` // channels and streams for the whole country
	HomeTV   []string `json:"homeTV,omitempty"`   // those of the home side
	AwayTV   []string `json:"awayTV,omitempty"`

	Label    string `json:"label,omitempty"`    // "NBA Cup", "West Finals"; without a sponsor's name
	SubLabel string `json:"subLabel,omitempty"` // "East Group A"
	Series   string `json:"series,omitempty"`   // "Game 4"

	// Changed is when the facts a calendar shows were first seen as they
	// are. It is zero on a game that a decoder returns; Live keeps it.
	Changed time.Time `json:"changed,omitzero"`
}

// Known reports whether both sides are known. The Cup's knockout games are not
// until the group games are over.
func (g Game) Known() bool { return g.Home.Known() && g.Away.Known() }

// TBD reports whether the game has a day and no time yet.
func (g Game) TBD() bool { return g.Tip.IsZero() }

// Has reports whether a side with this code plays.
func (g Game) Has(code string) bool {
	return code != "" && (g.Home.Code == code || g.Away.Code == code)
}

// AtHome reports whether the side with this code is the home side.
func (g Game) AtHome(code string) bool { return code != "" && g.Home.Code == code }

// Opponent returns the side that plays against the one with this code, and no
// side if that one does not play.
func (g Game) Opponent(code string) Side {
	switch {
	case !g.Has(code):
		return Side{}
	case g.AtHome(code):
		return g.Away
	}
	return g.Home
}

// Counts reports whether the game is one of a team's 82. Cup games are, except
// for the final.
func (g Game) Counts() bool {
	switch g.Type {
	case Regular:
		return true
	case Cup:
		return !strings.HasPrefix(g.ID, "006") && !strings.EqualFold(g.SubLabel, "Championship")
	}
	return false
}

// Upcoming reports whether the game is still of use to somebody who plans: it
// has not begun more than three hours ago, or its day is not over if it has no
// time, or it is postponed.
func (g Game) Upcoming(now time.Time) bool {
	switch {
	case g.Postponed:
		return true
	case g.TBD():
		return g.Day >= DayOf(now, Eastern())
	}
	return g.Tip.After(now.Add(-gameLength))
}

// Ended reports whether the game is over and the night after it too: at five in the
// morning, Eastern. No game ends later than that.
func (g Game) Ended(now time.Time) bool {
	return !g.Postponed && !g.TBD() && g.Status != InProgress && !g.Upcoming(now) && DayOf(now.Add(-5*time.Hour), Eastern()) > g.Day
}

// Title names the game as fans do: "Celtics at Knicks", or "Knicks vs Celtics"
// when it is told for the home side, whose code is team. The other codes, and
// "", give the first form.
func (g Game) Title(team string) string {
	if g.AtHome(team) {
		return g.Home.Short() + " vs " + g.Away.Short()
	}
	return g.Away.Short() + " at " + g.Home.Short()
}

// Place returns arena, city and state as far as they are known, separated by
// commas.
func (g Game) Place() string {
	parts := []string{g.Arena, g.City, g.State}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// URL returns the game's page at the league, or at ESPN if the id is ESPN's,
// and "" for an id of neither form.
func (g Game) URL() string {
	if !digits(g.ID) {
		return ""
	}
	switch len(g.ID) {
	case 10:
		return "https://www.nba.com/game/" + g.ID
	case 9:
		return "https://www.espn.com/nba/game/_/gameId/" + g.ID
	}
	return ""
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Side is a team in a game: one of the thirty, a guest from abroad, an All-Star
// selection, or, when it is zero, a team not known yet.
type Side struct {
	Code string `json:"code"`           // "NYK"
	City string `json:"city,omitempty"` // "New York"; may be "" for a guest
	Name string `json:"name,omitempty"` // "Knicks"
}

// Known reports whether it is decided who plays.
func (s Side) Known() bool { return s.Code != "" }

// FullName returns city and name, and "" for a side that is not known.
func (s Side) FullName() string { return strings.TrimSpace(s.City + " " + s.Name) }

// Short returns the name without the city, or what there is instead of it.
func (s Side) Short() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.City != "":
		return s.City
	case s.Code != "":
		return s.Code
	}
	return "To be decided"
}

// Day is a calendar day in the form 2006-01-02, so that days compare as
// strings do. A game's day is Eastern.
type Day string

// ParseDay reads a day in the form 2006-01-02.
func ParseDay(s string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("%q is not a day of the form 2026-10-20", s)
	}
	return Day(s), nil
}

// DayOf returns the calendar day of an instant in a zone.
func DayOf(t time.Time, loc *time.Location) Day {
	return Day(t.In(loc).Format(time.DateOnly))
}

// Time returns the day's midnight in a zone, and the zero time if the day is
// not one.
func (d Day) Time(loc *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), loc)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Month returns the day's month.
func (d Day) Month() time.Month { return d.Time(time.UTC).Month() }

// Year returns the day's year.
func (d Day) Year() int { return d.Time(time.UTC).Year() }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.Time(time.UTC).Weekday() }

// AddDays returns the day so many days later.
func (d Day) AddDays(n int) Day { return DayOf(d.Time(time.UTC).AddDate(0, 0, n), time.UTC) }

// DaysTo returns how many days later the other day is.
func (d Day) DaysTo(other Day) int {
	return int(other.Time(time.UTC).Sub(d.Time(time.UTC)) / (24 * time.Hour))
}

// eastern is loaded once because loading reads and parses the zone's file.
var eastern = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic("no time zone database: " + err.Error())
	}
	return loc
})

// Eastern returns the zone of the league's calendar. It panics where there is
// no time zone database, which the program links in.
func Eastern() *time.Location { return eastern() }
