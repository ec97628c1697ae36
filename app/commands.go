package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"tipoff/handlers"
	"tipoff/imports"
	"tipoff/session"
	"tipoff/todoist"
)

// withSessions opens the database for a command about sign-ins. The sessions' own
// store is left alone: what is in it counts only with its sign-in, and memory and
// cookies cannot be reached from here.
func withSessions(ctx context.Context, cfg *config, stdout io.Writer, do func(*session.Manager) error) error {
	db, closeDB, err := openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeDB()
	log := slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: slog.LevelWarn}))
	app := appOf(cfg, &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(0), UserAgent: userAgent()})
	m, err := openSessions(ctx, cfg, "database", db, app, handlers.NewMetrics(version()), clock(cfg.start), log)
	if err != nil {
		return err
	}
	return errors.Join(do(m), m.Close())
}

// listImports counts imports by their state, and names nobody.
func listImports(ctx context.Context, cfg *config, stdout io.Writer) error {
	db, closeDB, err := openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer closeDB()
	all, err := imports.New(db, clock(cfg.start)).ByState(ctx)
	if err != nil {
		return fmt.Errorf("count the imports: %w", err)
	}
	if len(all) == 0 {
		fmt.Fprintln(stdout, "There are no imports.")
		return nil
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SEASON\tUPDATES ITSELF\tSTATE\tIMPORTS\tOLDEST CHECK")
	for _, c := range all {
		auto, oldest := "no", "never"
		if c.Auto {
			auto = "yes"
		}
		if !c.Oldest.IsZero() {
			oldest = c.Oldest.UTC().Format("2006-01-02 15:04 UTC")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", c.Season, auto, cmp.Or(string(c.State), "ok"), c.Imports, oldest)
	}
	return table.Flush()
}

// healthcheck asks the Tipoff that listens on the address of the settings
// whether it is ready, for containers that have no other program to ask with.
func healthcheck(ctx context.Context, cfg *config) error {
	host, port, err := net.SplitHostPort(cfg.addr)
	if err != nil {
		return err
	}
	// Whoever listens everywhere listens here. The name localhost is not used:
	// an empty container has no file that says what it means.
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr == netip.IPv4Unspecified() {
		host = "127.0.0.1"
	} else if err == nil && addr.IsUnspecified() {
		host = "::1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	// The proxy of the environment is for the way out.
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return fmt.Errorf("not answering: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("not ready: %s: %s", resp.Status, strings.TrimSpace(string(why)))
	}
	return nil
}
