package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/database/databasetest"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// A simulation is a season in which nobody is signed in: imports update themselves while
// the league changes games, fans change tasks, Todoist fails and workers are killed.
type simulation struct {
	t       *testing.T
	r       *rand.Rand
	dsn     string
	db      *database.DB // the test's own connection
	rows    *imports.Store
	todoist *fake.Server
	season  atomic.Pointer[schedule.Season]
	now     atomic.Int64
	league  *fixtures
	fans    []*supporter
	workers []*process
	hand    *process // through which owners press the button; it has no worker

	log output // of all workers

	moves, edits, kills, restarts, held, quiet int
	requests, writes, faults                   atomic.Int64
}

func (s *simulation) clock() time.Time { return time.Unix(0, s.now.Load()).UTC() }

func (s *simulation) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func newSimulation(t *testing.T, seed uint64, dsn string, first *schedule.Season) *simulation {
	s := &simulation{t: t, r: rand.New(rand.NewPCG(seed, 0)), dsn: dsn, league: newFixtures(first)}
	s.now.Store(noon(schedule.DayOf(first.AsOf, time.UTC)).UnixNano())
	s.season.Store(s.league.publish(s.clock()))
	s.todoist = fake.New(fake.Config{Now: s.clock, FullSyncs: -1, PartialSyncs: -1})
	s.todoist.SetSwitches(fake.Switches{ReplayRepeatsMapping: seed%2 == 0})
	var err error
	s.db, err = database.Open(t.Context(), dsn, database.WithLimit(time.Minute))
	s.must(err)
	t.Cleanup(func() { s.db.Close(); s.hand.db.Close() })
	s.rows = imports.New(s.db, s.clock)
	s.hand = s.process()
	return s
}

// settle lets the workers do all that is to be done, and moves the clock on to what they
// have put off, and by a minute more: a change that comes while an import is updated is
// noticed within that.
func (s *simulation) settle() {
	s.t.Helper()
	for idle, n := false, 0; n < 10000; n++ {
		s.revive()
		s.round()
		var due, first, leased int64
		s.must(s.db.QueryRow(s.t.Context(), `SELECT count(*), COALESCE(MIN(due), 0), COALESCE(SUM(CASE WHEN lease >= $1 THEN 1 ELSE 0 END), 0)
			FROM imports WHERE due > 0 OR lease >= $1`, s.clock().UnixMilli()).Scan(&due, &first, &leased))
		ended := slices.ContainsFunc(s.workers, func(p *process) bool { return p.ended.Load() })
		switch {
		case ended, leased > 0:
		case due == 0 && idle:
			return
		case due == 0:
			idle = true
			s.now.Add(int64(time.Minute + time.Second))
			continue
		case first > s.clock().UnixMilli():
			s.now.Store(time.UnixMilli(first).UnixNano())
		}
		idle = false
	}
	s.t.Fatalf("at %v the workers never come to an end", s.clock())
}

// follow adds a fan who imports a team, and lets it update itself from then on.
func (s *simulation) follow(team, options string) {
	s.t.Helper()
	chosen, err := url.ParseQuery(options)
	s.must(err)
	f := &supporter{id: fmt.Sprintf("fan-%d-%s", len(s.fans), team), team: team, chosen: chosen, games: map[string]*gameTask{}}
	f.account = s.todoist.AddAccount(fake.Profile{ID: f.id, APIToken: "token-of-" + f.id, Zone: "America/New_York", Plan: fake.Pro})
	f.other = f.account.AddProject(fake.Project{Name: "Mine"})
	s.fans = append(s.fans, f)
	s.press(f)
	for _, p := range f.account.Projects() {
		if !p.Inbox && p.ID != f.other {
			f.project = p.ID
		}
	}
	f.own = f.account.AddTask(fake.Task{ProjectID: f.project, Content: "Buy popcorn"})
	f.update(s.league, s.clock(), false)
	f.check(s.t, "imported", s.league)
}

// press runs the import as its owner does.
func (s *simulation) press(f *supporter) {
	s.t.Helper()
	v := url.Values{"team": {f.team}, "auto": {"on"}}
	for field, value := range f.chosen {
		v[field] = value
	}
	p := s.hand
	opts, id, err := p.im.Options(s.t.Context(), f.id, v, false)
	s.must(err)
	out, err := p.im.Run(s.t.Context(), p.client(f.id), f.id, id, opts, "", func(importer.Progress) {})
	s.must(err)
	if len(out.Failed) > 0 {
		s.t.Fatalf("%s: %s failed: %s", f.id, out.Failed[0].Change.Title, out.Failed[0].Reason)
	}
}

// play takes the steps, and looks at all tasks after each.
func (s *simulation) play(steps []step, workers int) {
	s.t.Helper()
	began := time.Now()
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	for i, st := range steps {
		if at := st.at.UnixNano(); at > s.now.Load() {
			s.now.Store(at)
			s.settle() // games may have ended
			s.check(fmt.Sprintf("before step %d", i), false, false)
			s.edit()
		}
		before := s.league.season
		unsure, partly := false, s.disturb()
		st.do(s.league)
		s.publish()
		if s.r.IntN(8) == 0 {
			// The league moves another game while the last change is on its way.
			unsure = true
			s.round()
			moveTip(s.league, s.r, s.teams(), schedule.DayOf(s.clock(), time.UTC))
			s.publish()
		}
		s.moves += changes(before, s.league.season)
		s.settle()
		s.todoist.ClearFaults()
		s.check(fmt.Sprintf("step %d, %s, %s", i, st.at.Format(time.DateOnly), st.what), unsure, partly)
		if s.t.Failed() {
			s.t.FailNow()
		}
	}
	tasks := 0
	for _, f := range s.fans {
		tasks += len(f.games)
	}
	s.t.Logf("%d steps, %d games moved, %d imports of %d tasks, %d edits; %d workers, %d killed, %d stopped; %d requests to Todoist, %d of them writes, %d failed; "+
		"%d imports waited for a look, %d updates of an import were of no concern; %v",
		len(steps), s.moves, len(s.fans), tasks, s.edits, workers, s.kills, s.restarts, s.requests.Load(), s.writes.Load(), s.faults.Load(), s.held, s.quiet, time.Since(began).Round(time.Millisecond))
}

func (s *simulation) teams() (teams []string) {
	for _, f := range s.fans {
		teams = append(teams, f.team)
	}
	return teams
}

func (s *simulation) publish() {
	s.now.Add(int64(time.Second))
	s.season.Store(s.league.publish(s.clock()))
}

// changes counts the games that differ in what decides about updates.
func changes(a, b *schedule.Season) int {
	n, old := 0, map[string]*schedule.Game{}
	for i := range a.Games {
		old[a.Games[i].ID] = &a.Games[i]
	}
	for i := range b.Games {
		if g := old[b.Games[i].ID]; g == nil || unlike(g, &b.Games[i]) {
			n++
		}
	}
	return n
}

// check lets the owners look at what waits for them, and compares all tasks with what
// they must be.
func (s *simulation) check(when string, unsure, partly bool) {
	s.t.Helper()
	for _, f := range s.fans {
		all, err := s.rows.Of(s.t.Context(), f.id)
		s.must(err)
		held := len(all) == 1 && all[0].State == imports.LookFirst
		if held && !unsure {
			f.check(s.t, when+", not yet seen by its owner", s.league)
		}
		updated, mass := f.update(s.league, s.clock(), unsure || partly)
		if held != mass && !unsure {
			s.t.Errorf("%s: %s waits for its owner: %v, want %v", when, f.id, held, mass)
		}
		if held {
			s.held++
			s.press(f)
		}
		if !updated {
			s.quiet++
		}
		f.check(s.t, when, s.league)
		if len(all) != 1 || !all[0].Auto || !held && all[0].State != "" {
			s.t.Errorf("%s: %s has the imports %+v", when, f.id, all)
		}
	}
}

// edit lets some of the owners change some tasks.
func (s *simulation) edit() {
	for _, f := range s.fans {
		if s.r.IntN(3) > 0 {
			continue
		}
		var names []string
		for name, task := range f.games {
			if !task.ticked && !task.deleted && task.game.Upcoming(s.clock()) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			s.editTask(f, f.games[names[s.r.IntN(len(names))]])
		}
	}
}

func (s *simulation) editTask(f *supporter, task *gameTask) {
	s.t.Helper()
	s.edits++
	word := fmt.Sprint("mine-", s.edits)
	set := func(change func(*fake.Task), fields ...string) {
		s.must(f.account.EditTask(task.id, change))
		for _, field := range fields {
			task.mine[field], task.is[field] = true, anything
		}
		there, _ := f.account.Task(task.id)
		task.is[fields[0]] = f.fieldsOf(&there)[fields[0]]
	}
	switch s.r.IntN(9) {
	case 0:
		set(func(t *fake.Task) { t.Content = word }, "title")
	case 1:
		date := fmt.Sprintf("2027-06-%02dT10:00:00Z", s.edits%28+1)
		set(func(t *fake.Task) { t.Due = &fake.Due{Date: date, Timezone: "Asia/Tokyo"} }, "due", "zone", "duration", "reminder")
	case 2:
		set(func(t *fake.Task) { t.Due = &fake.Due{Date: fmt.Sprintf("2027-07-%02d", s.edits%28+1)} }, "due", "zone", "duration", "reminder")
	case 3:
		set(func(t *fake.Task) { t.Description = word + "\n" + t.Description }, "text")
	case 4:
		set(func(t *fake.Task) { t.Priority, t.Labels = 2, []string{word} }, "priority", "labels")
	case 5:
		if !task.elsewhere {
			section := f.account.AddSection(fake.Section{ProjectID: f.project, Name: word})
			s.must(f.account.MoveTask(task.id, f.project, section))
			task.mine["section"], task.is["section"] = true, word
		}
	case 6:
		s.must(f.account.MoveTask(task.id, f.other, ""))
		task.elsewhere, task.is["section"] = true, ""
	case 7:
		s.must(f.account.CompleteTask(task.id))
		task.ticked = true
	case 8:
		s.must(f.account.DeleteTask(task.id))
		task.deleted = true
	}
}

// simulate plays a season with workers for fans of these teams, in turn with each of the
// choices of options.
func simulate(t *testing.T, seed uint64, dsn string, workers int, first *schedule.Season, steps []step, teams ...string) {
	t.Helper()
	s := newSimulation(t, seed, dsn, first)
	t.Cleanup(func() {
		for _, p := range s.workers {
			p.stop()
		}
		if t.Failed() {
			t.Logf("seed %d; the last of the log:\n%s", seed, strings.Join(last(lines(s.log.String()), 30), "\n"))
		}
	})
	for range workers {
		s.start()
	}
	choices := []string{"", "sections=month&reminder=60&duration=150&labels=nba&played=complete", "title=codes&sections=month&priority=2", "venue=home&played=complete"}
	for i, team := range teams {
		s.follow(team, choices[i%len(choices)])
	}
	s.play(steps, workers)
}

// simulationSeed decides what happens in simulated seasons.
var simulationSeed = flag.Uint64("season", 0, "the seed of simulated seasons; 0 is each test's own")

func last(all []string, n int) []string { return all[max(0, len(all)-n):] }

// Short and long versions differ in how often the league changes something.
func inventedSeason(t *testing.T, dsn string, workers int, seed uint64, every int, teams ...string) {
	t.Helper()
	steps := invented(rand.New(rand.NewPCG(seed, 1)), teams, "2026-08-20", "2027-04-10", every)
	simulate(t, seed, dsn, workers, embedded(), append(steps, allMove(teams, "2026-12-27")), teams...)
}

func TestTwoWorkersFollowASeasonWithNobodySignedIn(t *testing.T) {
	t.Parallel()
	inventedSeason(t, databasetest.Postgres(t), 2, cmp.Or(*simulationSeed, 2), 8, "BOS", "DEN")
}

func TestARecordedSeasonIsFollowedWithNobodySignedIn(t *testing.T) {
	t.Parallel()
	first, steps := played(t)
	simulate(t, cmp.Or(*simulationSeed, 3), "sqlite:"+filepath.Join(t.TempDir(), "tipoff.db"), 1, first, concerning(steps, "TOR"), "TOR")
}
