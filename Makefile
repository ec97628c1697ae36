# Everything a developer runs. `make` alone lists it.

# The race detector needs a C compiler; without one the tests run without it.
# SQLite is C translated to Go, with locks of its own: the detector makes it many
# times slower and would look at code that is not ours.
RACE := $(if $(shell command -v gcc || command -v cc),-race $(foreach p,modernc.org/sqlite/lib modernc.org/libc,-gcflags=$(p)=-race=false),)
# Programs that the detector watches wait a second before they end, and tests start many.
export GORACE := atexit_sleep_ms=50
TESTFLAGS :=
# Go's own ten minutes are too short where others use the machine as well. Many
# tests wait for one another's processes, so more run at once than there are cores.
GOTEST = go test -timeout 30m -parallel 8 $(TESTFLAGS)

.DEFAULT_GOAL := help
.PHONY: help run build test test-long browser screenshots check scan fuzz load bench clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and serve the demo on http://localhost:8080
	./tipoff -demo

build: ## build the program: one static file, ./tipoff
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o tipoff .

test: ## run the tests, but for the long ones
	$(GOTEST) $(RACE) ./...

# Without the race detector, which takes memory of its own.
test-long: ## run the long tests: every fault at every moment, memory, load
	$(GOTEST) -tags long -run '^TestLong' $(addprefix ./,$(sort $(dir $(wildcard */*_long_test.go))))

# Lighthouse measures, and everything else that runs; so it runs alone.
BROWSER := node --test --test-reporter=spec --test-concurrency=2
browser: build ## run the tests in a real browser; needs Node, Chromium and npm ci in e2e/browser/
	cd e2e/browser && $(BROWSER) $$(ls *.test.mjs | grep -v '^speed')
	cd e2e/browser && $(BROWSER) speed.test.mjs

screenshots: build ## write every page in every state into screenshots/
	cd e2e/browser && node screenshots.mjs

check: ## what has to be clean besides the tests: format, vet, staticcheck, govulncheck, go.mod
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "run gofmt -w on these"; exit 1; }
	go vet -tags long ./...
	go tool staticcheck -tags long ./...
	go mod tidy -diff
	@out=$$(go tool govulncheck ./... 2>&1) && echo "govulncheck: nothing known" || \
	  { echo "$$out"; echo "$$out" | grep -q 'fetching vulnerabilities' && echo "govulncheck: not checked, its database cannot be reached"; }

scan: ## gosec over the source and wapiti over the demo (apt install wapiti caddy jq curl); takes ten minutes
	.ci/scan/run

FUZZTIME := 1m
fuzz: ## fuzz whatever parses, a minute each (FUZZTIME=10s for less)
	@set -e; for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg; \
	  done; done

load: ## of the long tests: 500 imports at once, 2,000 visitors, both while Todoist is unwell
	$(GOTEST) -tags long -count 1 -v -run '^TestLongLoad' ./e2e

bench: ## measure what docs/speed.md has a table of; BENCH=. for the benchmarks of each part as well
	$(GOTEST) -tags long -count 1 -v -run '^TestTargets$$' ./e2e | sed -n '/^| /p; /^--- FAIL/p; /^FAIL/p; /_test.go:.*: [^|]/p'
	$(if $(BENCH),go test -run '^$$' -bench '$(BENCH)' -benchmem ./...)

BENCH :=

clean: ## remove what was built
	rm -rf tipoff data dist screenshots
