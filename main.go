// Tipoff puts an NBA team's games into Todoist and keeps them right all season.
//
// A tour, from the bottom up:
//
//   - jsonstream reads large JSON documents in little memory.
//   - schedule knows the teams and the games and where they are published, and
//     nothing of Todoist.
//   - todoist speaks Todoist's API and knows nothing of basketball;
//     todoist/fake answers as Todoist does, from memory, for the demo and the
//     tests.
//   - database opens SQLite or PostgreSQL and keeps its tables up to date.
//   - imports keeps a row for each import and for each of its tasks.
//   - importer turns games into tasks: it compares what should be in a project
//     with what is there, shows the difference and carries it out.
//   - updates keeps imports right with nobody pressing.
//   - session knows who is here, and keeps sign-ins and each user's tokens in the
//     database.
//   - templates and static hold the pages and what they refer to.
//   - handlers is all that a browser can reach.
//   - app reads the settings, builds each part once, and runs them until it is
//     told to stop. It has the commands, too.
//   - e2e tests the program from outside, over HTTP and in a real browser;
//     repository tests what is in this repository beside the code.
//
// The ideas behind it are in docs/decisions.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"tipoff/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	err := app.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, app.Options{})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tipoff:", strings.ReplaceAll(err.Error(), "\n", "\n        "))
		code := 1
		if exit, ok := errors.AsType[*app.ExitError](err); ok {
			code = exit.Code
		}
		os.Exit(code)
	}
}
