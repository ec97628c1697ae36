package importer

import (
	"net/url"
	"regexp"
	"strings"

	"tipoff/schedule"
)

// The last line of a task's description has a link to the game's page, whose fragment
// is the game's id, and one back to the project's page here. It is written once and
// stays: where the database is lost, the tasks still name their games.

// linkPattern finds such a line's links, with the Markdown around them where that is
// whole. Tasks of older versions have no link back.
var linkPattern = regexp.MustCompile(`(?:\[[^\[\]\n]*\]\(https://[^\s()#]+#tipoff-([0-9A-Za-z_-]{1,24})\)|https://[^\s()#]+#tipoff-([0-9A-Za-z_-]{1,24}))` +
	`(?: · \[Tipoff\]\(https?://[^\s()#]+\))?`)

// linkIn finds the last link in a description: from where to where it stands, and the
// game's id.
func linkIn(description string) (start, end int, game string, ok bool) {
	if !strings.Contains(description, "#tipoff-") { // spares the search in the owner's own tasks
		return 0, 0, "", false
	}
	all := linkPattern.FindAllStringSubmatchIndex(description, -1)
	if len(all) == 0 {
		return 0, 0, "", false
	}
	m := all[len(all)-1]
	group := 2
	if m[group] < 0 {
		group = 4
	}
	return m[0], m[1], description[m[group]:m[group+1]], true
}

// gameIn is the id of the game that a description names, or "".
func gameIn(description string) string {
	_, _, game, _ := linkIn(description)
	return game
}

// linkTo is a game's link, and the one back to the page home where that is not empty.
func linkTo(g *schedule.Game, home string) string {
	page := g.URL()
	if page == "" {
		page = "https://www.nba.com/schedule"
	}
	link := "[Game page](" + page + "#tipoff-" + g.ID + ")"
	if home != "" {
		link += " · [Tipoff](" + home + ")"
	}
	return link
}

// inMarkdown escapes what would end a link early.
var inMarkdown = strings.NewReplacer("(", "%28", ")", "%29", "#", "%23")

// home is the address of an import's page, or "" where nothing serves one.
func (im *Importer) home(id string) string {
	if im.PublicURL == "" {
		return ""
	}
	return inMarkdown.Replace(strings.TrimSuffix(im.PublicURL, "/") + "/projects/" + url.PathEscape(id))
}

// describe writes a description: the text, and as its last line the link.
func describe(text, link string) string {
	switch {
	case text == "":
		return link
	case link == "":
		return text
	}
	return text + "\n" + link
}

// textOf is a description without its link.
func textOf(description string) string {
	if start, end, _, ok := linkIn(description); ok {
		description = description[:start] + description[end:]
	}
	return strings.TrimSpace(strings.ReplaceAll(description, "\r\n", "\n"))
}

// withText is a description with another text above the link that it has.
func withText(description, text string) string {
	start, end, _, ok := linkIn(description)
	if !ok {
		return text
	}
	return describe(text, description[start:end])
}
