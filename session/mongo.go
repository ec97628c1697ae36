package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// mongoStore keeps rows in a MongoDB collection.
type mongoStore struct {
	client *mongo.Client
	rows   *mongo.Collection
	now    func() time.Time
}

// mongoRow is a row as a document.
type mongoRow struct {
	Key     string    `bson:"_id"`
	Kind    string    `bson:"kind"`
	Owner   string    `bson:"owner"`
	Value   []byte    `bson:"value"`
	Expires time.Time `bson:"expires"`
	// Purge is when MongoDB itself drops the row, in real time, where it can.
	Purge time.Time `bson:"purge"`
}

// mongoKeep is how long MongoDB keeps what no Tipoff has cleaned up.
const mongoKeep = 7 * 24 * time.Hour

func openMongo(ctx context.Context, dsn string, now func() time.Time, log *slog.Logger) (_ store, err error) {
	cs, err := connstring.ParseAndValidate(dsn)
	if err != nil {
		return nil, err
	}
	database := cs.Database
	if database == "" {
		database = "tipoff"
	}
	o := options.Client().SetServerSelectionTimeout(storeTimeout).SetConnectTimeout(storeTimeout).SetAppName("tipoff")
	client, err := mongo.Connect(o.ApplyURI(dsn)) // what the DSN says counts
	if err != nil {
		return nil, err
	}
	// Whatever the DSN says: a pair of tokens is read where it was written, and
	// stays written when another member of the replica set takes over.
	rows := client.Database(database).Collection("tipoff_sessions",
		options.Collection().SetReadPreference(readpref.Primary()).SetWriteConcern(writeconcern.Majority()))
	s := &mongoStore{client: client, rows: rows, now: now}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, 2*storeTimeout)
	defer cancel()
	if err := client.Ping(ctx, nil); err != nil {
		return nil, err
	}
	// One at a time: some servers stumble over several of which one exists.
	for _, keys := range []bson.D{
		{{Key: "owner", Value: 1}},
		{{Key: "expires", Value: 1}},
		{{Key: "kind", Value: 1}, {Key: "expires", Value: 1}},
	} {
		if _, err = s.rows.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys}); err != nil {
			return nil, err
		}
	}
	// Not every server that speaks the protocol can expire documents.
	_, err = s.rows.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "purge", Value: 1}},
		Options: options.Index().SetExpireAfterSeconds(0),
	})
	var refused mongo.CommandError
	if errors.As(err, &refused) {
		log.Info("the session store cannot expire documents itself; Tipoff's own cleanup does", "error", err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *mongoStore) document(r row) mongoRow {
	return mongoRow{
		Key: r.Key, Kind: r.kind(), Owner: r.Owner, Value: r.Value, Expires: r.Expires,
		Purge: time.Now().Add(max(0, r.Expires.Sub(s.now())) + mongoKeep),
	}
}

func (d mongoRow) row() row {
	return row{Key: d.Key, Owner: d.Owner, Value: d.Value, Expires: d.Expires.UTC()}
}

func (s *mongoStore) get(ctx context.Context, key string) (row, bool, error) {
	var d mongoRow
	err := s.rows.FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	return d.row(), true, nil
}

func (s *mongoStore) put(ctx context.Context, r row) error {
	_, err := s.rows.ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.Key}}, s.document(r), options.Replace().SetUpsert(true))
	return err
}

func (s *mongoStore) swap(ctx context.Context, old []byte, r row) (bool, error) {
	res, err := s.rows.ReplaceOne(ctx, bson.D{{Key: "_id", Value: r.Key}, {Key: "value", Value: old}}, s.document(r))
	if err != nil {
		return false, err
	}
	return res.MatchedCount > 0, nil
}

func (s *mongoStore) remove(ctx context.Context, key string, old []byte) (bool, error) {
	filter := bson.D{{Key: "_id", Value: key}}
	if old != nil {
		filter = append(filter, bson.E{Key: "value", Value: old})
	}
	res, err := s.rows.DeleteOne(ctx, filter)
	if err != nil {
		return false, err
	}
	return res.DeletedCount > 0, nil
}

func (s *mongoStore) owned(ctx context.Context, owner string) ([]row, error) {
	return s.list(ctx, bson.D{{Key: "owner", Value: owner}}, options.Find())
}

func (s *mongoStore) due(ctx context.Context, by time.Time, limit int) ([]row, error) {
	return s.list(ctx, bson.D{{Key: "expires", Value: bson.D{{Key: "$lte", Value: by}}}},
		options.Find().SetSort(bson.D{{Key: "expires", Value: 1}}).SetLimit(int64(limit)))
}

// each goes through the keys in order, a page at a time, so that fn can write.
func (s *mongoStore) each(ctx context.Context, fn func(row) error) error {
	for last := ""; ; {
		rows, err := s.list(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}}},
			options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(500))
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
			last = r.Key
		}
	}
}

func (s *mongoStore) list(ctx context.Context, filter bson.D, o *options.FindOptionsBuilder) ([]row, error) {
	found, err := s.rows.Find(ctx, filter, o)
	if err != nil {
		return nil, err
	}
	var documents []mongoRow
	if err := found.All(ctx, &documents); err != nil {
		return nil, err
	}
	var rows []row
	for _, d := range documents {
		rows = append(rows, d.row())
	}
	return rows, nil
}

func (s *mongoStore) count(ctx context.Context, kind string, after time.Time) (int, error) {
	n, err := s.rows.CountDocuments(ctx, bson.D{
		{Key: "kind", Value: kind},
		{Key: "expires", Value: bson.D{{Key: "$gt", Value: after}}},
	})
	return int(n), err
}

func (s *mongoStore) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	return s.client.Disconnect(ctx)
}
