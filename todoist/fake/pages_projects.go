package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"
)

type projectsView struct {
	layout
	Account  accountLine
	Projects []projectLine
	Archived []projectLine
}

type projectLine struct {
	ID, Name, Color string
	Depth           int
	Open, Done      int
}

func projectsPage(s *Server, a *Account, _ *http.Request) answer {
	page := projectsView{layout: s.pages.layout(a.profile.Name)}
	s.mu.Lock()
	page.Account = a.line()
	open, done := map[string]int{}, map[string]int{}
	for _, t := range a.tasks {
		switch {
		case t.Deleted:
		case t.Checked:
			done[t.ProjectID]++
		default:
			open[t.ProjectID]++
		}
	}
	projects := copies(a.projects, func(p *Project) bool { return !p.Deleted })
	s.mu.Unlock()
	slices.SortStableFunc(projects, func(a, b Project) int { return cmp.Compare(a.ChildOrder, b.ChildOrder) })
	seen := map[string]bool{}
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, p := range projects {
			if p.ParentID != parent || seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			line := projectLine{p.ID, p.Name, p.Color, min(depth, 3), open[p.ID], done[p.ID]}
			if p.Archived {
				page.Archived = append(page.Archived, line)
			} else {
				page.Projects = append(page.Projects, line)
			}
			walk(p.ID, depth+1)
		}
	}
	walk("", 0)
	return s.pages.render(http.StatusOK, "projects", page, "")
}

type projectView struct {
	layout
	Account  accountLine
	Project  Project
	Sections []taskGroup
	Done     []taskLine
	Open     int
}

// A taskGroup is a section with its active tasks; those without a section
// stand first, in a group without a name.
type taskGroup struct {
	Name  string
	Tasks []taskLine
}

// A taskLine is a task as it is shown.
type taskLine struct {
	ID          string
	Content     []piece
	Plain       string // the content as it is written
	Description []piece
	P           int // as people count: 1 is the most urgent
	Labels      []string
	Day, Clock  string // when it is due, for people
	Zone        string // of the clock, where it is not the account's own
	Overdue     bool
	Duration    string
	Reminders   []string
	Date, Time  string // when it is due, for the form
	Instant     time.Time
	sortDay     string
}

// A piece of a text is plain, or a link.
type piece struct{ Text, URL string }

// link is a link in Markdown to an address on the web.
var link = regexp.MustCompile(`\[([^\[\]\n]+)\]\((https?://[^\s()]+)\)`)

// pieces cuts a text at its links.
func pieces(text string) []piece {
	var out []piece
	for text != "" {
		at := link.FindStringSubmatchIndex(text)
		if at == nil {
			return append(out, piece{Text: text})
		}
		if at[0] > 0 {
			out = append(out, piece{Text: text[:at[0]]})
		}
		out = append(out, piece{text[at[2]:at[3]], text[at[4]:at[5]]})
		text = text[at[1]:]
	}
	return out
}

func projectPage(s *Server, a *Account, r *http.Request) answer {
	p, ok := a.Project(r.PathValue("id"))
	if !ok || p.Deleted {
		return s.pages.problem(http.StatusNotFound, "There is no such project.")
	}
	page := projectView{layout: s.pages.layout(p.Name), Project: p}
	now := s.cfg.Now()
	s.mu.Lock()
	page.Account = a.line()
	sections := copies(a.sections, func(x *Section) bool { return x.ProjectID == p.ID && !x.Deleted && !x.Archived })
	tasks := copies(a.tasks, func(t *Task) bool { return t.ProjectID == p.ID && !t.Deleted })
	reminders := map[string][]Reminder{}
	for _, one := range a.reminders {
		if !one.Deleted {
			reminders[one.TaskID] = append(reminders[one.TaskID], *one)
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(sections, func(a, b Section) int { return cmp.Compare(a.Order, b.Order) })
	groups := map[string][]taskLine{}
	for _, t := range tasks {
		line := a.taskLine(t, reminders[t.ID], now)
		if t.Checked {
			page.Done = append(page.Done, line)
			continue
		}
		page.Open++
		groups[t.SectionID] = append(groups[t.SectionID], line)
	}
	byDue := func(a, b taskLine) int {
		return cmp.Or(cmp.Compare(a.sortDay, b.sortDay), a.Instant.Compare(b.Instant))
	}
	if loose := groups[""]; len(loose) > 0 {
		slices.SortStableFunc(loose, byDue)
		page.Sections = append(page.Sections, taskGroup{"", loose})
	}
	for _, one := range sections {
		slices.SortStableFunc(groups[one.ID], byDue)
		page.Sections = append(page.Sections, taskGroup{one.Name, groups[one.ID]})
	}
	slices.SortStableFunc(page.Done, byDue)
	return s.pages.render(http.StatusOK, "project", page, "")
}

// taskLine is a task for people, its time in its own zone, with the day or the
// month first and on a clock of twelve or twenty-four hours as the account has it.
func (a *Account) taskLine(t Task, reminders []Reminder, now time.Time) taskLine {
	l := taskLine{
		ID: t.ID, Content: pieces(t.Content), Plain: t.Content, Description: pieces(t.Description),
		P: 5 - t.Priority, Labels: t.Labels, sortDay: "9999-12-31",
	}
	clock := "15:04"
	if a.profile.TimeFormat == 1 {
		clock = "3:04 PM"
	}
	date := "Mon 2 Jan 2006"
	if a.profile.DateFormat == 1 {
		date = "Mon, Jan 2, 2006"
	}
	if t.Due != nil {
		zone := a.zone
		if own, err := a.s.location(t.Due.Timezone); err == nil {
			zone = own
		}
		at, fixed := t.Due.Instant()
		switch {
		case fixed:
			at = at.In(zone)
			if t.Due.Timezone != a.profile.Zone {
				l.Zone = t.Due.Timezone
			}
		case t.Due.HasTime():
			at, _ = time.ParseInLocation(floatingLayout, t.Due.Date, zone)
		default:
			at, _ = time.ParseInLocation(time.DateOnly, t.Due.Date, zone)
		}
		l.Instant, l.Day, l.Date, l.sortDay = at, at.Format(date), at.Format(time.DateOnly), at.Format(time.DateOnly)
		l.Overdue = at.Format(time.DateOnly) < now.In(zone).Format(time.DateOnly)
		if t.Due.HasTime() {
			l.Clock, l.Time, l.Overdue = at.Format(clock), at.Format("15:04"), at.Before(now)
		}
	}
	if t.Duration != nil {
		l.Duration = fmt.Sprintf("%d min", t.Duration.Amount)
		if t.Duration.Unit == "day" {
			l.Duration = fmt.Sprintf("%d d", t.Duration.Amount)
		}
	}
	for _, r := range reminders {
		switch {
		case r.Type == "relative" && r.MinuteOffset == 0:
			l.Reminders = append(l.Reminders, "when it begins")
		case r.Type == "relative":
			l.Reminders = append(l.Reminders, fmt.Sprintf("%d min before", r.MinuteOffset))
		case r.Due != nil:
			l.Reminders = append(l.Reminders, r.Due.String)
		}
	}
	return l
}
