package main

// place is where a fault is provoked.
type place string

// The places.
const (
	simulator place = "simulator"           // whole worlds in one goroutine, from one seed each
	engine    place = "engine and server"   // the sync engine over a storage in memory, and the server's own handlers
	browser   place = "browser"             // a real browser, most often with a real server process
	inside    place = "inside the browser"  // Go tests that run in a page
	server    place = "server"              // the server's parts, on real SQLite files and PostgreSQL
	process   place = "server process"      // the program, which is killed
	storage   place = "engine and its disk" // the engine over storages that fail
)

// proof is a test that provokes a fault and holds true what must hold.
type proof struct {
	place place
	pkg   string // its folder
	test  string // its name, with subtests' after slashes; in the simulator TestWorlds, or another
	met   string // what a simulator tells how often it happened; "" where each run of the test is one
}

// fault is a row of the matrix.
type fault struct {
	name   string
	what   string
	proofs []proof
}

func met(kind string) proof { return proof{simulator, "test/sim", "TestWorlds", kind} }

func in(p place, pkg, test string) proof { return proof{place: p, pkg: pkg, test: test} }

var (
	worlds = in(simulator, "test/sim", "TestWorlds")
	chaos  = in(browser, "test/e2e", "TestChaos")
)

// faults is the matrix: each fault that sync has to stand, and the tests that show it.
var faults = []fault{
	{"F1", "A push is carried out and its answer lost; the same batch is sent again, then with more in it", []proof{
		met("an answer is lost"), in(engine, "test/sync", "TestResentBatchWithMore"),
		in(engine, "test/sync", "TestReplyLost"), chaos}},
	{"F2", "An answer is lost, the page is reloaded, and another tab pushes", []proof{
		in(browser, "test/e2e", "TestReloadAfterLostAnswer"), in(browser, "test/e2e", "TestAnswerLost"), chaos}},
	{"F3", "Requests come twice, late and in another order", []proof{
		met("a request comes late, after others"), met("a request comes twice"), in(server, "server/feed", "TestRepeat"), chaos}},
	{"F4", "A tab is killed between any two steps of a write into the storage", []proof{
		met("a tab is killed before a call of the storage"), in(browser, "test/e2e", "TestCrash"),
		in(browser, "test/e2e", "TestKill")}},
	{"F5", "A tab is killed while a page of a pull and its cursor are stored", []proof{
		met("a tab is killed after a commit"), in(engine, "test/sync", "TestPullIsAtomicWithItsCursor"), chaos}},
	{"F6", "The server is killed in the middle of a batch, and starts again", []proof{
		met("the server is killed"), in(process, "test/crash", "TestSQLite"),
		in(process, "test/crash", "TestTwoServersOnPostgreSQL"), chaos}},
	{"F7", "The server loses its power while it writes: what it had not synced is cut off and torn", []proof{
		met("the server loses its power while it writes")}},
	{"F8", "Clocks jump, on either side", []proof{
		met("the server's clock jumps"), in(server, "server/feed", "TestClockSetBack"),
		in(engine, "test/sync", "TestQuietOutlivesRestarts"), chaos}},
	{"F9", "Two tabs begin to sync at once, with locks and without; the one that holds the lock freezes", []proof{
		in(storage, "wasm/replica", "TestLease"), in(browser, "test/e2e", "TestTabs"),
		in(inside, "wasm/browser", "TestLock"), chaos}},
	{"F10", "A holder of the lock is suspended in the middle of a push, and goes on when another has taken over", []proof{
		in(storage, "wasm/replica", "TestLease")}},
	{"F11", "The disk is full, at any write", []proof{
		met("the disk is full"), in(storage, "wasm/replica", "TestFullDisk"), in(browser, "test/e2e", "TestFullDisk")}},
	{"F12", "The browser closes the connection to the storage", []proof{
		met("the connection to the storage is lost"), in(storage, "wasm/store", "TestLostConnection"),
		in(browser, "test/e2e", "TestFailures")}},
	{"F13", "A token expires within a batch; the app has no better one at first, or one of another user", []proof{
		met("a token expires within a batch"), met("another user signs in"), in(engine, "test/sync", "TestTokenExpires")}},
	{"F14", "Another user signs in while changes of the first one wait", []proof{
		met("another user signs in"), in(engine, "test/sync", "TestAnotherUserSignsIn"),
		in(browser, "test/e2e", "TestPrincipal")}},
	{"F15", "A new version of the app opens a database in which changes of the old one wait; its migration breaks off", []proof{
		met("an app of a newer version starts with operations that wait"), met("an upgrade fails half-way"),
		in(storage, "wasm/replica", "TestMigrate"), in(storage, "wasm/store", "TestGivingWay"),
		in(browser, "test/e2e", "TestCrash")}},
	{"F16", "Clients and servers of different versions meet", []proof{
		in(engine, "test/sync", "TestRollingDeploy"), in(storage, "wasm/replica", "TestMigrate")}},
	{"F17", "The server is restored from an older backup, and clients know of more", []proof{
		met("the server is restored from a backup"), in(engine, "test/sync", "TestRestored"),
		in(engine, "test/sync", "TestRestoredAndDeleted"), in(engine, "test/sync", "TestDeleteOfWhatIsNoMore"),
		in(engine, "test/sync", "TestRestoredAfterConflict"),
		in(server, "server/feed", "TestRestoredDatabase"),
		in(server, "server/feed", "TestRestoredUnderneath"), in(server, "server/api", "TestPast")}},
	{"F18", "Another database, or an empty one, stands behind the same address", []proof{
		in(engine, "test/sync", "TestOtherServer")}},
	{"F19", "A device has 100,000 changes to push, over a connection that breaks, by a program that is killed", []proof{
		in(engine, "test/sync", "TestLongOutbox")}},
	{"F20", "A change is refused for good, or breaks the server's handler: first, last, or in the middle of the queue", []proof{
		in(engine, "test/sync", "TestPoison"), in(engine, "test/sync", "TestRefusedOperationHoldsUpNothing"),
		in(server, "server/api", "TestHooks")}},
	{"F21", "Many devices change the same few records, half of them without a network", []proof{
		{simulator, "test/sim", "TestConflictStorm", "many devices write to few records"},
		met("a conflict has its true base"), in(engine, "test/sync", "TestConflicts")}},
	{"F22", "Deletes meet updates and new records of the same id; they are forgotten before a client comes back", []proof{
		met("so much time goes by that the server forgets"), in(engine, "test/sync", "TestForgottenTombstone"),
		in(engine, "test/sync", "TestForgottenSinceTheLastPull"),
		in(engine, "test/sync", "TestExpiredToken"), in(engine, "test/sync", "TestSweepAfterOldVerdict"),
		in(server, "server/feed", "TestForget")}},
	{"F23", "Rights shrink, and records change their owner, while changes of them wait", []proof{
		in(engine, "test/sync", "TestRightsShrink"), in(server, "server/api", "TestOwners"),
		in(server, "server/api", "TestStrangers")}},
	{"F24", "Portals, proxies' errors, answers that are cut off or rubbish, 413, 429, servers that never answer", []proof{
		met("a portal answers"), met("a proxy answers 502"), met("an answer is cut off"), met("a batch is too large"),
		met("the server answers 429"),
		met("somebody answers with JSON of another kind"), in(engine, "test/sync", "TestBackoff"),
		in(engine, "test/sync", "TestBatchesThatAreTooLarge"), in(engine, "test/sync", "TestTooLargeAfterLostAnswer"),
		in(engine, "test/sync", "TestEmptyLists"),
		in(inside, "wasm/browser", "TestFetch"), in(browser, "sw", "TestWatchConnection"), chaos}},
	{"F25", "A stream breaks, or is silent for long", []proof{
		met("a stream breaks and goes on"), met("a stream says nothing"), in(server, "server/live", "TestStream"),
		in(browser, "test/e2e", "TestStream"), chaos}},
	{"F26", "Several servers write to one database, whose hints are lost: no reader skips a row", []proof{
		in(server, "server/feed", "TestSharedDatabase"), in(server, "server/feed", "TestFollowerMissesNothing"),
		in(server, "server/live", "TestOtherProcess"),
		in(process, "test/crash", "TestTwoServersOnPostgreSQL")}},
	{"F27", "The server's database is busy, full, or gone; a second process opens it", []proof{
		in(process, "test/crash", "TestDiskFull"), in(process, "test/crash", "TestDatabaseLost"),
		in(server, "server", "TestLostDatabase"),
		in(server, "server/feed", "TestSharedDatabase")}},
	{"F28", "The browser empties the storage, all of it or a part", []proof{
		in(storage, "wasm/store", "TestEviction"), in(browser, "test/e2e", "TestFailures"),
		in(inside, "wasm/browser", "TestSentinel")}},
	{"F29", "The worker syncs in the background, is replaced, and updates break off", []proof{
		in(browser, "test/e2e", "TestBackground"), in(browser, "sw", "TestInstallFails"), in(browser, "sw", "TestResume"),
		in(browser, "sw", "TestDay")}},
	{"F30", "Clients that lie: other content under a used number, records that are too large or no records", []proof{
		in(server, "server/feed", "TestRepeat"), in(server, "server/api", "TestFork"),
		in(server, "server/api", "TestBadRequests"),
		in(server, "server/api", "FuzzRequest"), in(server, "server/feed", "TestTooLarge")}},
	{"F31", "Thousands of clients come back at once", []proof{in(server, "server/live", "TestHerd"),
		in(server, "server/live", "TestLargeBacklog")}},
	{"F32", "A tab that does not listen keeps an upgrade waiting", []proof{
		in(storage, "wasm/store", "TestVersions"), in(storage, "wasm/store", "TestGivingWay")}},
	{"F33", "A call is cancelled, at any of its steps", []proof{
		met("a call is cancelled"), in(engine, "test/sync", "TestCancelAtEachCall"),
		in(inside, "wasm/idb", "TestCancelledAtEveryAwait"),
		in(inside, "wasm/idb", "TestNothingIsLeftBehind")}},
	{"F34", "A profile is copied: two devices go on as one", []proof{
		met("a profile is cloned"), in(engine, "test/sync", "TestClonedProfile"),
		in(engine, "test/sync", "TestCloneLosesAnswers"),
		in(engine, "test/sync", "TestCopiesDiffer"), in(engine, "test/sync", "TestThreeCopies")}},
	{"F35", "All of that at random, for long", []proof{worlds, in(simulator, "test/sim", "TestDefects"), chaos}},
}
