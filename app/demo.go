package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"tipoff/schedule"
	"tipoff/todoist/fake"
)

// demoStart is when a demo's clock starts: now while the embedded season is on,
// otherwise a month into it.
func demoStart(now time.Time) time.Time {
	season := schedule.Embedded()
	if len(season.Games) == 0 || season.State(now) != schedule.Over && season.State(now) != schedule.Postseason {
		return time.Time{}
	}
	return season.Games[0].Day.Time(schedule.Eastern()).AddDate(0, 0, 32)
}

// A stand is the in-memory Todoist of a demo with the address at which the
// program itself reaches it.
type stand struct {
	server                 *fake.Server
	address                string
	clientID, clientSecret string
}

// startDemo starts the in-memory Todoist. Browsers reach it beside Tipoff; the
// program itself by a listener of its own, which stays open until the last
// import is done.
func startDemo(cfg *config, now func() time.Time, log *slog.Logger) (*stand, func(), error) {
	st := &stand{clientID: "tipoff-demo", clientSecret: rand.Text()}
	st.server = fake.New(fake.Config{Now: now, ClientID: st.clientID, ClientSecret: st.clientSecret,
		RedirectURIs: []string{cfg.redirectURL()}, PublicPath: cfg.public.Path,
		// All visitors of a demo share its accounts.
		PartialSyncs: -1, FullSyncs: -1})
	for _, p := range []fake.Profile{
		{ID: "1000001", Email: "free@demo.example", Name: "Frankie Free", APIToken: "demo-free", Zone: "America/New_York", Plan: fake.Free, TimeFormat: 1, StartDay: 7, DateFormat: 1},
		{ID: "1000002", Email: "pro@demo.example", Name: "Priya Pro", APIToken: "demo-pro", Zone: "Europe/Berlin", Plan: fake.Pro, TimeFormat: 0, StartDay: 1},
	} {
		st.server.AddAccount(p)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen for the demo's Todoist: %w", err)
	}
	st.address = "http://" + listener.Addr().String()
	server := &http.Server{Handler: st.server, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo's Todoist ended", "error", err)
		}
	})
	return st, func() { server.Close(); serving.Wait() }, nil
}
