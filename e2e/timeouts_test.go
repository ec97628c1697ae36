//go:build load

package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

// TestConnectionsThatSendNothingOnAreClosed waits for what bounds_test.go does
// not wait for: half a minute for a body, two minutes between requests.
func TestConnectionsThatSendNothingOnAreClosed(t *testing.T) {
	s := startSite(t, midSeason)
	s.browser().signIn(s.account("ann", fake.Free))
	var wg sync.WaitGroup
	for name, send := range map[string]string{
		"without a request":         "",
		"in the middle of a header": "GET / HTTP/1.1\r\nHost: tipoff.test\r\nX-A: b",
		"in the middle of a body":   "POST /sign-in/token HTTP/1.1\r\nHost: tipoff.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000\r\n\r\ntoken=",
		"between two requests":      "GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n",
	} {
		conn := s.hold(send)
		wg.Go(func() {
			// Far more than the longest of the times.
			_ = conn.SetReadDeadline(time.Now().Add(4 * time.Minute))
			_, err := io.Copy(io.Discard, conn)
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Errorf("a connection %s stays open", name)
			}
		})
	}
	// One that goes on in time is served.
	conn := s.hold("")
	reader := bufio.NewReader(conn)
	for range 3 {
		if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: tipoff.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("answered %s", resp.Status)
		}
		time.Sleep(20 * time.Second)
	}
	wg.Wait()
}
