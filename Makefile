# `make run` shows Postel, `make test` tests it. POSTEL_PORT, POSTEL_STRICT, POSTEL_REPLACE and more: see infra/local/settings.py.

LOCAL := python3 infra/local/local.py
GATE := tests/gate.sh

.DEFAULT_GOAL := help
.PHONY: help run up down env test quick build openapi package packaged structure fmt lint doc template checkov deny unit oracles it e2e tool console schemathesis hostile chaos mutants neighbours upgrade-test bench cost openapi-check clients

help:  ## print this list
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it (docs/settings.md has POSTEL_PORT and more)

run:  ## build, start the local cloud, deploy, and show deliveries; Ctrl-C stops it
	@$(LOCAL) run

up:  ## the same in the background, without the demonstration; fails if a stack is up (POSTEL_REPLACE=1 replaces it)
	@$(LOCAL) up

down:  ## stop the stack of `make up` and delete its data
	@$(LOCAL) down

env:  ## print the running stack's addresses and keys as exports: eval "`make env`"
	@$(LOCAL) env

cost:  ## estimate the bill for your own numbers (COST="--events 5000000 --door http --each 10"); compiles a crate first
	@cargo run -q -p bench -- cost $(COST)

package:  ## build the functions for AWS with pinned tools and check them; then `sam deploy` (PACKAGE="--architecture x86_64")
	@python3 infra/package/package.py $(PACKAGE)

##@ Work on it (docs/testing.md: what each command proves, and how long it takes)

quick:  ## format, clippy and the tests of domain and simulator; about a minute when warm
	@$(GATE) quick

test:  ## the whole gate: structure, format, lints, template, unit, integration, end to end, short chaos
	@$(GATE)

build:  ## build the pages and the functions' binaries for this machine
	@python3 infra/local/console.py
	cargo build --workspace --bins

openapi:  ## generate functions/api/openapi.json from the code; `make unit` fails if they differ
	@cargo test -q --workspace --exclude it --lib -- --ignored --exact document::tests::write_the_document | awk '/1 passed/ {written = 1} END {exit !written}'
	@git --no-pager diff --stat -- functions/api/openapi.json

structure:  ## check crate edges, licences, file sizes, and the pages against the code
	@$(GATE) structure

fmt:  ## check the format
	@$(GATE) fmt

lint:  ## run clippy; warnings are errors
	@$(GATE) lint

doc:  ## build the crates' documentation; warnings are errors
	@$(GATE) doc

template:  ## check infra/template.yaml: cfn-lint, sam validate, Guard rules and tests
	@$(GATE) template

checkov:  ## run checkov on infra/template.yaml; each exception has its reason at the resource
	@$(GATE) checkov

deny:  ## check licences, bans and duplicates of the dependencies, if cargo-deny is installed
	@$(GATE) deny

unit:  ## run unit and property tests, the simulator and the model
	@$(GATE) unit

oracles:  ## check the address guard against IANA's registries, and signatures against the official libraries
	@$(GATE) oracles

it:  ## run the integration tests on a separate local stack
	@$(GATE) it

e2e:  ## run the end-to-end tests on a separate local stack
	@$(GATE) e2e

tool:  ## test `postel doctor`, `postel publish --sqs` and the command line at a terminal; needs PyPI the first time
	@$(GATE) tool

console:  ## test the portal and the console in Chromium on a separate local stack
	@$(GATE) console

openapi-check:  ## check the OpenAPI document with Redocly and Spectral; installs them from npm the first time
	@$(GATE) openapi-check

clients:  ## test generated clients and clients/typescript on a local stack; needs npm and PyPI the first time
	@$(GATE) clients

schemathesis:  ## test the API with requests generated from the OpenAPI document; a quarter of an hour (`make e2e` has a short run)
	@$(GATE) schemathesis

hostile:  ## test hostile messages, batches, responses, receivers, callers and payloads, in full size
	@$(GATE) hostile

chaos:  ## test every promise with faults, in full size (CHAOS="--short" and more: tests/chaos/run.py)
	@$(GATE) chaos $(CHAOS)

neighbours:  ## measure how a hanging receiver affects another tenant; a quarter of an hour (NEIGHBOURS="--seconds 30")
	@$(GATE) neighbours $(NEIGHBOURS)

upgrade-test:  ## upgrade, roll back and restore with the version before, under load; builds that version (UPGRADE="--from <commit>")
	@$(GATE) upgrade-test $(UPGRADE)

packaged:  ## test the binaries of `make package`, if this machine has their processor
	@$(GATE) packaged

mutants:  ## change the rules one by one and list the changes that no test detects; half an hour
	@$(GATE) mutants

bench:  ## measure the cost of a delivery in time, CPU, requests and USD; half an hour (BENCH="--only sqs --runs 1")
	@tests/bench/bench.sh $(BENCH)
