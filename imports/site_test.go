package imports

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"tipoff/database"
	"tipoff/database/databasetest"
)

// lease is how long tests take leases for.
const lease = 15 * time.Second

// start is when the clock of each test starts.
var start = time.Date(2026, 10, 20, 23, 30, 0, 0, time.UTC)

// A site is a store with a database and a clock of the test's own.
type site struct {
	*Store
	t   *testing.T
	dsn string
	db  *database.DB
	now time.Time
}

// each runs a test with each kind of database.
func each(t *testing.T, test func(t *testing.T, s *site)) {
	for _, kind := range []struct {
		name string
		dsn  func(testing.TB) string
	}{{"sqlite", databasetest.SQLite}, {"postgres", databasetest.Postgres}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, newSite(t, kind.dsn(t)))
		})
	}
}

func newSite(t *testing.T, dsn string) *site {
	t.Helper()
	db, err := database.Open(t.Context(), dsn, database.WithLimit(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &site{t: t, dsn: dsn, db: db, now: start}
	s.Store = New(db, func() time.Time { return s.now })
	return s
}

// claim takes the lease for holder, as far as it can be had.
func (s *site) claim(im *Import, holder string) (*Import, bool) {
	s.t.Helper()
	row, taken, err := s.Claim(s.t.Context(), im, holder, s.now.Add(lease))
	if err != nil {
		s.t.Fatalf("Claim: %v", err)
	}
	return row, taken
}

func (s *site) wantTaken(im *Import, holder string, want bool) {
	s.t.Helper()
	if row, taken := s.claim(im, holder); taken != want || row == nil {
		s.t.Errorf("%s claims %s: %v, %v; want %v", holder, im.ID, row, taken, want)
	}
}

// save stores an import with all its tasks as holder, who has the lease.
func (s *site) save(im *Import, holder string) {
	s.t.Helper()
	var put []*Task
	for _, t := range im.Tasks {
		put = append(put, t)
	}
	s.must(s.Save(s.t.Context(), im, holder, s.now.Add(lease), Saving{Put: put}))
}

// store makes an import with its tasks, whose lease nobody holds.
func (s *site) store(im *Import) *Import {
	s.t.Helper()
	s.wantTaken(im, "maker", true)
	s.save(im, "maker")
	s.must(s.Release(s.t.Context(), im, "maker"))
	return im
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) get(user, id string) *Import {
	s.t.Helper()
	im, err := s.Get(s.t.Context(), user, id)
	s.must(err)
	return im
}

func (s *site) want(im *Import) {
	s.t.Helper()
	s.wantSame("Get", s.get(im.User, im.ID), im)
}

func (s *site) wantSame(what string, got, want *Import) {
	s.t.Helper()
	if got == nil {
		s.t.Errorf("%s: no import, want %s", what, want.ID)
		return
	}
	if len(got.Sending) == 0 && len(want.Sending) == 0 {
		got.Sending = want.Sending
	}
	if !reflect.DeepEqual(got, want) {
		s.t.Errorf("%s:\n%s\nwant\n%s", what, written(got), written(want))
	}
}

func written(im *Import) string {
	text := fmt.Sprintf("%+v", *im)
	for _, t := range im.Tasks {
		text += fmt.Sprintf("\n  %+v", *t)
	}
	return text
}

// count counts the rows of a table.
func (s *site) count(table string) (n int) {
	s.t.Helper()
	s.must(s.db.QueryRow(s.t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

func (s *site) exec(statement string) {
	s.t.Helper()
	_, err := s.db.Exec(s.t.Context(), statement)
	s.must(err)
}

// full is an import that uses all its fields.
func full(user, id, project string) *Import {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	im := &Import{
		ID: id, User: user, League: "nba", Season: "2026-27", Teams: []string{"BOS", "NYK"}, Project: project, Created: true,
		Options: "name=Caf%C3%A9+🏀&team=BOS&team=NYK", Sections: []string{"s1", "s2", "s3"}, Request: 7, Sending: every,
		State: "look first", Begun: start, Checked: start.Add(time.Hour), Tasks: map[string]*Task{},
	}
	for _, t := range []Task{
		{Game: "0022600001", Home: "NYK", Away: "BOS", Day: "2026-10-20", ID: "t1", State: There, Wrote: []string{"a-_9", "", "c"}},
		{Game: "0022600002", Home: "BOS", Away: "LAL", Day: "2026-10-22", ID: "t2", State: Postponed, Wrote: []string{"", "b", ""}},
		{Game: "0022600003", Home: "MIA", Away: "BOS", Day: "2026-10-24", ID: "t3", State: Done, Wrote: []string{"a"}},
		{Game: "0022600004", Home: "BOS", Away: "CHI", Day: "2026-10-26", ID: "t4", State: Deleted},
		{Game: "0022600005", Home: "UTA", Away: "NYK", Day: "2026-10-28", State: LeftOut},
	} {
		im.Tasks[t.Game] = &t
	}
	return im
}

// fresh is an import that nothing was done for.
func fresh(user, id string) *Import {
	return &Import{ID: id, User: user, League: "nba", Season: "2026-27", Teams: []string{"BOS"}, Options: "team=BOS", Begun: start, Tasks: map[string]*Task{}}
}
