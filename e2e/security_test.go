package e2e

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/bits"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tipoff/session"
)

// The tests whose names begin with TestSecurity are named after the items of
// docs/security.md, whose table is made from their names. They speak to the program
// over HTTP wherever that can show what is claimed.

const secureURL = "https://tipoff.test"

// query is one value of an address's query.
func query(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// alter changes values of an address's query; an empty one is taken out.
func alter(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// tokenCalls counts how often the program asked for tokens.
func (tp *tap) tokenCalls() int { return len(tp.exchanges("/oauth/access_token")) }

// randomness fails the test unless values are of at least this many bytes in
// base64 and each bit of these is now 0 and now 1.
func randomness(t *testing.T, values []string, size int) {
	t.Helper()
	var ones, zeros []byte
	seen := map[string]bool{}
	for _, value := range values {
		if seen[value] {
			t.Fatal("a value was given out twice")
		}
		seen[value] = true
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) < size {
			t.Fatalf("a value of %d characters is not %d bytes in base64: %v", len(value), size, err)
		}
		if ones == nil {
			ones, zeros = make([]byte, len(raw)), make([]byte, len(raw))
		}
		for i, b := range raw {
			ones[i] |= b
			zeros[i] |= ^b
		}
	}
	fixed := 0
	for i := range ones {
		fixed += 8 - bits.OnesCount8(ones[i]&zeros[i])
	}
	// Each bit of 50 fair values is the same in all of them once in 2^49 times.
	if fixed > 0 {
		t.Errorf("%d bits were the same in all of %d values", fixed, len(values))
	}
}

// anotherKey is a secret key as the program makes it.
func anotherKey(t *testing.T) string {
	t.Helper()
	key, err := session.Key(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// securityItems is how many items the list has, from which docs/security.md has
// its numbers.
const securityItems = 42

func TestTheTableOfSecurityIsThatOfTheTests(t *testing.T) {
	files, err := filepath.Glob("e2e/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	proved := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func TestSecurity(\d\d)(\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			proved[m[1]] = true
			rows[fmt.Sprintf("| %s | %s | [`%s`](../%s) |", m[1], inWords(m[2]), filepath.Base(file), file)] = true
		}
	}
	for i := 1; i <= securityItems; i++ {
		if number := fmt.Sprintf("%02d", i); !proved[number] {
			t.Errorf("no test proves item %s", number)
		}
	}
	const begin, end = "<!-- made from the tests: go test ./e2e -run TableOfSecurity -update -->\n", "<!-- end -->\n"
	table := "| | proved | by |\n| --- | --- | --- |\n" + strings.Join(slices.Sorted(maps.Keys(rows)), "\n") + "\n"
	raw, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	was, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/security.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile("docs/security.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was != table {
		t.Error("the table in docs/security.md is not that of the tests; run go test ./e2e -run TableOfSecurity -update")
	}
}

// inWords writes the name of a test as words: "IDsAreRandom" as "IDs are random".
func inWords(name string) string {
	for _, border := range []string{`([a-z0-9])([A-Z])`, `([A-Za-z])([0-9])`, `([A-Z])([A-Z][a-rt-z]|[A-Z]s[a-z])`} {
		name = regexp.MustCompile(border).ReplaceAllString(name, "$1 $2")
	}
	words := strings.Fields(name)
	for i, word := range words[1:] {
		if len(word) == 1 || word[1:] == strings.ToLower(word[1:]) && !strings.HasPrefix(word, "Todoist") {
			words[i+1] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}
