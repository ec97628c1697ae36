package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tipoff/imports"
	"tipoff/todoist"
)

// Progress is how far a run has come. Total is 0 while it reads.
type Progress struct {
	Done, Total int
	Message     string
}

// Changed is the error of a run that was not begun, because Todoist or the
// schedule changed since the plan was shown.
type Changed struct{ Plan *Plan }

func (*Changed) Error() string { return "the plan is not the one that was shown" }

// Stopped is the error of a run that was not begun, because the plan does not
// fit the account.
type Stopped struct{ Plan *Plan }

func (*Stopped) Error() string { return "the plan does not fit the account" }

// An Outcome is what a run did.
type Outcome struct {
	// Plan is the plan as it was when the run began, and Left what of it is still to do.
	Plan, Left *Plan
	Added      int
	Updated    int // tasks brought up to date, the postponed ones among them
	Unchanged  int
	Kept       int
	Failed     []Failure
	// Notices say what the run did without.
	Notices []string
	// Imports are the ids of the imports, in the order of the plan's parts.
	Imports []string
}

// A Failure is a game whose task was not written, with the reason as a sentence
// for people.
type Failure struct {
	Change *Change
	Reason string
}

// A run is a plan on its way.
type run struct {
	im       *Importer
	client   *todoist.Client
	account  *account
	plan     *Plan
	progress func(Progress)
	total    int
	done     map[*Change]bool
	refused  map[string]*todoist.Error // by import and game, or section
	notices  []string
	auto     bool // by itself, and not by a button
}

func newRun(im *Importer, c *todoist.Client, a *account, plan *Plan, progress func(Progress)) *run {
	return &run{im: im, client: c, account: a, plan: plan, progress: progress, total: plan.Pending(), done: map[*Change]bool{},
		refused: map[string]*todoist.Error{}}
}

// Run makes the plan again and carries it out. shown is the fingerprint of the plan that
// the person saw, or empty; a plan that writes more than that is not run but returned as
// a [Changed], and one that does not fit as a [Stopped].
//
// Runs of one user take turns within this process, and those of one import among all by
// its lease. A request that was cut off before is sent again first.
//
// The outcome is not nil once writing has begun. The error is what ended the run early.
func (im *Importer) Run(ctx context.Context, c *todoist.Client, user, id string, opts Options, shown string, progress func(Progress)) (*Outcome, error) {
	unlock, err := im.lock(ctx, user)
	if err != nil {
		return nil, err
	}
	defer unlock()
	progress(Progress{Message: "Reading your Todoist"})
	parts, id, err := im.parts(ctx, user, id, opts)
	if err != nil {
		return nil, err
	}
	defer im.hold(ctx, parts)()
	for _, part := range parts {
		if err := im.claim(ctx, part); err != nil {
			return nil, err
		}
		if err := im.resume(ctx, c, part.Import); err != nil {
			return nil, err
		}
	}
	a, err := im.read(ctx, c)
	if err != nil {
		return nil, err
	}
	plan, err := im.plan(ctx, c, a, id, opts, parts)
	if err != nil {
		return nil, err
	}
	adopts := slices.ContainsFunc(parts, func(p *Part) bool { return p.adopted })
	if (shown != "" || adopts) && !plan.within(shown) {
		return nil, &Changed{plan}
	}
	if plan.Stopped() && plan.Pending() > 0 {
		return nil, &Stopped{plan}
	}
	r := newRun(im, c, a, plan, progress)
	for _, part := range plan.Parts {
		if err = r.write(ctx, part); err != nil {
			break
		}
	}
	return r.outcome(err), err
}

// claim takes the lease of a part's import, and waits while another process has it.
func (im *Importer) claim(ctx context.Context, part *Part) error {
	wanted, teams, options, played := part.Import, part.Import.Teams, part.Import.Options, part.Import.Played
	for {
		row, ok, err := im.Rows.Claim(ctx, wanted, im.name, im.Now().Add(im.Lease))
		switch {
		case err != nil:
			return err
		case row == nil && wanted.Project != "":
			// Another import has the project by now.
			if row, err = im.Rows.InProject(ctx, wanted.User, wanted.Project); err != nil || row == nil {
				return cmp.Or(err, error(errBusy))
			}
			wanted, part.Import = row, row
			continue
		case row == nil:
			return Invalid{"import": "This import belongs to somebody else. Start a new one."}
		case ok:
			row.Teams, row.Options, row.Played = teams, options, played
			part.Import = row
			return nil
		}
		select {
		case <-time.After(im.Lease / 100):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errBusy = errors.New("the import is being made by another process")

// hold keeps the leases of imports until the returned function gives them back.
func (im *Importer) hold(ctx context.Context, parts []*Part) (release func()) {
	ctx = context.WithoutCancel(ctx)
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(im.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				// What fails shows when the next request is stored.
				_ = im.Rows.Renew(ctx, im.name, im.Now().Add(im.Lease))
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		im.release(ctx, parts)
	}
}

func (im *Importer) release(ctx context.Context, parts []*Part) {
	for _, part := range parts {
		if err := im.Rows.Release(ctx, part.Import, im.name); err != nil {
			im.Log.WarnContext(ctx, "the lease of an import is not given back", "error", err)
		}
	}
}

// save stores the import with what goes with it, and keeps the lease.
func (im *Importer) save(ctx context.Context, row *imports.Import, with imports.Saving) error {
	return im.Rows.Save(ctx, row, im.name, im.Now().Add(im.Lease), with)
}

// write carries out what a plan does with one import: the project and its sections
// first, then the tasks with real ids.
func (r *run) write(ctx context.Context, part *Part) error {
	if err := r.remember(ctx, part); err != nil {
		return err
	}
	pending := slices.DeleteFunc(slices.Clone(part.Changes), func(c *Change) bool { return !c.Pending() })
	if len(pending) == 0 {
		return r.finish(ctx, part)
	}
	s := &request{im: r.im, row: part.Import}
	r.structure(s, part, pending)
	if len(s.Commands) > 0 {
		if err := r.send(ctx, part, s, nil); err != nil {
			return err
		}
		if part.Import.Project == "" {
			return nil // refused, as the games will say
		}
	}
	order := 0
	for len(pending) > 0 {
		s := &request{im: r.im, row: part.Import}
		var sent []*Change
		for len(pending) > 0 {
			one := &request{im: r.im, row: part.Import}
			order++
			r.commands(one, part, pending[0], order)
			if len(s.Commands)+len(one.Commands) > todoist.MaxCommands {
				order--
				break
			}
			s.Commands, s.Effects = append(s.Commands, one.Commands...), append(s.Effects, one.Effects...)
			sent, pending = append(sent, pending[0]), pending[1:]
		}
		if len(s.Commands) == 0 {
			break // all that is left needs a section that could not be made
		}
		if err := r.send(ctx, part, s, sent); err != nil {
			return err
		}
		pending = append(r.shortened(part, sent), pending...)
	}
	return r.finish(ctx, part)
}

// shortened are those of the changes that Todoist refused for their duration, without
// it: some accounts have none though their limits say so.
func (r *run) shortened(part *Part, sent []*Change) (again []*Change) {
	for _, c := range sent {
		key := part.Import.ID + c.Game.ID
		if refused := r.refused[key]; refused != nil && refused.Argument == "duration" && !c.noDuration {
			c.noDuration = true
			again = append(again, c)
			delete(r.refused, key)
			r.notice("Your plan doesn’t include task durations, so we’ll skip them.")
		}
	}
	return again
}

// notice tells what the run did without, once.
func (r *run) notice(text string) {
	if !slices.Contains(r.notices, text) {
		r.notices = append(r.notices, text)
	}
}

// remember stores what the plan has found out without writing anything to Todoist: the
// options, games left out, tasks that are gone, values that agree by now.
func (r *run) remember(ctx context.Context, part *Part) error {
	row := part.Import
	row.Project, row.Zone = part.Project, r.plan.Zone
	for _, c := range part.Changes {
		if c.Kind == Add && c.LeftOut && c.row == nil {
			part.change(rowOf(&c.Game, "", imports.LeftOut, nil))
		}
	}
	if auto := part.opts.Auto == "on"; part.opts.Auto != "" && auto != row.Auto {
		if err := r.im.Rows.SetAuto(ctx, row.User, row.ID, auto); err != nil {
			return err
		}
		row.Auto = auto
	}
	var put []*imports.Task
	for _, t := range part.dirty {
		put = append(put, t)
		row.Tasks[t.Game] = t
	}
	return r.im.save(ctx, row, imports.Saving{Put: put, Drop: part.renamed})
}

// finish notes that all of the import is right, if it is.
func (r *run) finish(ctx context.Context, part *Part) error {
	if len(r.refused) > 0 {
		return nil
	}
	row := part.Import
	if r.account.season.AsOf.Before(row.AsOf) {
		return nil // it was not compared
	}
	row.Checked, row.AsOf = r.account.now, r.account.season.AsOf
	row.Facts = facts(r.account.season, r.account.now, row.Teams, row.Played)
	row.State, row.Due, row.Failures = "", time.Time{}, 0
	return r.im.save(ctx, part.Import, imports.Saving{})
}

// send stores a request, sends it, and stores what was done.
func (r *run) send(ctx context.Context, part *Part, s *request, changes []*Change) error {
	tell := func(message string) {
		r.progress(Progress{Done: len(r.done), Total: r.total, Message: message})
	}
	tell("Writing to " + part.Name)
	r.client.Waiting = func(d time.Duration) {
		tell(fmt.Sprintf("Todoist asks to wait %d seconds", int(d.Round(time.Second).Seconds())))
	}
	if err := s.store(ctx); err != nil {
		return err
	}
	answer, err := s.send(ctx, r.client)
	if err != nil {
		return err
	}
	r.note(part, answer, changes)
	tell("Writing to " + part.Name)
	return nil
}

// note takes over what became of a request.
func (r *run) note(part *Part, answer *answer, changes []*Change) {
	for name, id := range answer.sections {
		r.account.sections[id] = todoist.Section{ID: id, Name: name, Project: part.Import.Project}
	}
	for game, refusal := range answer.refused {
		r.refused[part.Import.ID+game] = refusal
	}
	for _, text := range answer.notices {
		r.notice(text)
	}
	for _, c := range changes {
		r.done[c] = answer.refused[c.Game.ID] == nil
	}
}

// resume sends the request again that was under way when an import was cut off.
func (im *Importer) resume(ctx context.Context, c *todoist.Client, row *imports.Import) error {
	if len(row.Sending) == 0 {
		return nil
	}
	s := &request{im: im, row: row, again: true}
	if err := json.Unmarshal(row.Sending, s); err != nil {
		return fmt.Errorf("read the request under way: %w", err)
	}
	_, err := s.send(ctx, c)
	return err
}

// outcome says what became of each change.
func (r *run) outcome(ended error) *Outcome {
	left := *r.plan
	o := &Outcome{Plan: r.plan, Left: &left, Notices: r.notices}
	left.Parts = nil
	for _, part := range r.plan.Parts {
		o.Imports = append(o.Imports, part.Import.ID)
		rest := *part
		rest.Project, rest.Changes = part.Import.Project, nil
		for _, c := range part.Changes {
			one := *c
			if r.done[c] {
				one.Kind, one.Fields, one.Title = Same, nil, c.want.title
			}
			rest.Changes = append(rest.Changes, &one)
		}
		left.Parts = append(left.Parts, &rest)
	}
	if refused := r.refused[r.plan.Parts[0].Import.ID]; refused != nil && refused.Tag == todoist.TagProjectLimit && len(r.plan.Parts) == 1 {
		left.offerInbox()
	}
	for _, c := range r.plan.Changes() {
		switch {
		case c.Pending() && !r.done[c]:
			o.Failed = append(o.Failed, Failure{c, r.reason(c, ended)})
		case c.Kind == Add && !c.LeftOut:
			o.Added++
		case c.Pending():
			o.Updated++
		case c.Kind == Keep:
			o.Kept++
		case c.Kind == Same:
			o.Unchanged++
		}
	}
	return o
}

// reason says why a change was not written.
func (r *run) reason(c *Change, ended error) string {
	for _, key := range []string{c.part.Import.ID + c.Game.ID, c.part.Import.ID} {
		if refused := r.refused[key]; refused != nil {
			return Explain(refused)
		}
	}
	return Explain(ended)
}

// Explain says in a sentence for people why something at Todoist did not work.
func Explain(err error) string {
	e, ok := errors.AsType[*todoist.Error](err)
	switch {
	case !ok && errors.Is(err, context.Canceled):
		return "Tipoff was stopped before this was written."
	case errors.Is(err, ErrUnavailable):
		return "Tipoff’s database can’t save anything at the moment."
	case !ok && !todoist.Doubtful(err):
		return "Your sign-in has ended, or could not be looked up. Sign in again."
	case !ok:
		return "Todoist could not be reached, or its answer could not be read."
	case e.Tag == todoist.TagProjectLimit:
		return "Your Todoist plan has no room for another project."
	case e.Tag == todoist.TagTaskLimit:
		return "The project is full: your Todoist plan allows no more tasks in it."
	case e.Tag == todoist.TagSectionLimit:
		return "The project has no room for more sections."
	case e.PlanLimit():
		return "Your Todoist plan does not allow this."
	case e.Tag == todoist.TagScope:
		return "Todoist says that Tipoff may not do this. Sign out and in again to allow it."
	case e.Status == http.StatusTooManyRequests:
		return "Todoist asks for a pause: too many requests in a short time."
	case e.Status == http.StatusNotFound:
		return "It is not in your Todoist any more."
	case e.Status == http.StatusUnauthorized:
		return "Todoist no longer lets Tipoff in. Sign in again."
	case e.Status >= 500:
		return "Todoist is having problems at the moment."
	}
	return "Todoist refused it."
}

// Retry is how long to wait before pressing the button again, or 0.
func Retry(err error) time.Duration {
	if e, ok := errors.AsType[*todoist.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Values writes a field's old and new value for people; due writes when a task
// is due.
func (f FieldChange) Values(due func(*todoist.Due) string) (old, new string) {
	write := func(t *task) string {
		switch f.Field {
		case fieldDue:
			if t.due == nil {
				return "no date"
			}
			return due(t.due)
		case fieldPriority:
			return fmt.Sprintf("p%d", 5-t.priority)
		case fieldDuration:
			if t.duration == 0 {
				return "none"
			}
			return fmt.Sprintf("%d minutes", t.duration)
		case fieldReminder:
			if t.reminder == NoReminder {
				return "none"
			}
			return fmt.Sprintf("%d minutes before", t.reminder)
		}
		return cmp.Or(strings.TrimSpace(t.value(f.Field)), "none")
	}
	return write(&f.Old), write(&f.New)
}

// Makes are the fields of the task that an addition makes, but for those that are empty
// and the title and the time, which the change has itself.
func (c *Change) Makes() (all []FieldChange) {
	for _, f := range []field{fieldText, fieldLabels, fieldPriority, fieldDuration, fieldReminder, fieldSection} {
		if plain := (task{priority: 1, reminder: NoReminder}); c.want.value(f) != plain.value(f) {
			all = append(all, FieldChange{Field: f, New: c.want})
		}
	}
	return all
}

// Name is the field's name for people.
func (f FieldChange) Name() string {
	return [fields]string{"Title", "When", "Time zone", "Description", "Priority", "Labels", "Duration", "Section", "Reminder"}[f.Field]
}
