package app

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"tipoff/database"
	"tipoff/handlers"
	"tipoff/importer"
	"tipoff/imports"
	"tipoff/schedule"
	"tipoff/todoist"
)

// The codes with which tipoff import ends where it does not succeed.
const (
	codeNothing = 1 // it failed, and nothing was written
	codeUsage   = 2 // it was called the wrong way
	codePartly  = 3 // some games failed
)

// An ExitError is an error with the code that the process is to end with.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return e.Err.Error() }
func (e *ExitError) Unwrap() error { return e.Err }

// importTimeout bounds one import, all its waits included, and scheduleTimeout the one
// refresh of the schedule before it.
const (
	importTimeout   = 10 * time.Minute
	scheduleTimeout = 45 * time.Second
)

// An importCommand is what the flags of tipoff import say.
type importCommand struct {
	form      url.Values // the fields of the site's form
	tokenFile string
	dryRun    bool
	json      bool
	adopt     bool
}

// flags declares the command's flags, and the settings of fs beside them.
func (c *importCommand) flags(fs *flag.FlagSet) *flag.FlagSet {
	own := flag.NewFlagSet("tipoff import", flag.ContinueOnError)
	own.SetOutput(io.Discard)
	fs.VisitAll(func(f *flag.Flag) { own.Var(f.Value, f.Name, f.Usage) })
	own.StringVar(&c.tokenFile, "token-file", "", "")
	own.BoolVar(&c.dryRun, "dry-run", false, "")
	own.BoolVar(&c.json, "json", false, "")
	own.BoolVar(&c.adopt, "adopt", false, "")
	c.form = url.Values{}
	for _, field := range formFields {
		own.Func(field.name, "", func(value string) error {
			if !field.many {
				c.form.Del(field.name) // the last one counts
			}
			c.form.Add(field.name, value)
			return nil
		})
	}
	return own
}

// wrongUse is the error of a command that was called the wrong way.
func wrongUse(format string, args ...any) error {
	return &ExitError{codeUsage, fmt.Errorf(format, args...)}
}

// wrongFields says what is wrong with fields of the form, each in a line.
func wrongFields(invalid importer.Invalid) error {
	var all []string
	for field, sentence := range invalid {
		all = append(all, "-"+field+": "+sentence)
	}
	slices.Sort(all)
	return wrongUse("%s", strings.Join(all, "\n"))
}

// runImport is tipoff import: one import, or an update of it, with the token of a file.
func runImport(ctx context.Context, cfg *config, stdout io.Writer, with Options) error {
	cmd := &cfg.importing
	switch {
	case len(cfg.command) > 1:
		return wrongUse("tipoff import takes flags alone; tipoff import -h lists them")
	case cfg.demo:
		return wrongUse("a demo's Todoist is gone when the command ends; start tipoff -demo and import there")
	case cmd.tokenFile == "":
		return wrongUse("-token-file is missing: the file with your personal API token, - for standard input")
	}
	if _, err := importer.ParseOptions(cmd.form); err != nil {
		invalid, _ := errors.AsType[importer.Invalid](err)
		return wrongFields(invalid)
	}
	token, err := readToken(cmd.tokenFile)
	if err != nil {
		return &ExitError{codeUsage, err}
	}
	ctx, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	db, err := openImports(ctx, cfg)
	if err != nil {
		return &ExitError{codeNothing, err}
	}
	defer db.Close()
	now := with.Now
	if now == nil {
		now = clock(cfg.start)
	}
	metrics := handlers.NewMetrics(version())
	// What is wrong with the schedule is said with the plan.
	games, err := openSchedule(ctx, cfg, db, metrics, now, slog.New(slog.DiscardHandler))
	if err != nil {
		return &ExitError{codeNothing, err}
	}
	refreshOnce(ctx, cfg, games, now())

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	r := &importRun{importCommand: cmd, games: games, now: now, out: stdout, rows: imports.New(db, now)}
	r.importer = importer.New(games.Season, r.rows, now, log)
	r.importer.Lease = cmp.Or(with.ImportLease, r.importer.Lease)
	r.client = openTodoist(cfg, metrics, with).As(onlyToken(token))
	return r.do(ctx)
}

// openImports opens the database. The data dir is needed only where that is in it.
func openImports(ctx context.Context, cfg *config) (*database.DB, error) {
	if cfg.from["database"] == "" {
		if err := prepareDataDir(cfg.dataDir); err != nil {
			return nil, err
		}
	}
	return database.Open(ctx, cfg.database)
}

// refreshOnce asks for the schedule, unless the one at hand is recent or it is never to be
// asked for. Where that fails the one at hand has to do, and its report says why.
func refreshOnce(ctx context.Context, cfg *config, games *schedule.Live, now time.Time) {
	at := games.Status()
	recent := (at.Source == schedule.SourceNBA || at.Source == schedule.SourceESPN) && now.Sub(at.AsOf).Abs() < cfg.refresh
	if cfg.refresh == 0 || recent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, scheduleTimeout)
	defer cancel()
	_ = games.Refresh(ctx)
}

// maxToken is longer than any token.
const maxToken = 200

// readToken reads a personal API token from a file that nobody else can read, or from
// standard input. Its errors never show what was read.
func readToken(path string) (string, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("other users can read %s (mode %04o), so it is not used. Run: chmod 600 %s", path, info.Mode().Perm(), path)
		}
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, 4*maxToken))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	switch {
	case token == "":
		return "", errors.New("there is no token in what -token-file names")
	case len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("what -token-file names holds more than a token, or something else")
	}
	return token, nil
}

// onlyToken gives a token for which there is no newer one.
func onlyToken(token string) todoist.Access {
	return func(_ context.Context, refused string) (string, error) {
		if refused != "" {
			return "", &todoist.Error{Status: http.StatusUnauthorized, Tag: todoist.TagUnauthorized}
		}
		return token, nil
	}
}

// An importRun is one run of the command.
type importRun struct {
	*importCommand
	importer *importer.Importer
	rows     *imports.Store
	client   *todoist.Client
	games    *schedule.Live
	now      func() time.Time
	out      io.Writer
}

// do shows the plan, runs it, and says what became of it.
func (r *importRun) do(ctx context.Context) error {
	user, err := r.client.User(ctx)
	if err != nil {
		return failed(err)
	}
	opts, _, err := r.importer.Options(ctx, user.ID, r.form, false)
	if err != nil {
		return failed(err)
	}
	plan, err := r.importer.Plan(ctx, r.client, user.ID, importer.Terminal, opts)
	if err != nil {
		return failed(err)
	}
	if !r.json {
		if err := r.writePlan(plan); err != nil {
			return err
		}
	}
	out, err := r.run(ctx, user.ID, opts, plan)
	if r.json {
		err = errors.Join(err, r.writeJSON(plan, out, err))
	} else if out != nil {
		fmt.Fprintln(r.out, resultLine(out))
		for _, notice := range out.Notices {
			fmt.Fprintln(r.out, notice)
		}
	}
	return err
}

// run carries the plan out, unless it is only to be shown.
func (r *importRun) run(ctx context.Context, user string, opts importer.Options, plan *importer.Plan) (*importer.Outcome, error) {
	switch {
	case r.dryRun:
		return nil, nil
	case plan.Stopped() && plan.Pending() > 0:
		return nil, failed(&importer.Stopped{Plan: plan})
	case plan.Adopts() && !r.adopt:
		return nil, &ExitError{codeNothing, errors.New("this database does not know the tasks that are there. " +
			"If they are yours to go on with, run the same command with -adopt. Nothing was written")}
	}
	shown := ""
	if plan.Adopts() {
		shown = plan.Fingerprint()
	}
	progress, end := progressLine(os.Stderr)
	out, err := r.importer.Run(ctx, r.client, user, importer.Terminal, opts, shown, progress)
	end()
	if out == nil {
		return nil, failed(err)
	}
	return out, unfinished(out, err)
}

// unfinished is the error of a run that did not write all of its plan, and names the games.
func unfinished(out *importer.Outcome, err error) error {
	if err == nil && len(out.Failed) == 0 {
		return nil
	}
	wrote := out.Added+out.Updated > 0 || err != nil && todoist.Doubtful(err)
	for i, part := range out.Left.Parts {
		wrote = wrote || part.Project != out.Plan.Parts[i].Project
	}
	code := codePartly
	if !wrote {
		code = codeNothing
	}
	if len(out.Failed) == 0 {
		return &ExitError{code, errors.New(explain(err))}
	}
	text := plural(len(out.Failed), "game") + " failed. Run the command again: only what is missing is written."
	for _, f := range out.Failed {
		text += "\n" + f.Change.Title + ", " + string(f.Change.Game.Day) + ": " + f.Reason
	}
	return &ExitError{code, errors.New(text)}
}

// failed is the error of a command that wrote nothing.
func failed(err error) error {
	invalid, ok := errors.AsType[importer.Invalid](err)
	if ok && !errors.Is(err, importer.ErrGone) && !errors.Is(err, importer.ErrArchived) {
		return wrongFields(invalid)
	}
	return &ExitError{codeNothing, errors.New(explain(err))}
}

// explain says in plain sentences why an import did not work.
func explain(err error) string {
	refused, ok := errors.AsType[*todoist.Error](err)
	stopped, stops := errors.AsType[*importer.Stopped](err)
	_, changed := errors.AsType[*importer.Changed](err)
	switch {
	case stops:
		return whyStopped(stopped.Plan)
	case changed:
		return "Your Todoist or the schedule changed since the plan was shown, so nothing was written. Run the command again."
	case errors.Is(err, importer.ErrGone):
		return "The project is not in your Todoist any more, which ends its import. Nothing was written. The next run makes a new project."
	case errors.Is(err, importer.ErrArchived):
		return "The project is archived in Todoist, which pauses its import. Nothing was written."
	case errors.Is(err, importer.ErrLost):
		return "Another process has taken this import over."
	case errors.Is(err, importer.ErrUnavailable):
		return "The database does not answer: " + err.Error()
	case errors.Is(err, context.Canceled):
		return "Stopped. The next run goes on."
	case errors.Is(err, todoist.ErrTooLarge):
		return "Your Todoist holds more text in the tasks of this project than Tipoff reads. Nothing was written."
	case ok && refused.Status == http.StatusUnauthorized:
		return "Todoist does not know this token. Copy it once more, from Settings, Integrations, Developer."
	case ok && refused.RetryAfter > 0:
		return importer.Explain(err) + " Try again in " + refused.RetryAfter.Round(time.Second).String() + "."
	case ok:
		return importer.Explain(err)
	case todoist.Doubtful(err):
		return importer.Explain(err) + " (" + err.Error() + ")"
	}
	return err.Error()
}

// whyStopped says why a plan does not fit the account, and what would.
func whyStopped(plan *importer.Plan) string {
	var lines []string
	for _, notice := range plan.Notices {
		if notice.Stop {
			lines = append(lines, notice.Text)
		}
	}
	for _, offer := range plan.Offers {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", offer.Text, offer.Flags(plan.Options), plural(offer.Tasks, "task")))
	}
	return strings.Join(append(lines, "Nothing was written."), "\n")
}
