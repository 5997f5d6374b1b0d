#!/usr/bin/env bash
# The whole gate, the same locally and in CI: `tests/gate.sh` runs all of it, `tests/gate.sh e2e`
# one part and its prerequisites. Each step prints one line with its seconds; the first that fails
# ends the gate and shows its output. A single part shows its output live.
set -uo pipefail
cd "$(dirname "$0")/.."

# The tests' stack is separate from the developer's: the next port, state in .local/<port>.
export POSTEL_PORT=$((${POSTEL_PORT:-4566} + 1))
export POSTEL_STATE_DIR="$PWD/.local/$POSTEL_PORT"
export POSTEL_OUTPUTS="$POSTEL_STATE_DIR/outputs.json"
unset POSTEL_STRICT
# A stack that an interrupted gate left on the tests' own port may be replaced.
export POSTEL_REPLACE=1
# Short times, so that crashes, schedules and sweeps take effect within a minute.
TEST_PARAMETERS="QueueDelayLimitSeconds=5 MaxWebhookTimeoutSeconds=10 DispatcherTimeoutSeconds=20 QueueVisibilitySeconds=20"
TEST_PARAMETERS="$TEST_PARAMETERS MaxReceiveCount=3 SweepRate='rate(1 minute)' SweepGraceSeconds=2 AuthorizerTtlSeconds=0 SenderAddress=postel@example.com"
# The tenant of tests/e2e/test_operational_events.py, which makes it.
TEST_PARAMETERS="$TEST_PARAMETERS OperatorTenant=operator-events EventBusName=default"
# Whose pages may frame the portal (tests/console/test_embed.py): no such host has to exist.
TEST_PARAMETERS="$TEST_PARAMETERS PortalFrameAncestors=http://app.localhost"
# Tests read the lines of successful attempts too (tests/e2e/test_logs.py).
TEST_PARAMETERS="$TEST_PARAMETERS AttemptLog=all"

LOGS="$PWD/.local/gate"
VENV="$PWD/.local/venv/bin"
# pytest rewrites each test module, in each worker: seconds of every run if none may be kept.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/.local/pycache"
mkdir -p "$LOGS"

# What only later steps need is mostly downloading: in the whole gate it goes on beside the next
# ones, and the step `checkov` waits for it.
environment() {
  python3 infra/local/local.py environment || return
  if [ -n "$LIVE" ]; then chromium; else
    later >"$LOGS/later.log" 2>&1 &
    LATER=$!
  fi
}

later() {
  chromium
  checkov_environment
}

# For the step `console`. Where CI may install packages it gets Debian's; elsewhere the step says
# what is missing.
chromium() {
  if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! python3 tests/support/chromium.py; then
    apt-get update -q
    for name in chromium-headless-shell chromium; do
      DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$name" && return
    done
    echo "apt-get could not install Chromium"
  fi
}

structure() { "$VENV/python" -m pytest -q -p no:cacheprovider tests/structure; }

fmt() { cargo fmt --all --check; }

lint() { cargo clippy --workspace --all-targets -- -D warnings; }

# The crates' own documentation; a broken link is an error.
doc() { RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items; }

# The rules and flows alone, which need no AWS crate.
rules() { POSTEL_QUICK=1 cargo test --package domain --package simulator; }

template() {
  # sam would ask PyPI for a newer version of itself once a week and send telemetry; the gate must
  # not use the network.
  mkdir -p .local/sam
  printf '{"telemetryEnabled": false, "lastVersionCheck": %s.0}' "$(date +%s)" >.local/sam/metadata.json
  "$VENV/cfn-lint" infra/template.yaml &&
    env __SAM_CLI_APP_DIR="$PWD/.local/sam" SAM_CLI_TELEMETRY=0 "$VENV/sam" validate --lint --template infra/template.yaml --region us-east-1 &&
    "$VENV/python" -m pytest -q -p no:cacheprovider tests/template
}

CHECKOV="$PWD/.local/checkov"
# A separate environment: its hundred packages need another boto3 than the local cloud.
checkov_environment() { python3 infra/local/local.py environment "$CHECKOV" tests/template/checkov.txt; }

checkov() {
  local offline=
  if [ -n "$LATER" ]; then
    wait "$LATER"
    LATER=
    cat "$LOGS/later.log"
  fi
  checkov_environment || return
  # Without a network, where the kernel allows it: checkov must not send requests.
  unshare -rn true 2>/dev/null && offline="unshare -rn"
  $offline env LOG_LEVEL=ERROR "$CHECKOV/bin/checkov" --framework cloudformation --skip-download --compact --quiet --file infra/template.yaml
}

# The AWS CLI that the tests of the command line call. A separate environment: it needs another
# botocore than the local cloud.
awscli() { python3 infra/local/local.py environment .local/awscli tests/e2e/awscli.txt; }

deny() {
  # Not advisories: their database is fetched at run time. The design's rules are checked in
  # `structure`, which needs no further tool.
  if cargo deny --version >/dev/null 2>&1; then cargo deny check licenses bans sources; else skip "cargo-deny is not installed (cargo install cargo-deny --version 0.20.2 --locked)"; fi
}

unit() {
  # The integration tests are a separate package and need a stack.
  cargo test --workspace --exclude it
}

oracles() {
  cargo build --workspace --bins && "$VENV/python" -m pytest -q -p no:cacheprovider tests/oracles
}

# With trace logging: even so no secret may be logged (tests/afterwards).
stack() { RUST_LOG=${STACK_LOG:-trace} POSTEL_PARAMETERS="${POSTEL_PARAMETERS:-$TEST_PARAMETERS}" python3 infra/local/local.py up; }

# Faster to build than the release binaries, and nearly as fast.
optimised() { cargo build --profile simulation; }

# Requests and units per delivery, no times: the cost of an event must not grow.
bench() { cargo build --workspace --bins && target/debug/bench counts --binaries target/debug; }

# The binaries for AWS, built by `make package`.
packaged() { "$VENV/python" -m pytest -q tests/packaged; }

it() {
  # Not `--package`, which would compile the AWS SDK once more, with fewer features.
  cargo test --workspace --test it
}

# Most tests run concurrently and mostly wait. Tests that disturb a whole stack run meanwhile on a
# stack of their own, and after those, in the whole gate, the short form of chaos. Last come the
# checks that need all tests of a stack: what they left behind, and what the roles were used for.
# The next step does not wait for these two; `e2e-alone` does.
e2e() {
  meanwhile >"$LOGS/meanwhile.log" 2>&1 &
  MEANWHILE=$!
  "$VENV/python" -m pytest -q -p no:cacheprovider tests/e2e --only together || return
  afterwards >"$LOGS/afterwards.log" 2>&1 &
  AFTERWARDS=$!
}

afterwards() { exec "$VENV/python" -m pytest -q -s tests/afterwards; }

e2e-alone() {
  local status=0
  wait "$AFTERWARDS" || status=1
  AFTERWARDS=
  wait "$MEANWHILE" || status=1
  MEANWHILE=
  cat "$LOGS/afterwards.log" "$LOGS/meanwhile.log"
  return $status
}

# In the background only, with braces: parentheses would be one process more, and a signal for the
# job would end that one alone.
meanwhile() {
  local status=0 before=${!:-}
  trap '[ "${!:-}" = "$before" ] || end "$!"; exit 143' TERM
  alone &
  wait "$!" || status=1
  if [ -z "$LIVE" ]; then
    chaos &
    wait "$!" || status=1
  fi
  exit $status
}

# On a stack two ports up. Three stacks side by side took 6 minutes in place of 14, but on two cores
# some AWS calls then took longer than the 2.4 s that the functions wait.
alone() {
  local before=${!:-}
  apart 2
  trap '[ "${!:-}" = "$before" ] || kill "$!"; exit 143' TERM
  stack || exit
  "$VENV/python" -m pytest -q -p no:cacheprovider tests/e2e --only alone -n 0 &
  wait $!
}

# For a process of its own: another stack, this many ports up, which is taken down at its end.
apart() {
  export POSTEL_PORT=$((POSTEL_PORT + $1))
  export POSTEL_STATE_DIR="$PWD/.local/$POSTEL_PORT"
  export POSTEL_OUTPUTS="$POSTEL_STATE_DIR/outputs.json"
  trap take_down EXIT
}

# Ends a background job of ours, and what it runs.
end() {
  local children
  children=$(ps -o pid= --ppid "$1")
  kill "$1" $children 2>/dev/null
  wait "$1"
}

# The pages of the console: types, parts, and the whole in Chromium. In the whole gate on a stack of
# their own, since lists that other tests filled are still looked at (afterwards).
console() {
  local found
  if ! found=$(python3 tests/support/chromium.py); then
    if [ -n "${CI:-}" ]; then echo "$found" && return 1; fi
    skip "$found"
    return
  fi
  python3 infra/local/console.py check || return
  if [ -n "$LIVE" ]; then pages; else (apart 4 && STACK_LOG=info stack && pages); fi
}

pages() { "$VENV/python" -m pytest -q tests/console; }

# Not part of the whole gate: each call of AWS is a process, so they take long and disturb others.
tool() { cargo build --workspace --bins && "$VENV/python" -m pytest -q -p no:cacheprovider tests/e2e --only tool -n 2; }

# Not part of the whole gate, since e2e has a short run of it. About two thousand single requests,
# and five minutes of request chains.
schemathesis() {
  "$VENV/python" tests/openapi/fuzz.py --phases examples,coverage,fuzzing --examples 10 && "$VENV/python" tests/openapi/fuzz.py --phases stateful --seconds 300
}

# On a stack of its own, another port up: its functions call the cloud through a proxy that injects
# faults.
chaos() {
  local size=--short
  [ "$LIVE" = chaos ] && size=
  env -u POSTEL_STATE_DIR POSTEL_PORT=$((POSTEL_PORT + 1)) "$VENV/python" tests/chaos/run.py $size ${GIVEN[@]+"${GIVEN[@]}"}
}

# Rows 6 to 11 of the scorecard in full size; e2e has their short forms.
hostile() {
  env POSTEL_TEST_HOSTILE_MESSAGES=10000 POSTEL_TEST_BATCH_PATTERNS=1024 POSTEL_TEST_HANGING_INVOCATIONS=200 POSTEL_TEST_STATUSES=500 \
    POSTEL_TEST_STATUS_CONTRACTS=5 POSTEL_TEST_HOSTILE_RECEIVERS_ALONE=1 POSTEL_TEST_PUBLISHES_AT_ONCE=1000 POSTEL_TEST_RETRIES_AT_ONCE=100 \
    POSTEL_TEST_PAYLOAD_KINDS=12 "$VENV/python" -m pytest -n0 -s -q -p no:cacheprovider tests/e2e/test_hostile_messages.py \
    tests/e2e/test_batch_patterns.py tests/e2e/test_every_status.py tests/e2e/test_hostile_receivers.py tests/e2e/test_at_once.py tests/e2e/test_payloads.py
}

# Not part of the whole gate: it takes half an hour. Exits 2 if no test detects a change of the
# configured modules (.cargo/mutants.toml); the lists are in .local/mutants.
mutants() {
  if ! cargo mutants --version >/dev/null 2>&1; then
    echo "cargo-mutants is not installed (cargo install cargo-mutants --version 27.1.0 --locked)"
    return 1
  fi
  cargo mutants --package domain --output .local/mutants -- --lib
}

# How a hanging receiver affects another tenant, in full size only: minutes of steady traffic. Two
# cores support no more concurrent dispatchers.
neighbours() { "$VENV/python" tests/neighbours/run.py ${GIVEN[@]+"${GIVEN[@]}"}; }

# Not part of the whole gate: it builds a former version, and takes ten minutes after that. On a
# stack of its own.
upgrade-test() {
  env -u POSTEL_STATE_DIR POSTEL_PORT=$((POSTEL_PORT + 1)) "$VENV/python" tests/upgrade/run.py ${GIVEN[@]+"${GIVEN[@]}"}
}

# The npm packages of a folder, installed once for each lock file. No script of a package runs.
packages() {
  cmp -s "$1/package-lock.json" "$1/node_modules/made" && return
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund && cp "$1/package-lock.json" "$1/node_modules/made"
}

# Not part of the whole gate, these two: their tools come from npm and PyPI.
openapi-check() {
  if ! command -v npm >/dev/null; then
    skip "node is not installed"
    return
  fi
  packages tests/openapi/lint && env REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true npm test --prefix tests/openapi/lint
}

clients() {
  if ! command -v npm >/dev/null; then
    skip "node is not installed"
    return
  fi
  python3 infra/local/local.py environment .local/clients tests/openapi/generated/requirements.txt || return
  packages clients/typescript && packages tests/openapi/generated && "$VENV/python" -m pytest -q -p no:cacheprovider tests/openapi
}

skip() { SKIPPED=$1; }

# On a terminal: the seconds and the progress of the running step, and its duration last time. Ends
# with the gate.
progress() {
  local name=$1 log=$2 began=$SECONDS last
  last=$(cat "$LOGS/$name.seconds" 2>/dev/null)
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    printf '\r%-14s%10d s  %s%s\033[K' "$name" $((SECONDS - began)) "$(reached "$log")" "${last:+  (last time $last s)}"
  done
}

# Compiled crates, finished tests of cargo, and the last percentage of pytest.
reached() {
  awk '/^ +Compiling |^ +Checking /{crates++} /^test .* \.\.\. /{tests++} match($0, /\[ *[0-9]+%\]$/){share=substr($0, RSTART + 1, RLENGTH - 2)}
    END {if (crates) printf "%d crates  ", crates; if (tests) printf "%d tests  ", tests; if (share) printf "%s", share}' "$1" 2>/dev/null
}

take_down() {
  [ -e "$POSTEL_STATE_DIR/ministack.pid" ] || return 0
  python3 infra/local/local.py down >"$LOGS/down.log" 2>&1 || cat "$LOGS/down.log" >&2
}
# However the gate ends, all stacks are taken down.
trap 'for job in $LATER $AFTERWARDS $MEANWHILE; do kill "$job" 2>/dev/null && wait "$job"; done; take_down' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step() {
  local name=$1 began=$SECONDS status=0 log="$LOGS/$1.log"
  SKIPPED=
  if [ "$name" = "$LIVE" ]; then
    "$name" || status=$?
  else
    local watcher=
    printf '%-14s' "$name"
    if [ -t 1 ]; then
      : >"$log"
      progress "$name" "$log" &
      watcher=$!
    fi
    "$name" >"$log" 2>&1 || status=$?
    if [ -n "$watcher" ]; then
      kill "$watcher" 2>/dev/null
      wait "$watcher" 2>/dev/null
      printf '\r%-14s\033[K' "$name"
    fi
  fi
  if [ $status -ne 0 ]; then
    printf 'FAILED %5d s\n' $((SECONDS - began))
    [ "$name" = "$LIVE" ] || cat "$log"
    echo "gate: $name failed; run it alone with: make ${name%-alone}" >&2
    exit 1
  fi
  if [ "$name" = "$LIVE" ]; then printf '%-14s' "$name"; fi
  echo $((SECONDS - began)) >"$LOGS/$name.seconds"
  printf 'ok     %5d s%s\n' $((SECONDS - began)) "${SKIPPED:+  skipped: $SKIPPED}"
}

LATER=
MEANWHILE=
AFTERWARDS=
LIVE=${1:-}
GIVEN=("${@:2}")
case $LIVE in
  "") steps="environment structure fmt lint doc template checkov deny unit oracles stack bench it e2e console e2e-alone" ;;
  fmt | lint | doc | checkov | deny | unit | bench | mutants | openapi-check) steps=$LIVE ;;
  quick) steps="fmt lint rules" ;;
  structure | template | oracles | chaos | upgrade-test) steps="environment $LIVE" ;;
  neighbours)
    # The last value of a parameter counts. Timeouts are as long as the scenarios' receivers take,
    # and there are few dispatchers, so that a tenant can occupy all of them: the template's 50, 25
    # and 25, reduced to what AWS allows (MaximumConcurrency is at least 2). The local cloud is one
    # process that answers one call after another: if many attempts end at the same moment, their
    # calls delay everyone, as they would not with DynamoDB and SQS.
    TEST_PARAMETERS="$TEST_PARAMETERS MaxWebhookTimeoutSeconds=20 DispatcherTimeoutSeconds=30 QueueVisibilitySeconds=30"
    TEST_PARAMETERS="$TEST_PARAMETERS EventsConcurrency=4 DeliveriesConcurrency=2 SlowConcurrency=2"
    # Measured with optimised functions and the log level of AWS.
    export POSTEL_BOOTSTRAPS="$PWD/target/simulation" STACK_LOG=info
    steps="environment optimised stack $LIVE"
    ;;
  packaged)
    export POSTEL_BOOTSTRAPS="$PWD/.aws-sam/bootstraps"
    steps="environment stack packaged"
    ;;
  e2e) steps="environment stack e2e e2e-alone" ;;
  tool) steps="environment awscli stack tool" ;;
  it | console | schemathesis | hostile | clients) steps="environment stack $LIVE" ;;
  *)
    echo "gate: unknown part $LIVE; choose quick, structure, fmt, lint, doc, template, checkov, deny, unit, oracles, bench, it, e2e, tool, console, schemathesis, hostile, packaged, chaos, neighbours, upgrade-test, mutants, openapi-check or clients" >&2
    exit 1
    ;;
esac
for name in $steps; do step "$name"; done
