package database

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Check says what is wrong with a DSN, as far as that can be seen without opening
// the database. The sentence goes on from the DSN.
func Check(dsn string) error {
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case !ok:
		return errors.New("has no scheme, as sqlite:data/tipoff.db has")
	case scheme == "sqlite":
		if rest == "" {
			return errors.New("names no file, as sqlite:data/tipoff.db does")
		}
		if strings.HasPrefix(rest, "//") {
			return errors.New("has slashes after sqlite: that do not belong there; write sqlite:data/tipoff.db or sqlite:/data/tipoff.db")
		}
		return nil
	case scheme == "postgres" || scheme == "postgresql":
		_, err := parsePostgres(dsn)
		return err
	}
	return errors.New("unknown kind of database: use sqlite:PATH or postgres://…")
}

// parsePostgres parses a DSN of PostgreSQL. The error shows nothing of it but what is wrong.
func parsePostgres(dsn string) (*pgx.ConnConfig, error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	server, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return nil, fmt.Errorf("names no server, as %s://localhost/tipoff does", scheme)
	}
	// Parsers cut such a DSN at the wrong place and quote half a password.
	if at := strings.LastIndex(server, "@"); at >= 0 && strings.ContainsAny(server[:at], "/?#@[] ") {
		return nil, errors.New("has a character before or in its user or password that must be percent-encoded")
	}
	if _, err := url.Parse(dsn); err != nil {
		return nil, errors.New("is not a valid URL")
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		text := err.Error()
		if quoted := strings.LastIndex(text, "`: "); quoted >= 0 { // the DSN
			text = text[quoted+len("`: "):]
		}
		return nil, fmt.Errorf("cannot be used: %s", text)
	}
	return config, nil
}

var dsnPassword = regexp.MustCompile(`(?i)(password=)[^&#\s]*`)

// Mask returns a DSN that can be shown: with *** in place of its password. All but
// the scheme is hidden where it cannot be told which part is the password.
func Mask(dsn string) string {
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case !ok || strings.ContainsAny(scheme, "@/ "):
		return "***"
	case scheme == "sqlite" || rest == "":
		return dsn
	case !strings.HasPrefix(rest, "//"):
		return scheme + ":***"
	}
	// The user part ends at the last @, so that a password with an unescaped @
	// or / in it is hidden as well.
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, hasPassword := strings.Cut(rest[2:at], ":")
		switch {
		case hasPassword:
			user += ":***"
		case strings.ContainsAny(user, "/?#"):
			user = "***"
		}
		rest = "//" + user + rest[at:]
	}
	return scheme + ":" + dsnPassword.ReplaceAllString(rest, "${1}***")
}
