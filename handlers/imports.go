package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
	"tipoff/session"
	"tipoff/todoist"
)

// importTimeout bounds one import, all its waits included.
const importTimeout = 10 * time.Minute

// showImport shows options and the plan they make.
func (s *server) showImport(w http.ResponseWriter, r *http.Request) error {
	c, user, err := s.client(r)
	if err != nil {
		return err
	}
	if len(r.URL.Query()) == 0 {
		return s.redirect(w, r, "/") // to pick a team
	}
	opts, err := importer.ParseOptions(r.URL.Query())
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, user, r.URL.Query(), invalid)
	}
	s.Sessions.Put(r.Context(), teamKey, opts.Teams[0])
	plan, err := s.Importer.Plan(r.Context(), c, opts)
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, user, r.URL.Query(), invalid)
	}
	if err != nil {
		return err
	}
	return s.showPlan(w, r, user, http.StatusOK, plan, s.leftImport(user.ID), false)
}

// showPlan shows the import page of a plan.
func (s *server) showPlan(w http.ResponseWriter, r *http.Request, user session.User, status int, plan *importer.Plan, flash *notice, again bool) error {
	page := s.importPage(w, r, user, formOf(plan.Options))
	page.Flash = flash
	page.Plan = s.planView(r, plan)
	page.Plan.Again = again
	if page.Plan.Nothing() && len(plan.Parts) == 1 && plan.Parts[0].Project != "" {
		page.Plan.OpenURL = s.openURL(user, plan.Parts[0].Project)
	}
	page.Target = "A new project"
	if len(plan.Parts) > 1 {
		page.Target = "A project for each team"
	} else if plan.Options.Target == importer.TargetNew && plan.Parts[0].Project != "" {
		page.Target = "“" + plan.Parts[0].Name + "”, as before"
	}
	page.DefaultName = importer.ProjectName(plan.Options.Teams, plan.Season)
	for _, p := range plan.Projects {
		page.Projects = append(page.Projects, choice{p.ID, p.Name})
		if p.ID == plan.Options.Target {
			page.Target = p.Name
		}
	}
	page.Reminders = plan.Limits.Reminders == nil || *plan.Limits.Reminders
	page.Durations = plan.Limits.Durations != nil && *plan.Limits.Durations
	page.Calendars = plan.Limits.Calendar != nil && *plan.Limits.Calendar
	page.Zone = zoneWords(s.planReader(r, plan).Zone.String())
	page.EachZone = len(plan.Parts) > 1 && plan.Options.Timezone == importer.ZoneTeam
	if j := s.runs.of(user.ID); j != nil {
		at, _, _ := j.look()
		page.Running = &runningView{Done: at.Done, Total: at.Total, Message: at.Message, Here: j.about == aboutOf(plan.Options)}
	}
	return s.pages.render(w, r, status, page)
}

// showMistakes shows the form as it was filled in, with what is wrong in it.
func (s *server) showMistakes(w http.ResponseWriter, r *http.Request, user session.User, typed url.Values, invalid importer.Invalid) error {
	opts, _ := importer.ParseOptions(nil)
	f := formOf(opts)
	for field, values := range typed {
		f.Values[field] = values
	}
	f.Errors = invalid
	page := s.importPage(w, r, user, f)
	page.Target = "A new project"
	if target := f.Get("target"); target != importer.TargetNew && target != importer.TargetEach {
		// What it is called is not known without asking Todoist.
		page.Projects = []choice{{target, "The project chosen before"}}
		page.Target = page.Projects[0].Label
	}
	page.Reminders, page.Durations, page.Calendars = true, true, true
	return s.pages.render(w, r, http.StatusUnprocessableEntity, page)
}

// importPage fills in what depends on the form alone.
func (s *server) importPage(w http.ResponseWriter, r *http.Request, user session.User, f form) importPage {
	page := importPage{layout: s.private(w, r, "Import", "teams"), Form: f}
	for _, t := range schedule.Teams() {
		page.AllTeams = append(page.AllTeams, choice{t.Code, t.FullName()})
	}
	opponents := map[string]bool{}
	teamZone := ""
	for _, code := range f.Values["team"] {
		t, ok := schedule.TeamByCode(code)
		if !ok {
			continue
		}
		page.Teams = append(page.Teams, cardOf(t))
		teamZone = "Where the " + t.Name + " play: " + zoneWords(t.Zone)
		for _, g := range s.Schedule.Season().For(t.Code) {
			opponents[g.Opponent(t.Code).Code] = true
		}
	}
	if len(page.Teams) > 1 {
		teamZone = ""
		if f.Get("target") == importer.TargetEach {
			teamZone = "Where each team plays"
		}
	}
	if code := page.Code(); code != "" {
		page.layout.Title = "Import the " + page.Teams[0].Name
		page.theme(s.themes[code])
	}
	page.Zones = zoneFieldOf(f, "Yours in Todoist: "+zoneWords(s.reader(r).Zone.String()), teamZone)
	for _, c := range page.AllTeams {
		if opponents[c.Value] {
			page.Opponents = append(page.Opponents, c)
		}
	}
	return page
}

// formOf fills in every field of the options' form.
func formOf(o importer.Options) form {
	pick := func(yes bool, a, b string) []string {
		if yes {
			return []string{a}
		}
		return []string{b}
	}
	v := url.Values{
		"team": o.Teams, "opponent": o.Opponents,
		"games": pick(o.Upcoming, "upcoming", "all"), "venue": pick(o.Venue == "", "all", o.Venue),
		"tv": pick(o.National, "national", "any"), "from": {string(o.From)}, "to": {string(o.To)},
		"title": {o.Title}, "timezone": {o.Timezone},
		"labels": {strings.Join(o.Labels, ", ")}, "priority": {strconv.Itoa(o.Priority)},
		"duration": {strconv.Itoa(o.Duration)}, "reminder": pick(o.Reminder == importer.NoReminder, "none", strconv.Itoa(o.Reminder)),
		"tbd": pick(o.SkipTBD, "skip", "allday"), "target": {o.Target}, "name": {o.Name},
		"view": {o.View}, "sections": pick(o.Months, "month", "none"),
	}
	types := o.Types
	if len(types) == 0 {
		types = []schedule.Type{schedule.Regular, schedule.Cup, schedule.PlayIn, schedule.Playoffs}
	}
	for _, t := range types {
		v.Add("type", string(t))
	}
	for _, ref := range o.Skip {
		v.Add("skip", ref.ID)
	}
	return form{Values: v}
}

// planPath is the path of the plan with these options. Games left out are named by
// their ids alone, since addresses had better be short.
func planPath(o importer.Options) string {
	o.Skip = slices.Clone(o.Skip)
	for i, ref := range o.Skip {
		o.Skip[i] = importer.Ref{ID: ref.ID}
	}
	return "/import?" + o.Values().Encode()
}

// planView is a plan as the pages show it.
func (s *server) planView(r *http.Request, plan *importer.Plan) *planView {
	rd := s.planReader(r, plan)
	v := &planView{Fingerprint: plan.Fingerprint(), Options: plan.Options.Values()}
	v.Options.Del("skip")
	for _, ref := range plan.Options.Skip {
		v.Options.Add("skip", ref.ID)
	}
	names := []string{}
	for _, part := range plan.Parts {
		names = append(names, part.Name)
		if part.Project == "" {
			v.New++
		}
	}
	v.Targets, v.Project = len(names), strings.Join(names, "”, “")
	for _, n := range plan.Notices {
		kind := "warn"
		if n.Stop {
			kind = "stop"
		}
		v.Notices = append(v.Notices, notice{Kind: kind, Text: n.Text})
	}
	v.Offers = offersOf(plan, rd)
	for _, c := range plan.Changes() {
		row := rowOf(c, rd)
		switch c.Kind {
		case importer.Add:
			v.Added = append(v.Added, row)
		case importer.Update:
			v.Changed = append(v.Changed, row)
		case importer.Postpone:
			v.Postponed = append(v.Postponed, row)
		case importer.Keep:
			v.Kept = append(v.Kept, row)
		default:
			v.Unchanged = append(v.Unchanged, row)
		}
	}
	if len(plan.Parts) > 1 {
		for _, rows := range [][]planRow{v.Added, v.Changed, v.Postponed, v.Kept, v.Unchanged} {
			slices.SortStableFunc(rows, func(a, b planRow) int {
				return cmp.Or(strings.Compare(a.When.Date, b.When.Date), strings.Compare(a.When.ISO, b.When.ISO))
			})
		}
	}
	v.gather()
	return v
}

// offersOf are a plan's offers as the pages show them.
func offersOf(plan *importer.Plan, rd reader) (all []offer) {
	for _, o := range plan.Offers {
		text := o.Text
		if to := string(o.Options.To); to != "" {
			text = strings.ReplaceAll(text, to, rd.momentOfDay(to).Day)
		}
		all = append(all, offer{text, planPath(o.Options), o.Tasks})
	}
	return all
}

// planReader reads times in the zone of the plan's tasks, or in the account's
// where they have several.
func (s *server) planReader(r *http.Request, plan *importer.Plan) reader {
	rd := s.reader(r)
	if len(plan.Parts) > 1 && plan.Options.Timezone == importer.ZoneTeam {
		return rd
	}
	if zone, err := time.LoadLocation(plan.Zone); err == nil && plan.Zone != "" {
		rd.Zone = zone
	}
	return rd
}

// rowOf is a change as the pages show it.
func rowOf(c *importer.Change, rd reader) planRow {
	row := planRow{ID: c.Game.ID, When: whenOf(&c.Game, rd), Title: c.Title, Label: labelOf(&c.Game), Postponed: c.Game.Postponed, LeftOut: c.LeftOut}
	due := func(d *todoist.Due) string {
		if at, ok := d.Instant(); ok {
			m := rd.momentOf(at)
			return m.Day + ", " + m.Clock
		}
		return rd.momentOfDay(string(importer.Day(d))).Day
	}
	write := func(fields []importer.FieldChange) []change {
		var all []change
		for _, f := range fields {
			old, new := f.Values(due)
			// A task gets and loses its zone with its time, which is said.
			if f.Name() == "Time zone" && (old == "none" || new == "none") {
				continue
			}
			lines := strings.NewReplacer("\n", " · ")
			all = append(all, change{f.Name(), lines.Replace(old), lines.Replace(new)})
		}
		return all
	}
	switch {
	case len(c.Kept) > 0 && c.Kind == importer.Keep:
		row.Changes, row.Kept = write(c.Kept), true
		row.Note = "You edited this task, so it stays as you have it."
	case len(c.Kept) > 0:
		row.Changes = write(c.Fields)
		row.Note = "What you edited yourself stays."
	case c.Kind == importer.Keep:
		row.Note = "A task of yours has this title and day, so none is added."
	case c.Kind == importer.Completed:
		row.Note = "You completed this task."
	default:
		row.Changes = write(c.Fields)
	}
	return row
}

// runImport carries an import out. With Accept: text/event-stream the answer is
// its progress, otherwise a redirect to the project.
//
// The import runs within this request. Once it has begun it goes on when the
// visitor leaves; whoever stops the program waits for the request.
func (s *server) runImport(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	opts, err := importer.ParseOptions(r.PostForm)
	if err == nil && r.PostForm.Has("preview") {
		return s.redirect(w, r, planPath(opts)) // the button of browsers without scripts
	}
	c, user, denied := s.client(r)
	if errors.Is(denied, session.ErrSignedOut) && err == nil {
		return &problem{Status: http.StatusUnauthorized, Heading: "You are not signed in",
			Text:   "Your session has ended, so nothing was written.",
			Advice: "Sign in again, and this plan is back with everything you chose.",
			Link:   "/sign-in?" + url.Values{"next": {planPath(opts)}}.Encode(), LinkText: "Sign in", Cause: denied}
	}
	if denied != nil {
		return denied
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return s.showMistakes(w, r, user, r.PostForm, invalid)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), importTimeout)
	defer cancel()
	st := newStream(w, r)
	if strings.Contains(r.Header.Get("Accept"), eventStream) {
		defer st.keepAlive()()
	} else {
		st.off = true
	}
	j := s.runs.begin(user.ID, aboutOf(opts))
	// It is over before anybody is told so: the page about its end is not one
	// about an import under way.
	st.ended = func(result any) {
		s.runs.end(user.ID, j, result)
		if r.Context().Err() != nil {
			s.runs.keep(user.ID, ending{result, planPath(opts), s.Now()})
		}
	}
	defer func() {
		if st.last == nil {
			st.ended(nil)
		}
	}()
	began := time.Now()
	out, err := s.Importer.Run(ctx, c, user.ID, opts, r.PostForm.Get("plan"), func(p importer.Progress) {
		if p.Total > 0 {
			j.progress(p)
			st.progress(p)
		}
	})
	s.logImport(ctx, user, opts, out, err, time.Since(began))
	s.Metrics.imported(out, err)

	if changed, ok := errors.AsType[*importer.Changed](err); ok {
		flash := &notice{Kind: "warn", Text: "Your Todoist or the schedule changed since this page was shown, so nothing was written yet. This is the plan as it is now."}
		return st.instead(func() error { return s.showPlan(w, r, user, http.StatusConflict, changed.Plan, flash, false) },
			failure{Message: flash.Text + " Reload the page to see it."})
	}
	if stopped, ok := errors.AsType[*importer.Stopped](err); ok {
		return st.instead(func() error { return s.showPlan(w, r, user, http.StatusConflict, stopped.Plan, nil, false) },
			failure{Message: "This does not fit your Todoist plan. Reload the page to see why."})
	}
	if invalid, ok := errors.AsType[importer.Invalid](err); ok {
		return st.instead(func() error { return s.showMistakes(w, r, user, r.PostForm, invalid) },
			failure{Message: s.problemOf(invalid).Text})
	}
	if err == nil && len(out.Failed) == 0 {
		done := outcome{Added: out.Added, Updated: out.Updated, Unchanged: out.Unchanged, Kept: out.Kept, Notices: out.Notices}
		path := pathAfter(out)
		if len(out.Notices) > 0 {
			s.Sessions.Put(r.Context(), noticesKey, strings.Join(out.Notices, "\n"))
		}
		return st.instead(func() error {
			s.Sessions.Put(r.Context(), doneKey, path+"?"+done.values().Encode())
			return s.redirect(w, r, path)
		}, finished{Location: s.base + path + "?" + done.values().Encode(), outcome: done})
	}
	if out == nil {
		p := *s.problemOf(err)
		f := failure{Message: p.Heading + ". " + p.Text + " " + p.Advice, RetryAfter: retryIn(err)}
		if p.Status == http.StatusUnauthorized {
			p.Link = backTo(p.Link, planPath(opts))
			f.SignIn = s.base + p.Link
		}
		return st.instead(func() error { return &p }, f)
	}
	return s.importFailed(w, r, st, user, out, err)
}

// importFailed says what is missing after an import that did not finish, game
// by game.
func (s *server) importFailed(w http.ResponseWriter, r *http.Request, st *stream, user session.User, out *importer.Outcome, err error) error {
	rd := s.planReader(r, out.Plan)
	reasons := []string{}
	f := failure{RetryAfter: retryIn(err), Done: out.Added + out.Updated}
	f.Total = f.Done + len(out.Failed)
	for _, failed := range out.Failed {
		if !slices.Contains(reasons, failed.Reason) {
			reasons = append(reasons, failed.Reason)
		}
		row := rowOf(failed.Change, rd)
		f.Failed = append(f.Failed, failedGame{Title: row.Title, Day: row.When.Day, Reason: failed.Reason})
	}
	for _, o := range offersOf(out.Left, rd) {
		o.Link = s.base + o.Link
		f.Offers = append(f.Offers, o)
	}
	status := http.StatusBadGateway
	if err != nil {
		status = s.problemOf(err).Status
		if len(out.Failed) == 0 {
			reasons = append(reasons, importer.Explain(err))
		}
	}
	told := notice{Kind: "stop"}
	advice := "Press the button again to go on: only what is missing is written, and nothing is made twice."
	if wait := retry(err); wait > 0 {
		advice = waitSentence(wait) + " Only what is missing is written then, and nothing is made twice."
	}
	if status == http.StatusUnauthorized {
		advice = "Press the button again once you are signed in: what is written stays, and only what is missing is added."
		told.Link, told.LinkText = backTo(signInAgain, planPath(out.Plan.Options)), "Sign in again"
		f.SignIn = s.base + told.Link
	}
	state := fmt.Sprintf("%s of %s are written.", thousands(f.Done), plural(f.Total, "task"))
	if f.Done == 0 {
		state = "Nothing was written."
	}
	f.Message = strings.Join(append(append([]string{state}, reasons...), advice), " ")
	if wait := retry(err); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryIn(err)))
	}
	told.Text = f.Message + " What is missing is below."
	return st.instead(func() error {
		return s.showPlan(w, r, user, status, out.Left, &told, true)
	}, f)
}

// What a session keeps until the page that an import leads to has shown it: that
// page's path with the counts, and what was done without.
//
// A streamed import cannot set the cookie that some session stores need, so its
// counts are in the address it leads to, from where a script takes them away.
const (
	doneKey    = "done"
	noticesKey = "notices"
)

// pathAfter is the path of the page to go to: the project, or the list of
// projects where there are several.
func pathAfter(out *importer.Outcome) string {
	if len(out.Projects) == 1 && out.Projects[0] != "" {
		return "/projects/" + out.Projects[0]
	}
	return "/projects"
}

// justDone is what an import just did that led to this page, nil if there is
// nothing.
func (s *server) justDone(r *http.Request, user session.User) *outcome {
	values := r.URL.Query()
	if !values.Has("added") {
		path, counts, _ := strings.Cut(s.Sessions.Get(r.Context(), doneKey), "?")
		kept, err := url.ParseQuery(counts)
		if err != nil || path != r.URL.Path {
			return nil
		}
		s.Sessions.Pop(r.Context(), doneKey)
		values = kept
	}
	count := func(name string) int {
		n, err := strconv.Atoi(values.Get(name))
		if err != nil || n < 0 || n > 99999 {
			return 0
		}
		return n
	}
	o := &outcome{Added: count("added"), Updated: count("updated"), Unchanged: count("unchanged"), Kept: count("kept")}
	if notices := s.Sessions.Pop(r.Context(), noticesKey); notices != "" {
		o.Notices = strings.Split(notices, "\n")
	}
	// Who came back to an import in time is here at its end.
	if e := s.runs.ending(user.ID, s.Now()); e != nil {
		if done, ok := e.result.(finished); ok {
			o.Notices = append(o.Notices, done.Notices...)
		}
	}
	return o
}

func (s *server) logImport(ctx context.Context, user session.User, opts importer.Options, out *importer.Outcome, err error, took time.Duration) {
	attrs := []any{"user", user.ID, "teams", len(opts.Teams), "took", took.Round(time.Millisecond)}
	if out != nil {
		attrs = append(attrs, "added", out.Added, "updated", out.Updated, "unchanged", out.Unchanged, "kept", out.Kept, "failed", len(out.Failed))
	}
	switch {
	case err != nil:
		s.Log.WarnContext(ctx, "import not finished", append(attrs, "error", err)...)
	case len(out.Failed) > 0:
		s.Log.WarnContext(ctx, "import not finished", append(attrs, "reason", out.Failed[0].Reason)...)
	default:
		s.Log.InfoContext(ctx, "import finished", attrs...)
	}
}

// The data of the events of a streamed import, besides [importer.Progress].
type (
	finished struct {
		Location string `json:"location"`
		outcome
		Failed int `json:"failed"`
	}
	failure struct {
		Message    string       `json:"message"`
		RetryAfter int          `json:"retryAfter"`
		Done       int          `json:"done"`
		Total      int          `json:"total"`
		Failed     []failedGame `json:"failed,omitempty"`
		// Offers are what would fit where the account has no room.
		Offers []offer `json:"offers,omitempty"`
		// SignIn is the address to sign in at again, where that is what helps.
		SignIn string `json:"signIn,omitempty"`
	}
	failedGame struct {
		Title  string `json:"title"`
		Day    string `json:"day"`
		Reason string `json:"reason"`
	}
)

// A stream tells a browser how an import comes along. Until the first event it
// can still be answered with a page.
type stream struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	off     bool
	// last is the data of the last event, whether it was sent or not.
	last any
	// ended, when set, is told of last before anybody else is.
	ended func(last any)

	mu    sync.Mutex
	begun bool
}

const eventStream = "text/event-stream"

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, r: r, control: http.NewResponseController(w)}
}

// progress sends where an import stands.
func (st *stream) progress(p importer.Progress) {
	if !st.off {
		st.send("progress", map[string]any{"done": p.Done, "total": p.Total, "message": p.Message})
	}
}

// instead ends the import's answer: with a page where none has begun, otherwise
// with a last event.
func (st *stream) instead(page func() error, last any) error {
	st.last = last
	if st.ended != nil {
		st.ended(last)
	}
	st.mu.Lock()
	begun := st.begun
	done, isDone := last.(finished)
	st.mu.Unlock()
	if st.off || !begun && !isDone {
		return page()
	}
	if isDone {
		st.send("done", done)
	} else {
		st.send("failed", last)
	}
	return nil
}

// send writes one event. A visitor who has gone is no error: the import goes
// on without.
func (st *stream) send(event string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		return // the data are our own
	}
	st.write("event: " + event + "\ndata: " + string(body) + "\n\n")
}

func (st *stream) write(text string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.r.Context().Err() != nil {
		return
	}
	if !st.begun {
		st.begun = true
		h := st.w.Header()
		h.Set("Content-Type", eventStream)
		h.Set("Cache-Control", "no-store")
		// nginx would hold the events back otherwise.
		h.Set("X-Accel-Buffering", "no")
	}
	// Each event has its own time to be sent; the server's would end the
	// stream with the first.
	_ = st.control.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := st.w.Write([]byte(text)); err == nil {
		_ = st.control.Flush()
	}
}

// keepAlive sends a comment every 15 seconds after the first event, so that no
// proxy takes the connection for dead, until the returned function is called.
func (st *stream) keepAlive() (stop func()) {
	ticker := time.NewTicker(15 * time.Second)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-ticker.C:
				st.mu.Lock()
				begun := st.begun
				st.mu.Unlock()
				if begun {
					st.write(": still here\n\n")
				}
			case <-done:
				return
			}
		}
	})
	return func() { ticker.Stop(); close(done); ended.Wait() }
}
