package session

import (
	"context"
	"fmt"

	"tipoff/database"
)

// Rekey seals everything in the database with the first key and tells how many rows
// were sealed with another one before. What no key opens stays: it is signed out and
// expires. Sessions in another store are not reached.
func (m *Manager) Rekey(ctx context.Context) (int, error) {
	total := 0
	for _, table := range []struct{ name, id, column, prefix string }{
		{"grants", "user_id", "sealed", "grant/"},
		{"revocations", "id", "sealed", "revocation/"},
		{"sessions", "token", "data", "session/"},
	} {
		type row struct {
			id        string
			old, anew []byte
		}
		var rows []row
		err := m.cfg.DB.Query(ctx, func(r database.Row) error {
			var one row
			if err := r.Scan(&one.id, &one.old); err != nil {
				return err
			}
			if plain, key, ok := m.ring.openWith(table.prefix+one.id, one.old); ok && key > 0 {
				one.anew = m.ring.seal(table.prefix+one.id, plain)
				rows = append(rows, one)
			}
			return nil
		}, fmt.Sprintf(`SELECT %s, %s FROM %s`, table.id, table.column, table.name))
		if err != nil {
			return total, unavailable("read "+table.name, err)
		}
		for _, one := range rows {
			// A row that has changed meanwhile was sealed with the key of whoever did.
			n, err := m.cfg.DB.Exec(ctx, fmt.Sprintf(`UPDATE %s SET %s = $3 WHERE %s = $1 AND %s = $2`, table.name, table.column, table.id, table.column),
				one.id, one.old, one.anew)
			if err != nil {
				return total, unavailable("write "+table.name, err)
			}
			total += int(n)
		}
	}
	return total, nil
}
