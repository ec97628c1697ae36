package fake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxCommands is how many commands one sync request may carry.
	maxCommands = 100

	// maxUUIDs is how many commands of an account are remembered.
	maxUUIDs = 10_000
)

// resourceTypes are those that a sync request may name beside "all".
func resourceTypes() []string {
	return []string{
		"labels", "projects", "items", "notes", "project_notes", "sections", "filters", "reminders",
		"reminders_location", "locations", "user", "live_notifications", "collaborators", "collaborator_states",
		"user_settings", "notification_settings", "user_plan_limits", "completed_info", "stats", "workspaces",
		"workspace_users", "workspace_filters", "view_options", "project_view_options_defaults", "role_actions",
		"folders", "day_orders", "calendars", "calendar_accounts", "suggestions", "tooltips",
	}
}

// A command of a sync request. TempID is nil where there is none.
type command struct {
	Type   string                     `json:"type"`
	UUID   string                     `json:"uuid"`
	TempID *string                    `json:"temp_id"`
	Args   map[string]json.RawMessage `json:"args"`
}

// A syncRequest is the body of a sync request; token is "*" for everything.
type syncRequest struct {
	token     string
	resources []string // names, without "all" and exclusions
	commands  []command
}

// readSync reads the body of a sync request, a form or JSON, for the log and
// for the handler.
func (c *call) readSync() {
	c.sync, c.bad = parseSync(c)
	for _, cmd := range c.sync.commands {
		c.log.Commands = append(c.log.Commands, cmd.Type)
	}
	c.log.ResourceTypes = c.sync.resources
	c.log.FullSync = c.sync.token == "*" && len(c.sync.resources) > 0
}

func parseSync(c *call) (syncRequest, *Error) {
	if c.big {
		return syncRequest{}, tooLarge()
	}
	var raw struct {
		SyncToken     json.RawMessage `json:"sync_token"`
		ResourceTypes json.RawMessage `json:"resource_types"`
		Commands      json.RawMessage `json:"commands"`
	}
	req := syncRequest{token: "*"}
	if c.isJSON() {
		if err := json.Unmarshal(c.body, &raw); err != nil {
			return syncRequest{}, badRequest("Invalid JSON")
		}
		if given(raw.SyncToken) && json.Unmarshal(raw.SyncToken, &req.token) != nil {
			return syncRequest{}, invalidArgument("sync_token", "string", "")
		}
	} else {
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return syncRequest{}, badRequest("Invalid form")
		}
		raw.ResourceTypes, raw.Commands = json.RawMessage(form.Get("resource_types")), json.RawMessage(form.Get("commands"))
		if t := form.Get("sync_token"); t != "" {
			req.token = t
		}
	}
	if given(raw.ResourceTypes) {
		var names []string
		if json.Unmarshal(raw.ResourceTypes, &names) != nil {
			return syncRequest{}, invalidArgument("resource_types", "array of strings", "")
		}
		wanted, e := wantedResources(names)
		if e != nil {
			return syncRequest{}, e
		}
		req.resources = wanted
	}
	if given(raw.Commands) {
		if err := json.Unmarshal(raw.Commands, &req.commands); err != nil {
			req.commands = nil
			return req, invalidArgument("commands", "array of commands", "")
		}
	}
	if len(req.commands) > maxCommands {
		return req, &Error{
			fmt.Sprintf("You can only submit max %d commands pr. sync operation, you submitted %d", maxCommands, len(req.commands)),
			20, map[string]any{"max_count": maxCommands}, "INVALID_ARGUMENT_VALUE", http.StatusBadRequest,
		}
	}
	for _, cmd := range req.commands {
		switch {
		case cmd.Type == "":
			return req, missingArgument("type")
		case cmd.UUID == "":
			return req, missingArgument("uuid")
		case cmd.TempID != nil && *cmd.TempID == "":
			return req, invalidArgument("temp_id", "string", "a temporary id must not be empty")
		}
	}
	return req, nil
}

// given reports whether a raw value is there and not null.
func given(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// wantedResources resolves "all" and exclusions such as "-projects".
func wantedResources(names []string) ([]string, *Error) {
	var wanted []string
	for _, name := range names {
		bare := strings.TrimPrefix(name, "-")
		switch {
		case name == "all":
			wanted = append(wanted, resourceTypes()...)
		case !slices.Contains(resourceTypes(), bare):
			return nil, invalidArgument("resource_types", "a known resource type", name)
		case bare == name:
			wanted = append(wanted, name)
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	return slices.DeleteFunc(wanted, func(name string) bool { return slices.Contains(names, "-"+name) }), nil
}

// sync executes the commands in their order and then reads what was asked for.
func (s *Server) sync(c *call) answer {
	s.mu.Lock()
	who, ok := s.bearer(c.r, c.now)
	if !ok {
		s.mu.Unlock()
		return unauthorizedAnswer(c.r)
	}
	a := who.account
	since, e := int64(0), c.bad
	if e == nil {
		since, e = a.readSyncToken(c.sync.token)
	}
	if e == nil && len(c.sync.resources) > 0 && !allow(who.scopes, read) {
		e = insufficientScope()
	}
	if e == nil && s.switches.ScopeRefusesRequest {
		for _, cmd := range c.sync.commands {
			if kind, ok := commandKind(cmd.Type); ok && !allow(who.scopes, kind.need) {
				e = insufficientScope()
			}
		}
	}
	if e == nil {
		w, limit := &a.partial, s.cfg.PartialSyncs
		if c.log.FullSync {
			w, limit = &a.full, s.cfg.FullSyncs
		}
		if wait, ok := w.take(c.now, limit); !ok {
			e = tooManyRequests(wait)
		}
	}
	if e != nil {
		s.mu.Unlock()
		return refused(e)
	}

	out := map[string]any{"full_sync": c.sync.token == "*"}
	if len(c.sync.commands) > 0 {
		s.keepPast(a, c.now)
		b := &batch{s: s, a: a, now: c.now.UTC(), scopes: who.scopes, temp: map[string]string{}, mapping: map[string]string{}}
		status := make(map[string]any, len(c.sync.commands))
		for i, cmd := range c.sync.commands {
			if e := b.run(cmd, c.refuse[i]); e != nil {
				status[cmd.UUID] = e
			} else {
				status[cmd.UUID] = "ok"
			}
		}
		out["sync_status"], out["temp_id_mapping"] = status, b.mapping
		a.forget()
	}
	state := pastState{at: c.now, revision: a.revision}
	if len(c.sync.resources) > 0 {
		state = a.present(c.now)
	}
	if c.log.FullSync {
		if old := s.pastOf(a, c.now); old != nil {
			state = *old
		}
		since = -1
		out["full_sync_date_utc"] = stamp(state.at)
	}
	out["sync_token"] = a.syncToken(state.revision)
	// What is read is copied under the lock and made into JSON outside of it.
	maps.Copy(out, a.resources(c.sync.resources, state, since))
	s.mu.Unlock()
	return jsonAnswer(http.StatusOK, out)
}

// syncToken is an opaque name for a revision of the account.
func (a *Account) syncToken(revision int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("sync " + a.profile.ID + " " + strconv.FormatInt(revision, 10)))
}

// readSyncToken is the revision that a sync token names.
func (a *Account) readSyncToken(token string) (int64, *Error) {
	if token == "*" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	name, number, ok := strings.Cut(strings.TrimPrefix(string(text), "sync "), " ")
	revision, bad := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok || bad != nil || name != a.profile.ID || revision < 0 || revision > a.revision {
		return 0, invalidArgument("sync_token", "a sync token of this account or *", "")
	}
	return revision, nil
}

// A pastState is what an account held at a revision.
type pastState struct {
	at           time.Time
	revision     int64
	projects     []Project
	sections     []Section
	tasks        []Task
	reminders    []Reminder
	labels       []Label
	notes        []Note
	views        []viewOption
	viewDefaults []viewOption
}

// present is what the account holds now.
func (a *Account) present(now time.Time) pastState {
	return pastState{
		at: now, revision: a.revision,
		projects: copies(a.projects, nil), sections: copies(a.sections, nil), tasks: copies(a.tasks, nil),
		reminders: copies(a.reminders, nil), labels: copies(a.labels, nil), notes: copies(a.notes, nil),
		views: copies(a.views, nil), viewDefaults: copies(a.viewDefaults, nil),
	}
}

// keepPast remembers the account as it is before a write, for as long as full
// syncs may lag behind.
func (s *Server) keepPast(a *Account, now time.Time) {
	lag := s.switches.StaleFullSync
	a.past = slices.DeleteFunc(a.past, func(p pastState) bool { return now.Sub(p.at) >= lag })
	if lag > 0 && len(a.past) < 16 {
		a.past = append(a.past, a.present(now))
	}
}

// pastOf is the oldest state that a full sync may still answer, if it lags.
func (s *Server) pastOf(a *Account, now time.Time) *pastState {
	for i := range a.past {
		if now.Sub(a.past[i].at) < s.switches.StaleFullSync {
			return &a.past[i]
		}
	}
	return nil
}

// resources reads the named resource types: with since -1 all that is active,
// otherwise all that was touched after that revision, completed and deleted
// objects too. The caller holds the mutex.
func (a *Account) resources(names []string, state pastState, since int64) map[string]any {
	full := since < 0
	active := map[string]bool{} // projects whose contents a full sync shows
	if full {
		for _, p := range state.projects {
			active[p.ID] = !p.Archived && !p.Deleted
		}
	}
	out := make(map[string]any, len(names))
	for _, name := range names {
		switch name {
		case "projects":
			out[name] = wires(state.projects, a.projectWire, func(p *Project) bool {
				return p.changed > since && (!full || active[p.ID])
			})
		case "sections":
			out[name] = wires(state.sections, a.sectionWire, func(s *Section) bool {
				return s.changed > since && (!full || active[s.ProjectID] && !s.Deleted && !s.Archived)
			})
		case "items":
			out[name] = wires(state.tasks, a.taskWire, func(t *Task) bool {
				return t.changed > since && (!full || active[t.ProjectID] && !t.Deleted && !t.Checked)
			})
		case "reminders":
			out[name] = wires(state.reminders, a.reminderWire, func(r *Reminder) bool {
				return r.changed > since && r.Type != "location" && (!full || !r.Deleted)
			})
		case "labels":
			out[name] = wires(state.labels, Label.wire, func(l *Label) bool { return l.changed > since && (!full || !l.Deleted) })
		case "notes":
			out[name] = wires(state.notes, a.noteWire, func(n *Note) bool {
				return n.changed > since && n.TaskID != "" && (!full || !n.Deleted)
			})
		case "project_notes":
			out[name] = wires(state.notes, a.noteWire, func(n *Note) bool {
				return n.changed > since && n.ProjectID != "" && (!full || !n.Deleted)
			})
		case "view_options":
			out[name] = wires(state.views, viewOption.object, func(v *viewOption) bool { return v.changed > since })
		case "project_view_options_defaults":
			out[name] = wires(state.viewDefaults, viewOption.object, func(v *viewOption) bool { return v.changed > since })
		case "user":
			if full || a.userChanged > since {
				out[name] = a.user(state.at)
			}
		case "user_plan_limits":
			if full || a.userChanged > since {
				out[name] = a.planLimits()
			}
		case "completed_info":
			out[name] = completedInfo(state)
		case "user_settings":
			out[name] = map[string]any{
				"completed_sound_desktop": true, "completed_sound_mobile": true, "legacy_pricing": 0,
				"navigation":       map[string]any{"counts_shown": true, "features": []any{}},
				"quick_add":        map[string]any{"labels_shown": true, "features": []any{}},
				"reminder_desktop": true, "reminder_email": true, "reminder_push": true,
				"reset_recurring_subtasks": false, "ai_email_assist": false,
			}
		case "notification_settings", "day_orders", "stats", "tooltips":
			out[name] = map[string]any{}
		default:
			out[name] = []any{}
		}
	}
	return out
}

func (v viewOption) object() map[string]any { return v.wire }

// wires are the objects of a list that are kept, in their wire form.
func wires[T, W any](list []T, wire func(T) W, keep func(*T) bool) []W {
	out := []W{}
	for i := range list {
		if keep(&list[i]) {
			out = append(out, wire(list[i]))
		}
	}
	return out
}

// completedInfo counts the completed tasks of each project and section.
func completedInfo(state pastState) []map[string]any {
	projects, sections := map[string]int{}, map[string]int{}
	for _, t := range state.tasks {
		if !t.Checked || t.Deleted {
			continue
		}
		if t.SectionID != "" {
			sections[t.SectionID]++
		} else {
			projects[t.ProjectID]++
		}
	}
	out := []map[string]any{}
	for _, p := range state.projects {
		if n := projects[p.ID]; n > 0 && !p.Deleted {
			out = append(out, map[string]any{"project_id": p.ID, "completed_items": n, "archived_sections": 0})
		}
	}
	for _, s := range state.sections {
		if n := sections[s.ID]; n > 0 && !s.Deleted {
			out = append(out, map[string]any{"section_id": s.ID, "id": s.ID, "completed_items": n})
		}
	}
	return out
}

// A uuidMemory knows which commands were executed, the last maxUUIDs of them.
type uuidMemory struct {
	known map[string]outcome
	order []string
}

// An outcome is what a command came to.
type outcome struct {
	tempID, id string
	err        *Error
}

func (m *uuidMemory) remember(uuid string, o outcome) {
	if _, ok := m.known[uuid]; !ok {
		if len(m.order) >= maxUUIDs {
			for _, old := range m.order[:maxUUIDs/4] {
				delete(m.known, old)
			}
			m.order = slices.Delete(m.order, 0, maxUUIDs/4)
		}
		m.order = append(m.order, uuid)
	}
	m.known[uuid] = o
}

// A batch is the execution of one request's commands. temp are the temporary
// ids that later commands of the request may use, mapping those that its
// answer names.
type batch struct {
	s       *Server
	a       *Account
	now     time.Time
	scopes  []string
	temp    map[string]string
	mapping map[string]string
}

// run executes one command, unless it was executed before or a fault refuses
// it. Commands stand alone: none is undone because another was refused.
func (b *batch) run(cmd command, fault *Error) *Error {
	if before, ok := b.a.uuids.known[cmd.UUID]; ok {
		if before.err != nil {
			return before.err
		}
		if b.s.switches.ReplayRepeatsMapping && before.tempID != "" {
			b.temp[before.tempID], b.mapping[before.tempID] = before.id, before.id
		}
		return nil
	}
	id, e := b.execute(cmd, fault)
	switch {
	case e == nil:
		o := outcome{id: id}
		if cmd.TempID != nil && id != "" {
			o.tempID = *cmd.TempID
			b.temp[o.tempID], b.mapping[o.tempID] = id, id
		}
		b.a.uuids.remember(cmd.UUID, o)
	case b.s.switches.ReplayRepeatsErrors:
		b.a.uuids.remember(cmd.UUID, outcome{err: e})
	}
	return e
}

func (b *batch) execute(cmd command, fault *Error) (id string, e *Error) {
	if fault != nil {
		return "", fault
	}
	kind, ok := commandKind(cmd.Type)
	if !ok {
		return "", invalidArgument("type", "a known command", cmd.Type)
	}
	if !allow(b.scopes, kind.need) {
		return "", insufficientScope()
	}
	return kind.run(b, &args{b: b, raw: cmd.Args})
}
