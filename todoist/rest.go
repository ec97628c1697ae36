package todoist

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// pageSize is the most that a list call gives at once (API v1,
	// "Pagination").
	pageSize = 200
	// maxPages bounds a list: no plan allows more than 300 tasks in a
	// project or 500 projects, so a list that goes on is a fault.
	maxPages = 50
	// completedSpan is how long a stretch of time one call for completed
	// tasks may cover; Todoist allows three months.
	completedSpan = 85 * 24 * time.Hour
)

// User returns the account. It is the call that shows whether a token works.
func (c *Client) User(ctx context.Context) (*User, error) {
	var u User
	err := c.call(ctx, request{method: http.MethodGet, endpoint: "/user"}, decodeInto(&u))
	return &u, err
}

// Projects returns the active projects as they are now.
func (c *Client) Projects(ctx context.Context) ([]Project, error) {
	return list[Project](ctx, c, "/projects", url.Values{}, nil, func(p *Project) string { return p.ID })
}

// Tasks returns the active tasks of a project as they are now. Completed and
// deleted ones are not among them. A project that is gone is an [*Error] with
// status 400 or 404.
func (c *Client) Tasks(ctx context.Context, project string, keep Keep) ([]Task, error) {
	return list(ctx, c, "/tasks", url.Values{"project_id": {project}}, keep, func(t *Task) string { return t.ID })
}

// Completed returns the tasks of a project, or of all for "", that were
// completed from since until until.
func (c *Client) Completed(ctx context.Context, project string, since, until time.Time, keep Keep) ([]Task, error) {
	var all []Task
	for from := since.UTC(); from.Before(until); from = from.Add(completedSpan) {
		to := from.Add(completedSpan)
		if to.After(until) {
			to = until.UTC()
		}
		query := url.Values{"since": {from.Format(time.RFC3339)}, "until": {to.Format(time.RFC3339)}}
		if project != "" {
			query.Set("project_id", project)
		}
		tasks, err := list(ctx, c, "/tasks/completed/by_completion_date", query, keep, func(t *Task) string { return t.ID })
		if err != nil {
			return nil, err
		}
		all = append(all, tasks...)
	}
	return all, nil
}

// list reads every page of a list. Pages can shift while somebody writes, so
// what comes twice is kept once, by id. All pages together have the bounds of
// one answer.
func list[T any](ctx context.Context, c *Client, endpoint string, query url.Values, keep func(*T) (bool, error), id func(*T) string) ([]T, error) {
	query.Set("limit", strconv.Itoa(pageSize))
	var all []T
	seen := map[string]bool{}
	left := int64(maxAnswer)
	for range maxPages {
		var page []T
		var next *string
		var rest *io.LimitedReader
		r := request{method: http.MethodGet, endpoint: endpoint, query: query}
		err := c.call(ctx, r, func(body io.Reader) error {
			page, next = nil, nil
			rest = &io.LimitedReader{R: body, N: left}
			in := newReader(rest)
			err := in.Object(func(key string) error {
				switch key {
				case "results", "items": // the completed tasks' list calls them items
					return each(in, &page, keep)
				case "next_cursor":
					return in.Value(&next)
				}
				return in.Skip()
			})
			if err == nil && len(all)+len(page) > maxKept {
				err = errKept
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		left = rest.N
		for _, v := range page {
			if !seen[id(&v)] {
				seen[id(&v)] = true
				all = append(all, v)
			}
		}
		if next == nil || *next == "" {
			return all, nil
		}
		query.Set("cursor", *next)
	}
	return all, nil
}
