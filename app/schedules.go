package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tipoff/database"
)

// league names the schedule in the database. There is one league so far.
const league = "NBA"

// keptSchedule is the last good schedule in the database, which all processes of
// a site share. It implements [schedule.Keeper].
type keptSchedule struct {
	db    *database.DB
	until time.Time // of this process's claim
}

func (k *keptSchedule) Load(ctx context.Context, known int64) (saved []byte, version int64, err error) {
	err = k.db.QueryRow(ctx, `SELECT body, version FROM schedules WHERE league = $1 AND version NOT IN (0, $2)`, league, known).Scan(&saved, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("load the schedule: %w", err)
	}
	return saved, version, nil
}

func (k *keptSchedule) Save(ctx context.Context, saved []byte) (version int64, err error) {
	err = k.db.InTx(ctx, func(tx *database.Tx) error {
		return tx.QueryRow(`INSERT INTO schedules (league, body, version, claimed) VALUES ($1, $2, 1, 0)
			ON CONFLICT (league) DO UPDATE SET body = excluded.body, version = schedules.version + 1 RETURNING version`,
			league, saved).Scan(&version)
	})
	if err != nil {
		return 0, fmt.Errorf("save the schedule: %w", err)
	}
	return version, nil
}

func (k *keptSchedule) Claim(ctx context.Context, now, until time.Time) (bool, error) {
	rows, err := k.db.Exec(ctx, `INSERT INTO schedules (league, body, version, claimed) VALUES ($1, '', 0, $2)
		ON CONFLICT (league) DO UPDATE SET claimed = excluded.claimed WHERE schedules.claimed <= $3`,
		league, until.UnixMilli(), now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("claim the refresh of the schedule: %w", err)
	}
	if rows == 1 {
		k.until = until
	}
	return rows == 1, nil
}

func (k *keptSchedule) Release(ctx context.Context) error {
	if _, err := k.db.Exec(ctx, `UPDATE schedules SET claimed = 0 WHERE league = $1 AND claimed = $2`, league, k.until.UnixMilli()); err != nil {
		return fmt.Errorf("end the claim to refresh the schedule: %w", err)
	}
	return nil
}
