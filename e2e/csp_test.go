package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// judged is what Google's CSP Evaluator finds in a policy.
func judged(t *testing.T, policy string) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	dir := filepath.Join(".ci", "csp")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "csp_evaluator")); err != nil {
		t.Skip("run npm ci in .ci/csp first")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "check.mjs", policy)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the evaluator: %v\n%s", err, out)
	}
	return lines(string(out))
}

func TestTheContentSecurityPolicyByTheWordOfAnother(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", secureURL, "-todoist-authorize-url", "https://app.todoist.com/oauth/authorize")
	b := s.browser()
	for _, path := range []string{"/", "/teams/bos", "/sign-in", "/oauth/callback", "/no/such/page"} {
		for _, found := range judged(t, b.get(path).header.Get("Content-Security-Policy")) {
			// There is no JSONP, no Angular and nothing uploaded below our
			// address: what can be a script there is in the binary.
			if !strings.HasPrefix(found, "MEDIUM_MAYBE\tscript-src\t'self'\t") {
				t.Errorf("%s: %s", path, found)
			}
		}
	}
	if len(judged(t, "script-src 'unsafe-inline'")) == 0 {
		t.Error("the evaluator finds nothing in a policy that allows everything")
	}
}
