package fake

import (
	"strings"
	"time"
)

// A Project as its owner sees it. Project, Section, Task, Reminder, Label and
// Note are copies: changing one changes nothing in the account.
type Project struct {
	ID, Name, Description string
	Color                 string // one of Todoist's twenty names
	ParentID              string
	ViewStyle             string // list, board or calendar
	ChildOrder            int
	Inbox                 bool
	Favorite              bool
	Collapsed             bool
	Archived, Deleted     bool
	CreatedAt, UpdatedAt  time.Time

	changed int64
}

// A Section of a project.
type Section struct {
	ID, ProjectID, Name string
	Order               int
	Collapsed           bool
	Archived, Deleted   bool
	AddedAt, UpdatedAt  time.Time

	changed int64
}

// A Task, active, completed or deleted.
type Task struct {
	ID, ProjectID, SectionID, ParentID string
	Content, Description               string
	Labels                             []string
	Priority                           int // 1 is normal, 4 is what people see as p1
	Due                                *Due
	Deadline                           string // YYYY-MM-DD, or empty
	Duration                           *Duration
	ChildOrder, DayOrder               int
	Collapsed                          bool
	Checked, Deleted                   bool
	AssignedBy, Responsible            string // user ids
	AddedAt, UpdatedAt, CompletedAt    time.Time

	changed int64
}

// A Due is when a task is due, in one of three forms of Date: YYYY-MM-DD is a
// day, YYYY-MM-DDTHH:MM:SS is a wall clock wherever the user is, and the same
// with a Z at its end is an instant shown in Timezone.
type Due struct {
	Date, Timezone, String, Lang string
	Recurring                    bool
}

// HasTime reports whether the due is more than a day.
func (d *Due) HasTime() bool { return d != nil && len(d.Date) > len(time.DateOnly) }

// Instant is the moment of a due with a time zone of its own.
func (d *Due) Instant() (time.Time, bool) {
	if d == nil || !strings.HasSuffix(d.Date, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, d.Date)
	return t, err == nil
}

// A Duration is how long a task takes, in minutes or days.
type Duration struct {
	Amount int    `json:"amount"`
	Unit   string `json:"unit"`
}

// A Reminder of a task: minutes before its due, or at a due of its own.
type Reminder struct {
	ID, TaskID   string
	Type         string // relative, absolute or location
	MinuteOffset int
	Due          *Due
	Urgent       bool
	Deleted      bool

	changed int64
}

// A Label of the account.
type Label struct {
	ID, Name, Color string
	Order           int
	Favorite        bool
	Deleted         bool

	changed int64
}

// A Note is a comment, on a task or on a project.
type Note struct {
	ID, TaskID, ProjectID, Content string
	PostedAt                       time.Time
	Deleted                        bool

	changed int64
}

// A viewOption is how a view is shown; key is its type and object.
type viewOption struct {
	key     string
	wire    map[string]any
	changed int64
}
