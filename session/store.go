package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// The kinds of rows. A row's key is its kind, a slash and an id.
const (
	kindSession = "session" // id: hash of the cookie's value
	kindToken   = "token"   // id: that of the session it belongs to
	kindFlow    = "flow"    // id: hash of the state
	kindRevoke  = "revoke"  // id: random; a token Todoist has yet to forget
	kindCheck   = "check"   // id: random per process
)

// kinds are all of them, for stores that keep an index by kind.
var kinds = [...]string{kindSession, kindToken, kindFlow, kindRevoke, kindCheck}

// A row is what stores hold. The value is sealed before a store sees it.
type row struct {
	Key     string
	Owner   string    // hash of the user's id; empty when nobody has signed in
	Value   []byte    // never changed in place
	Expires time.Time // when the manager's cleanup takes it up; whole milliseconds
}

func (r row) kind() string {
	kind, _, _ := strings.Cut(r.Key, "/")
	return kind
}

// A store holds rows. It is the whole of what differs between the backends.
//
// A store knows no clock of its own: an expired row is returned like any other,
// and goes only when it is removed. (A backend that can expire rows itself may
// drop one a week after that, so that nothing stays when Tipoff is gone.)
// Methods are safe for concurrent use, also by several processes; an error means
// trouble with the store, never that a row is absent.
type store interface {
	// get reads one row.
	get(ctx context.Context, key string) (row, bool, error)
	// put writes a row, whatever was there.
	put(ctx context.Context, r row) error
	// swap writes a row in place of one with the same key whose value is old, in
	// one step; it reports false and writes nothing where there is no such row.
	swap(ctx context.Context, old []byte, r row) (bool, error)
	// remove deletes a row whose value is old, or any value when old is nil. It
	// reports whether this call deleted one.
	remove(ctx context.Context, key string, old []byte) (bool, error)
	// owned lists one owner's rows.
	owned(ctx context.Context, owner string) ([]row, error)
	// due lists rows that expired by the given time, at most limit of them.
	due(ctx context.Context, by time.Time, limit int) ([]row, error)
	// each calls fn for every row until it returns an error. fn may change the store.
	each(ctx context.Context, fn func(row) error) error
	// count tells how many rows of a kind expire after the given time.
	count(ctx context.Context, kind string, after time.Time) (int, error)
	close() error
}

// openStore opens the store a DSN names. now is the manager's clock, for the
// backends that expire rows themselves.
func openStore(ctx context.Context, dsn string, now func() time.Time, log *slog.Logger) (store, error) {
	if err := CheckDSN(dsn); err != nil {
		return nil, err
	}
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "memory", "cookie":
		return newMemory(), nil
	case "sqlite":
		return openSQLite(ctx, rest)
	case "redis", "rediss":
		return openRedis(ctx, dsn, now)
	case "postgres", "postgresql":
		return openPostgres(ctx, dsn)
	case "mongodb", "mongodb+srv":
		return openMongo(ctx, dsn, now, log)
	}
	return nil, errUnknownStore
}

var errUnknownStore = errors.New("unknown kind of store: use sqlite, memory, cookie, redis, rediss, postgres or mongodb")

// CheckDSN tells what is wrong with a DSN as far as that can be seen without
// opening the store. The error goes on from the DSN.
func CheckDSN(dsn string) error {
	scheme, rest, ok := strings.Cut(dsn, ":")
	if !ok {
		return errors.New("has no scheme, as sqlite:data/tipoff.db has")
	}
	if server, ok := strings.CutPrefix(rest, "//"); ok {
		// Parsers cut such a DSN at the wrong place and quote half a password.
		if at := strings.LastIndex(server, "@"); at >= 0 && strings.ContainsAny(server[:at], "/?#@[] ") {
			return errors.New("has a character before or in its user or password that must be percent-encoded")
		}
		if _, err := url.Parse(dsn); err != nil && scheme != "mongodb" { // which can have several hosts
			return errors.New("is not a valid URL")
		}
	}
	switch scheme {
	case "memory", "cookie":
		if rest != "" {
			return fmt.Errorf("nothing can follow %s: in it", scheme)
		}
	case "sqlite":
		if rest == "" {
			return errors.New("names no file, as sqlite:data/tipoff.db does")
		}
	case "redis", "rediss", "postgres", "postgresql", "mongodb", "mongodb+srv":
		if !strings.HasPrefix(rest, "//") {
			return fmt.Errorf("names no server, as %s://localhost does", scheme)
		}
	default:
		return errUnknownStore
	}
	return nil
}

var dsnPassword = regexp.MustCompile(`(?i)(password=)[^&#\s]*`)

// MaskDSN returns a DSN that can be shown: with the password replaced by ***.
// What looks like none of ours is reduced to its scheme, because there is no
// telling which part of it is the secret.
func MaskDSN(dsn string) string {
	scheme, rest, ok := strings.Cut(dsn, ":")
	if !ok || strings.ContainsAny(scheme, "@/ ") {
		return "***"
	}
	if !strings.HasPrefix(rest, "//") {
		if scheme == "sqlite" {
			return dsn
		}
		if rest == "" {
			return dsn
		}
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

// scrub returns an error's text without the DSN's password in it; drivers quote
// what they could not parse.
func scrub(err error, dsn string) error {
	text := err.Error()
	if dsn != "" {
		text = strings.ReplaceAll(text, dsn, MaskDSN(dsn))
	}
	for _, secret := range passwords(dsn) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return errors.New(text)
}

// passwords returns what is secret in a DSN, as it stands there and decoded.
func passwords(dsn string) []string {
	var all []string
	add := func(s string) {
		if s == "" {
			return
		}
		all = append(all, s)
		if plain, err := url.PathUnescape(s); err == nil && plain != s && plain != "" {
			all = append(all, plain)
		}
	}
	if _, rest, ok := strings.Cut(dsn, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			add(password)
		}
	}
	for _, m := range dsnPassword.FindAllString(dsn, -1) {
		_, password, _ := strings.Cut(m, "=")
		add(password)
	}
	return all
}

// storeTimeout bounds each call to a store.
const storeTimeout = 3 * time.Second

// bounded gives each call of a store a time limit and a common error. Writes are
// not cut off by a visitor who goes away.
type bounded struct{ in store }

// within runs one call. The error says what was being done.
func within(ctx context.Context, doing string, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := call(ctx); err != nil {
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
	return nil
}

func (b bounded) get(ctx context.Context, key string) (r row, ok bool, err error) {
	err = within(ctx, "read from the session store", func(ctx context.Context) error {
		r, ok, err = b.in.get(ctx, key)
		return err
	})
	return r, ok, err
}

func (b bounded) put(ctx context.Context, r row) error {
	r.Expires = r.Expires.UTC().Truncate(time.Millisecond)
	return within(context.WithoutCancel(ctx), "write to the session store", func(ctx context.Context) error {
		return b.in.put(ctx, r)
	})
}

func (b bounded) swap(ctx context.Context, old []byte, r row) (ok bool, err error) {
	if bytes.Equal(old, r.Value) {
		return false, errors.New("a swap must change the value")
	}
	r.Expires = r.Expires.UTC().Truncate(time.Millisecond)
	err = within(context.WithoutCancel(ctx), "change the session store", func(ctx context.Context) error {
		ok, err = b.in.swap(ctx, old, r)
		return err
	})
	return ok, err
}

func (b bounded) remove(ctx context.Context, key string, old []byte) (ok bool, err error) {
	err = within(context.WithoutCancel(ctx), "delete from the session store", func(ctx context.Context) error {
		ok, err = b.in.remove(ctx, key, old)
		return err
	})
	return ok, err
}

func (b bounded) owned(ctx context.Context, owner string) (rows []row, err error) {
	err = within(ctx, "list from the session store", func(ctx context.Context) error {
		rows, err = b.in.owned(ctx, owner)
		return err
	})
	return rows, err
}

func (b bounded) due(ctx context.Context, by time.Time, limit int) (rows []row, err error) {
	err = within(ctx, "list from the session store", func(ctx context.Context) error {
		rows, err = b.in.due(ctx, by, limit)
		return err
	})
	return rows, err
}

// each is bounded by its caller: it takes as long as there are rows.
func (b bounded) each(ctx context.Context, fn func(row) error) error {
	if err := b.in.each(ctx, fn); err != nil {
		return fmt.Errorf("list from the session store: %w: %w", ErrUnavailable, err)
	}
	return nil
}

func (b bounded) count(ctx context.Context, kind string, after time.Time) (n int, err error) {
	err = within(ctx, "count in the session store", func(ctx context.Context) error {
		n, err = b.in.count(ctx, kind, after)
		return err
	})
	return n, err
}

func (b bounded) close() error { return b.in.close() }
