package replica

import (
	"context"
	"time"

	"github.com/larder-sync/larder/table"
	"github.com/larder-sync/larder/wasm/store"
)

// Network sends requests to the server of a replica.
type Network interface {
	// Send sends one request and waits for the whole answer. Path begins with "/tables/"; token is the caller's bearer
	// token, "" for none. The error of an [Answer] says that no answer came.
	Send(ctx context.Context, s Send, token string) Answer
}

// Protocol is what a server speaks.
type Protocol string

// The protocols: Larder's own, with batches and deltas, and that of plain Azure Mobile Apps servers (see [Azure]).
const (
	ProtocolLarder Protocol = "larder"
	ProtocolAzure  Protocol = "azure"
)

// Options are how a [Replica] reaches the world. Outbox is needed, and Network where a table has no source of its own.
type Options struct {
	Outbox   *Outbox
	Network  Network
	Protocol Protocol                                                 // of the server behind Network; "": it is recognised
	Sources  map[string]Source                                        // of tables that are not the server's; nil: not synced here
	Token    func(ctx context.Context, fresh bool) (string, error)    // the bearer token; fresh after a refusal; nil: none
	Conflict func(ctx context.Context, c *Conflict) (Decision, error) // nil: conflicts go to quarantine
	Wait     func(ctx context.Context, d time.Duration) error         // nil: a timer
	Lock     func(ctx context.Context) (release func(), err error)    // held while syncing, across tabs; nil: none
	Steal    func(ctx context.Context) (release func(), err error)    // takes the lock from a silent holder; nil: it is waited for
	Lease    bool                                                     // where there is no Lock: take turns by a row of the store
	Jitter   func() float64                                           // in [0, 1); nil: always the middle
	Now      func() string                                            // the local time as ISO text, for people
	Clock    func() time.Time                                         // has a server that asks for quiet left alone after a restart, too; nil: not then
	Epoch    func(ctx context.Context, e *Epoch) (Course, error)      // the server's past is another one; nil or "": see [Course]
	Stranger func()                                                   // the token is another user's; may be nil
	Fork     func()                                                   // a copy of this database syncs too; may be nil
	Problem  func(c *Conflict, err error)                             // a conflict's handler failed; may be nil
}

// Replica syncs a store with a server. Its methods are safe for concurrent use; syncs run one after another.
type Replica struct {
	store   *store.Store
	outbox  *Outbox
	options Options
	turn    chan struct{}
	token   string
	fence   float64         // of the lease under which a job is being done
	sweeps  map[Pull]*sweep // pulls from the start that are under way
	server  *backend        // that of the tables without a source
	now     *backend        // that a job is being done with
	sent    int             // requests to a plain Azure server in this job
}

// New returns the replica of a store whose journal is the options' outbox.
func New(s *store.Store, o Options) *Replica {
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0.5 }
	}
	r := &Replica{store: s, outbox: o.Outbox, options: o, turn: make(chan struct{}, 1), sweeps: map[Pull]*sweep{}}
	r.server = &backend{}
	if o.Protocol == ProtocolAzure {
		r.server = r.plain()
	}
	return r
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Push sends what waits. See [Replica.Run].
func (r *Replica) Push(ctx context.Context, patience time.Duration) (Result, error) {
	return r.Run(ctx, Job{Push: true, Patience: patience})
}

// Pull brings what changed in the tables since they were last pulled. See [Replica.Run].
func (r *Replica) Pull(ctx context.Context, patience time.Duration, tables ...string) (Result, error) {
	return r.Run(ctx, Job{Pulls: Whole(tables...), Patience: patience})
}

// Sync pushes what waits and pulls all tables: those that were pulled in parts so far, their parts. See [Replica.Run].
func (r *Replica) Sync(ctx context.Context, patience time.Duration) (Result, error) {
	pulls, err := r.All(ctx)
	if err != nil {
		return Result{}, err
	}
	return r.Run(ctx, Job{Push: true, Pulls: pulls, Patience: patience})
}

// Run carries out a job. Operations that the server refused are in the result, not in the error: the error says what
// stopped the job before its end, with code "network", "auth", "server", "aborted" or one of the store's. What was done
// until then stays done.
func (r *Replica) Run(ctx context.Context, job Job) (Result, error) {
	for _, p := range job.Pulls {
		if err := r.check(p); err != nil {
			return Result{}, err
		}
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Result{}, aborted(ctx)
	}
	ctx, release, err := r.hold(ctx)
	if err != nil {
		return Result{}, err
	}
	defer release()
	return r.work(ctx, job)
}

// drive does a job with one backend.
func (r *Replica) drive(ctx context.Context, job Job, b *backend) (Result, error) {
	r.now, r.sent = b, 0
	failures, err := r.settleDown(ctx, b, &job)
	if err != nil {
		return Result{}, err
	}
	m := NewMachine(job, r.options.Jitter)
	m.before = failures
	if b.source != nil {
		m.offers, m.limit = true, sourceBatch
	}
	var event Event = Started{}
	for {
		effect := m.Step(event)
		if done, ok := effect.(Done); ok {
			return r.done(ctx, m, job, done)
		}
		if ctx.Err() != nil {
			event = Broken{aborted(ctx)}
			continue
		}
		next, err := r.perform(ctx, effect)
		if err != nil {
			next = Broken{err}
		}
		event = next
	}
}

// perform carries out one effect.
func (r *Replica) perform(ctx context.Context, effect Effect) (Event, error) {
	switch e := effect.(type) {
	case Take:
		batch, err := r.take(ctx, e)
		return Taken{batch}, err
	case Send:
		if err := r.signIn(ctx); err != nil {
			return nil, err
		}
		answer := r.options.Network.Send(ctx, e, r.token)
		if answer.Err != nil && ctx.Err() != nil {
			return nil, aborted(ctx)
		}
		return answer, nil
	case Offer:
		if err := r.signIn(ctx); err != nil {
			return nil, err
		}
		return r.offer(ctx, e.Batch), nil
	case Fetch:
		if err := r.signIn(ctx); err != nil {
			return nil, err
		}
		return r.fetch(ctx, e), nil
	case Settle:
		settlement, err := r.settle(ctx, e)
		return Settled{settlement}, err
	case Ask:
		return Decided{r.ask(ctx, e.Conflict)}, nil
	case Resolve:
		again, err := r.resolve(ctx, e.Conflict, e.Decision)
		if code := table.CodeOf(err); code == table.CodeInvalid || code == table.CodeConstraint {
			r.problem(e.Conflict, err)
			again, err = r.resolve(ctx, e.Conflict, Decision{Choice: ChooseLater})
		}
		return Resolved{again}, err
	case Recall:
		m, err := r.memory(ctx)
		return Recalled{m.seen()}, err
	case Judge:
		return r.judge(ctx, e)
	case LoadCursor:
		token, seen, err := r.position(ctx, e.Pull)
		return Cursor{token, seen}, err
	case Forget:
		token, err := r.forget(ctx, e)
		return Cursor{Token: token}, err
	case Apply:
		unsettled, err := r.apply(ctx, e)
		return Applied{unsettled}, err
	case Pick:
		after, err := r.pick(ctx, e)
		return Picked{after}, err
	case Compare:
		return r.compare(ctx, e)
	case Heal:
		n, err := r.heal(ctx, e)
		return Healed{n}, err
	case Wait:
		if err := r.hush(ctx, r.now, e); err != nil {
			return nil, err
		}
		return Woke{}, r.options.Wait(ctx, e.For)
	case Refresh:
		if r.options.Token == nil {
			return Token{}, nil
		}
		before := r.token
		if err := r.refresh(ctx, true); err != nil {
			return nil, err
		}
		return Token{Fresh: r.token != "" && r.token != before}, nil
	}
	return nil, table.Errorf(table.CodeEngine, "the sync engine asked for an effect that nobody knows")
}

// signIn gets the first token.
func (r *Replica) signIn(ctx context.Context) error {
	if r.token != "" || r.options.Token == nil {
		return nil
	}
	return r.refresh(ctx, false)
}

func (r *Replica) refresh(ctx context.Context, fresh bool) error {
	token, err := r.options.Token(ctx, fresh)
	if err != nil {
		return table.Errorf(table.CodeAuth, "the app gave no token").Because(err)
	}
	if err := r.admit(ctx, token); err != nil {
		r.token = ""
		return err
	}
	r.token = token
	return nil
}

// ask gets a decision. A handler that fails costs only its own record: the operation waits in quarantine.
func (r *Replica) ask(ctx context.Context, c *Conflict) Decision {
	if r.options.Conflict == nil {
		return Decision{Choice: ChooseLater}
	}
	d, err := r.options.Conflict(ctx, c)
	if err != nil {
		r.problem(c, err)
		return Decision{Choice: ChooseLater}
	}
	return d
}

func (r *Replica) problem(c *Conflict, err error) {
	if r.options.Problem != nil {
		r.options.Problem(c, err)
	}
}

func aborted(ctx context.Context) error {
	return table.Errorf(table.CodeAborted, "the sync was ended; what was done stays done").Because(context.Cause(ctx))
}
