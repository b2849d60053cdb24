package sim_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/larder-sync/larder/wasm/replica"
)

// powerCut has the server lose its power while it writes what a tab pushes. What it had acknowledged before is on the disk, as
// SQLite promises that syncs its log with each commit; of what it was writing, the disk has the beginning, and after it whatever
// there was.
func (w *world) powerCut(t *tab) {
	w.dark = true
	t.sync()
	w.dark = false
}

// losePower takes the first push to a server that then has no power. All else is lost.
func (t *tab) losePower(r request) replica.Answer {
	if r.Method != http.MethodPost {
		return replica.Answer{Err: errLost}
	}
	data, log := t.read(t.path), t.read(t.path+"-wal")
	a := t.serve(r)
	dataAfter, logAfter := t.read(t.path), t.read(t.path+"-wal")
	t.dark = false
	lost := replica.Answer{Err: errLost}
	if len(logAfter) <= len(log) || !bytes.HasPrefix(logAfter, log) || !bytes.Equal(data, dataAfter) { // the log has begun anew
		if a.Status == http.StatusOK {
			t.history.answered(t.world, r, a.Body)
		}
		return lost
	}
	cut := len(log) + t.rng.IntN(firstCommit(logAfter, len(log))-len(log))
	for i := cut; i < len(logAfter); i++ {
		logAfter[i] = byte(t.rng.IntN(256))
	}
	t.meet("the server loses its power while it writes")
	t.note("%s.%d: the power goes at byte %d of the log's %d, of which %d were there before", t.name, t.number,
		cut, len(logAfter), len(log))
	t.stop()
	t.boots++
	t.path = filepath.Join(t.folder, "larder-"+strconv.Itoa(t.boots)+".db")
	for name, content := range map[string][]byte{t.path: data, t.path + "-wal": logAfter} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.t.Fatal(err)
		}
	}
	t.world.start()
	return lost
}

// firstCommit returns where the first transaction ends that was appended to a log of a length: behind the first frame that
// holds the size of the database after a commit.
func firstCommit(log []byte, from int) int {
	frame := 24 + int(binary.BigEndian.Uint32(log[8:]))
	for at := max(from, 32); at+frame <= len(log); at += frame {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			return at + frame
		}
	}
	return len(log)
}

func (w *world) read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return data
}
