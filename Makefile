# GNU make. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build image run demo up clean quick test generate replay flake check workflowcheck verify record explore \
  fuzz mutants mutate crash resilience bench
# `make help` takes a line from each target.

DEVSTACK := .bin/devstack
TOOL = $$($(DEVSTACK) tools $(1))
MODULES := . cmd/devstack
# What everleaf version says; without git it is what the Go toolchain knows.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
# The end-to-end tests first: they wait more than they compute, while the others run.
PACKAGES := ./cmd/everleaf/e2e ./...
# What builds and checks may be silent for minutes says that it is at work; tests less often.
BUSY := $(CURDIR)/.ci/busy 5
BUSY_TESTS := $(CURDIR)/.ci/busy 30
BEGAN := $(shell date +%s)

help: ## List the targets, and the variables that they take
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z]+:.*## / { printf "  make %-15s%s\n", $$1, $$2 }' \
	  $(MAKEFILE_LIST)

##@ Set up

build: $(DEVSTACK) ## Build .bin/everleaf and .bin/devstack
	@$(BUSY) "building .bin/everleaf" go build -buildvcs=auto $(if $(VERSION),-ldflags '-X everleaf/adapters/telemetry.release=$(VERSION)') -o .bin/everleaf ./cmd/everleaf

$(DEVSTACK): FORCE
	@mkdir -p .bin
	@$(BUSY) "building $@" go -C cmd/devstack build -o ../../$@ .
FORCE:

run: build ## Start everything, obtain a certificate, watch it being renewed, and break it; Ctrl-C ends it
	@exec $(DEVSTACK) run --since $(BEGAN)

demo: build ## The same without a person: exits 0 after the first renewal
	@exec $(DEVSTACK) run --demo --since $(BEGAN)

up: build ## The servers alone, for a worker of your own: UP=--dns has a zone for dns-01, UP=--keep keeps the data
	@exec $(DEVSTACK) up --since $(BEGAN) $(UP)

image: ## Build the container image: IMAGE=name:tag BUILDER=podman GOARCH=arm64 CA_BUNDLE=roots.pem
	@cmd/everleaf/deploy/image.sh $(IMAGE)

clean: ## Remove what was built here, and the logs; tools that were built stay in the user's cache
	rm -rf .bin

##@ Inner loop

# Packages whose tests wait for a CA, a database or processes for most of a minute: `make test PKG=…` runs one of them.
SLOW := cmd/everleaf/e2e adapters/acme adapters/activities/issuing adapters/activities/sweeping adapters/caller adapters/postgres
quick: $(DEVSTACK) ## Vet, and run the tests of all packages but those that wait for servers: under a minute
	@$(BUSY) "go vet" go vet ./...
	@$(DEVSTACK) exec -- go test -timeout 5m $(filter-out $(addprefix everleaf/,$(SLOW)),$(shell go list ./...))

test: $(DEVSTACK) ## Vet and run all tests, on real servers; or some: PKG=./app/lifecycle RUN=pattern
ifneq ($(PKG)$(RUN),)
	@$(if $(filter ./cmd/devstack%,$(PKG)),go -C cmd/devstack test,$(DEVSTACK) exec -- go test) -timeout 20m \
	  $(if $(RUN),-v -run '$(RUN)') $(or $(patsubst ./cmd/devstack%,.%,$(PKG)),$(PACKAGES))
else
	@for m in $(MODULES); do $(BUSY) "go vet in $$m" go -C $$m vet ./... || exit 1; done
	@$(BUSY_TESTS) "go test" $(DEVSTACK) exec -- go test -timeout 20m $(PACKAGES)
	@$(BUSY_TESTS) "go test in cmd/devstack" go -C cmd/devstack test -count=1 -timeout 20m ./... # other modules' files: not cached
endif

generate: ## Generate the mocks, and what the pages repeat of the code
	go generate ./...

REPLAYED := ./app/lifecycle ./app/sweep ./app/nexus ./app/replaytest
replay: ## Replay the recorded histories, strictly; needs no server
	go test -count=1 -run TestReplay $(REPLAYED)

# All runs have the same servers: most tests have a database, a task queue or a namespace of their own, and one that
# another run's remains can break shows that here. What only servers hide that have just started, `make test` shows.
flake: $(DEVSTACK) ## Repeat the tests, and count what fails: N=20 PKG=./app/sweep RUN=pattern LOAD=1
	@$(DEVSTACK) exec -- $(DEVSTACK) flake -n $(or $(N),10) $(if $(RUN),--match '$(RUN)') $(if $(LOAD),--load) \
	  $(if $(PKG),$(if $(filter ./cmd/devstack%,$(PKG)),'cmd/devstack:$(patsubst ./cmd/devstack%,.%,$(PKG))','.:$(PKG)'),'.:$(PACKAGES)' 'cmd/devstack:./...')

##@ Before a commit

check: $(DEVSTACK) ## Format, vet, lint, workflow determinism, generated code, manifests, go.mod
	@echo gofmt; out=$$(gofmt -l .); test -z "$$out" || { echo "not formatted:"; echo "$$out"; exit 1; }
	@for m in $(MODULES); do echo "go vet in $$m"; $(BUSY) "go vet" go -C $$m vet ./... || exit 1; done
	@lint=$(call TOOL,golangci-lint) && for m in $(MODULES); do echo "golangci-lint in $$m"; (cd $$m && $(BUSY) golangci-lint "$$lint" run ./...) || exit 1; done
	@$(MAKE) --no-print-directory workflowcheck verify
	@echo "manifests: kustomize, strict types, settings"
	@$(BUSY) "go test" go -C cmd/devstack test -count=1 ./internal/manifests # the files are another module's: the test cache would not see them change
	@for m in $(MODULES); do echo "go mod tidy -diff in $$m"; go -C $$m mod tidy -diff || exit 1; done
	@echo "check: all good"

# The checker must pass the workflows, and must still flag a workflow that is known to be bad.
BAD := ./app/lifecycle/testdata/badworkflow
workflowcheck: $(DEVSTACK) ## Part of check: workflow code is deterministic, and the checker sees code that is not
	@echo "workflowcheck ./app/..."; check=$(call TOOL,workflowcheck) && $(BUSY) workflowcheck "$$check" -test=false ./app/...
	@echo "workflowcheck $(BAD) (must fail)"; if out=$$($(call TOOL,workflowcheck) $(BAD) 2>&1); then echo "it was not flagged"; exit 1; fi; \
	  for offence in time.Now 'iterates over map'; do grep -q "$$offence" <<<"$$out" || { echo "not named: $$offence"; echo "$$out"; exit 1; }; done; \
	  grep -q 'badworkflow.* is non-deterministic' <<<"$$out" || { echo "it failed for another reason:"; echo "$$out"; exit 1; }
	@echo "workflows call no policy, and $(BAD) is seen to"; go test -count=1 -run Policy ./app/lifecycle

# The work tree as a git tree object, by an index of its own: the real index and the commit are not touched.
SNAPSHOT = GIT_INDEX_FILE=$(CURDIR)/.bin/index git add -A && GIT_INDEX_FILE=$(CURDIR)/.bin/index git write-tree

verify: ## Part of check: fail, with the difference, if generated code is not up to date
	@mkdir -p .bin; echo "go generate ./... (must change nothing)"
	@before=$$($(SNAPSHOT)) && go generate ./... && after=$$($(SNAPSHOT)) && git --no-pager diff --exit-code $$before $$after
	@go vet ./mocks/... ./adapters/caller/callertest # mockgen may exit 0 and leave broken code behind

# Histories of a release lie in a folder of its name, which this leaves alone.
RECORDED := app/lifecycle/testdata/histories app/nexus/testdata/histories app/sweep/testdata/histories \
  app/replaytest/testdata/gated/histories
record: $(DEVSTACK) ## Record the replay histories again, on real servers
	@mkdir -p .bin; tar -cf .bin/histories.tar $(RECORDED:%=%/*.json) $(RECORDED:%=%/SHA256SUMS)
	rm -f $(RECORDED:%=%/*.json)
	@$(BUSY_TESTS) "recording" $(DEVSTACK) exec -- go test -count=1 -timeout 20m -run 'TestRecord' ./cmd/everleaf/e2e -args -record || \
	  { tar -xf .bin/histories.tar; echo "It failed: the histories are as they were."; exit 1; }

##@ Measurements

DEPTH ?= 3
SEED ?= $(shell date +%s)
WALKS ?= 20

explore: ## Search the life cycle's machine for a broken rule: DEPTH=3 WALKS=20, SEED=number or else the clock
	@echo "all that is at most $(DEPTH) deviations away from when all goes well, and $(WALKS) random walks from seed $(SEED)"
	go test -count=1 -v -timeout 0 -run 'TestExplore|TestWalk' ./domain/lifecycle -args -explore.depth $(DEPTH) -explore.seed $(SEED) -explore.walks $(WALKS)

.PHONY: mutants-named
mutants-named:
	@cd app/replaytest/testdata/mutants && for m in $(M:.patch=); do [ -e "$$m.patch" ] || \
	  { echo "M=$$m: there is no such mutant, but:"; ls *.patch | sed 's/\.patch$$//' | paste -sd' ' | fold -sw 110; exit 1; }; done

mutants: mutants-named $(DEVSTACK) ## Apply harmful changes of workflow code, one at a time: each must be caught; or some: M="names"
	@lint=$(call TOOL,golangci-lint) && check=$(call TOOL,workflowcheck) && \
	  $(DEVSTACK) exec -- app/replaytest/testdata/mutants/run $(CURDIR)/.bin/mutants "$$lint" "$$check" $(M)

fuzz: ## Feed the parsers of what comes from outside with odd input: T=1m each, PKG=./adapters/acme for one package
	@set -o pipefail; for file in $$(grep -l '^func Fuzz' $$(find $(or $(PKG),.) -name '*_test.go' -not -path './.*')); do \
	  for f in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$file); do \
	    echo "$$(dirname $$file) $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(T),1m) $$(dirname $$file) | tail -2 || exit 1; \
	  done; done

# Each mutant changes one operator. All are run, so those that no test reaches are among those that live.
mutate: $(DEVSTACK) ## Change operators in the rules, one at a time: their tests must catch 97 % of the mutants
	@gremlins=$(call TOOL,gremlins) && export PATH="$(CURDIR)/domain/testdata/gremlins:$$PATH" && failed=0; \
	  for p in domain domain/lifecycle; do echo "$$p:"; \
	    "$$gremlins" unleash ./$$p --exclude-files ^lifecycle/ --output-statuses lct --timeout-coefficient 1000 \
	      --threshold-efficacy 97 || failed=1; done; exit $$failed

bench: $(DEVSTACK) ## Measure counts, latency, throughput and CPU on real servers; or some: RUN='Counts|Idle'
	@set -o pipefail; $(DEVSTACK) exec -- go test -v -run '^$$' -bench '$(or $(RUN),.)' -benchtime 1x -timeout 60m ./cmd/everleaf/e2e \
	  | tee .bin/bench.log | sed -unE 's/^ *[a-z_]+_test\.go:[0-9]+: ?//p' || { cat .bin/bench.log; exit 1; }

resilience: $(DEVSTACK) ## Measure stops, a rolling restart, a kill, cuts and outages on real servers
	@$(DEVSTACK) exec -- go test -count=1 -v -timeout 20m -run 'TestMesh|TestRolling|TestStop' ./cmd/everleaf/e2e \
	  > .bin/resilience.log; failed=$$?; sed -nE 's/^ *[a-z_]+_test\.go:[0-9]+: (.+)/\1/p' .bin/resilience.log; \
	  test $$failed = 0 || { cat .bin/resilience.log; exit 1; }

crash: $(DEVSTACK) ## Kill a worker at every statement and request of a life; reset workflows to every task
	@rm -f .bin/crash.txt
	@$(DEVSTACK) exec -- go test -count=1 -timeout 30m -parallel 16 -run 'TestCrash|TestReset' ./cmd/everleaf/e2e \
	  -args -resets -crash $(CURDIR)/.bin/crash.txt; failed=$$?; [ ! -e .bin/crash.txt ] || cat .bin/crash.txt; exit $$failed
