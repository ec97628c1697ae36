package session

import "strings"

// browserOf names a browser for its user, such as "Firefox on Linux". Only that
// is kept of the User-Agent. The first match counts: most browsers also claim to
// be others.
func browserOf(agent string) string {
	browser := firstOf(agent, "a browser",
		"Edg", "Edge", "OPR/", "Opera", "SamsungBrowser", "Samsung Internet", "Vivaldi", "Vivaldi",
		"FxiOS", "Firefox", "Firefox", "Firefox", "CriOS", "Chrome", "Chrome", "Chrome",
		"Safari", "Safari", "curl", "curl")
	system := firstOf(agent, "",
		"iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "CrOS", "ChromeOS",
		"Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// firstOf returns the name after the first mark that s contains.
func firstOf(s, otherwise string, marksAndNames ...string) string {
	for i := 0; i < len(marksAndNames); i += 2 {
		if strings.Contains(s, marksAndNames[i]) {
			return marksAndNames[i+1]
		}
	}
	return otherwise
}
