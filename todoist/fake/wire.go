package fake

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"time"
)

// A stamp is an instant with six digits and a Z, or null when zero: the form
// that both of Doist's SDKs read.
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	b := make([]byte, 0, 32)
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	return append(b, '"'), nil
}

// ref is an id that is null when there is none.
type ref string

func (r ref) MarshalJSON() ([]byte, error) {
	if r == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(r))
}

type dueWire struct {
	Date      string `json:"date"`
	Timezone  ref    `json:"timezone"`
	String    string `json:"string"`
	Lang      string `json:"lang"`
	Recurring bool   `json:"is_recurring"`
}

func (d *Due) wire() *dueWire {
	if d == nil {
		return nil
	}
	return &dueWire{d.Date, ref(d.Timezone), d.String, d.Lang, d.Recurring}
}

type deadlineWire struct {
	Date string `json:"date"`
	Lang string `json:"lang"`
}

// projectWire is a personal project. It must have no workspace_id, whose mere
// presence makes the SDK read a workspace's project.
type projectWire struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Color          string `json:"color"`
	Description    string `json:"description"`
	ChildOrder     int    `json:"child_order"`
	DefaultOrder   int    `json:"default_order"`
	ViewStyle      string `json:"view_style"`
	CanAssignTasks bool   `json:"can_assign_tasks"`
	IsArchived     bool   `json:"is_archived"`
	IsDeleted      bool   `json:"is_deleted"`
	IsFavorite     bool   `json:"is_favorite"`
	IsFrozen       bool   `json:"is_frozen"`
	IsCollapsed    bool   `json:"is_collapsed"`
	IsShared       bool   `json:"is_shared"`
	CreatedAt      stamp  `json:"created_at"`
	UpdatedAt      stamp  `json:"updated_at"`
	ParentID       ref    `json:"parent_id"`
	InboxProject   bool   `json:"inbox_project,omitempty"`
	CreatorUID     string `json:"creator_uid"`
	PublicKey      string `json:"public_key"`
}

func (a *Account) projectWire(p Project) projectWire {
	return projectWire{
		ID: p.ID, Name: p.Name, Color: p.Color, Description: p.Description, ChildOrder: p.ChildOrder,
		ViewStyle: p.ViewStyle, IsArchived: p.Archived, IsDeleted: p.Deleted, IsFavorite: p.Favorite,
		IsCollapsed: p.Collapsed, CreatedAt: stamp(p.CreatedAt), UpdatedAt: stamp(p.UpdatedAt),
		ParentID: ref(p.ParentID), InboxProject: p.Inbox, CreatorUID: a.profile.ID, PublicKey: p.ID,
	}
}

type sectionWire struct {
	ID          string  `json:"id"`
	UserID      string  `json:"user_id"`
	ProjectID   string  `json:"project_id"`
	AddedAt     stamp   `json:"added_at"`
	UpdatedAt   stamp   `json:"updated_at"`
	ArchivedAt  stamp   `json:"archived_at"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Order       int     `json:"section_order"`
	IsArchived  bool    `json:"is_archived"`
	IsDeleted   bool    `json:"is_deleted"`
	IsCollapsed bool    `json:"is_collapsed"`
}

func (a *Account) sectionWire(s Section) sectionWire {
	w := sectionWire{
		ID: s.ID, UserID: a.profile.ID, ProjectID: s.ProjectID, AddedAt: stamp(s.AddedAt), UpdatedAt: stamp(s.UpdatedAt),
		Name: s.Name, Order: s.Order, IsArchived: s.Archived, IsDeleted: s.Deleted, IsCollapsed: s.Collapsed,
	}
	if s.Archived {
		w.ArchivedAt = stamp(s.UpdatedAt)
	}
	return w
}

type taskWire struct {
	ID             string        `json:"id"`
	UserID         string        `json:"user_id"`
	ProjectID      string        `json:"project_id"`
	SectionID      ref           `json:"section_id"`
	ParentID       ref           `json:"parent_id"`
	AddedByUID     ref           `json:"added_by_uid"`
	AssignedByUID  ref           `json:"assigned_by_uid"`
	ResponsibleUID ref           `json:"responsible_uid"`
	Labels         []string      `json:"labels"`
	Deadline       *deadlineWire `json:"deadline"`
	Duration       *Duration     `json:"duration"`
	Checked        bool          `json:"checked"`
	IsDeleted      bool          `json:"is_deleted"`
	AddedAt        stamp         `json:"added_at"`
	CompletedAt    stamp         `json:"completed_at"`
	UpdatedAt      stamp         `json:"updated_at"`
	Due            *dueWire      `json:"due"`
	Priority       int           `json:"priority"`
	ChildOrder     int           `json:"child_order"`
	Content        string        `json:"content"`
	Description    string        `json:"description"`
	NoteCount      int           `json:"note_count"`
	DayOrder       int           `json:"day_order"`
	IsCollapsed    bool          `json:"is_collapsed"`
}

func (a *Account) taskWire(t Task) taskWire {
	w := taskWire{
		ID: t.ID, UserID: a.profile.ID, ProjectID: t.ProjectID, SectionID: ref(t.SectionID), ParentID: ref(t.ParentID),
		AddedByUID: ref(a.profile.ID), AssignedByUID: ref(t.AssignedBy), ResponsibleUID: ref(t.Responsible),
		Labels: t.Labels, Duration: t.Duration, Checked: t.Checked, IsDeleted: t.Deleted,
		AddedAt: stamp(t.AddedAt), CompletedAt: stamp(t.CompletedAt), UpdatedAt: stamp(t.UpdatedAt),
		Due: t.Due.wire(), Priority: t.Priority, ChildOrder: t.ChildOrder, Content: t.Content,
		Description: t.Description, DayOrder: t.DayOrder, IsCollapsed: t.Collapsed,
	}
	if w.Labels == nil {
		w.Labels = []string{}
	}
	if t.Deadline != "" {
		w.Deadline = &deadlineWire{t.Deadline, a.profile.Lang}
	}
	return w
}

type reminderWire struct {
	ID           string   `json:"id"`
	NotifyUID    string   `json:"notify_uid"`
	ItemID       string   `json:"item_id"`
	Type         string   `json:"type"`
	IsDeleted    bool     `json:"is_deleted"`
	IsUrgent     bool     `json:"is_urgent"`
	MinuteOffset *int     `json:"minute_offset,omitempty"`
	Due          *dueWire `json:"due,omitempty"`
}

func (a *Account) reminderWire(r Reminder) reminderWire {
	w := reminderWire{ID: r.ID, NotifyUID: a.profile.ID, ItemID: r.TaskID, Type: r.Type, IsDeleted: r.Deleted, IsUrgent: r.Urgent, Due: r.Due.wire()}
	if r.Type == "relative" {
		w.MinuteOffset = &r.MinuteOffset
	}
	return w
}

type labelWire struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Color      string `json:"color"`
	Order      int    `json:"order"`
	ItemOrder  int    `json:"item_order"`
	IsFavorite bool   `json:"is_favorite"`
	IsDeleted  bool   `json:"is_deleted"`
}

func (l Label) wire() labelWire {
	return labelWire{l.ID, l.Name, l.Color, l.Order, l.Order, l.Favorite, l.Deleted}
}

type noteWire struct {
	ID             string    `json:"id"`
	ItemID         string    `json:"item_id,omitempty"`
	ProjectID      string    `json:"project_id,omitempty"`
	Content        string    `json:"content"`
	PostedAt       stamp     `json:"posted_at"`
	PostedUID      string    `json:"posted_uid"`
	FileAttachment *struct{} `json:"file_attachment"`
	UIDsToNotify   []string  `json:"uids_to_notify"`
	Reactions      *struct{} `json:"reactions"`
	IsDeleted      bool      `json:"is_deleted"`
}

func (a *Account) noteWire(n Note) noteWire {
	return noteWire{ID: n.ID, ItemID: n.TaskID, ProjectID: n.ProjectID, Content: n.Content, PostedAt: stamp(n.PostedAt), PostedUID: a.profile.ID, IsDeleted: n.Deleted}
}

// user is the account as GET /user and the sync resource user show it, with
// the personal API token and the websocket address that the real one carries
// and that no client should keep. Absent pictures are left out, not null.
func (a *Account) user(now time.Time) map[string]any {
	p := a.profile
	premium := map[Plan]string{Free: "not_premium", Pro: "current_personal_plan"}[p.Plan]
	var until any
	if p.Plan == Pro {
		until = stamp(now.AddDate(1, 0, 0).Truncate(24 * time.Hour))
	}
	done, today := 0, 0
	here := now.In(a.zone)
	for _, t := range a.tasks {
		if t.Checked && !t.Deleted {
			done++
			if at := t.CompletedAt.In(here.Location()); at.YearDay() == here.YearDay() && at.Year() == here.Year() {
				today++
			}
		}
	}
	digest := sha1.Sum([]byte(p.ID + p.APIToken))
	return map[string]any{
		"id": p.ID, "email": p.Email, "full_name": p.Name, "lang": p.Lang,
		"token":         p.APIToken,
		"websocket_url": "wss://ws.todoist.com/ws?token=" + hex.EncodeToString(digest[:]),
		"is_premium":    p.Plan == Pro, "premium_status": premium, "premium_until": until,
		"business_account_id": nil, "inbox_project_id": a.inbox,
		"date_format": p.DateFormat, "time_format": p.TimeFormat, "start_day": p.StartDay, "next_week": 1,
		"start_page": "today", "auto_reminder": p.AutoReminder, "sort_order": 0, "theme_id": "11",
		"daily_goal": 5, "weekly_goal": 25, "days_off": []int{6, 7}, "weekend_start_day": 6,
		"completed_count": done, "completed_today": today, "karma": 0.0, "karma_trend": "-",
		"activated_user": true, "feature_identifier": p.ID, "has_magic_number": false, "has_password": true,
		"has_started_a_trial": false, "mfa_enabled": false, "image_id": nil, "is_celebrations_enabled": true,
		"joinable_workspace": nil, "joined_at": stamp(a.joined), "getting_started_guide_projects": nil,
		"share_limit": 51, "unique_prefix": 1, "verification_status": "verified",
		"features": map[string]any{
			"karma_disabled": false, "restriction": 3, "karma_vacation": false, "dateist_lang": nil, "beta": 0,
			"has_push_reminders": p.Plan == Pro, "dateist_inline_disabled": false,
		},
		"tz_info": zoneInfo(p.Zone, here),
	}
}

// zoneInfo is the tz_info of an account whose clock shows here.
func zoneInfo(name string, here time.Time) map[string]any {
	_, offset := here.Zone()
	dst := 0
	if here.IsDST() {
		dst = 1
	}
	return map[string]any{
		"timezone": name, "gmt_string": here.Format("-07:00"), "hours": offset / 3600, "minutes": offset % 3600 / 60, "is_dst": dst,
	}
}
