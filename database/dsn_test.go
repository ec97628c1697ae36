package database

import (
	"net/url"
	"strings"
	"testing"
)

func TestWhatIsWrongWithADSN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dsn, want string }{
		{"sqlite:tipoff.db", ""},
		{"sqlite:/var/lib/tipoff/a b?#.db", ""},
		{"postgres://localhost", ""},
		{"postgresql://me:pass%2Fword@host:5433/tipoff?sslmode=disable", ""},
		{"postgres:///tipoff?host=/run/postgresql", ""},
		{"", "no scheme"},
		{"/var/lib/tipoff.db", "no scheme"},
		{"sqlite:", "names no file"},
		{"sqlite://data/tipoff.db", "slashes"},
		{"memory:", "unknown kind"},
		{"mysql://localhost/x", "unknown kind"},
		{"postgres:localhost", "names no server"},
		{"postgres://me:Pa55/word@host/x", "percent-encoded"},
		{"postgres://me:Pa55@word@host/x", "percent-encoded"},
		{"postgres://me:Pa55%zz@host/x", "not a valid URL"},
		{"postgres://me:Pa55@host:port/x", "not a valid URL"},
		{"postgres://me:Pa55@host:99999/x", "port"},
		{"postgres://me:Pa55@host/x?sslmode=maybe", "cannot be used: failed to configure TLS (sslmode is invalid)"},
		{"postgres://host/x?password=Pa55&sslmode=maybe", "cannot be used: failed to configure TLS (sslmode is invalid)"},
		{"postgres://host/x?password=`:%20Pa55&sslmode=maybe", "cannot be used: failed to configure TLS (sslmode is invalid)"},
	} {
		err := Check(c.dsn)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("Check(%q) = %v, want nothing wrong", c.dsn, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("Check(%q) = %v, want it to say %q", c.dsn, err, c.want)
		case err != nil && strings.Contains(err.Error(), "Pa55"):
			t.Errorf("Check(%q) = %v, which shows the password", c.dsn, err)
		}
	}
}

func TestADSNForLogs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dsn, want string }{
		{"sqlite:data/tipoff.db", "sqlite:data/tipoff.db"},
		{"postgres://host/db", "postgres://host/db"},
		{"postgres://me@host/db", "postgres://me@host/db"},
		{"postgres://me:secret@host/db?sslmode=disable", "postgres://me:***@host/db?sslmode=disable"},
		{"postgres://me:sec@ret/x@host", "postgres://me:***@host"},
		{"postgres://host/db?user=me&password=secret&x=1", "postgres://host/db?user=me&password=***&x=1"},
		{"postgres://host/db?sslpassword=secret", "postgres://host/db?sslpassword=***"},
		{"postgres:secret", "postgres:***"},
		{"host/secret", "***"},
		{"me:secret@host", "me:***"},
	} {
		if got := Mask(c.dsn); got != c.want {
			t.Errorf("Mask(%q) = %q, want %q", c.dsn, got, c.want)
		}
	}
}

// Neither a masked DSN nor what is said to be wrong with one shows the password.
func FuzzDSN(f *testing.F) {
	f.Add("postgres", "user", "Pa55word!", "host/db")
	f.Add("postgresql", "", "Pa55/word", "host:x")
	f.Add("postgres", "u:v", "Pa55%zzword", "[::1]:x")
	f.Add("mysql", "u", "Pa55%41word", "")
	f.Fuzz(func(t *testing.T, scheme, user, password, rest string) {
		const secret = "Pa55w0rdThatIsSecret"
		if strings.Contains(scheme+user+rest, secret) || strings.ContainsAny(rest, "@#?") || scheme == "sqlite" {
			return
		}
		for _, dsn := range []string{
			scheme + "://" + user + ":" + password + secret + "@" + rest,
			scheme + "://" + rest + "?password=" + url.QueryEscape(password) + secret + "&sslmode=maybe",
		} {
			if got := Mask(dsn); strings.Contains(got, secret) {
				t.Errorf("Mask(%q) = %q", dsn, got)
			}
			if err := Check(dsn); err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("Check(%q) = %v", dsn, err)
			}
		}
	})
}
