//go:build long

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tipoff/database/databasetest"
	"tipoff/schedule"
)

// simulatedTeams have what is rare: games that were postponed, moved to other days, or played
// abroad, and the play-offs.
var simulatedTeams = []string{"TOR", "CHI", "MIA", "MEM", "DAL", "OKC", "LAC", "DEN"}

// eachSeed runs a test with several seeds.
func eachSeed(t *testing.T, n uint64, test func(t *testing.T, seed uint64)) {
	for seed := uint64(1); seed <= n; seed++ {
		t.Run(fmt.Sprint("seed ", cmp.Or(*simulationSeed, seed)), func(t *testing.T) { test(t, cmp.Or(*simulationSeed, seed)) })
	}
}

func TestLongASeasonIsFollowedWithNobodySignedIn(t *testing.T) {
	t.Parallel()
	eachSeed(t, 4, func(t *testing.T, seed uint64) {
		simulated(t, func(t *testing.T, dsn string, workers int) {
			inventedSeason(t, dsn, workers, seed, 2, simulatedTeams[:4]...)
		})
	})
}

func TestLongTheRecordedSeasonIsFollowedWithNobodySignedIn(t *testing.T) {
	t.Parallel()
	eachSeed(t, 2, func(t *testing.T, seed uint64) {
		simulated(t, func(t *testing.T, dsn string, workers int) {
			first, steps := played(t)
			simulate(t, seed, dsn, workers, first, concerning(steps, simulatedTeams...), simulatedTeams...)
		})
	})
}

// The league's feeds of two seasons, the later one in turn with ESPN's, go on with changes
// of the kinds that there were in others.
func TestLongTheLeaguesFeedsAreFollowedWithNobodySignedIn(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		file, espn string
		asOf       schedule.Day
	}{
		"2024-25": {"nba-2024-25-cdn-20240816.json", "", "2024-08-16"},
		"2026-27": {"nba-2026-27-cdn-synthetic.json", "nba-2026-27-espn-derived-20260816.json", "2026-08-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachSeed(t, 2, func(t *testing.T, seed uint64) {
				simulated(t, func(t *testing.T, dsn string, workers int) {
					file, err := os.Open(sharedFile(t, of.file))
					if err != nil {
						t.Fatal(err)
					}
					defer file.Close()
					feed, err := schedule.DecodeNBA(file)
					if err != nil {
						t.Fatal(err)
					}
					feed.AsOf = noon(of.asOf)
					r := rand.New(rand.NewPCG(seed, 2))
					year := of.asOf[:4]
					teams := simulatedTeams[4:]
					steps := append(invented(r, teams, of.asOf.AddDays(4), of.asOf.AddDays(230), 3), drawCup(r, teams, year+"-12-02"), allMove(teams, year+"-12-27"))
					if of.espn != "" {
						espn := derived(t, of.espn, feed.Label, noon(of.asOf.AddDays(1)))
						there, names := recorded(namesOf(feed), feed, espn)
						back, _ := recorded(names, espn, feed)
						steps = append(steps, append(there, back...)...)
					}
					simulate(t, seed, dsn, workers, feed, steps, teams...)
				})
			})
		})
	}
}

// drawCup is a step that tells who plays the games whose sides were open.
func drawCup(r *rand.Rand, teams []string, day schedule.Day) step {
	return step{noon(day), "the Cup is drawn", func(l *fixtures) {
		for _, name := range slices.Sorted(maps.Keys(l.games)) {
			if g := l.games[name]; !g.Known() && g.Day > day {
				home, _ := schedule.TeamByCode(teams[r.IntN(len(teams))])
				away := schedule.Teams()[r.IntN(len(schedule.Teams()))]
				g.Home, g.Away, g.Tip = home.Side(), away.Side(), evenings(r, g.Day)
				if home.Code == away.Code || l.playsOn(g, g.Day) || !l.alone(g) {
					g.Home, g.Away, g.Tip = schedule.Side{}, schedule.Side{}, time.Time{}
				}
			}
		}
	}, nil}
}

// simulated runs a test with each kind of database, and with as many workers as may
// share it.
func simulated(t *testing.T, test func(t *testing.T, dsn string, workers int)) {
	t.Run("one worker on SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"), 1)
	})
	t.Run("two workers on PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, databasetest.Postgres(t), 2)
	})
}
