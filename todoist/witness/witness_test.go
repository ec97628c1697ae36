// Package witness_test lets Doist's own SDK bear witness that the in-memory
// Todoist answers as the real one: the SDK checks every answer with its own
// schemas.
package witness_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"tipoff/todoist/fake"
)

func TestDoistsOwnSDKWorksAgainstTheFake(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("node_modules/@doist/todoist-sdk"); err != nil {
		t.Skip("run npm ci in todoist/witness first")
	}
	const redirect = "http://localhost:8080/oauth/callback"
	todoist := fake.New(fake.Config{ClientID: "client", ClientSecret: "client-secret", RedirectURIs: []string{redirect}})
	todoist.AddAccount(fake.Profile{ID: "1001", Email: "free@example.com", Name: "Free", APIToken: "token-free", Zone: "Europe/Berlin"})
	todoist.AddAccount(fake.Profile{ID: "1002", Email: "pro@example.com", Name: "Pro", APIToken: "token-pro", Plan: fake.Pro, Zone: "America/New_York"})
	web := httptest.NewServer(todoist)
	defer web.Close()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "witness.mjs", web.URL, "client", "client-secret", redirect, "token-free", "1002")
	// A proxy of this machine's must not come between the two.
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the SDK disagrees: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	for _, r := range todoist.Requests() {
		if r.Status >= 500 || r.Status == 0 {
			t.Errorf("%s %s answered %d", r.Method, r.Path, r.Status)
		}
	}
}
