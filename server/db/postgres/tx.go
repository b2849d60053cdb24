package postgres

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-sync/larder/server/db"
	"github.com/larder-sync/larder/table"
)

// quote returns the name of the SQL table that holds a Larder table. The prefix keeps an app's "feed" and ours apart.
func quote(name string) string { return `"t_` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func missing(name string) error {
	return table.Errorf(table.CodeNotFound, "the database has no table ", name)
}

// tx is a running write transaction. Many rows go in one statement, as arrays: each statement is a journey.
type tx struct {
	pgx.Tx
	ctx context.Context
}

func (t *tx) exec(text string, args ...any) error {
	_, err := t.Exec(t.ctx, text, args...)
	return err
}

// row scans the one row that a query answers; ok is false when there is none.
func (t *tx) row(text string, args []any, dest ...any) (ok bool, err error) {
	err = t.QueryRow(t.ctx, text, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls fn after each row that a query answers was scanned into dest.
func (t *tx) each(text string, args, dest []any, fn func() error) error {
	rows, err := t.Query(t.ctx, text, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, fn)
	return err
}

func (t *tx) Create(name string) (created bool, err error) {
	// The row comes first: whoever adds it makes the table, and the others wait until it is made.
	tag, err := t.Exec(t.ctx, `INSERT INTO feed (tbl, seq, at, boot, live, horizon) VALUES ($1, 0, 0, '', 0, 0)
		ON CONFLICT (tbl) DO NOTHING`, name)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	if err := t.exec(`CREATE TABLE ` + quote(name) + ` (
		seq     bigint  NOT NULL PRIMARY KEY,
		id      text    COLLATE "C" NOT NULL UNIQUE,
		owner   text    NOT NULL,
		deleted boolean NOT NULL,
		data    text    NOT NULL)`); err != nil {
		return false, err
	}
	// By this index the rows of one owner are a feed of their own. It costs nothing in a table whose rows have none.
	return true, t.exec(`CREATE INDEX ON ` + quote(name) + ` (owner, seq) WHERE owner <> ''`)
}

func (t *tx) Counter(name string) (c db.Counter, err error) {
	ok, err := t.row(`SELECT seq, at, boot, live, horizon FROM feed WHERE tbl = $1 FOR UPDATE`, []any{name},
		&c.Seq, &c.At, &c.Boot, &c.Live, &c.Horizon)
	if err == nil && !ok {
		err = missing(name)
	}
	return c, err
}

func (t *tx) Advance(name string, was, now db.Counter) error {
	if err := t.exec(`UPDATE feed SET seq = $1, at = $2, boot = $3, live = $4, horizon = $5 WHERE tbl = $6`,
		now.Seq, now.At, now.Boot, now.Live, now.Horizon, name); err != nil || now.Boot == was.Boot {
		return err
	}
	if err := t.exec(`UPDATE lineage SET last = $1 WHERE tbl = $2 AND boot = $3`, was.Seq, name, was.Boot); err != nil {
		return err
	}
	return t.exec(`INSERT INTO lineage (tbl, boot, first, last) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tbl, boot) DO UPDATE SET last = excluded.last`, name, now.Boot, was.Seq+1, int64(math.MaxInt64))
}

func (t *tx) Rows(name string, ids []string) (found []db.Row, err error) {
	var r db.Row
	err = t.each(`SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE id = ANY($1)`, []any{ids},
		[]any{&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data}, func() error {
			found = append(found, r)
			r.Data = nil // the next row's bytes must not take its place
			return nil
		})
	return found, err
}

// columns are moves as arrays.
type columns struct {
	seq, old        []int64
	id, owner, data []string
	deleted         []bool
}

func (c *columns) add(m db.Move) {
	c.seq, c.old = append(c.seq, m.Seq), append(c.old, m.Old)
	c.id, c.owner, c.data = append(c.id, m.ID), append(c.owner, m.Owner), append(c.data, string(m.Data))
	c.deleted = append(c.deleted, m.Deleted)
}

func (t *tx) Put(name string, moves []db.Move) error {
	var added, changed, left, former columns
	for _, m := range moves {
		if m.Old == 0 {
			added.add(m)
		} else {
			changed.add(m)
		}
		if m.Left != "" {
			left.add(db.Move{Row: db.Row{Seq: m.Seq, ID: m.ID, Owner: m.Left}})
		}
		if m.Was != nil {
			former.add(db.Move{Row: db.Row{Seq: m.Seq, ID: m.ID, Data: m.Was}})
		}
	}
	if c := added; len(c.seq) > 0 {
		if err := t.exec(`INSERT INTO `+quote(name)+` (seq, id, owner, deleted, data)
			SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::text[])`,
			c.seq, c.id, c.owner, c.deleted, c.data); err != nil {
			return err
		}
	}
	if c := changed; len(c.seq) > 0 {
		if err := t.exec(`UPDATE `+quote(name)+` AS t SET seq = n.seq, owner = n.owner, deleted = n.deleted, data = n.data
			FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[], $5::text[]) AS n (old, seq, owner, deleted, data)
			WHERE t.seq = n.old`, c.old, c.seq, c.owner, c.deleted, c.data); err != nil {
			return err
		}
	}
	if c := left; len(c.seq) > 0 {
		if err := t.exec(`INSERT INTO moved (tbl, owner, seq, id) SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[])`,
			name, c.owner, c.seq, c.id); err != nil {
			return err
		}
	}
	if c := former; len(c.seq) > 0 {
		return t.exec(`INSERT INTO former (tbl, id, seq, data) SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[])`,
			name, c.id, c.seq, c.data)
	}
	return nil
}

func (t *tx) Widen(name string, columns []string) error {
	return t.exec(`INSERT INTO "column" (tbl, name) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT (tbl, name) DO NOTHING`,
		name, columns)
}

func (t *tx) First(name string, seq int64) (r db.Row, ok bool, err error) {
	ok, err = t.row(`SELECT seq, id, owner, deleted, data FROM `+quote(name)+` WHERE seq >= $1 ORDER BY seq LIMIT 1`, []any{seq},
		&r.Seq, &r.ID, &r.Owner, &r.Deleted, &r.Data)
	return r, ok, err
}

func (t *tx) Purge(name string, after, horizon int64, limit int) (last int64, more bool, err error) {
	var count int
	if _, err := t.row(`SELECT count(*), coalesce(max(seq), 0) FROM (
		SELECT seq FROM `+quote(name)+` WHERE deleted AND seq > $1 AND seq <= $2
		UNION SELECT seq FROM moved WHERE tbl = $4 AND seq > $1 AND seq <= $2
		UNION SELECT seq FROM former WHERE tbl = $4 AND seq > $1 AND seq <= $2
		ORDER BY seq LIMIT $3) AS old`, []any{after, horizon, limit, name}, &count, &last); err != nil || count == 0 {
		return 0, false, err
	}
	if err := t.exec(`DELETE FROM `+quote(name)+` WHERE deleted AND seq > $1 AND seq <= $2`, after, last); err != nil {
		return 0, false, err
	}
	for _, of := range [...]string{"moved", "former"} {
		if err := t.exec(`DELETE FROM `+of+` WHERE tbl = $1 AND seq > $2 AND seq <= $3`, name, after, last); err != nil {
			return 0, false, err
		}
	}
	return last, count == limit, nil
}

func (t *tx) Clients(ids []string) (map[string]db.Client, error) {
	found := map[string]db.Client{}
	var id string
	var c db.Client
	err := t.each(`SELECT id, high, expired FROM client WHERE id = ANY($1)`, []any{ids}, []any{&id, &c.High, &c.Expired},
		func() error { found[id] = c; return nil })
	return found, err
}

func (t *tx) Verdicts(of []db.Repeat) (found []db.Verdict, err error) {
	clients, numbers := make([]string, len(of)), make([]int64, len(of))
	for i, r := range of {
		clients[i], numbers[i] = r.Client, r.Seq
	}
	var v db.Verdict
	var at int64
	err = t.each(`SELECT v.client, v.seq, v.request, v.at, v.status, v.body FROM verdict AS v
		JOIN unnest($1::text[], $2::bigint[]) AS n (client, seq) ON v.client = n.client AND v.seq = n.seq`,
		[]any{clients, numbers}, []any{&v.Client, &v.Seq, &v.Request, &at, &v.Status, &v.Body}, func() error {
			v.At = time.UnixMilli(at)
			found = append(found, v)
			v.Body = nil
			return nil
		})
	return found, err
}

func (t *tx) Settle(verdicts []db.Verdict) error {
	var numbers, at []int64
	var clients, requests, bodies []string
	var status []int32
	for _, v := range verdicts {
		clients, numbers, requests = append(clients, v.Client), append(numbers, v.Seq), append(requests, v.Request)
		at, status, bodies = append(at, v.At.UnixMilli()), append(status, int32(v.Status)), append(bodies, string(v.Body))
	}
	if err := t.exec(`INSERT INTO verdict (client, seq, request, at, status, body)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::int[], $6::text[])`,
		clients, numbers, requests, at, status, bodies); err != nil {
		return err
	}
	return t.raise("high", db.Highest(verdicts))
}

// raise raises a column of clients, in the order of their ids, as every server takes what it will hold.
func (t *tx) raise(column string, to map[string]int64) error {
	ids := slices.Sorted(maps.Keys(to))
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		numbers[i] = to[id]
	}
	low := `0, n.number`
	if column == "high" {
		low = `n.number, 0`
	}
	return t.exec(`INSERT INTO client (id, high, expired)
		SELECT n.id, `+low+` FROM unnest($1::text[], $2::bigint[]) AS n (id, number) ORDER BY n.id
		ON CONFLICT (id) DO UPDATE SET `+column+` = greatest(client.`+column+`, excluded.`+column+`)`, ids, numbers)
}

func (t *tx) Expire(before time.Time, limit int) (more bool, err error) {
	var gone []db.Verdict
	var v db.Verdict
	if err := t.each(`DELETE FROM verdict WHERE (client, seq) IN
		(SELECT client, seq FROM verdict WHERE at < $1 ORDER BY at LIMIT $2) RETURNING client, seq`,
		[]any{before.UnixMilli(), limit}, []any{&v.Client, &v.Seq}, func() error { gone = append(gone, v); return nil }); err != nil {
		return false, err
	}
	if len(gone) == 0 {
		return false, nil
	}
	return len(gone) >= limit, t.raise("expired", db.Highest(gone))
}
