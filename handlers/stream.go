package handlers

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"tipoff/importer"
)

// The data of the events of a streamed import, besides [importer.Progress].
type (
	finished struct {
		Location string `json:"location"`
		outcome
		Failed int `json:"failed"`
	}
	failure struct {
		Message    string       `json:"message"`
		RetryAfter int          `json:"retryAfter"`
		Done       int          `json:"done"`
		Total      int          `json:"total"`
		Failed     []failedGame `json:"failed,omitempty"`
		// Offers are what would fit where the account has no room.
		Offers []offer `json:"offers,omitempty"`
		// SignIn is the address to sign in at again, where that is what helps.
		SignIn string `json:"signIn,omitempty"`
	}
	failedGame struct {
		Title  string `json:"title"`
		Day    string `json:"day"`
		Reason string `json:"reason"`
	}
)

// A stream tells a browser how an import comes along. Until the first event it
// can still be answered with a page.
type stream struct {
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	// pageOnly is for a browser that did not ask for events.
	pageOnly bool
	// last is the data of the last event, whether it was sent or not.
	last any
	// ended, when set, is told of last before anybody else is.
	ended func(last any)

	mu    sync.Mutex
	begun bool
}

const eventStream = "text/event-stream"

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, r: r, control: http.NewResponseController(w)}
}

// progress sends where an import stands.
func (st *stream) progress(p importer.Progress) {
	if !st.pageOnly {
		st.send("progress", map[string]any{"done": p.Done, "total": p.Total, "message": p.Message})
	}
}

// finish ends the import's answer: with a page where none has begun, otherwise
// with a last event.
func (st *stream) finish(page func() error, last any) error {
	st.last = last
	if st.ended != nil {
		st.ended(last)
	}
	st.mu.Lock()
	begun := st.begun
	done, isDone := last.(finished)
	st.mu.Unlock()
	if st.pageOnly || !begun && !isDone {
		return page()
	}
	if isDone {
		st.send("done", done)
	} else {
		st.send("failed", last)
	}
	return nil
}

// send writes one event. A visitor who has gone is no error: the import goes
// on without.
func (st *stream) send(event string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		return // the data are our own
	}
	st.write("event: " + event + "\ndata: " + string(body) + "\n\n")
}

func (st *stream) write(text string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.r.Context().Err() != nil {
		return
	}
	if !st.begun {
		st.begun = true
		h := st.w.Header()
		h.Set("Content-Type", eventStream)
		h.Set("Cache-Control", "no-store")
		// nginx would hold the events back otherwise.
		h.Set("X-Accel-Buffering", "no")
	}
	// Each event has its own time to be sent; the server's would end the
	// stream with the first.
	_ = st.control.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := st.w.Write([]byte(text)); err == nil {
		_ = st.control.Flush()
	}
}

// keepAlive sends a comment every 15 seconds after the first event, so that no
// proxy takes the connection for dead, until the returned function is called.
func (st *stream) keepAlive() (stop func()) {
	ticker := time.NewTicker(15 * time.Second)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-ticker.C:
				st.mu.Lock()
				begun := st.begun
				st.mu.Unlock()
				if begun {
					st.write(": still here\n\n")
				}
			case <-done:
				return
			}
		}
	})
	return func() { ticker.Stop(); close(done); ended.Wait() }
}
