package fake

import (
	"slices"
	"time"
)

// A Profile is what an account is from its beginning.
type Profile struct {
	ID, Email, Name string
	APIToken        string // the personal API token; it may do everything
	Zone            string // IANA; UTC when empty
	Lang            string // "en" when empty
	Plan            Plan
	TimeFormat      int // 0 is 24 hours, 1 is 12 hours
	StartDay        int // 1 is Monday … 7 is Sunday; 1 when 0
	DateFormat      int // 0 is DD-MM-YYYY, 1 is MM-DD-YYYY
	AutoReminder    int // minutes before a task; 30 when 0
}

// An Account is one user of the Server and the hands of its owner: what is
// done through its methods happens as in Todoist's own apps, without a token,
// a plan limit or a line in the wire log.
type Account struct {
	s       *Server
	profile Profile
	zone    *time.Location
	joined  time.Time
	inbox   string

	// All below is guarded by the server's mutex. revision counts changes;
	// an object's changed is the revision that touched it last.
	revision       int64
	userChanged    int64
	told, enforced Limits
	projects       []*Project
	sections       []*Section
	tasks          []*Task
	reminders      []*Reminder
	labels         []*Label
	notes          []*Note
	views          []*viewOption
	viewDefaults   []*viewOption
	projectByID    map[string]*Project
	sectionByID    map[string]*Section
	taskByID       map[string]*Task
	finished       int // tasks completed or deleted and still kept
	uuids          uuidMemory
	partial, full  window
	past           []pastState
}

// AddAccount adds a user. It panics when the profile has no id, repeats
// another's id or token, or names an unknown zone.
func (s *Server) AddAccount(p Profile) *Account {
	if p.ID == "" {
		panic("fake: an account without an id")
	}
	if p.Zone == "" {
		p.Zone = "UTC"
	}
	zone, err := s.location(p.Zone)
	if err != nil {
		panic("fake: " + err.Error())
	}
	if p.Lang == "" {
		p.Lang = "en"
	}
	if p.StartDay == 0 {
		p.StartDay = 1
	}
	if p.AutoReminder == 0 {
		p.AutoReminder = 30
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byToken[p.APIToken] != nil || s.accountByID(p.ID) != nil {
		panic("fake: a second account with the id or the token of " + p.ID)
	}
	now := s.cfg.Now().UTC()
	a := &Account{
		s: s, profile: p, zone: zone, joined: now,
		told: p.Plan.Limits(), enforced: p.Plan.Limits(),
		projectByID: map[string]*Project{},
		sectionByID: map[string]*Section{},
		taskByID:    map[string]*Task{},
		uuids:       uuidMemory{known: map[string]outcome{}},
	}
	a.userChanged = a.touch()
	a.inbox = a.addProject(Project{Name: "Inbox", Inbox: true}, now).ID
	s.accounts = append(s.accounts, a)
	if p.APIToken != "" {
		s.byToken[p.APIToken] = a
	}
	return a
}

// Accounts lists all users in the order in which they were added.
func (s *Server) Accounts() []*Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts)
}

// Account finds a user by id; nil when there is none.
func (s *Server) Account(id string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accountByID(id)
}

func (s *Server) accountByID(id string) *Account {
	for _, a := range s.accounts {
		if a.profile.ID == id {
			return a
		}
	}
	return nil
}

// Profile is what the account was made from.
func (a *Account) Profile() Profile { return a.profile }

// InboxID is the id of the account's Inbox.
func (a *Account) InboxID() string { return a.inbox }
