package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// RefusedError says why a season that a source sent is not used.
type RefusedError struct {
	Reason string // what is wrong with it, to be read after "because" or a colon
	NotYet bool   // nothing is wrong: it is a season that has not been released
}

func (e *RefusedError) Error() string { return "the schedule is refused: " + e.Reason }

func refused(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// minGames is how many games that count a season has to have when it comes over
// the network. From its release in August it has 1,200; the day before, ESPN
// lists some eighty.
const minGames = 1000

// handful is how many games to come a refresh may always postpone or lose. In
// the last days of a season they are soon more than a tenth of those left.
const handful = 5

// check reports why a season from the network cannot take the place of the
// present one.
func check(current, next *Season, now time.Time) error {
	if _, ok := startYear(next.Label); !ok {
		return refused("it is for no season of the league")
	}
	if next.Label != current.Label {
		if err := checkLabel(current, next, now); err != nil {
			return err
		}
		if total, _ := countGames(next); total < minGames {
			return &RefusedError{Reason: "the games of " + next.Label + " are not released", NotYet: true}
		}
		return checkWhole(next)
	}
	if err := checkWhole(next); err != nil {
		return err
	}
	had, hadTeam := countGames(current)
	has, hasTeam := countGames(next)
	if has < minGames || has*10 < had*9 {
		return refused("it has %d of %d games", has, had)
	}
	for _, team := range teams {
		if n, of := hasTeam[team.Code], hadTeam[team.Code]; n*10 < of*9 {
			return refused("it has %d of %d games of the %s", n, of, team.Name)
		}
	}
	return checkToCome(current, next, now)
}

// checkToCome reports why a season cannot take the place of the present one:
// over a tenth of the games to come would be postponed or gone. Games that are
// postponed already do not count, and neither do those that go with the end of
// a play-off series.
func checkToCome(current, next *Season, now time.Time) error {
	on := map[*Game]bool{}
	for i, before := range match(current.Games, next.Games) {
		on[before] = !next.Games[i].Postponed
	}
	toCome, off := 0, 0
	for i := range current.Games {
		g := &current.Games[i]
		if g.Postponed || g.IfNecessary || !g.Known() || !g.Upcoming(now) {
			continue
		}
		toCome++
		if !on[g] {
			off++
		}
	}
	if off > handful && off*10 > toCome {
		return refused("%d of %d games to come are postponed, cancelled or missing", off, toCome)
	}
	return nil
}

// checkLabel reports why a season may not follow the present one: it does if it
// is a later one, or if it is now and the present one is not.
func checkLabel(current, next *Season, now time.Time) error {
	if next.Label > current.Label || next.isNow(now) && !current.isNow(now) {
		return nil
	}
	return refused("it is still for %s", next.Label)
}

// isNow reports whether an instant is in the season's window.
func (s *Season) isNow(now time.Time) bool {
	from, to := s.Window()
	today := DayOf(now, Eastern())
	return from <= today && today <= to
}

// leaveOut takes the games out of a season that cannot be right, and says of
// each what is wrong with it: its id was listed before, or it is out of the
// season's time.
func leaveOut(s *Season) (faulty []string) {
	from, to := s.Window()
	if from == "" {
		return nil // none of its games is in its time, and checkWhole refuses it
	}
	inside := func(day Day) bool { return from <= day && day <= to }
	ids := make(map[string]bool, len(s.Games))
	s.Games = slices.DeleteFunc(s.Games, func(g Game) bool {
		day := g.Day
		if inside(day) && !g.TBD() {
			day = DayOf(g.Tip, Eastern())
		}
		why := ""
		switch {
		case !inside(day):
			why = fmt.Sprintf("is on %s, outside of the season", day)
		case ids[g.ID]:
			why = "is listed twice"
		default:
			ids[g.ID] = true
			return false
		}
		faulty = append(faulty, fmt.Sprintf("game %s (%s) %s", g.ID, g.Title(""), why))
		return true
	})
	return faulty
}

// checkWhole reports why a season cannot be used at all: it has to have games
// of all thirty teams.
func checkWhole(s *Season) error {
	if _, ok := startYear(s.Label); !ok {
		return refused("it is for no season of the league")
	}
	_, byTeam := countGames(s)
	for _, team := range teams {
		if byTeam[team.Code] == 0 {
			return refused("it has no game of the %s", team.Name)
		}
	}
	return nil
}

// countGames counts the games of the regular season, in all and for each team.
func countGames(s *Season) (total int, byTeam map[string]int) {
	byTeam = make(map[string]int, len(teams)+1)
	for i := range s.Games {
		if g := &s.Games[i]; g.Counts() {
			total++
			byTeam[g.Home.Code]++
			byTeam[g.Away.Code]++
		}
	}
	return total, byTeam
}

// carry takes over from the present season what the next one cannot know, and
// returns how many games are new, changed or gone. A game that has not changed
// keeps the instant at which it last did. Where the league has told of a game,
// ESPN says when and where it is, and whether it is only played if necessary.
// The rest stays as the league has it, its id above all, so that what was made
// from the schedule does not change when the league stops answering.
func carry(current, next *Season, now time.Time) (changed int) {
	var before []*Game
	if current != nil && current.Label == next.Label {
		before = match(current.Games, next.Games)
		changed = len(current.Games)
	}
	for i := range next.Games {
		g := &next.Games[i]
		if before == nil || before[i] == nil {
			g.Changed = now
			changed++
			continue
		}
		old := before[i]
		changed-- // it is not gone
		if next.Source == SourceESPN && len(old.ID) == 10 {
			g.ID, g.Type = old.ID, old.Type
			g.Label, g.SubLabel, g.Series = old.Label, old.SubLabel, old.Series
			if len(old.National) > 0 {
				g.National = old.National
			}
			g.HomeTV, g.AwayTV = old.HomeTV, old.AwayTV
			if g.City == old.City { // of which ESPN may not know all
				g.Arena, g.State = cmp.Or(g.Arena, old.Arena), cmp.Or(g.State, old.State)
			}
			if g.Home.Code == old.Away.Code {
				g.HomeTV, g.AwayTV = old.AwayTV, old.HomeTV
			}
		}
		// Once a game has begun, ESPN gives the minute at which it did.
		if next.Source == SourceESPN && g.Status != Scheduled && !old.TBD() && g.Tip.Sub(old.Tip).Abs() < time.Hour {
			g.Tip, g.Day = old.Tip, old.Day
		}
		g.Changed = old.Changed
		if !sameFacts(g, old) {
			g.Changed = now
			changed++
		}
	}
	next.finish()
	return changed
}

// sameFacts reports whether a game is when, where and between whom it was.
// Channels are not compared: they change all the time and move no game.
func sameFacts(g, h *Game) bool {
	return g.Tip.Equal(h.Tip) && g.Day == h.Day && g.Postponed == h.Postponed && g.IfNecessary == h.IfNecessary &&
		g.Home.Code == h.Home.Code && g.Away.Code == h.Away.Code &&
		g.Arena == h.Arena && g.City == h.City && g.State == h.State
}

// match finds for each of the next games the one it was before, or nil. That is
// the game with the same id; else the one of the same sides, each at home or
// away as before, on the same day; else the only one of these sides that is
// left in both seasons; else, for a game whose sides swapped home and away, the
// only one that is left with home and away not told apart.
func match(current, next []Game) []*Game {
	found := make([]*Game, len(next))
	taken := make([]bool, len(current))
	// pass matches games with equal keys; the key "" matches nothing, and
	// neither does one that several games have where only one is asked for.
	pass := func(key func(*Game) string, single bool) {
		before, after := map[string][]int{}, map[string]int{}
		for i := range current {
			if k := key(&current[i]); k != "" && !taken[i] {
				before[k] = append(before[k], i)
			}
		}
		for i := range next {
			if found[i] == nil {
				after[key(&next[i])]++
			}
		}
		for i := range next {
			if found[i] != nil {
				continue
			}
			k := key(&next[i])
			if left := before[k]; len(left) > 0 && !(single && (len(left) > 1 || after[k] > 1)) {
				found[i], taken[left[0]] = &current[left[0]], true
				before[k] = left[1:]
			}
		}
	}
	sides := func(g *Game) string {
		if !g.Known() {
			return ""
		}
		return g.Away.Code + " " + g.Home.Code
	}
	pass(func(g *Game) string { return g.ID }, false)
	pass(func(g *Game) string {
		if p := sides(g); p != "" {
			return p + " " + string(g.Day)
		}
		return ""
	}, false)
	pass(sides, true)
	pass(func(g *Game) string {
		if !g.Known() {
			return ""
		}
		return min(g.Home.Code, g.Away.Code) + " " + max(g.Home.Code, g.Away.Code)
	}, true)
	return found
}
