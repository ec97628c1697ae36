package importer

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"tipoff/imports"
	"tipoff/todoist"
)

// Existing is an import as it is now.
type Existing struct {
	Import *imports.Import
	// Plan is what bringing it up to date would change.
	Plan *Plan
	// Project is where its tasks are; without an id where that is not there.
	Project todoist.Project
	// Missing is true where the project is not among the account's: it is archived, or
	// gone.
	Missing bool
	// Left counts the tasks that are there. Waiting counts those that the schedule has
	// changed since all of them were right; only [Importer.Mine] sets it.
	Left, Waiting int
	// Changes is what was changed, the latest first; only [Importer.Project] reads it.
	Changes []imports.Change
}

// Options are those of an import: its own, and on top of them what v says. They are
// found by the field import, or by the teams where v names no target. full says that v
// is a whole form, which stands for itself. It also returns the import's id, or "".
func (im *Importer) Options(ctx context.Context, user string, v url.Values, full bool) (Options, string, error) {
	id := v.Get("import")
	if full && id != "" {
		opts, err := ParseOptions(v)
		return opts, id, err
	}
	given, err := ParseOptions(v)
	if err != nil && id == "" {
		return given, id, err
	}
	var row *imports.Import
	if id != "" {
		row, err = im.Rows.Get(ctx, user, id)
	} else if given.Target == "" {
		row, err = im.ofTeams(ctx, user, given.Teams)
	} else {
		row, err = im.Rows.InProject(ctx, user, given.Target)
	}
	if err != nil || row == nil {
		return given, id, err
	}
	if target := v.Get("target"); target != "" && row.Project != "" && target != row.Project {
		// Another project is another import.
		row, err = im.Rows.InProject(ctx, user, target)
		if err != nil || row == nil {
			return given, "", err
		}
	}
	values := valuesOf(row)
	for field, given := range v {
		values[field] = given
	}
	opts, err := ParseOptions(values)
	return opts, row.ID, err
}

// Project reads an import and says what an update would change.
func (im *Importer) Project(ctx context.Context, c *todoist.Client, user, id string) (*Existing, error) {
	row, err := im.Rows.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, ErrNotImported
	}
	opts, err := ParseOptions(valuesOf(row))
	if err != nil {
		return nil, err
	}
	parts, id, err := im.parts(ctx, user, id, opts)
	if err != nil {
		return nil, err
	}
	a, err := im.read(ctx, c)
	if err != nil {
		return nil, err
	}
	a.shows = true
	plan, err := im.plan(ctx, c, a, id, opts, parts)
	if err != nil {
		return nil, err
	}
	changes, err := im.Rows.Changes(ctx, user, id)
	if err != nil {
		return nil, err
	}
	part := plan.Parts[0]
	return &Existing{Import: part.Import, Plan: plan, Project: todoist.Project{ID: part.Project, Name: part.Name}, Left: left(part.Import), Changes: changes}, nil
}

func left(row *imports.Import) int {
	n := 0
	for _, t := range row.Tasks {
		if t.State == imports.There || t.State == imports.Postponed {
			n++
		}
	}
	return n
}

// Mine lists a user's imports, by the names of their projects. Of each it is known from
// its rows what the schedule has changed, without asking for its tasks.
func (im *Importer) Mine(ctx context.Context, c *todoist.Client, user string) ([]*Existing, error) {
	rows, err := im.Rows.Of(ctx, user)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	a, err := im.read(ctx, c)
	if err != nil {
		return nil, err
	}
	a.rowsOnly = true
	var all []*Existing
	for _, row := range rows {
		if row.Project == "" {
			continue // it was cut off before it was made
		}
		opts, err := ParseOptions(valuesOf(row))
		if err != nil {
			return nil, err
		}
		part := &Part{Import: row, Teams: opts.Teams, opts: opts, Project: row.Project, Name: a.projects[row.Project].Name}
		e := &Existing{Import: row, Project: a.projects[row.Project], Left: left(row)}
		plan := &Plan{Parts: []*Part{part}, Options: opts, ID: row.ID, Season: a.season.Label, User: a.user, Limits: a.limits}
		if _, ok := a.projects[row.Project]; !ok {
			e.Missing, part.Name = true, ProjectName(row.Teams, row.Season)
			e.Project.Name = part.Name
		}
		if plan.Zone, err = opts.zoneFor(a.user); err != nil {
			return nil, err
		}
		part.style = opts.style(part.Teams, plan.Zone)
		a.restrict(plan, part)
		a.diff(part)
		e.Plan = plan
		if row.Facts != facts(a.season, a.now, row.Teams, row.Played) {
			e.Waiting = plan.Pending()
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y *Existing) int {
		return cmp.Or(strings.Compare(x.Project.Name, y.Project.Name), strings.Compare(x.Import.ID, y.Import.ID))
	})
	return all, nil
}

// valuesOf are the options of an import, the games left out among them.
func valuesOf(row *imports.Import) url.Values {
	v, err := url.ParseQuery(row.Options)
	if err != nil {
		v = url.Values{"team": row.Teams}
	}
	v.Set("auto", "off")
	if row.Auto {
		v.Set("auto", "on")
	}
	for _, t := range row.Tasks {
		if t.State == imports.LeftOut {
			v.Add("skip", t.Game)
		}
	}
	slices.Sort(v["skip"])
	return v
}
