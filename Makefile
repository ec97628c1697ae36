# Everything a developer runs. `make` alone lists it.

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(shell command -v gcc || command -v cc),-race,)
TESTFLAGS :=

.DEFAULT_GOAL := help
.PHONY: help run build test check fuzz bench clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and serve the demo on http://localhost:8080
	./tipoff -demo

build: ## build the program: one static file, ./tipoff
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o tipoff .

test: ## run the tests
	go test $(RACE) $(TESTFLAGS) ./...

check: ## what has to be clean besides the tests: format, vet, staticcheck, govulncheck, go.mod
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "run gofmt -w on these"; exit 1; }
	go vet -tags load ./...
	go tool staticcheck -tags load ./...
	go mod tidy -diff
	@out=$$(go tool govulncheck ./... 2>&1) && echo "govulncheck: nothing known" || \
	  { echo "$$out"; echo "$$out" | grep -q 'fetching vulnerabilities' && echo "govulncheck: not checked, its database cannot be reached"; }

FUZZTIME := 1m
fuzz: ## fuzz whatever parses, a minute each (FUZZTIME=10s for less)
	@set -e; for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg; \
	  done; done

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

clean: ## remove what was built
	rm -rf tipoff data dist screenshots
