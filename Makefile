# Larder. `make` alone lists the targets.
GO      ?= go
WASM     = GOOS=js GOARCH=wasm
WASMOUT  = build/web/larder.wasm
LDFLAGS  = -s -w
# On the wire the engine is a tenth smaller without inlining (the row path runs in few, large functions), and another
# tenth when its data segments are joined.
WASMGC   = all=-l
# Go 1.26's former garbage collector is smaller than its new one. A version of Go that lacks it does with its own.
WASMEXP := $(shell GOEXPERIMENT=nogreenteagc $(GO) env GOEXPERIMENT 2>/dev/null)
BROWSERS = chromium firefox webkit
# Those the native tests of the driver and the runner do not use by themselves.
OTHERS   = $(filter-out chromium,$(BROWSERS))
DAYS     = 1000
# Where the Cordova app finds its tables: bin/larder serve --addr 127.0.0.1:8001 --cors http://localhost:8000
SERVER   = http://127.0.0.1:8001
FUZZTIME = 30s
ROWS     = 200000
RECORDS  = 1000000
CHAOS    = 30m
# The tests of what runs in a browser, inside one.
INSIDE   = $(WASM) $(GO) test -exec $(CURDIR)/bin/wasmrun $(TESTFLAGS) ./table/... ./wasm/...

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what the tests need: browsers, node, the iso-codes data (by apt)
	@sh test/deps.sh $(BROWSERS)

build: bin/larder ## the server: bin/larder

run: bin/larder web data/languages ## build all and serve http://localhost:8000
	bin/larder serve --addr 127.0.0.1:8000 --db sqlite:data/larder.db --tables tables --web build/web

test: web bin/larder bin/wasmrun deps ## the everyday tests: native, end to end, and inside each browser
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...
	for b in $(BROWSERS); do WASMRUN_BROWSER=$$b $(INSIDE) || exit 1; done

test-browsers: web bin/larder bin/wasmrun deps ## all that concerns browsers, in pages and workers: BROWSERS=chromium for one, TESTFLAGS=-cover
	for b in $(BROWSERS); do for w in 0 1; do echo "$$b, worker: $$w"; \
	  WASMRUN_BROWSER=$$b WASMRUN_WORKER=$$w $(INSIDE) || exit 1; \
	done; done
	$(if $(OTHERS),BROWSERS="$(OTHERS)" $(GO) test -timeout 30m ./test/browser ./test/wasmrun ./sw)
	CRASH=all BROWSERS="$(BROWSERS)" $(GO) test -count=1 -timeout 60m ./test/e2e \
	  -run 'TestCrash|TestKill|TestTabs|TestTelling|TestFailures|TestWithoutIndexedDB|TestManyRows'

race: ## the native tests under the race detector
	$(GO) test -race ./table/... ./wasm/... ./manifest/... ./server/...

sim: ## the simulator: SEED=N replays one world with its trace, SEEDS=N runs so many, from FIRST=N on
	TMPDIR=$(or $(wildcard /dev/shm),/tmp) SEED=$(SEED) SEEDS=$(or $(SEEDS),10000) FIRST=$(FIRST) \
		$(GO) test -count=1 -timeout 60m $(if $(SEED),-v) -run TestWorlds ./test/sim

chaos: web bin/larder ## two devices in Chromium write for CHAOS (30m) while everything goes wrong between them, and end equal
	CHAOS=$(CHAOS) $(GO) test -count=1 -timeout 3h -v -run TestChaos ./test/e2e

faults: web bin/larder bin/wasmrun ## the tests of all faults of sync, SEEDS (10000) worlds among them, and what came of them: test/faults/README.md
	$(GO) run ./test/faults $(if $(SEEDS),-seeds $(SEEDS))

bench: web deps ## reading and writing: raw IndexedDB, Dexie, RxDB, PouchDB, Larder and package idb in one run
	cd test/bench && npm ci --silent --no-audit --no-fund && npm run --silent bundle
	$(WASM) $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o build/bench/idb.wasm ./test/bench/idb
	$(GO) run ./test/bench -web build/web

bench-scale: web deps ## a million records: what one more costs then, CPU and memory: raw IndexedDB, Dexie, Larder; RECORDS=N for another number
	cd test/bench && npm ci --silent --no-audit --no-fund
	$(GO) run ./test/bench -web build/web -scale -many $(RECORDS) -contenders raw,dexie,larder -limit 2h

bench-sync: web bin/larder deps ## the first sync of 100,000 records and the push of 10,000: by hand, Larder, PouchDB, Azure's client
	cd test/bench-sync && npm ci --silent --no-audit --no-fund && npm run --silent bundle
	$(GO) run ./test/bench-sync -web build/web -larder bin/larder

bench-server: bin/larder ## load the server and PocketBase in turn, and the server with 1,000,000 rows
	cd test/bench-server/pocketbase && $(GO) build -o $(CURDIR)/bin/pocketbase .
	$(GO) run ./test/bench-server -larder bin/larder -pocketbase bin/pocketbase
	$(GO) run ./test/bench-server -larder bin/larder -growth 1000000

bench-static: dist ## what a file costs the server: package static, http.FileServer and, where there is one, nginx
	$(GO) run ./test/bench-static -dist dist -larder bin/larder

crash: ## kill servers at random while ROWS (200000) rows are written and followed: two on PostgreSQL, one on SQLite
	CRASH_ROWS=$(ROWS) $(GO) test -count=1 -v -timeout 60m -run 'PostgreSQL|SQLite' ./test/crash

size: web ## size of the engine: raw, gzip, brotli; fails above the budget
	$(GO) run ./test/size build/web

dist: web bin/larder ## dist/: what a static host or an npm package needs
	rm -rf dist
	bin/larder build build/web --out dist --compress best
	cp LICENSE dist/

cordova: dist ## build/cordova: the apps as a Cordova project (cordova run browser); SERVER=ORIGIN has their tables
	$(GO) run ./web/cordova -dist dist -server $(SERVER) -out build/cordova
	cd build/cordova && npm ci --silent --no-audit --no-fund && npx --no-install cordova prepare

fuzz: ## fuzz every parser for FUZZTIME (30s) each
	sh test/fuzz.sh $(FUZZTIME)

clean: ## remove what was built; data/ stays
	rm -rf bin build dist

.PHONY: help deps build run test test-browsers race sim chaos faults bench bench-scale bench-sync bench-server bench-static crash size dist cordova fuzz clean web FORCE

# What a page loads. The engine is rebuilt by Go's own cache.
web: $(WASMOUT) build/web/wasm_exec.js
	@find build/web -mindepth 1 -maxdepth 1 ! -name larder.wasm ! -name wasm_exec.js -exec rm -rf {} +
	cp -R web/. build/web/
	cp sw/sw.js build/web/
	mkdir -p build/web/sw && cp sw/manifest.js sw/file.js sw/state.js sw/push.js build/web/sw/
	cat wasm/idb/idb.js wasm/store/query.js > build/web/idb.js
	$(GO) tool esbuild build/web/larder.js --bundle --format=esm --legal-comments=none --log-level=warning --allow-overwrite --outfile=build/web/larder.js
	rm -rf build/web/larder build/web/cordova

$(WASMOUT): FORCE
	@mkdir -p build/web
	$(WASM) GOEXPERIMENT=$(WASMEXP) $(GO) build -trimpath -ldflags='$(LDFLAGS)' -gcflags='$(WASMGC)' -o $@ ./wasm/engine
	$(GO) run ./wasm/pack $@

build/web/wasm_exec.js:
	@mkdir -p build/web
	cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $@

bin/larder: FORCE
	$(GO) build -trimpath -ldflags='$(LDFLAGS)' -o $@ ./server/larder

bin/wasmrun: FORCE
	$(GO) build -o $@ ./test/wasmrun

# The rows of the languages page: Debian's iso-codes where they are installed, else the page starts with none.
data/languages: | bin/larder
	@mkdir -p data
	@f=/usr/share/iso-codes/json/iso_639-3.json; if [ -f $$f ]; then \
	  bin/larder import $$f --table language --id alpha_3 --db sqlite:data/larder.db --tables tables && touch $@; \
	else echo "the languages page has no rows yet: install the iso-codes package (make deps does) and run again"; fi

FORCE:
