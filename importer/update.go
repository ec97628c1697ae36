package importer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// Errors of updates by themselves.
var (
	// ErrLookFirst means that so much would change at once, or in tasks of which it is not
	// known what was written, that the owner has to see it before.
	ErrLookFirst = errors.New("the owner has to look at the changes first")
	// ErrStale means that the import was brought up to date with a newer schedule than
	// this process has.
	ErrStale = errors.New("the schedule of this process is older than the import's")
	// ErrOver means that the schedule is a later season's, so nothing changes any more.
	ErrOver = errors.New("the season of the import is over")
)

// An update that changes title or date of more tasks than these, and of more than half
// of those that are open, is held.
const massChange = 10

// Facts stand for what decides whether an import of these teams has to be updated: who
// plays when, and what is postponed or may not be needed. Place and channels do not
// count. With played, the games that are over count as well.
func (im *Importer) Facts(teams []string, played bool) string {
	return facts(im.Season(), im.Now(), teams, played)
}

func facts(season *schedule.Season, now time.Time, teams []string, played bool) string {
	h := sha256.New()
	for _, g := range (schedule.Filter{Teams: teams, Types: everyType}).Games(season, now) {
		over := played && g.Ended(now)
		fmt.Fprintln(h, g.Day, g.Away.Code, g.Home.Code, g.Tip.Unix(), g.Postponed, g.IfNecessary, over)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// ClaimDue takes at most so many imports that are due. Each has to be given to
// [Importer.Update].
func (im *Importer) ClaimDue(ctx context.Context, most int) ([]*imports.Import, error) {
	return im.Rows.ClaimDue(ctx, im.name, im.Now().Add(im.Lease), most)
}

// Update brings an import up to date by itself. It asks for the project's tasks alone,
// and for more only where a task has to be made, or its section or reminder. The plan is
// the same as for a person, but nothing is made again that is gone. settle is told how it
// ended before the import is given back, and sets State, Due and Failures of its row.
func (im *Importer) Update(ctx context.Context, c *todoist.Client, row *imports.Import, settle func(*imports.Import, error)) (*Outcome, error) {
	unlock, err := im.lock(ctx, row.User)
	if err != nil {
		return nil, err
	}
	defer unlock()
	parts := []*Part{{Import: row}}
	defer im.hold(ctx, parts)()
	seen := im.Facts(row.Teams, row.Played)
	out, err := im.update(ctx, c, parts[0])
	if errors.Is(err, ErrGone) || errors.Is(err, ErrLost) {
		return out, err // there is nothing left to settle
	}
	row = parts[0].Import
	switch settle(row, err); {
	case err != nil && row.Due.IsZero():
		row.Facts = seen // it waits for its owner, or for another change
	case err == nil && row.Due.IsZero() && row.Facts != im.Facts(row.Teams, row.Played):
		row.Due = im.Now() // there has been one meanwhile
	}
	return out, cmp.Or(err, im.save(context.WithoutCancel(ctx), row, imports.Saving{}))
}

func (im *Importer) update(ctx context.Context, c *todoist.Client, part *Part) (*Outcome, error) {
	row, ok, err := im.Rows.Take(ctx, part.Import, im.name, im.Now().Add(im.Lease))
	switch {
	case err != nil:
		return nil, err
	case row == nil:
		return nil, ErrGone
	case !ok || !row.Auto || row.Due.IsZero():
		return nil, ErrLost // to another process, or to a button that was pressed since
	}
	part.Import = row
	if err := im.resume(ctx, c, row); err != nil {
		return nil, err
	}
	if im.Season().Label > row.Season {
		return nil, ErrOver
	}
	if im.Season().AsOf.Before(row.AsOf) || im.Season().Label != row.Season {
		return nil, ErrStale
	}
	opts, err := ParseOptions(valuesOf(row))
	if err != nil {
		return nil, err
	}
	part.Teams, part.opts = opts.Teams, opts
	plan, a, err := im.planAlone(ctx, c, part)
	if err != nil {
		return nil, err
	}
	if part.mass() || part.adopted && plan.Pending() > 0 {
		return nil, ErrLookFirst
	}
	var stopped error
	if plan.Stopped() && plan.Pending() > 0 {
		// What does not fit is not made; what is there is kept right all the same.
		stopped = &Stopped{plan}
		part.Changes = slices.DeleteFunc(part.Changes, func(c *Change) bool { return c.Kind == Add })
	}
	r := newRun(im, c, a, plan, func(Progress) {})
	r.auto = true
	err = cmp.Or(r.write(ctx, part), stopped)
	return r.outcome(err), err
}

// planAlone plans an update from the project's tasks and the row, or from all that a
// page reads where these do not tell enough.
func (im *Importer) planAlone(ctx context.Context, c *todoist.Client, part *Part) (*Plan, *account, error) {
	row := part.Import
	a := im.newAccount()
	a.tasksOnly = true
	a.projects[row.Project] = todoist.Project{ID: row.Project}
	if err := a.readProject(ctx, c, row.Project); err != nil {
		return nil, nil, err
	}
	part.Project = row.Project
	part.style = part.opts.style(part.Teams, row.Zone)
	a.diff(part)
	if len(part.ask) > 0 && a.holds(part) {
		if err := a.readTasks(ctx, c, part.ask); err != nil {
			return nil, nil, err
		}
		a.diff(part)
	}
	if a.holds(part) && !part.unknown {
		return &Plan{Parts: []*Part{part}, Options: part.opts, ID: row.ID, Season: a.season.Label, Zone: row.Zone}, a, nil
	}
	all, err := im.read(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	all.tasks, all.asked, all.listed, all.size = a.tasks, a.asked, a.listed, a.size
	plan, err := im.plan(ctx, c, all, row.ID, part.opts, []*Part{part})
	return plan, all, err
}

// holds reports whether any task of the part is in its project. Where none is, the
// project itself may be gone or archived.
func (a *account) holds(part *Part) bool {
	for _, t := range part.Import.Tasks {
		if t.ID != "" && a.tasks[t.ID] != nil && a.tasks[t.ID].Project == part.Project {
			return true
		}
	}
	return false
}

// mass reports whether the part's changes are too many to be made unseen.
func (p *Part) mass() bool {
	open, changed := 0, 0
	for _, c := range p.Changes {
		if c.Task == nil {
			continue
		}
		open++
		if c.writesAny(fieldTitle, fieldDue) {
			changed++
		}
	}
	return changed > massChange && 2*changed > open
}

// record is the entry of the import's history about a change, nil where the import is
// being made.
func (r *run) record(part *Part, c *Change) *imports.Change {
	if c.Kind == Add && part.Import.Checked.IsZero() {
		return nil
	}
	e := &imports.Change{At: r.account.now, Game: c.Game.ID, Title: strings.TrimPrefix(c.Title, postponedPrefix), What: imports.Details, Auto: r.auto}
	switch {
	case c.Kind == Add:
		e.What, e.Becomes = imports.Added, dateOf(c.want.due)
	case c.Kind == Postpone:
		e.What = imports.PutOff
	case c.Kind == Cancel:
		e.What = imports.NotNeeded
	case c.Kind == TickOff:
		e.What = imports.TickedOff
	case c.row.State == imports.Postponed && !c.Game.Postponed:
		e.What, e.Becomes = imports.Back, dateOf(c.want.due)
	case c.writesAny(fieldDue):
		e.What, e.Becomes = imports.Moved, dateOf(c.want.due)
	}
	if c.Task != nil && c.writesAny(fieldDue) {
		e.Was = dateOf(c.Task.Due)
	}
	return e
}

func dateOf(d *todoist.Due) string {
	if d == nil {
		return ""
	}
	return d.Date
}

// comment is what is written below a task that was moved, "" where nothing is to be said.
func comment(e *imports.Change, zone string) string {
	at := func(date string) string { return dateIn(date, zone) }
	switch {
	case e.What == imports.Moved && e.Was != "" && e.Becomes != "":
		return "The league moved this game from " + at(e.Was) + " to " + at(e.Becomes) + "."
	case e.What == imports.PutOff && e.Was != "":
		return "The league postponed this game. It was set for " + at(e.Was) + "."
	case e.What == imports.Back && e.Becomes != "":
		return "The league set a new date for this game: " + at(e.Becomes) + "."
	}
	return ""
}

// dateIn writes a date of Todoist's in a zone: "Sat 7 Nov, 15:30".
func dateIn(date, zone string) string {
	d := &todoist.Due{Date: date}
	at, timed := d.Instant()
	loc, err := time.LoadLocation(zone)
	if !timed || err != nil {
		day, err := time.Parse(time.DateOnly, strings.SplitN(date, "T", 2)[0])
		if err != nil {
			return date
		}
		return day.Format("Mon 2 Jan")
	}
	return at.In(loc).Format("Mon 2 Jan, 15:04")
}
