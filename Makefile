# `make run` to see it, `make test` to be sure. POSTEL_PORT, POSTEL_STRICT, POSTEL_REPLACE and more: see infra/local/settings.py.

LOCAL := python3 infra/local/local.py
GATE := tests/gate.sh

.DEFAULT_GOAL := help
.PHONY: help run up down env test build package packaged structure fmt lint template checkov deny unit oracles it e2e schemathesis hostile chaos mutants neighbours bench cost

help:  ## these lines
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run:  ## build, start the local cloud, deploy, show events on their way; Ctrl-C ends it
	@$(LOCAL) run

up:  ## the same in the background, without the show; refuses where a stack is up (POSTEL_REPLACE=1 replaces it)
	@$(LOCAL) up

down:  ## stop what `make up` started
	@$(LOCAL) down

env:  ## the running stack's addresses and keys as a shell's exports: eval "`make env`"
	@$(LOCAL) env

test:  ## everything: structure, format, lints, template, unit, integration, end to end
	@$(GATE)

build:  ## the functions' binaries for this machine
	cargo build --workspace --bins

package:  ## the functions as AWS runs them, built by pinned tools and checked; then `sam deploy` (PACKAGE="--architecture x86_64")
	@python3 infra/package/package.py $(PACKAGE)

packaged:  ## what `make package` built delivers on a local stack of its own, where this machine has its processor
	@$(GATE) packaged

structure:  ## crate edges, licences, sizes of files, and the pages against the code
	@$(GATE) structure

fmt:  ## is the code formatted?
	@$(GATE) fmt

lint:  ## clippy, warnings are errors
	@$(GATE) lint

template:  ## cfn-lint, sam validate, CloudFormation Guard's rules and the tests of infra/template.yaml
	@$(GATE) template

checkov:  ## checkov on infra/template.yaml; an exception stands with its reason beside the resource
	@$(GATE) checkov

deny:  ## licences, bans and duplicates of the dependencies, where cargo-deny is installed
	@$(GATE) deny

unit:  ## unit and property tests
	@$(GATE) unit

oracles:  ## the address guard by IANA's registries, the signatures by the official libraries
	@$(GATE) oracles

it:  ## integration tests against a local stack of their own
	@$(GATE) it

e2e:  ## end-to-end tests against a local stack of their own
	@$(GATE) e2e

schemathesis:  ## schemathesis against a local stack of its own, a quarter of an hour; `make e2e` has a short run of it
	@$(GATE) schemathesis

hostile:  ## rows 6 to 11 of the scorecard in full size: messages, batches, answers, receivers, callers, payloads
	@$(GATE) hostile

chaos:  ## the scorecard: kills, lost answers, throttling, duplicates, conflicts, an outage, in full size (CHAOS="--short" and more: tests/chaos/run.py)
	@$(GATE) chaos $(CHAOS)

mutants:  ## changes the rules and flows one by one and names each change that no test sees; half an hour
	@$(GATE) mutants

bench:  ## what a delivery costs: time, processor, requests, USD, of the release binaries; half an hour with the build (BENCH="--only sqs --runs 1")
	@tests/bench/bench.sh $(BENCH)

cost:  ## the bill for your own numbers (COST="--events 5000000 --door http --each 10 --latency-ms 300"; without: a million by SQS)
	@cargo run -q -p bench -- cost $(COST)

neighbours:  ## what a tenant feels of another one's hanging receiver, on a local stack of its own (NEIGHBOURS="--seconds 30": tests/neighbours/run.py)
	@$(GATE) neighbours $(NEIGHBOURS)
