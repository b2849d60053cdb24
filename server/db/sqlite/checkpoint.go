package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

const (
	maxPages = 2048 // written to the log, after which it is moved into the file
	tidy     = time.Hour
)

// keeper moves the write-ahead log into the file, on a connection of its own: by itself SQLite does that within a commit, which
// then takes as long as the disk needs for all of it. It also lets SQLite look now and then whether its statistics still
// hold. The zero value does nothing.
type keeper struct {
	pool *sql.DB
	grew chan struct{}
	end  context.CancelFunc
	done chan struct{}
	once sync.Once

	pages int // since the log was last moved
}

func (k *keeper) start(path string, set []pragma) (err error) {
	if k.pool, err = sql.Open("sqlite", dsn(path, set)); err != nil {
		return err
	}
	k.pool.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())
	k.grew, k.end, k.done = make(chan struct{}, 1), cancel, make(chan struct{})
	go k.run(ctx)
	return nil
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	defer k.pool.Close() // what it did is in the file or still in the log
	hourly := time.NewTicker(tidy)
	defer hourly.Stop()
	for {
		text := "PRAGMA wal_checkpoint(PASSIVE)" // waits for nobody, and makes nobody wait
		select {
		case <-ctx.Done():
			return
		case <-k.grew:
		case <-hourly.C:
			text = "PRAGMA optimize"
		}
		// A failure shows itself to those who write; here there is nothing to do but to try again after the next commit.
		_, _ = k.pool.ExecContext(ctx, text)
	}
}

// committed is told of each commit, by the one who holds the writer, and about how many pages it wrote. The size of the log's
// file would not tell: it is written again from its beginning.
func (k *keeper) committed(pages int) {
	if k.pages += pages; k.pages < maxPages {
		return
	}
	k.pages = 0
	select {
	case k.grew <- struct{}{}:
	default:
	}
}

func (k *keeper) stop() {
	if k.pool == nil || k.done == nil {
		return
	}
	k.once.Do(func() { k.end(); <-k.done })
}
