package todoist

import (
	"fmt"
	"strings"
	"time"
)

// User is the account that a token belongs to. Todoist's user object carries a
// full-power API token and an address with another; neither is decoded.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"full_name"`
	// Lang is the language of Todoist's own pages for the user, such as "en".
	Lang    string `json:"lang"`
	Premium bool   `json:"is_premium"`
	// StartDay is the week's first day, 1 (Monday) to 7 (Sunday).
	StartDay int `json:"start_day"`
	// TimeFormat is 0 for a 24-hour clock and 1 for a 12-hour clock.
	TimeFormat int `json:"time_format"`
	// DateFormat is 0 for day-month-year and 1 for month-day-year.
	DateFormat int    `json:"date_format"`
	Inbox      string `json:"inbox_project_id"`
	TZ         struct {
		// Timezone is an IANA name. The other fields of tz_info differ
		// between REST and sync and are not used.
		Timezone string `json:"timezone"`
	} `json:"tz_info"`
}

// Limits is what a plan allows. Todoist documents every field as optional, so
// each is nil where the account does not say.
type Limits struct {
	Plan      string `json:"plan_name"`
	Projects  *int   `json:"max_projects"`
	Tasks     *int   `json:"max_tasks"` // in one project
	Sections  *int   `json:"max_sections"`
	Labels    *int   `json:"max_labels"`
	Durations *bool  `json:"durations"`
	Reminders *bool  `json:"reminders"`
	// MaxReminders counts reminders with a time in the whole account.
	MaxReminders *int  `json:"max_reminders_time"`
	Calendar     *bool `json:"calendar_layout"`
}

// Project is one of the user's projects.
type Project struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Color     string  `json:"color"`
	Parent    *string `json:"parent_id"`
	Inbox     bool    `json:"inbox_project"`
	Archived  bool    `json:"is_archived"`
	Deleted   bool    `json:"is_deleted"`
	Shared    bool    `json:"is_shared"`
	Workspace *string `json:"workspace_id"`
	ViewStyle string  `json:"view_style"`
	// CreatedAt is an instant in RFC 3339, or "".
	CreatedAt string `json:"created_at"`
}

// Section is a part of a project.
type Section struct {
	ID       string `json:"id"`
	Project  string `json:"project_id"`
	Name     string `json:"name"`
	AddedAt  string `json:"added_at"` // an instant in RFC 3339, or ""
	Archived bool   `json:"is_archived"`
	Deleted  bool   `json:"is_deleted"`
}

// Task is one task; Todoist's commands call it an item.
type Task struct {
	ID          string   `json:"id"`
	Project     string   `json:"project_id"`
	Section     *string  `json:"section_id"`
	Parent      *string  `json:"parent_id"`
	Content     string   `json:"content"`
	Description string   `json:"description"`
	Priority    int      `json:"priority"` // 4 is shown as p1, 1 as p4
	Labels      []string `json:"labels"`
	Due         *Due     `json:"due"`
	Duration    *struct {
		Amount int    `json:"amount"`
		Unit   string `json:"unit"` // minute or day
	} `json:"duration"`
	Checked bool `json:"checked"`
	Deleted bool `json:"is_deleted"`
	// AddedAt is an instant in RFC 3339, or "".
	AddedAt string `json:"added_at"`
}

// Reminder is a reminder of a task.
type Reminder struct {
	ID      string `json:"id"`
	Task    string `json:"item_id"`
	Type    string `json:"type"` // relative, absolute or location
	Minutes *int   `json:"minute_offset"`
	Deleted bool   `json:"is_deleted"`
}

// Due is when a task is due: a full day (Date is 2026-10-20), a wall clock
// wherever the user is (2026-10-20T19:30:00), or an instant
// (2026-10-20T23:30:00Z) with the zone it is shown in.
type Due struct {
	Date      string  `json:"date"`
	Timezone  *string `json:"timezone"`
	Recurring bool    `json:"is_recurring,omitempty"`
	// String is Todoist's own wording of the date. It is read, never sent.
	String string `json:"string,omitempty"`
}

// DueAt is due at an instant, shown in the IANA zone.
func DueAt(instant time.Time, zone string) *Due {
	return &Due{Date: instant.UTC().Format("2006-01-02T15:04:05Z"), Timezone: &zone}
}

// DueOn is due on a full day, written 2026-10-20.
func DueOn(day string) *Due { return &Due{Date: day} }

// Instant returns the instant of a due with one, read with or without a
// fraction of a second. A full day and a floating wall clock have none.
func (d *Due) Instant() (time.Time, bool) {
	if d == nil || !strings.HasSuffix(d.Date, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, d.Date)
	return t.UTC(), err == nil
}

// Key writes what is due in one canonical form: equal keys mean the same due,
// however it was written. The zone is left out; it only decides how an instant
// is shown.
func (d *Due) Key() string {
	if d == nil {
		return ""
	}
	if t, ok := d.Instant(); ok {
		return t.Format(time.RFC3339)
	}
	if d.Recurring {
		return fmt.Sprintf("%s every %s", d.Date, d.String)
	}
	return d.Date
}

// Zone is the IANA zone of a due instant, or "".
func (d *Due) Zone() string {
	if d == nil || d.Timezone == nil {
		return ""
	}
	return *d.Timezone
}
