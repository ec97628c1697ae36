package schedule

import "time"

// State is how far a season has come.
type State string

// The states of a season, in their order.
const (
	NotReleased   State = "not released"   // no game of the regular season is known
	Ahead         State = "ahead"          // before opening night; preseason games may be on
	RegularSeason State = "regular season" // until the last game of the regular season is over
	Postseason    State = "postseason"     // play-in and play-offs, and the days between them
	Over          State = "over"
)

// State returns how far the season has come. Between its rounds the play-offs
// may have no game left that is known; they are over only in the summer.
func (s *Season) State(now time.Time) State {
	today := DayOf(now, Eastern())
	first, regular, any := Day(""), false, false
	for i := range s.Games {
		g := &s.Games[i]
		if g.Type == AllStar || g.Type == Preseason {
			continue
		}
		if g.Counts() && first == "" {
			first = g.Day
		}
		if left := !g.Postponed && g.Upcoming(now); left {
			any = true
			regular = regular || g.Counts()
		}
	}
	_, end := s.Window()
	switch {
	case first == "":
		return NotReleased
	case today < first:
		return Ahead
	case regular:
		return RegularSeason
	case any || today < end.AddDays(-60): // the first of June
		return Postseason
	}
	return Over
}

// Trip is a run of games away from home.
type Trip struct {
	Games    int
	From, To Day // of the first and the last of them
}

// Facts are what a team's fans ask about its season. They are about all games
// but preseason, All-Star and postponed ones, as far as both sides are known.
type Facts struct {
	Games      int // in the whole season
	Home, Away int
	Left       int // games not over
	Next       *Game

	BackToBacks int          // pairs of games on two days running
	BackToBack  map[Day]bool // the days of both games of each pair
	LongestTrip Trip         // the first of the longest ones
}

// FactsFor works out the facts of a team's season.
func FactsFor(s *Season, team string, now time.Time) Facts {
	f := Facts{BackToBack: map[Day]bool{}}
	code := canonical([]string{team})[0]
	var trip Trip
	var last Day
	for _, g := range (Filter{Teams: []string{code}}).Games(s, now) {
		if g.Postponed {
			continue
		}
		f.Games++
		if g.AtHome(code) {
			f.Home++
			trip = Trip{}
		} else {
			f.Away++
			if trip.Games == 0 {
				trip.From = g.Day
			}
			trip.Games++
			trip.To = g.Day
			if trip.Games > f.LongestTrip.Games {
				f.LongestTrip = trip
			}
		}
		if g.Upcoming(now) && g.Status != Final {
			f.Left++
			if f.Next == nil {
				f.Next = &g
			}
		}
		if last != "" && last.DaysTo(g.Day) == 1 {
			f.BackToBacks++
			f.BackToBack[last], f.BackToBack[g.Day] = true, true
		}
		last = g.Day
	}
	return f
}
