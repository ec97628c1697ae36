package session

import "strings"

// A clue is a part of a browser's User-Agent and the name that it stands for.
type clue struct{ part, name string }

// The first that is found counts: most browsers also claim to be others.
var (
	browsers = []clue{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Vivaldi", "Vivaldi"},
		{"FxiOS", "Firefox"}, {"Firefox", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"},
		{"curl", "curl"},
	}
	systems = []clue{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

// browserOf names a browser for its user, such as "Firefox on Linux". Only that
// is kept of the User-Agent.
func browserOf(agent string) string {
	browser := nameIn(agent, browsers)
	if browser == "" {
		browser = "a browser"
	}
	if system := nameIn(agent, systems); system != "" {
		browser += " on " + system
	}
	return browser
}

// nameIn is the name of the first clue in a User-Agent, "" for none.
func nameIn(agent string, clues []clue) string {
	for _, c := range clues {
		if strings.Contains(agent, c.part) {
			return c.name
		}
	}
	return ""
}
