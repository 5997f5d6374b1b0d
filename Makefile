# `make run` to see it, `make test` to be sure. POSTEL_PORT, POSTEL_STRICT, POSTEL_REPLACE and more: see infra/local/settings.py.

LOCAL := python3 infra/local/local.py
GATE := tests/gate.sh

.DEFAULT_GOAL := help
.PHONY: help run up down env test quick build openapi package packaged structure fmt lint doc template checkov deny unit oracles it e2e schemathesis hostile chaos mutants neighbours bench cost

help:  ## this list
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it (docs/settings.md has POSTEL_PORT and more)

run:  ## build, start the local cloud, deploy, show events being delivered; Ctrl-C stops it
	@$(LOCAL) run

up:  ## the same in the background, without the show; refuses if a stack is up (POSTEL_REPLACE=1 replaces it)
	@$(LOCAL) up

down:  ## stop what `make up` started, and delete its data
	@$(LOCAL) down

env:  ## print the running stack's addresses and keys as exports: eval "`make env`"
	@$(LOCAL) env

cost:  ## compute the bill for your own numbers (COST="--events 5000000 --door http --each 10"); compiles a crate first
	@cargo run -q -p bench -- cost $(COST)

package:  ## build the functions for AWS with pinned tools and check them; then `sam deploy` (PACKAGE="--architecture x86_64")
	@python3 infra/package/package.py $(PACKAGE)

##@ Work on it (docs/testing.md says what each proves and how long it takes)

quick:  ## format, clippy and the tests of the domain and the simulator: a minute when warm
	@$(GATE) quick

test:  ## the gate: structure, format, lints, template, unit, integration, end to end, short chaos
	@$(GATE)

build:  ## the functions' binaries for this machine
	cargo build --workspace --bins

openapi:  ## write functions/api/openapi.json anew from the code; `make unit` fails while they differ
	@cargo test -q --workspace --exclude it --lib -- --ignored --exact document::tests::write_the_document | awk '/1 passed/ {written = 1} END {exit !written}'
	@git --no-pager diff --stat -- functions/api/openapi.json

structure:  ## crate edges, licences, sizes of files, and the pages against the code
	@$(GATE) structure

fmt:  ## check the format
	@$(GATE) fmt

lint:  ## clippy; warnings are errors
	@$(GATE) lint

doc:  ## the crates' documentation; warnings are errors
	@$(GATE) doc

template:  ## cfn-lint, sam validate, Guard rules and the tests of infra/template.yaml
	@$(GATE) template

checkov:  ## checkov on infra/template.yaml; each exception has its reason beside the resource
	@$(GATE) checkov

deny:  ## licences, bans and duplicates of the dependencies, if cargo-deny is installed
	@$(GATE) deny

unit:  ## unit and property tests, the simulator and the model
	@$(GATE) unit

oracles:  ## the address guard against IANA's registries, the signatures against the official libraries
	@$(GATE) oracles

it:  ## integration tests against a local stack of their own
	@$(GATE) it

e2e:  ## end-to-end tests against a local stack of their own
	@$(GATE) e2e

schemathesis:  ## generated requests against the OpenAPI document, a quarter of an hour; `make e2e` has a short run
	@$(GATE) schemathesis

hostile:  ## hostile messages, batches, responses, receivers, callers and payloads, in full size
	@$(GATE) hostile

chaos:  ## every promise with faults, in full size (CHAOS="--short" and more: tests/chaos/run.py)
	@$(GATE) chaos $(CHAOS)

neighbours:  ## what one tenant feels of another one's hanging receiver, a quarter of an hour (NEIGHBOURS="--seconds 30")
	@$(GATE) neighbours $(NEIGHBOURS)

packaged:  ## deliver with the binaries that `make package` built, if this machine has their processor
	@$(GATE) packaged

mutants:  ## change the rules one by one and name each change that no test notices; half an hour
	@$(GATE) mutants

bench:  ## what a delivery costs in time, processor, requests and USD; half an hour (BENCH="--only sqs --runs 1")
	@tests/bench/bench.sh $(BENCH)
