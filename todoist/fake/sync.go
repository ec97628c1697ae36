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
	return req, checkCommands(req.commands)
}

// checkCommands refuses the request when there are too many commands, or when
// one lacks what every command needs.
func checkCommands(commands []command) *Error {
	if len(commands) > maxCommands {
		return &Error{
			fmt.Sprintf("You can only submit max %d commands pr. sync operation, you submitted %d", maxCommands, len(commands)),
			20, map[string]any{"max_count": maxCommands}, "INVALID_ARGUMENT_VALUE", http.StatusBadRequest,
		}
	}
	for _, cmd := range commands {
		switch {
		case cmd.Type == "":
			return missingArgument("type")
		case cmd.UUID == "":
			return missingArgument("uuid")
		case cmd.TempID != nil && *cmd.TempID == "":
			return invalidArgument("temp_id", "string", "a temporary id must not be empty")
		}
	}
	return nil
}

// given reports whether a raw value is there and not null.
func given(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
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
	since, e := s.admit(c, who)
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

// admit refuses a whole sync request for its form, its sync token, its scopes
// or its rate. Otherwise it returns the revision that the sync token names. The
// caller holds the mutex.
func (s *Server) admit(c *call, who bearer) (since int64, e *Error) {
	if c.bad != nil {
		return 0, c.bad
	}
	since, e = who.account.readSyncToken(c.sync.token)
	if e != nil {
		return 0, e
	}
	if len(c.sync.resources) > 0 && !allow(who.scopes, read) {
		return 0, insufficientScope()
	}
	if s.switches.ScopeRefusesRequest {
		for _, cmd := range c.sync.commands {
			if kind, ok := commandKind(cmd.Type); ok && !allow(who.scopes, kind.need) {
				return 0, insufficientScope()
			}
		}
	}
	w, limit := &who.account.partial, s.cfg.PartialSyncs
	if c.log.FullSync {
		w, limit = &who.account.full, s.cfg.FullSyncs
	}
	if wait, ok := w.take(c.now, limit); !ok {
		return 0, tooManyRequests(wait)
	}
	return since, nil
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
