package todoist

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

// Tasks returns the active tasks of a project as they are now. Completed and
// deleted ones are not among them. look, which may be nil, sees each task as it is
// read, and may shorten it; its error, such as [ErrTooLarge], ends the read. A project
// that Todoist does not know is an error for which [Gone] is true.
func (c *Client) Tasks(ctx context.Context, project string, look func(*Task) error) ([]Task, error) {
	return list(ctx, c, "/tasks", url.Values{"project_id": {project}}, look)
}

// TasksByID returns those of the tasks with these ids that are active, in whichever
// project they are. look is as for [Client.Tasks].
func (c *Client) TasksByID(ctx context.Context, ids []string, look func(*Task) error) ([]Task, error) {
	return list(ctx, c, "/tasks", url.Values{"ids": {strings.Join(ids, ",")}}, look)
}

// Project returns a project, also one that is archived or deleted. One that Todoist
// does not know is an error for which [Gone] is true.
func (c *Client) Project(ctx context.Context, id string) (*Project, error) {
	var p Project
	err := c.call(ctx, request{method: http.MethodGet, endpoint: "/projects/{id}", path: "/projects/" + url.PathEscape(id)}, decodeInto(&p))
	return &p, err
}

// Completed returns the tasks of a project that were completed from since until
// until. look is as for [Client.Tasks].
func (c *Client) Completed(ctx context.Context, project string, since, until time.Time, look func(*Task) error) ([]Task, error) {
	var all []Task
	for from := since.UTC(); from.Before(until); from = from.Add(completedSpan) {
		to := from.Add(completedSpan)
		if to.After(until) {
			to = until.UTC()
		}
		query := url.Values{"project_id": {project}, "since": {from.Format(time.RFC3339)}, "until": {to.Format(time.RFC3339)}}
		tasks, err := list(ctx, c, "/tasks/completed/by_completion_date", query, look)
		if err != nil {
			return nil, err
		}
		all = append(all, tasks...)
	}
	return all, nil
}

// list reads every page of a list of tasks. Pages can shift while somebody writes, so
// what comes twice is kept once, by id. All pages together have the bounds of
// one answer.
func list(ctx context.Context, c *Client, endpoint string, query url.Values, look func(*Task) error) ([]Task, error) {
	query.Set("limit", strconv.Itoa(pageSize))
	var all []Task
	seen := map[string]bool{}
	left := int64(maxAnswer)
	for range maxPages {
		var page []Task
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
					return each(in, &page, look)
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
		for _, t := range page {
			if !seen[t.ID] {
				seen[t.ID] = true
				all = append(all, t)
			}
		}
		if next == nil || *next == "" {
			return all, nil
		}
		query.Set("cursor", *next)
	}
	return nil, fmt.Errorf("todoist's list %s goes on after %d entries", endpoint, maxPages*pageSize)
}
