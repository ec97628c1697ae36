package fake

import (
	"slices"
	"strings"
)

// A scope is a right that a call needs.
type scope int

const (
	anyScope scope = iota
	addTasks
	read
	write
	deleteData
	deleteProjects
)

// knownScopes are the scopes that an app may ask for, in their order on the
// consent page.
func knownScopes() []string {
	return []string{"task:add", "data:read", "data:read_write", "data:delete", "project:delete",
		"backups:read", "billing:read", "billing:read_write", "dev:app_console"}
}

// allow reports whether the granted scopes contain the right that is needed.
func allow(granted []string, need scope) bool {
	for _, g := range granted {
		switch {
		case need == anyScope,
			need == addTasks && (g == "task:add" || g == "data:read_write"),
			need == read && (g == "data:read" || g == "data:read_write"),
			need == write && g == "data:read_write",
			need == deleteData && g == "data:delete",
			need == deleteProjects && g == "project:delete":
			return true
		}
	}
	return false
}

// splitScopes reads a list of scopes; it must not be empty and all of them
// must be known.
func splitScopes(text, separator string) ([]string, bool) {
	scopes := strings.Split(text, separator)
	for _, s := range scopes {
		if !slices.Contains(knownScopes(), s) {
			return nil, false
		}
	}
	return scopes, true
}
