package fake

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

func projectForm(s *Server, a *Account, r *http.Request) answer {
	id := r.PathValue("id")
	back := s.seeOther(a.projectPath(id))
	var err error
	switch r.PostForm.Get("action") {
	case "rename":
		name := strings.TrimSpace(r.PostForm.Get("name"))
		if name == "" || utf8.RuneCountInString(name) > maxProjectName {
			return s.pages.problem(http.StatusBadRequest, "A project's name has 1 to 120 characters.")
		}
		if id == a.inbox {
			return s.pages.problem(http.StatusBadRequest, "The Inbox keeps its name.")
		}
		err = a.RenameProject(id, name)
	case "archive":
		err = a.ArchiveProject(id, id != a.inbox)
		back = s.seeOther("/" + url.PathEscape(a.profile.ID))
	case "unarchive":
		err = a.ArchiveProject(id, false)
	case "delete":
		err = a.DeleteProject(id)
		back = s.seeOther("/" + url.PathEscape(a.profile.ID))
	default:
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	if errors.Is(err, errNotThere) {
		return s.pages.problem(http.StatusNotFound, "There is no such project.")
	}
	return back
}

func taskForm(s *Server, a *Account, r *http.Request) answer {
	id := r.PathValue("id")
	t, ok := a.Task(id)
	if !ok || t.Deleted {
		return s.pages.problem(http.StatusNotFound, "There is no such task.")
	}
	back := s.seeOther(a.projectPath(t.ProjectID) + "#task-" + id)
	var err error
	switch r.PostForm.Get("action") {
	case "complete":
		err = a.CompleteTask(id)
	case "reopen":
		err = a.ReopenTask(id)
	case "delete":
		err = a.DeleteTask(id)
		back = s.seeOther(a.projectPath(t.ProjectID))
	case "edit":
		content := strings.TrimSpace(r.PostForm.Get("content"))
		if content == "" || utf8.RuneCountInString(content) > maxContent {
			return s.pages.problem(http.StatusBadRequest, "A task has 1 to 500 characters.")
		}
		due, ok := a.formDue(t.Due, r.PostForm.Get("date"), r.PostForm.Get("time"))
		if !ok {
			return s.pages.problem(http.StatusBadRequest, "The date or the time cannot be read.")
		}
		err = a.EditTask(id, func(t *Task) {
			t.Content, t.Due = content, due
			if due == nil {
				t.Duration = nil
			}
		})
	default:
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	if errors.Is(err, errNotThere) {
		return s.pages.problem(http.StatusNotFound, "There is no such task.")
	}
	return back
}

// formDue is the due that the form's date and time mean: none without a date,
// a day without a time, else that time in the zone that the task had or the
// account has. A floating due stays one.
func (a *Account) formDue(was *Due, date, clock string) (*Due, bool) {
	if date == "" {
		return nil, true
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, false
	}
	due := &Due{Date: date, Lang: a.profile.Lang}
	if clock != "" {
		at, err := time.Parse("15:04", clock)
		if err != nil {
			return nil, false
		}
		due.Timezone = a.profile.Zone
		if was != nil && was.Timezone != "" {
			due.Timezone = was.Timezone
		}
		zone, err := a.s.location(due.Timezone)
		if err != nil {
			return nil, false
		}
		t := time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, zone)
		due.Date = t.UTC().Format(fixedLayout)
		if was.HasTime() && was.Timezone == "" {
			due.Date, due.Timezone = t.Format(floatingLayout), ""
		}
	}
	due.String = a.dueText(due)
	return due, true
}
