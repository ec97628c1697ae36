package handlers

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tipoff/importer"
	"tipoff/session"
)

// An outcome is what an import did.
type outcome struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	// Notices say what it did without, as sentences.
	Notices []string `json:"-"`
}

// values are the counts for an address.
func (o outcome) values() url.Values {
	return url.Values{"added": {strconv.Itoa(o.Added)}, "updated": {strconv.Itoa(o.Updated)},
		"unchanged": {strconv.Itoa(o.Unchanged)}, "kept": {strconv.Itoa(o.Kept)}}
}

// Several says that more than one thing was done, so that counts say more than
// a heading.
func (o outcome) Several() bool {
	n := 0
	for _, count := range []int{o.Added, o.Updated, o.Unchanged, o.Kept} {
		if count > 0 {
			n++
		}
	}
	return n > 1
}

// Heading says in a few words what was done.
func (o outcome) Heading() string {
	switch {
	case o.Added > 0 && o.Updated > 0:
		return "Your list is up to date"
	case o.Added > 0 && o.Unchanged+o.Kept > 0:
		return plural(o.Added, "game") + " added to your list"
	case o.Added == 1:
		return "1 game is on your list"
	case o.Added > 0:
		return plural(o.Added, "game") + " are on your list"
	case o.Updated > 0:
		return plural(o.Updated, "task") + " brought up to date"
	}
	return "Everything was already up to date"
}

// Line says in one sentence what was done.
func (o outcome) Line() string {
	var words []string
	kept := "kept as you edited them"
	if o.Kept == 1 {
		kept = "kept as you edited it"
	}
	for _, part := range []struct {
		n    int
		text string
	}{{o.Added, "added"}, {o.Updated, "brought up to date"}, {o.Unchanged, "already right"}, {o.Kept, kept}} {
		if part.n > 0 {
			words = append(words, thousands(part.n)+" "+part.text)
		}
	}
	if len(words) == 0 {
		return "Nothing was written."
	}
	return strings.Join(words, ", ") + "."
}

// Where a session has what the page that an import leads to shows once: that
// page's path with the counts, and what was done without.
//
// A streamed import cannot set the cookie that some session stores need, so its
// counts are in the address it leads to, from where a script takes them away.
const (
	doneKey    = "done"
	noticesKey = "notices"
)

// pathAfter is the path of the page to go to: the project, or the list of
// projects where there are several.
func pathAfter(out *importer.Outcome) string {
	if len(out.Imports) == 1 && out.Imports[0] != "" {
		return "/projects/" + out.Imports[0]
	}
	return "/projects"
}

// justDone is what an import just did that led to this page, nil if there is
// nothing.
func (s *server) justDone(r *http.Request, user session.User) *outcome {
	values := r.URL.Query()
	if !values.Has("added") {
		path, counts, _ := strings.Cut(s.Sessions.Get(r.Context(), doneKey), "?")
		stored, err := url.ParseQuery(counts)
		if err != nil || path != r.URL.Path {
			return nil
		}
		s.Sessions.Pop(r.Context(), doneKey)
		values = stored
	}
	count := func(name string) int {
		n, err := strconv.Atoi(values.Get(name))
		if err != nil || n < 0 || n > 99999 {
			return 0
		}
		return n
	}
	o := &outcome{Added: count("added"), Updated: count("updated"), Unchanged: count("unchanged"), Kept: count("kept")}
	if notices := s.Sessions.Pop(r.Context(), noticesKey); notices != "" {
		o.Notices = strings.Split(notices, "\n")
	}
	// Somebody who came back to an import before its end is led here too.
	if e := s.runs.ending(user.ID, s.Now()); e != nil {
		if done, ok := e.result.(finished); ok {
			o.Notices = append(o.Notices, done.Notices...)
		}
	}
	return o
}
