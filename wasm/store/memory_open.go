package store

import (
	"context"
	"maps"
	"strconv"
	"sync"

	"github.com/larder-sync/larder/table"
)

// Memory returns an opener of databases that are kept in the program's memory: for native tests, for the simulator, and
// where there is no IndexedDB. They run the same programs with the same results, know versions, upgrades and connections
// as IndexedDB does, and are not durable. What one opener keeps under a name is there when that name is opened again by
// the same opener; another opener's databases are others.
func Memory() Opener {
	d := &memoryDisk{databases: map[string]*memoryFile{}}
	return d.open
}

// memoryDisk is what one opener keeps.
type memoryDisk struct {
	mu        sync.Mutex
	databases map[string]*memoryFile
}

// memoryFile is a database: its data, and who has it open.
type memoryFile struct {
	memory
	opening chan struct{} // holds a token while one is being opened or upgraded

	mu          sync.Mutex
	version     uint
	connections map[*memoryConnection]bool
	left        chan struct{} // closed, and replaced, when a connection closes
}

func (d *memoryDisk) file(name string) *memoryFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.databases[name]
	if f == nil {
		f = &memoryFile{memory: memory{stores: map[string]*memoryStore{}, turn: make(chan struct{}, 1)},
			opening: make(chan struct{}, 1), connections: map[*memoryConnection]bool{}, left: make(chan struct{})}
		d.databases[name] = f
	}
	return f
}

func (d *memoryDisk) open(ctx context.Context, layout Layout, events Events) (Backend, error) {
	f := d.file(layout.Name)
	select {
	case f.opening <- struct{}{}:
		defer func() { <-f.opening }()
	case <-ctx.Done():
		return nil, aborted(ctx)
	}
	f.mu.Lock()
	version := f.version
	f.mu.Unlock()
	switch {
	case version > layout.Version:
		return nil, table.Errorf(table.CodeVersion, "the database ", layout.Name, " has version ",
			strconv.FormatUint(uint64(version), 10), ", which is newer than ", strconv.FormatUint(uint64(layout.Version), 10))
	case version < layout.Version:
		if err := f.alone(ctx, events); err != nil {
			return nil, err
		}
		if err := f.upgrade(ctx, version, layout); err != nil {
			return nil, err
		}
	}
	c := &memoryConnection{file: f, events: events}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = layout.Version
	f.connections[c] = true
	return c, nil
}

// alone asks the other connections to close, and waits until they have.
func (f *memoryFile) alone(ctx context.Context, events Events) error {
	var asked sync.WaitGroup
	f.mu.Lock()
	for c := range f.connections {
		asked.Go(func() {
			if c.events.VersionChange != nil {
				c.events.VersionChange(false)
			} else {
				_ = c.Close() // which never fails
			}
		})
	}
	f.mu.Unlock()
	answered := make(chan struct{})
	go func() { asked.Wait(); close(answered) }()
	for {
		f.mu.Lock()
		left, others := f.left, len(f.connections)
		f.mu.Unlock()
		if others == 0 {
			return nil
		}
		select {
		case <-left:
		case <-answered:
			answered = nil
			if events.Blocked != nil {
				events.Blocked()
			}
		case <-ctx.Done():
			return table.Errorf(table.CodeBlocked, "another connection keeps an older version open").Because(context.Cause(ctx))
		}
	}
}

// upgrade makes the stores of the layout anew out of those there are, and takes them over if all goes well.
func (f *memoryFile) upgrade(ctx context.Context, version uint, layout Layout) error {
	next := &memory{stores: map[string]*memoryStore{}, turn: make(chan struct{}, 1)}
	for name, s := range f.stores {
		next.add(StoreLayout{Name: name, Key: s.layout.Key, AutoIncrement: s.layout.AutoIncrement}, s)
	}
	for _, l := range layout.Stores {
		if next.stores[l.Name] == nil {
			next.add(StoreLayout{Name: l.Name, Key: l.Key, AutoIncrement: l.AutoIncrement}, nil)
		}
	}
	if layout.Upgrade != nil {
		if err := next.transact(ctx, func(txn *memoryTxn) error { return layout.Upgrade(ctx, version, txn) }); err != nil {
			return err
		}
	}
	final := &memory{stores: map[string]*memoryStore{}, turn: make(chan struct{}, 1)}
	for name, s := range next.stores {
		if name[0] == '$' {
			final.add(s.layout, s)
		}
	}
	for _, l := range layout.Stores {
		final.add(l, nil)
	}
	err := final.transact(ctx, func(txn *memoryTxn) error {
		for _, l := range layout.Stores {
			s := next.stores[l.Name]
			final.stores[l.Name].last = s.last
			for _, row := range s.all() {
				if err := txn.put(final.stores[l.Name], row, true); err != nil {
					return table.Errorf(table.CodeMigration, "table ", l.Name, " has rows with equal values in a unique index").Because(err)
				}
			}
		}
		return nil
	})
	if err == nil {
		f.stores = final.stores
	}
	return err
}

// add makes a store, with the rows of another if one is given.
func (m *memory) add(l StoreLayout, from *memoryStore) {
	s := newMemoryStore(l)
	if from != nil {
		s.last = from.last
		for key, row := range from.all() {
			s.set(key, maps.Clone(row))
		}
	}
	m.stores[l.Name] = s
}

// transact runs fn in a transaction over all stores.
func (m *memory) transact(ctx context.Context, fn func(*memoryTxn) error) error {
	m.turn <- struct{}{}
	txn := &memoryTxn{m: m, write: true}
	for name := range m.stores {
		txn.scope = append(txn.scope, name)
	}
	if err := fn(txn); err != nil {
		txn.Abort(err)
		return err
	}
	return txn.Commit(ctx)
}

// memoryConnection is one opener's access to a database.
type memoryConnection struct {
	file   *memoryFile
	events Events
}

func (c *memoryConnection) Durable() bool { return false }

// Begin waits for its turn; a connection that was closed meanwhile has none.
func (c *memoryConnection) Begin(ctx context.Context, write bool, stores []string) (Txn, error) {
	if !c.open() {
		return nil, errMemoryClosed
	}
	txn, err := c.file.Begin(ctx, write, stores)
	if err == nil && !c.open() {
		txn.Abort(errMemoryClosed)
		return nil, errMemoryClosed
	}
	return txn, err
}

var errMemoryClosed = table.Errorf(table.CodeClosed, "the connection is closed")

func (c *memoryConnection) open() bool {
	c.file.mu.Lock()
	defer c.file.mu.Unlock()
	return c.file.connections[c]
}

func (c *memoryConnection) Close() error {
	c.file.turn <- struct{}{} // what is running finishes first
	<-c.file.turn
	c.file.mu.Lock()
	defer c.file.mu.Unlock()
	if c.file.connections[c] {
		delete(c.file.connections, c)
		close(c.file.left)
		c.file.left = make(chan struct{})
	}
	return nil
}
