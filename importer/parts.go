package importer

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"tipoff/imports"
	"tipoff/todoist"
)

// parts are the imports that options are about, as their rows are, without changes. id
// is what the form says; it is made up where that is empty, and returned.
func (im *Importer) parts(ctx context.Context, user, id string, opts Options) ([]*Part, string, error) {
	form := id != "" && id != Terminal
	id = cmp.Or(id, NewID())
	if opts.Target != TargetEach {
		part, err := im.partFor(ctx, user, id, form, opts)
		return []*Part{part}, id, err
	}
	var all []*Part
	for _, team := range opts.Teams {
		own := opts
		own.Teams = []string{team}
		ownID := Terminal
		if id != Terminal {
			ownID = todoist.UUID(id, team)
		}
		part, err := im.partFor(ctx, user, ownID, form, own)
		if err != nil {
			return nil, id, err
		}
		all = append(all, part)
	}
	return all, id, nil
}

// partFor is the import of this id or of these options, or a new one. form says that the
// options are those of a whole form.
func (im *Importer) partFor(ctx context.Context, user, id string, form bool, opts Options) (*Part, error) {
	var row *imports.Import
	var err error
	if id == Terminal {
		row, id, err = im.terminalRow(ctx, user, opts)
	} else {
		row, err = im.rowFor(ctx, user, id, opts)
	}
	switch {
	case err != nil:
		return nil, err
	case row == nil && form && strings.HasPrefix(id, terminalPrefix):
		return nil, Invalid{"import": "This import has ended. Start a new one."}
	case row == nil:
		row = &imports.Import{ID: id, User: user, League: league, Season: im.Season().Label, Begun: im.Now().UTC(),
			Auto: opts.Auto == "on", Tasks: map[string]*imports.Task{}}
		if opts.Target != "" && opts.Target != TargetNew && opts.Target != TargetEach {
			row.Project = opts.Target
		}
	}
	for game, t := range row.Tasks {
		// A form says of each game whether it is left out; without one, they stay so.
		if !form && t.State == imports.LeftOut && !slices.Contains(opts.Skip, game) {
			opts.Skip = append(slices.Clone(opts.Skip), game)
		}
	}
	if !form {
		opts.Skip = slices.DeleteFunc(slices.Clone(opts.Skip), func(game string) bool { return slices.Contains(opts.Again, game) })
	}
	row.Teams = slices.Sorted(slices.Values(opts.Teams))
	row.Options, row.Played = opts.stored(), opts.Played
	return &Part{Import: row, Teams: opts.Teams, opts: opts}, nil
}

// league is the one whose games are imported.
const league = "nba"

// rowFor finds the import that options are about: the one of this id, or of the project
// that they name, or of their teams in this season. It is nil for a new one.
func (im *Importer) rowFor(ctx context.Context, user, id string, opts Options) (*imports.Import, error) {
	if row, err := im.Rows.Get(ctx, user, id); row != nil || err != nil {
		return row, err
	}
	switch opts.Target {
	case TargetNew:
		return nil, nil
	case "", TargetEach:
		return im.ofTeams(ctx, user, opts.Teams)
	}
	return im.Rows.InProject(ctx, user, opts.Target)
}

// ofTeams is a user's latest import of these teams in this season, or nil.
func (im *Importer) ofTeams(ctx context.Context, user string, teams []string) (*imports.Import, error) {
	all, err := im.Rows.Of(ctx, user)
	if err != nil {
		return nil, err
	}
	sorted := slices.Sorted(slices.Values(teams))
	for _, row := range all {
		if slices.Equal(row.Teams, sorted) && row.Season == im.Season().Label {
			return row, nil
		}
	}
	return nil, nil
}

// Terminal is the id that a command gives for an import. It stands for the one that the
// options are about. A new one gets the same id from every process that asks for it, so
// that two commands at once make one import.
const Terminal = "terminal"

// terminalPrefix begins the ids of imports made by a command. A form does not make any:
// it could take the id of somebody else's.
const terminalPrefix = Terminal + "-"

// terminalID is the id of a new import that a command makes. Only where the target says so
// is it another one each time.
func (im *Importer) terminalID(user string, opts Options) string {
	if opts.Target == TargetNew {
		return terminalPrefix + NewID()
	}
	target := opts.Target
	if target == TargetEach {
		target = "" // each team has the import that it would have alone
	}
	teams := slices.Sorted(slices.Values(opts.Teams))
	return terminalPrefix + todoist.UUID(append([]string{user, im.Season().Label, target}, teams...)...)
}

// terminalRow finds the import that a command is about, and the id of a new one where
// there is none.
func (im *Importer) terminalRow(ctx context.Context, user string, opts Options) (row *imports.Import, id string, err error) {
	id = im.terminalID(user, opts)
	if row, err = im.Rows.Get(ctx, user, id); err != nil {
		return nil, "", err
	}
	if row != nil && slices.Equal(row.Teams, slices.Sorted(slices.Values(opts.Teams))) {
		return row, id, nil
	}
	if row != nil { // its owner gave it other teams since
		id = terminalPrefix + NewID()
	}
	row, err = im.rowFor(ctx, user, id, opts)
	return row, id, err
}
