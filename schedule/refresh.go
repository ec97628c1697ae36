package schedule

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// Refresh asks the sources once and takes over what is good. The error says
// what went wrong with the source that should have answered, even if another
// one did; it is already logged.
func (l *Live) Refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	season, trouble := l.season.Load(), l.trouble.Load()
	err := l.ask(ctx)
	if l.season.Load() != season || l.trouble.Load() != trouble {
		l.save(ctx)
	}
	return err
}

func (l *Live) ask(ctx context.Context) error {
	switch {
	case l.isFile():
		text, err := l.try(SourceFile, func() (*Season, validators, error) { return l.readFile(l.validators) })
		l.settle(text, err)
		return err

	case l.cfg.URL == "" && l.cfg.ESPNURL == "":
		return nil

	case l.cfg.URL == "":
		text, err := l.try(SourceESPN, func() (*Season, validators, error) { return l.fetchESPN(ctx) })
		l.settle(text, err)
		return err
	}

	text, err := l.try(SourceNBA, func() (*Season, validators, error) { return l.fetchNBA(ctx) })
	if err == nil || text == "" || ctx.Err() != nil {
		l.settle(text, err)
		return err
	}
	if l.cfg.ESPNURL != "" {
		more, espn := l.try(SourceESPN, func() (*Season, validators, error) { return l.fetchESPN(ctx) })
		if espn == nil {
			text += " This is ESPN's schedule."
		} else {
			more = cmp.Or(more, "ESPN has no newer one.")
			err = errors.Join(err, espn)
		}
		text = strings.TrimSpace(text + " " + more)
	}
	l.settle(text, err)
	return err
}

// try gets a season from a source and takes it over if it is good. The text
// tells people what is wrong with the source, and is "" if nothing is.
func (l *Live) try(source string, get func() (*Season, validators, error)) (text string, err error) {
	next, v, err := get()
	current := l.season.Load()
	now := l.cfg.Now().UTC()
	switch {
	case errors.Is(err, errUnchanged):
		l.cfg.Observe(source, "unchanged")
		if source != SourceFile {
			// The source stands behind what is here once more.
			l.season.Store(&Season{Label: current.Label, Source: current.Source, AsOf: now, Games: current.Games})
		}
		return "", nil
	case err != nil:
		l.cfg.Observe(source, "failed")
		return sentence(source, err), err
	}
	faulty := leaveOut(next)
	if source == SourceFile {
		err = checkWhole(next)
	} else {
		next.AsOf = now
		err = check(current, next, now)
	}
	if err != nil {
		l.cfg.Observe(source, "refused")
		if text = sentence(source, err); text != "" {
			text = strings.TrimSpace(text + " " + leftOut(source, faulty))
		}
		return text, err
	}
	if len(faulty) > 0 {
		v = validators{} // an answer "not changed" would not name them again
	}
	changed := carry(current, next, now)
	l.season.Store(next)
	l.validators = v
	result := "unchanged"
	if changed > 0 {
		result = "changed"
	}
	l.cfg.Observe(source, result)
	l.cfg.Log.Info("schedule refreshed", "source", source, "season", next.Label, "games", len(next.Games), "changed", changed)
	return leftOut(source, faulty), nil
}
