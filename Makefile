# k8or. `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.

GO       ?= go
BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)

# No C: the binaries are static, a newcomer needs no compiler but Go's, and Go's own linker takes 2 s for a test binary where
# the system's took 11 s. Only the race detector needs C.
export CGO_ENABLED := 0
# The kill hunt and the end-to-end scripts take minutes each, and longer beside other work: Go's ten minutes a package are too few.
# `make lint` vets everything, and once is enough. Tests wait as long as they work, for clocks and clusters, so that twice as many
# packages as there are processors are under way; the longest begin first.
TESTFLAGS := -vet=off -ldflags=-s -timeout 30m -p $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
LONGEST   := ./test/e2e ./test/kill ./test/compose ./internal/catalog

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build k8or sandbox controlplane
build: k8or sandbox controlplane ## build the three binaries into bin/

k8or:
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/k8or ./cmd/k8or

sandbox:
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/k8or-sandbox ./cmd/k8or-sandbox

controlplane:
	cd sandbox/controlplane && $(GO) build -ldflags '$(LDFLAGS)' -o ../../$(BIN)/k8or-controlplane ./cmd/k8or-controlplane

.PHONY: demo
demo: ## build, start the sandbox, bring the starter platform up before your eyes
	@sh hack/demo.sh

.PHONY: test
test: build ## every test of both modules, end to end included
	$(GO) test $(TESTFLAGS) $(LONGEST) ./...
	cd sandbox/controlplane && $(GO) test $(TESTFLAGS) ./...

# Everything of ours that has goroutines or locks and links no Kubernetes, whose libraries would take minutes to be built once more.
RACED := graph/... event/... companion price ui/plain ui/ndjson ui/term \
	sandbox/clock/... sandbox/digitalocean/... sandbox/contract sandbox/fault sandbox/wire sandbox/spaces sandbox/registry
.PHONY: race
race: ## the race detector, where there is concurrency
	CGO_ENABLED=1 $(GO) test -race $(RACED:%=./internal/%)

.PHONY: lint
lint: ## formatting, vet and staticcheck, dead code among it; the types of other systems
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt wants changes in:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) build -modfile=tools.mod -o $(BIN)/lint hack/lint.go
	$(BIN)/lint ./...
	cd sandbox/controlplane && ../../$(BIN)/lint ./...
	$(GO) build -modfile=tools.mod -o $(BIN)/portable hack/portable.go
	$(BIN)/portable darwin/arm64 windows/amd64

.PHONY: generate
generate: ## write what is generated: schema, CRD, reference pages
	$(GO) generate ./...

.PHONY: bench
bench: build ## figures: wall over critical path, calls, start-up, memory, size
	$(GO) run ./bench

.PHONY: compat
compat: build ## unchanged doctl, Terraform and kubectl against the sandbox; writes docs/compat.md
	$(GO) test -count=1 -timeout 30m -run TestCompat ./test/compat -args -write

.PHONY: charts
charts: ## hold the catalog to real charts: make charts CHARTS=DIR [ONLY=gateway/nginx] [RECORD=1]; writes charts.lock
	@test -n '$(CHARTS)' || { echo 'name a folder of real charts: make charts CHARTS=DIR'; exit 64; }
	@test -n '$(RECORD)' || test -x $(BIN)/k8or-controlplane || $(MAKE) controlplane
	$(GO) test -count=1 -timeout 30m -run TestCharts -v ./test/charts -args -charts '$(abspath $(CHARTS))' -only '$(ONLY)' $(if $(RECORD),-record)

.PHONY: pin
pin: ## record the digests of the charts, from where they are published
	$(GO) test -count=1 -timeout 30m -run 'TestPin$$' -v ./test/charts -args -pin

.PHONY: hunt
hunt: build ## SIGKILL through the built binary, 50 rounds each
	K8OR_HUNT=50 $(GO) test -count=1 -timeout 120m -run TestHunt ./test/e2e -v

.PHONY: edits
edits: ## give every field of every product's documents another value, on a platform that stands
	$(GO) test -count=1 -timeout 60m -run TestProducts ./internal/catalog -args -edits

.PHONY: fit
fit: controlplane ## what plan says of the nodes' room, against the real kube-scheduler, over 200 random platforms
	K8OR_FIT_PLATFORMS=$${K8OR_FIT_PLATFORMS:-200} $(GO) test -count=1 -timeout 120m -run 'TestFit|TestRecorded' ./test/fit -v

.PHONY: cross
SYSTEMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
cross: ## build for the systems k8or is released for, and throw it away: `make lint` checks types alone, in a tenth of the time
	@for t in $(SYSTEMS); do \
	  echo "$$t"; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -gcflags='all=-N -l -c=1 -dwarf=false' -ldflags='-s -w' -o /dev/null ./cmd/... || exit 1; done

.PHONY: clean
clean: ## remove bin/
	rm -rf $(BIN)
