package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"tipoff/database"
)

// storeTimeout bounds each call to a store.
const storeTimeout = 3 * time.Second

// openStore opens the store of the settings, sealed, and returns how to close it.
func (m *Manager) openStore(ctx context.Context) (scs.CtxStore, func() error, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*storeTimeout)
	defer cancel()
	s := sealed{ring: m.ring}
	closeStore := func() error { return nil }
	var err error
	dsn := m.cfg.Store
	switch scheme, _, _ := strings.Cut(dsn, ":"); scheme {
	case "memory":
		s.in = memoryStore{memstore.New()} // its goroutine cannot be stopped without a race, and ends with the program
	case "cookie":
		s.in, s.cookie = cookieStore{m: m}, m.cookie.name
	case "redis", "rediss":
		s.in, closeStore, err = openRedis(ctx, dsn)
	case "mongodb", "mongodb+srv":
		s.in, closeStore, err = openMongo(ctx, dsn, m.cfg.Log)
	default:
		s.in = databaseStore{db: m.cfg.DB}
	}
	return s, closeStore, err
}

// sealed is how scs sees a store: what goes in is sealed for its key, each call has
// a time limit, and what does not open counts as not found, so that people sign in
// again after a key was lost.
type sealed struct {
	noContext
	in     scs.CtxStore
	ring   ring
	cookie string // the cookie's name, where that is the store
}

// name is what a session is sealed for: its key, or the cookie that holds it.
func (s sealed) name(token string) string {
	if s.cookie != "" {
		return s.cookie
	}
	return "session/" + token
}

// FindCtx is part of [scs.CtxStore].
func (s sealed) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	b, ok, err := s.in.FindCtx(ctx, token)
	if err != nil {
		return nil, false, unavailable("read from the session store", err)
	}
	if ok {
		b, ok = s.ring.open(s.name(token), b)
	}
	return b, ok, nil
}

// CommitCtx is part of [scs.CtxStore]. A visitor who leaves does not cut it off.
func (s sealed) CommitCtx(ctx context.Context, token string, b []byte, expires time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	err := s.in.CommitCtx(ctx, token, s.ring.seal(s.name(token), b), expires)
	if s.cookie != "" {
		return err // it does not fit
	}
	return unavailable("write to the session store", err)
}

// DeleteCtx is part of [scs.CtxStore]. A visitor who leaves does not cut it off.
func (s sealed) DeleteCtx(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return unavailable("delete from the session store", s.in.DeleteCtx(ctx, token))
}

// noContext has the methods of [scs.Store] that scs does not call where it finds
// those with a context.
type noContext struct{}

var errNoContext = errors.New("session store called without a context")

func (noContext) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (noContext) Commit(string, []byte, time.Time) error { return errNoContext }
func (noContext) Delete(string) error                    { return errNoContext }

// memoryStore is scs's store in memory, which waits for nothing.
type memoryStore struct{ *memstore.MemStore }

func (s memoryStore) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

func (s memoryStore) CommitCtx(_ context.Context, token string, b []byte, expires time.Time) error {
	return s.Commit(token, b, expires)
}

func (s memoryStore) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

// databaseStore keeps sessions in the table sessions. (scs's own stores for SQL do
// not heed the request's context.)
type databaseStore struct {
	noContext
	db *database.DB
}

func (s databaseStore) FindCtx(ctx context.Context, token string) (b []byte, ok bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT data FROM sessions WHERE token = $1 AND expires > $2`, token, time.Now().UnixMilli()).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return b, err == nil, err
}

func (s databaseStore) CommitCtx(ctx context.Context, token string, b []byte, expires time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO sessions (token, data, expires) VALUES ($1, $2, $3)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires`, token, b, expires.UnixMilli())
	return err
}

func (s databaseStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE token = $1`, token)
	return err
}

// cookieStore keeps a session in the browser's cookie, whose value scs takes for the
// session's token.
type cookieStore struct {
	noContext
	m *Manager
}

func (cookieStore) FindCtx(_ context.Context, value string) ([]byte, bool, error) {
	b, ok := decodeCookie(value)
	return b, ok, nil
}

// CommitCtx has the cookie set. The caller holds the request's lock.
func (s cookieStore) CommitCtx(ctx context.Context, _ string, b []byte, expires time.Time) error {
	rq, ok := s.m.request(ctx)
	if !ok {
		return errNoRequest
	}
	value := encodeCookie(b)
	if n := len(s.m.cookie.name) + len(value); n > maxCookie {
		return fmt.Errorf("the session needs a cookie of %d bytes, browsers keep %d", n, maxCookie)
	}
	s.m.setCookie(rq, s.m.cookie.name, value, time.Until(expires))
	return nil
}

func (cookieStore) DeleteCtx(context.Context, string) error { return nil }

// openRedis opens a Redis, or what speaks its protocol. The parameter prefix of the
// DSN is ours: several Tipoffs can share a database.
func openRedis(ctx context.Context, dsn string) (scs.CtxStore, func() error, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, nil, err
	}
	query := u.Query()
	prefix := "tipoff"
	if p := query.Get("prefix"); p != "" {
		prefix = p
	}
	query.Del("prefix")
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, nil, err
	}
	options.ContextTimeoutEnabled = true // the call's time limit is the only one
	options.DialTimeout = storeTimeout
	options.MaxRetries, options.DialerRetries = 1, 1
	options.DisableIdentity = true // some compatible servers know no CLIENT SETINFO
	client := redis.NewClient(options)
	if err := client.Ping(ctx).Err(); err != nil {
		client.Close()
		return nil, nil, err
	}
	return goredisstore.NewWithPrefix(client, prefix+":session:"), client.Close, nil
}

// mongoStore keeps sessions in a MongoDB collection, which drops those that have
// expired. (scs's own store cannot be had as a module.)
type mongoStore struct {
	noContext
	sessions *mongo.Collection
}

type mongoSession struct {
	Token   string    `bson:"_id"`
	Data    []byte    `bson:"data"`
	Expires time.Time `bson:"expires"`
}

func openMongo(ctx context.Context, dsn string, log *slog.Logger) (scs.CtxStore, func() error, error) {
	cs, err := connstring.ParseAndValidate(dsn)
	if err != nil {
		return nil, nil, err
	}
	name := cs.Database
	if name == "" {
		name = "tipoff"
	}
	o := options.Client().SetServerSelectionTimeout(storeTimeout).SetConnectTimeout(storeTimeout).SetAppName("tipoff")
	client, err := mongo.Connect(o.ApplyURI(dsn)) // what the DSN says counts
	if err != nil {
		return nil, nil, err
	}
	closeStore := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		return client.Disconnect(ctx)
	}
	// Whatever the DSN says: a session is read where it was written.
	sessions := client.Database(name).Collection("tipoff_sessions",
		options.Collection().SetReadPreference(readpref.Primary()).SetWriteConcern(writeconcern.Majority()))
	err = client.Ping(ctx, nil)
	if err == nil {
		_, err = sessions.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "expires", Value: 1}},
			Options: options.Index().SetExpireAfterSeconds(0)})
	}
	if refused, ok := errors.AsType[mongo.CommandError](err); ok {
		log.WarnContext(ctx, "the session store cannot expire documents by itself; they stay until somebody deletes them", "error", refused)
		err = nil
	}
	if err != nil {
		closeStore()
		return nil, nil, err
	}
	return mongoStore{sessions: sessions}, closeStore, nil
}

func (s mongoStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var found mongoSession
	err := s.sessions.FindOne(ctx, bson.D{{Key: "_id", Value: token}}).Decode(&found)
	if errors.Is(err, mongo.ErrNoDocuments) || err == nil && !found.Expires.After(time.Now()) {
		return nil, false, nil
	}
	return found.Data, err == nil, err
}

func (s mongoStore) CommitCtx(ctx context.Context, token string, b []byte, expires time.Time) error {
	_, err := s.sessions.ReplaceOne(ctx, bson.D{{Key: "_id", Value: token}}, mongoSession{token, b, expires}, options.Replace().SetUpsert(true))
	return err
}

func (s mongoStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.sessions.DeleteOne(ctx, bson.D{{Key: "_id", Value: token}})
	return err
}

// CheckStore says what is wrong with the address of a session store, as far as that
// can be seen without opening it. The sentence goes on from the address.
func CheckStore(dsn string) error {
	if dsn == "database" {
		return nil
	}
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "memory", "cookie":
		if !strings.HasSuffix(dsn, ":") {
			return fmt.Errorf("is written %s:, with a colon and nothing after it", scheme)
		}
		return nil
	case "redis", "rediss", "mongodb", "mongodb+srv":
	default:
		return errors.New("is an unknown kind of store: use database, memory:, cookie:, redis://, rediss:// or mongodb://")
	}
	server, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return fmt.Errorf("names no server, as %s://localhost does", scheme)
	}
	// Parsers cut such an address at the wrong place and quote half a password.
	if at := strings.LastIndex(server, "@"); at >= 0 && strings.ContainsAny(server[:at], "/?#@[] ") {
		return errors.New("has a character before or in its user or password that must be percent-encoded")
	}
	if _, err := url.Parse(dsn); err != nil && scheme != "mongodb" { // which can have several hosts
		return errors.New("is not a valid URL")
	}
	return nil
}

// storeError is an error of opening the store, without a password.
func (m *Manager) storeError(err error) error {
	return fmt.Errorf("session store %s: %s", database.Mask(m.cfg.Store), scrub(err.Error(), m.cfg.Store))
}

var addressPassword = regexp.MustCompile(`(?i)password=([^&#\s]*)`)

// scrub removes a store address's passwords from a text.
func scrub(text, address string) string {
	text = strings.ReplaceAll(text, address, database.Mask(address))
	var passwords []string
	if _, rest, ok := strings.Cut(address, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			passwords = append(passwords, password)
		}
	}
	for _, found := range addressPassword.FindAllStringSubmatch(address, -1) {
		passwords = append(passwords, found[1])
	}
	for _, password := range passwords {
		plain, _ := url.PathUnescape(password)
		for _, secret := range []string{password, plain} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, "***")
			}
		}
	}
	return text
}
