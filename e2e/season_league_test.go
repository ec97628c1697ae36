package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tipoff/schedule"
)

// Fixtures are a season in the making. They know each game by a name of their own, which
// stays whatever the game's id, day and sides are.
type fixtures struct {
	season *schedule.Season // as it was published last
	games  map[string]*schedule.Game
	shells []schedule.Game // postponed games whose new date is listed as another one
	gone   []schedule.Game // those taken off
	ids    int
}

// newFixtures are those whose first schedule is this one.
func newFixtures(season *schedule.Season) *fixtures {
	l := &fixtures{games: map[string]*schedule.Game{}}
	for _, g := range season.Games {
		l.games[g.ID] = &g
	}
	l.season = season
	return l
}

// publish makes a schedule of the games as they are.
func (l *fixtures) publish(now time.Time) *schedule.Season {
	s := &schedule.Season{Label: l.season.Label, Source: l.season.Source, AsOf: now, Games: slices.Clone(l.shells)}
	for _, g := range l.games {
		s.Games = append(s.Games, *g)
	}
	slices.SortFunc(s.Games, func(a, b schedule.Game) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), a.Tip.Compare(b.Tip), cmp.Compare(a.ID, b.ID))
	})
	l.season = s
	return s
}

// A step is what the league does at some time.
type step struct {
	at   time.Time
	what string
	do   func(l *fixtures)
	of   []string // the teams that it concerns, empty for all
}

// concerning are the steps that concern one of the teams.
func concerning(steps []step, teams ...string) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool {
		return len(s.of) > 0 && !slices.ContainsFunc(teams, func(team string) bool { return slices.Contains(s.of, team) })
	})
}

// noon is the time of a day at which steps are taken: no game is on then, and none ends
// in the hours after it.
func noon(day schedule.Day) time.Time { return day.Time(time.UTC).Add(12 * time.Hour) }

// unlike are two games that differ in what decides about updates.
func unlike(a, b *schedule.Game) bool {
	return a.Day != b.Day || !a.Tip.Equal(b.Tip) || a.Postponed != b.Postponed || a.Home.Code != b.Home.Code || a.Away.Code != b.Away.Code
}

// recorded are the steps from one recorded schedule of a season to the next: each game
// that moves is a step of its own, on the day before it matters. names are those of the
// games of the first, by their ids; it returns those of the second. Where the ids are
// others, the source changes on its first day.
func recorded(names map[string]string, from, to *schedule.Season) (steps []step, after map[string]string) {
	type pair struct{ home, away string }
	after = map[string]string{}
	before := map[string]*schedule.Game{}
	for i := range from.Games {
		before[names[from.Games[i].ID]] = &from.Games[i]
	}
	left := map[pair][]string{} // names of games that are not found by id or day
	for name, g := range before {
		left[pair{g.Home.Code, g.Away.Code}] = append(left[pair{g.Home.Code, g.Away.Code}], name)
	}
	find := func(g *schedule.Game, same func(old *schedule.Game) bool) {
		key := pair{g.Home.Code, g.Away.Code}
		if i := slices.IndexFunc(left[key], func(name string) bool { return same(before[name]) }); i >= 0 && after[g.ID] == "" {
			after[g.ID] = left[key][i]
			left[key] = slices.Delete(left[key], i, i+1)
		}
	}
	for i := range to.Games {
		find(&to.Games[i], func(old *schedule.Game) bool { return old.ID == to.Games[i].ID || old.Day == to.Games[i].Day })
	}
	for i := range to.Games { // those that went to other days
		if to.Games[i].Type == schedule.Regular {
			find(&to.Games[i], func(old *schedule.Game) bool { return old.Type == schedule.Regular })
		}
	}
	switched := map[string]*schedule.Game{}
	var rest []step
	for i := range to.Games {
		g := &to.Games[i]
		name := after[g.ID]
		old := before[name]
		of := []string{g.Home.Code, g.Away.Code}
		switch shell := shellOf(g, to.Games, after); {
		case old == nil && shell != nil:
			name = after[shell.ID]
			day := min(shell.Day.AddDays(5), g.Day)
			rest = append(rest, step{noon(day), "a new date", func(l *fixtures) {
				l.shells = append(l.shells, *l.games[name])
				l.games[name] = new(*g)
			}, of})
		case old == nil:
			after[g.ID] = g.ID
			rest = append(rest, step{noon(max(g.Day.AddDays(-3), schedule.DayOf(from.AsOf, time.UTC).AddDays(1))), "a game is added", func(l *fixtures) { l.games[g.ID] = new(*g) }, of})
		case g.Postponed:
			on := *g
			on.Postponed = false
			switched[name] = &on
			rest = append(rest, step{noon(g.Day), "a game is postponed", func(l *fixtures) { l.games[name] = new(*g) }, of})
		case unlike(old, g):
			still := *g
			still.Day, still.Tip = old.Day, old.Tip
			switched[name] = &still
			day := max(min(old.Day, g.Day).AddDays(-1), schedule.DayOf(from.AsOf, time.UTC).AddDays(1))
			rest = append(rest, step{noon(day), "a game moves", func(l *fixtures) { l.games[name] = new(*g) }, of})
		default:
			switched[name] = g
		}
	}
	start := noon(schedule.DayOf(from.AsOf, time.UTC).AddDays(1))
	for name, g := range before {
		if switched[name] == nil {
			rest = append(rest, step{start, "a game goes", func(l *fixtures) { delete(l.games, name) }, []string{g.Home.Code, g.Away.Code}})
		}
	}
	steps = append([]step{{start, "the source or what it says beside the dates", func(l *fixtures) {
		for name, g := range switched {
			l.games[name] = new(*g)
		}
	}, nil}}, rest...)
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	return steps, after
}

// shellOf is the postponed game of which g, which has no name, is the new date.
func shellOf(g *schedule.Game, all []schedule.Game, names map[string]string) *schedule.Game {
	for i, shell := range all {
		if shell.Postponed && !g.Postponed && names[g.ID] == "" && shell.Home == g.Home && shell.Away == g.Away && names[shell.ID] != "" &&
			g.Day > shell.Day && g.Type == schedule.Regular {
			return &all[i]
		}
	}
	return nil
}

func namesOf(s *schedule.Season) map[string]string {
	names := map[string]string{}
	for _, g := range s.Games {
		names[g.ID] = g.ID
	}
	return names
}

// allMove is a step that moves most games of a team at once.
func allMove(teams []string, day schedule.Day) step {
	return step{noon(day), "all games move", func(l *fixtures) {
		for _, g := range l.games {
			if g.Day > day && g.Has(teams[0]) && g.Known() && !g.Postponed {
				g.Tip = g.Day.Time(schedule.Eastern()).Add(19*time.Hour + 10*time.Minute).UTC()
			}
		}
	}, nil}
}

// played are the steps of the season 2025-26 as it was recorded: the league's schedule in
// October and in November, and ESPN's, which has it to the end, with four games that
// were postponed and with the play-offs.
func played(t *testing.T) (first *schedule.Season, steps []step) {
	october := derived(t, "nba-2025-26-derived-20251018.json", "2025-26", noon("2025-10-18"))
	november := derived(t, "nba-2025-26-derived-20251107.json", "2025-26", noon("2025-11-07"))
	espn := derived(t, "nba-2025-26-espn-derived-final.json", "2025-26", noon("2026-06-30"))
	steps, names := recorded(namesOf(october), october, november)
	more, _ := recorded(names, november, espn)
	return october, append(steps, more...)
}

// invented are steps of the kinds that real seasons had, about games of these teams.
func invented(r *rand.Rand, teams []string, from, to schedule.Day, every int) (steps []step) {
	for day := from; day < to; day = day.AddDays(1 + r.IntN(2*every-1)) {
		for range 1 + r.IntN(2) {
			kind := changeKinds[r.IntN(len(changeKinds))]
			steps = append(steps, step{noon(day), kind.name, func(l *fixtures) { kind.do(l, r, teams, day) }, nil})
		}
	}
	return steps
}

var changeKinds = []struct {
	name string
	do   func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day)
}{
	{"a tip-off moves", moveTip}, {"a tip-off moves", moveTip}, {"a tip-off moves", moveTip},
	{"a game moves to another day", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil {
			l.moveTo(g, r, today)
		}
	}},
	{"a game loses its time", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil {
			g.Tip = time.Time{}
		}
	}},
	{"a game is postponed", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil && l.alone(g) {
			g.Postponed = true
		}
	}},
	{"a game is postponed, and one has a new date", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil && l.alone(g) {
			g.Postponed = true
		}
		restore(l, r, teams, today)
	}},
	{"a postponed game has a new date", restore}, {"a postponed game has a new date", restore},
	{"home and away are swapped", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil && l.alone(g) {
			g.Home, g.Away = g.Away, g.Home
			if !l.alone(g) || l.playsOn(g, g.Day) {
				g.Home, g.Away = g.Away, g.Home
				return
			}
			team, _ := schedule.TeamByCode(g.Home.Code)
			g.Arena, g.City = team.Arena, team.ArenaCity
		}
	}},
	{"an arena is renamed", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil {
			l.ids++
			for _, other := range l.games {
				if other.Home == g.Home {
					other.Arena = fmt.Sprint("Arena ", l.ids)
				}
			}
		}
	}},
	{"channels change", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		for range 10 {
			if g := l.pick(r, teams, today, on); g != nil {
				g.National = []string{fmt.Sprint("Channel ", r.IntN(9))}
			}
		}
	}},
	{"a game is added", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		l.add(r, teams, today, schedule.Regular)
	}},
	{"a game is added that may not be needed", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.add(r, teams, today, schedule.Playoffs); g != nil {
			g.IfNecessary, g.Series, g.Tip = true, "Game 5", time.Time{}
		}
	}},
	{"a game is needed, or is not", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, func(g *schedule.Game) bool { return g.IfNecessary }); g != nil && r.IntN(2) == 0 {
			g.IfNecessary = false
			l.moveTo(g, r, today)
		} else if g != nil {
			l.remove(g)
		}
	}},
	{"a game goes", func(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
		if g := l.pick(r, teams, today, on); g != nil && l.alone(g) {
			l.remove(g)
		}
	}},
}

func on(g *schedule.Game) bool { return !g.Postponed }

func moveTip(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
	if g := l.pick(r, teams, today, on); g != nil {
		g.Tip = evenings(r, g.Day)
	}
}

// evenings is an hour of an evening, Eastern.
func evenings(r *rand.Rand, day schedule.Day) time.Time {
	return day.Time(schedule.Eastern()).Add(19*time.Hour + time.Duration(r.IntN(8))*30*time.Minute).UTC()
}

// restore gives a postponed game a date. Half of the time it is listed anew, under
// another id, and the old one stays beside it.
func restore(l *fixtures, r *rand.Rand, teams []string, today schedule.Day) {
	g := l.pick(r, teams, "", func(g *schedule.Game) bool { return g.Postponed })
	if g == nil {
		return
	}
	if r.IntN(2) == 0 {
		l.shells = append(l.shells, *g)
		l.ids++
		g.ID = fmt.Sprintf("4019%05d", l.ids)
	}
	g.Postponed = false
	l.moveTo(g, r, today)
}

// pick draws a game of one of the teams that is some days ahead, or nil.
func (l *fixtures) pick(r *rand.Rand, teams []string, today schedule.Day, keep func(*schedule.Game) bool) *schedule.Game {
	var all []*schedule.Game
	for _, name := range slices.Sorted(maps.Keys(l.games)) {
		g := l.games[name]
		if g.Known() && (slices.Contains(teams, g.Home.Code) || slices.Contains(teams, g.Away.Code)) && g.Type != schedule.AllStar &&
			(today == "" || g.Day > today.AddDays(1)) && keep(g) {
			all = append(all, g)
		}
	}
	if len(all) == 0 {
		return nil
	}
	// What is near is changed more often.
	slices.SortStableFunc(all, func(a, b *schedule.Game) int { return cmp.Compare(a.Day, b.Day) })
	return all[min(r.IntN(len(all)), r.IntN(len(all)))]
}

// alone reports whether no other game of the same sides is without a date, so that it is
// clear which one a later date is of.
func (l *fixtures) alone(g *schedule.Game) bool {
	for _, other := range l.games {
		if other != g && other.Home.Code == g.Home.Code && other.Away.Code == g.Away.Code && other.Postponed {
			return false
		}
	}
	return !slices.ContainsFunc(slices.Concat(l.shells, l.gone), func(s schedule.Game) bool { return s.Home.Code == g.Home.Code && s.Away.Code == g.Away.Code })
}

// playsOn reports whether another game of the same sides is on that day.
func (l *fixtures) playsOn(g *schedule.Game, day schedule.Day) bool {
	for _, other := range l.games {
		if other != g && other.Home.Code == g.Home.Code && other.Away.Code == g.Away.Code && other.Day == day {
			return true
		}
	}
	return slices.ContainsFunc(l.shells, func(s schedule.Game) bool {
		return s.Home.Code == g.Home.Code && s.Away.Code == g.Away.Code && s.Day == day
	})
}

func (l *fixtures) moveTo(g *schedule.Game, r *rand.Rand, today schedule.Day) {
	day := max(today, "2000-01-01").AddDays(3 + r.IntN(40))
	for l.playsOn(g, day) {
		day = day.AddDays(1)
	}
	g.Day, g.Tip = day, evenings(r, day)
}

// add announces a game against an opponent that has no other one there.
func (l *fixtures) add(r *rand.Rand, teams []string, today schedule.Day, kind schedule.Type) *schedule.Game {
	home, _ := schedule.TeamByCode(teams[r.IntN(len(teams))])
	away := schedule.Teams()[r.IntN(len(schedule.Teams()))]
	g := &schedule.Game{Season: l.season.Label, Type: kind, Home: home.Side(), Away: away.Side(), Status: schedule.Scheduled, Arena: home.Arena, City: home.ArenaCity}
	if home.Code == away.Code || !l.alone(g) {
		return nil
	}
	l.ids++
	g.ID = fmt.Sprintf("0042%06d", l.ids)
	l.moveTo(g, r, today)
	l.games[g.ID] = g
	return g
}

// remove takes a game off the schedule.
func (l *fixtures) remove(g *schedule.Game) {
	l.gone = append(l.gone, *g)
	maps.DeleteFunc(l.games, func(_ string, other *schedule.Game) bool { return other == g })
}
