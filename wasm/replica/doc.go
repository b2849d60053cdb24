// Package replica is the sync engine: it keeps what an app wrote in an outbox, in the same transaction as the records,
// pushes it to a server exactly once, pulls what changed there, and brings the two together.
//
// The engine is a step machine ([Machine]): events in, one effect out, and no clock, network, storage or randomness of
// its own. [Replica] carries its effects out. So it runs natively and can be simulated.
//
//	outbox := replica.NewOutbox(replica.OutboxOptions{NewID: newID, Now: now})
//	s, err := store.Open(ctx, store.Options{Name: "app", Schema: schema, Open: store.Memory(), Journal: outbox})
//	r := replica.New(s, replica.Options{Outbox: outbox, Network: network})
//	result, err := r.Sync(ctx, 10*time.Second)
//
// A plain Azure Mobile Apps server, which knows no batches and no deltas, is recognised and spoken to in its own way. Tables of
// other backends have a [Source] of the app's.
//
// # Guarantees
//
//   - An operation whose local commit was acknowledged is applied on the server exactly once, or stands in the outbox
//     with the reason why it is not, or was discarded by the app. A lost reply is healed by sending again.
//   - An operation that was sent is not changed until its verdict is known, across restarts.
//   - An answer never overwrites a newer local edit: it moves that edit's base.
//   - A page of changes and its cursor are stored in one transaction.
//   - Clocks decide nothing.
//   - A server that was restored from a backup is recognised, and what it has lost is offered again; to one that was emptied or
//     replaced nothing is pushed until the app has decided (see [Course]). No local record is deleted for either.
//
// # Caveats
//
//   - What a backend cannot do the engine cannot either. One that does not keep the ids of operations, as plain Azure servers do
//     not, shows that it has applied one whose answer was lost by its record alone; it takes no atomic transactions, which go to
//     quarantine; and it is not recognised when it was restored from a backup.
//   - Operations are pushed in the order of the outbox, one batch after another; an operation that was refused leaves
//     the order and holds back later operations on its record only.
package replica
