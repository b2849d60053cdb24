package feed

import (
	"strconv"
	"sync"

	"github.com/larder-sync/larder/table"
)

// lineage gives this process' writes their boot id, under which no number is ever given twice: where a table's counter is
// behind what this process knows, the database was restored, or a standby took over that had not heard all, and the
// process goes on as another boot.
type lineage struct {
	mu    sync.Mutex
	first string
	now   string
	turns int
	known map[string]int64 // stored table to the highest number known to have been given
}

func newLineage(boot string) *lineage {
	return &lineage{first: boot, now: boot, known: map[string]int64{}}
}

// boot returns the id for writes to tables whose counters stand as they do.
func (l *lineage) boot(feeds map[string]*tableFeed) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := false
	for name, f := range feeds {
		if f.was.Seq < l.known[name] {
			l.known[name] = f.was.Seq
			back = true
		}
	}
	if back {
		l.turns++
		l.now = l.first + "r" + strconv.Itoa(l.turns)
	}
	return l.now
}

// learn notes the numbers that a transaction gave. After a failure of the storage they may have been given; after others they
// were not.
func (l *lineage) learn(feeds map[string]*tableFeed, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, f := range feeds {
		seq := f.now.Seq
		if err != nil && table.CodeOf(err) != table.CodeStorage {
			seq = f.was.Seq
		}
		l.known[name] = max(l.known[name], seq)
	}
}
