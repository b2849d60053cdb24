package store

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/larder-sync/larder/table"
)

// Sentinel keeps a mark of a database outside of it, where what empties the one is likely to leave the other. It does what
// it can: a mark that is not kept is none. [github.com/larder-sync/larder/wasm/browser.Sentinel] is one.
type Sentinel interface {
	// Load returns the mark of the database with that name, or "".
	Load(ctx context.Context, name string) string
	// Save keeps the mark.
	Save(ctx context.Context, name, mark string)
}

// Open opens the database, creating or upgrading it. Rows of an older version are migrated by [Options.Migrate]; tables
// and indexes that are new appear, and those that the schema no longer names are dropped. Operations that wait in the
// journal are never dropped with them.
//
// The store gives way to a tab that wants to upgrade the database: it closes its connection when what is running has
// finished, and opens it again after that; calls wait meanwhile. A connection that the browser has closed is opened again
// by the next call.
//
// Errors: "version" when the stored database is newer, or has other tables or indexes at the same version; "blocked" when
// another tab keeps an older one open; "migration" when a migration failed or its result does not fit the schema, which
// leaves the older version as it was; "quota"; "storage" where the browser keeps no data.
func Open(ctx context.Context, options Options) (*Store, error) {
	if options.Schema.Version < 1 {
		return nil, table.Errorf(table.CodeInvalid, "a schema's version is 1 or more, not ", strconv.Itoa(options.Schema.Version))
	}
	if err := options.Migrate.check(options.Schema); err != nil {
		return nil, err
	}
	s := &Store{options: options, converter: &Converter{Schema: options.Schema, Migrations: options.Migrate}}
	if options.Journal != nil {
		options.Journal.Attach(s.converter)
		for _, l := range options.Journal.Stores() {
			s.own = append(s.own, l.Name)
		}
	}
	ctx, begun, stop := patience(ctx, options.Patience)
	defer stop()
	var err error
	s.connection, err = dial(ctx, func(ctx context.Context, events Events) (Backend, error) {
		return s.open(ctx, events, begun)
	}, options.Events)
	if err != nil && errors.Is(context.Cause(ctx), errPatience) {
		err = table.Errorf(table.CodeBlocked, "another tab keeps an older version of the database ", options.Name,
			" open, or is upgrading it: close the app's other tabs").Because(err)
	}
	if err != nil {
		return nil, err
	}
	s.Replenish(ctx)
	return s, nil
}

// check refuses migrations that would never run.
func (m Migrations) check(schema *table.Database) error {
	for version, tables := range m {
		if version < 2 || version > schema.Version {
			return table.Errorf(table.CodeInvalid, "there is a migration to version ", strconv.Itoa(version),
				": versions to migrate to go from 2 to the schema's, which is ", strconv.Itoa(schema.Version))
		}
		for name := range tables {
			if version == schema.Version && schema.Table(name) == nil {
				return table.Errorf(table.CodeInvalid, "there is a migration of table ", strconv.Quote(name),
					", which the schema does not have")
			}
		}
	}
	return nil
}

// open opens a backend and makes sure that it is the database it is taken for.
func (s *Store) open(ctx context.Context, events Events, begun func()) (Backend, error) {
	layout, created := s.options.layout(), false
	layout.Upgrade = func(ctx context.Context, old uint, txn Txn) error {
		begun()
		created = old == 0
		return s.migrate(ctx, old, txn)
	}
	b, err := s.options.Open(ctx, layout, events)
	if err != nil {
		return nil, err
	}
	if err := s.recognise(ctx, b, created); err != nil {
		_ = b.Close() // why it is not wanted tells more
		return nil, err
	}
	return b, nil
}

// recognise compares a database with the schema, and finds out whether it is the one that there was: by the sentinel's mark,
// and by having had it open.
func (s *Store) recognise(ctx context.Context, b Backend, created bool) error {
	txn, err := b.Begin(ctx, false, []string{StoreMeta})
	if err != nil {
		return err
	}
	results, err := txn.Run(ctx, []Step{
		{Op: OpGet, Store: StoreMeta, Keys: []Key{keyAbout}},
		{Op: OpCount, Store: StoreMeta, Range: inReserve(), Take: -1}})
	if err != nil {
		txn.Abort(err)
		return err
	}
	if err := txn.Commit(ctx); err != nil {
		return err
	}
	s.spent.Store(s.options.Journal != nil && b.Durable() && results[1].Count < reserveRows)
	var is about
	is.read(results[0].Rows[0])
	if at := slices.IndexFunc(s.options.Schema.Tables, func(t *table.Schema) bool { return !is.holds(t) }); at >= 0 {
		return table.Errorf(table.CodeVersion, "the tables or indexes of ", s.options.Schema.Tables[at].Name,
			" are not those that the database ", s.options.Name, " has at version ", strconv.Itoa(s.options.Schema.Version),
			": a changed schema needs a higher version")
	}
	mark, known := "", s.known.Swap(true)
	if s.options.Sentinel != nil && is.born != "" {
		if mark = s.options.Sentinel.Load(ctx, s.options.Name); mark == is.born {
			return nil
		}
		s.options.Sentinel.Save(ctx, s.options.Name, is.born)
	}
	if created && (known || mark != "") {
		s.evicted.Store(true)
		if s.options.Events.Evicted != nil {
			s.options.Events.Evicted()
		}
	}
	return nil
}
