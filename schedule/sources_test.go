package schedule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLeagueIsAskedAsItWantsAndConfirmsWhatIsHere(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w, kept := newWeb(), newKeeper()
		feed := wholeFeed()
		w.league = func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Referer") != "https://www.nba.com/" || !strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/5.0") {
				denied(rw, r)
				return
			}
			if r.Header.Get("If-None-Match") == `"1"` && r.Header.Get("If-Modified-Since") == "Fri, 20 Nov 2026 10:00:00 GMT" {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			rw.Header().Set("Etag", `"1"`)
			rw.Header().Set("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
			_, _ = rw.Write(feed)
		}
		var results []string
		cfg := Config{URL: "https://league/feed", ESPNURL: "https://espn", Keeper: kept, HTTP: w.client(), Now: now,
			Observe: func(source, result string) { results = append(results, source+" "+result) }}
		l := open(t, cfg)
		for range 2 {
			if err := l.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		s := l.Season()
		if s.Source != SourceNBA || len(s.Games) != 1200 || !s.AsOf.Equal(now().Add(-time.Hour)) {
			t.Errorf("got %s with %d games as of %v at %v", s.Source, len(s.Games), s.AsOf, now())
		}
		for _, g := range s.Games {
			if len(g.ID) != 10 || !g.Changed.Equal(at("2026-08-16T19:35:48Z")) {
				t.Fatalf("the league's feed says what was known, and got %+v", g)
			}
		}
		// A restart goes on with the copy and its validators.
		again := open(t, cfg)
		if s := again.Season(); s.Source != SourceNBA || len(s.Games) != 1200 || !s.AsOf.Equal(l.Season().AsOf) {
			t.Errorf("after a restart: got %s with %d games as of %v", s.Source, len(s.Games), s.AsOf)
		}
		if err := again.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"nba unchanged", "nba unchanged", "nba unchanged"}; !slices.Equal(results, want) || w.asked.Load() != 3 || w.espnAsked.Load() != 0 {
			t.Errorf("got %q after %d requests and %d of ESPN", results, w.asked.Load(), w.espnAsked.Load())
		}
		// Validators are for the URL they came from.
		cfg.URL = "https://league/other"
		other := open(t, cfg)
		if other.validators != (validators{}) || other.Season().Source != SourceNBA {
			t.Errorf("got %+v for another URL", other.validators)
		}
	})
}

func TestESPNStandsInGentlyAndUnderTheLeaguesIDs(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		w.espn = embeddedSeason()
		l := open(t, Config{URL: "https://league/feed", ESPNURL: "https://espn/", HTTP: w.client(), Now: now})
		if err := l.Refresh(t.Context()); err == nil {
			t.Error("got no error for the league's 403")
		}
		if s := l.Season(); s.Source != SourceESPN || len(s.Games) != 1200 {
			t.Fatalf("got %s with %d games", s.Source, len(s.Games))
		}
		if r := l.Status(); r.Trouble != "The league's feed refused the request (403 Forbidden). This is ESPN's schedule." || !r.Since.Equal(r.AsOf) {
			t.Errorf("got %+v", r)
		}
		if len(w.teams) != 120 || w.most.Load() > espnAtOnce || w.espnAsked.Load() != 120 {
			t.Errorf("asked for %d schedules with %d requests, %d at once", len(w.teams), w.espnAsked.Load(), w.most.Load())
		}

		// Now the league answers, and then it does not again.
		w.league = answer(wholeFeed())
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		league := l.Season()
		if r := l.Status(); r.Source != SourceNBA || r.Trouble != "" || !r.Since.IsZero() {
			t.Errorf("got %+v", r)
		}
		w.league = denied
		moved := embeddedSeason()
		g := &moved.Games[700]
		g.Tip, g.ID = g.Tip.Add(48*time.Hour), "401999999"
		g.Day = DayOf(g.Tip, Eastern())
		moved.finish()
		w.espn = moved
		time.Sleep(time.Hour)
		if err := l.Refresh(t.Context()); err == nil {
			t.Error("got no error for the league's 403")
		}
		espn := l.Season()
		if espn.Source != SourceESPN || len(espn.Games) != len(league.Games) {
			t.Fatalf("got %s with %d games", espn.Source, len(espn.Games))
		}
		before := map[string]Game{}
		for _, g := range league.Games {
			before[g.ID] = g
		}
		changes := 0
		for _, g := range espn.Games {
			old, ok := before[g.ID]
			if !ok {
				t.Fatalf("ESPN's game has got no id of the league's: %+v", g)
			}
			if g.Label != old.Label || g.SubLabel != old.SubLabel || len(old.National) > 0 && !slices.Equal(g.National, old.National) {
				t.Errorf("got %+v, want labels and channels of %+v", g, old)
			}
			if !g.Tip.Equal(old.Tip) {
				changes++
				if !g.Changed.Equal(espn.AsOf) {
					t.Errorf("a moved game changed at %v, want %v", g.Changed, espn.AsOf)
				}
			} else if !g.Changed.Equal(old.Changed) {
				t.Errorf("a game that was not moved changed at %v, want %v", g.Changed, old.Changed)
			}
		}
		if changes != 1 {
			t.Errorf("got %d moved games, want 1", changes)
		}
	})
}

func TestESPNAlone(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		w := newWeb()
		l := open(t, Config{ESPNURL: "https://espn", HTTP: w.client(), Now: now})
		if err := l.Refresh(t.Context()); err == nil || l.Status().Trouble != "ESPN refused the request (403 Forbidden)." {
			t.Errorf("got %v and %+v", err, l.Status())
		}
		if n := w.espnAsked.Load(); n > 3*espnAtOnce {
			t.Errorf("an ESPN that refuses was asked %d times", n)
		}
		w.espn = embeddedSeason()
		// Some requests fail once, and there is no play-in yet.
		client, failed := w.client(), map[string]bool{}
		var mu sync.Mutex
		l.cfg.HTTP = &http.Client{Transport: handler(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			first := !failed[r.URL.String()]
			failed[r.URL.String()] = true
			mu.Unlock()
			switch {
			case r.URL.Query().Get("seasontype") == "5":
				rw.WriteHeader(http.StatusNotFound)
			case first && strings.Contains(r.URL.Path, "/teams/gs/"):
				rw.WriteHeader(http.StatusBadGateway)
			default:
				resp, err := client.Transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(rw, resp.Body)
			}
		})}
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := l.Status(); r.Source != SourceESPN || r.Trouble != "" || len(l.Season().Games) != 1200 {
			t.Errorf("got %+v with %d games", r, len(l.Season().Games))
		}
	})
}

func TestStatusIsToldForWhatItIs(t *testing.T) {
	w := newWeb()
	l := open(t, Config{URL: "https://league/feed", HTTP: w.client()})
	for status, want := range map[int]string{
		http.StatusForbidden:       "The league's feed refused the request (403 Forbidden).",
		http.StatusTooManyRequests: "The league's feed refused the request (429 Too Many Requests).",
		http.StatusBadGateway:      "The league's feed answered 502 Bad Gateway instead of the schedule.",
		599:                        "The league's feed answered 599 instead of the schedule.",
	} {
		w.league = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }
		if err := l.Refresh(t.Context()); err == nil || l.Status().Trouble != want {
			t.Errorf("got %v and %q, want %q", err, l.Status().Trouble, want)
		}
	}
}

func TestFeedInAFile(t *testing.T) {
	path, kept := filepath.Join(t.TempDir(), "feed.json"), newKeeper()
	if _, err := Open(t.Context(), Config{URL: path}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no file", err)
	}
	write := func(feed []byte, modified string) {
		t.Helper()
		if err := os.WriteFile(path, feed, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at(modified), at(modified)); err != nil {
			t.Fatal(err)
		}
	}
	// A season of one's own may be small, and past.
	old := shifted(embeddedSeason(), -6)
	games := nbaGames(old)[:200]
	write(nbaFeed(old.Label, games[:10]...), "2026-11-01T00:00:00Z")
	if _, err := Open(t.Context(), Config{URL: path}); err == nil {
		t.Error("got no error for a season without all teams")
	}
	write(nbaFeed(old.Label, games...), "2026-11-01T00:00:00Z")
	var results []string
	l := open(t, Config{URL: path, ESPNURL: "https://espn", Keeper: kept, HTTP: newWeb().client(),
		Now: func() time.Time { return at("2026-11-20T18:00:00Z") }, Observe: func(s, r string) { results = append(results, s+" "+r) }})
	if s := l.Season(); s.Label != "2020-21" || s.Source != SourceFile || len(s.Games) != 200 || !s.AsOf.Equal(at("2026-10-04T08:00:06Z")) {
		t.Errorf("got %s from %s with %d games as of %v", s.Label, s.Source, len(s.Games), s.AsOf)
	}
	if err := l.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	write(nbaFeed(old.Label, nbaGames(old)[:150]...), "2026-11-02T00:00:00Z")
	if err := l.Refresh(t.Context()); err != nil || len(l.Season().Games) != 150 {
		t.Errorf("got %v and %d games", err, len(l.Season().Games))
	}
	write([]byte("{"), "2026-11-03T00:00:00Z")
	if err := l.Refresh(t.Context()); err == nil || len(l.Season().Games) != 150 || l.Status().Trouble != "The schedule's file cannot be read." {
		t.Errorf("got %v, %d games and %+v", err, len(l.Season().Games), l.Status())
	}
	if want := []string{"file unchanged", "file changed", "file failed"}; !slices.Equal(results, want) {
		t.Errorf("got %q, want %q", results, want)
	}
	if kept.version != 0 {
		t.Error("the schedule of a file was saved")
	}
}

func TestRealFileOfAnotherSeasonIsServed(t *testing.T) {
	realFile(t, "nba-2024-25-cdn-20240816.json")
	l := open(t, Config{URL: "../../shared/data/nba-2024-25-cdn-20240816.json", Now: func() time.Time { return at("2024-11-20T18:00:00Z") }})
	if s := l.Season(); s.Label != "2024-25" || len(s.Games) != 1208 || s.State(at("2024-11-20T18:00:00Z")) != RegularSeason {
		t.Errorf("got %s with %d games", s.Label, len(s.Games))
	}
}

func TestAnswersOverTheLimitAreRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"leagueSchedule":{"seasonYear":"2026-27","weeks":[`)
		line := []byte(`{"weekName":"Week 1"},` + strings.Repeat(" ", 60_000))
		for n := 0; n < maxBody; n += len(line) {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `{}]}}`)
	}))
	defer server.Close()
	l := open(t, Config{URL: server.URL, HTTP: server.Client()})
	var tooLarge *http.MaxBytesError
	if err := l.Refresh(t.Context()); !errors.As(err, &tooLarge) {
		t.Errorf("got %v, want one that says the body is too large", err)
	}
	if got, want := l.Status().Trouble, "The league's feed sent more than 20 MB."; got != want {
		t.Errorf("got trouble %q, want %q", got, want)
	}
}

func TestServerThatHangsIsGivenUp(t *testing.T) {
	inSeason(t, func(t *testing.T, now func() time.Time) {
		client := &http.Client{Transport: hanging{}}
		l := open(t, Config{URL: "https://league/feed", HTTP: client, Now: now})
		began := now()
		if err := l.Refresh(t.Context()); !errors.Is(err, context.DeadlineExceeded) || now().Sub(began) != requestTimeout {
			t.Errorf("got %v after %v", err, now().Sub(began))
		}
		if got, want := l.Status().Trouble, "The league's feed is not answering."; got != want {
			t.Errorf("got trouble %q, want %q", got, want)
		}
	})
}

// hanging is a transport whose server accepts and then says nothing.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
