package handlers

import (
	"net/http"
	"strings"
	"time"

	"tipoff/schedule"
	"tipoff/session"
	"tipoff/static"
)

// A layout is what every page shows around its own content. Each page's
// struct embeds one.
type layout struct {
	// Title is the page's own, without the product's name.
	Title string
	// Description is one sentence for search results and link previews; empty
	// leaves the element out.
	Description string
	// Section is the entry of the navigation that is current: "teams",
	// "projects" or "".
	Section string
	// Private pages are kept out of search indexes.
	Private bool
	// ShareImage and Canonical are absolute addresses, or empty.
	ShareImage, Canonical string
	// Times says that a script may write the page's times as the browser does:
	// nobody is signed in whose account says how. Now is the instant of the
	// page in RFC 3339, since the program's clock may not be the browser's
	// (-now).
	Times bool
	Now   string
	// Reload is the path of the page itself, for a link that loads it again;
	// empty where that cannot be done.
	Reload string
	// ThemeLight and ThemeDark colour the browser's own frame; empty for the
	// page's.
	ThemeLight, ThemeDark string
	// Me is nil for a visitor who is not signed in.
	Me *account
	// Demo says that the in-memory Todoist takes the real one's place; DemoURL
	// is then the path of its page, as the url function takes it.
	Demo    bool
	DemoURL string
	// LeagueURL is where a visitor of the demo plays the league.
	LeagueURL string
	// Flash is said once on top of the page, nil otherwise.
	Flash *notice
	// Schedule says where the games come from; nil leaves the line out.
	Schedule *scheduleNote
}

// theme colours the browser's frame as the page's band.
func (l *layout) theme(t theme) { l.ThemeLight, l.ThemeDark = t.light, t.dark }

// An account is who is signed in, as the header shows it.
type account struct {
	// Name is the person's own, Plan is "Free", "Pro" or "Business".
	Name, Plan string
}

// Initial is the letter in the account menu's disc.
func (a account) Initial() string {
	for _, r := range a.Name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// A notice is a sentence that wants attention. Kind is "info", "done", "warn"
// or "stop". Link and LinkText are both set or both empty; Link is a path of
// ours or an absolute https address.
type notice struct {
	Kind, Text     string
	Link, LinkText string
}

// A scheduleNote is the footer's line about the games' source.
type scheduleNote struct {
	// Source reads like "the league’s feed" or "ESPN".
	Source string
	// AsOf is when it was fetched.
	AsOf moment
	// Trouble is a whole sentence such as "The league’s feed is not
	// answering; Tipoff keeps trying.", or empty.
	Trouble string
}

// layout fills in what every page shows.
func (s *server) layout(r *http.Request, title string) layout {
	loc := s.locale(r)
	l := layout{Title: title, Demo: s.Demo != nil, Times: true, Now: loc.Now.UTC().Format(time.RFC3339),
		ShareImage: s.absolute(static.Prefix + "share.png")}
	// The way back from Todoist is good for one time, and its address secret.
	if isGet(r) && r.URL.Path != "/oauth/callback" {
		l.Reload = r.URL.RequestURI()
	}
	user, ok := s.Sessions.User(r.Context())
	if ok {
		l.Me = accountOf(user)
		l.Private, l.Times = true, false
	}
	if l.Demo {
		l.DemoURL = "/demo/todoist/"
		if ok {
			l.DemoURL += user.ID
			l.LeagueURL = "/demo/league"
		}
	}
	report := s.Schedule.Status()
	source := map[string]string{
		schedule.SourceNBA: "the league’s feed", schedule.SourceESPN: "ESPN",
		schedule.SourceFile: "a file on this server", schedule.SourceEmbedded: "built in",
	}[report.Source]
	l.Schedule = &scheduleNote{Source: source, AsOf: loc.momentOf(report.AsOf), Trouble: report.Trouble}
	return l
}

func accountOf(u session.User) *account { return &account{Name: u.Name, Plan: u.Plan} }

// absolute is the address of a path of ours for the outside.
func (s *server) absolute(path string) string {
	return s.PublicURL.Scheme + "://" + s.PublicURL.Host + s.base + path
}

// private is the layout of a page about one person, which nobody else and no
// cache may keep.
func (s *server) private(w http.ResponseWriter, r *http.Request, title, section string) layout {
	w.Header().Set("Cache-Control", "no-store")
	l := s.layout(r, title)
	l.Private, l.Section = true, section
	return l
}
