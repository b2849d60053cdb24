package store

import "context"

// Fleeting returns an opener of databases in memory that are new and empty each time, and nobody else's: for a program that
// has nothing else. It is [Memory] without what that has for several connections and for versions, which weighs.
func Fleeting() Opener {
	return func(ctx context.Context, layout Layout, _ Events) (Backend, error) {
		f := &fleeting{memory{stores: map[string]*memoryStore{}, turn: make(chan struct{}, 1)}}
		for _, l := range layout.Stores {
			f.stores[l.Name] = newMemoryStore(l)
		}
		if layout.Upgrade == nil {
			return f, nil
		}
		if err := f.transact(ctx, func(txn *memoryTxn) error { return layout.Upgrade(ctx, 0, txn) }); err != nil {
			return nil, err
		}
		return f, nil
	}
}

type fleeting struct{ memory }

func (f *fleeting) Durable() bool { return false }

// Close waits for what is running.
func (f *fleeting) Close() error {
	f.turn <- struct{}{}
	<-f.turn
	return nil
}
