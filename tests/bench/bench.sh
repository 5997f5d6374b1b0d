#!/usr/bin/env bash
# `make bench`: release builds of the functions, a faster build of the bench itself. Results go to
# the terminal and, as JSON lines, to .local/bench.jsonl.
set -euo pipefail
cd "$(dirname "$0")/../.."

functions=(authorizer console dispatcher dlq manage publish redriver sweeper)
cargo build --release "${functions[@]/#/--package=}"
cargo build --profile simulation --package bench
mkdir -p .local
rm -f .local/bench.jsonl
bench() { target/simulation/bench "$@" --binaries target/release --json .local/bench.jsonl; }
bench run "$@"
echo
# Start-up is not a scenario: with --only it is left out.
if [[ " $* " != *" --only "* ]]; then
  bench start "$@"
  echo
  cargo run -q --release --package bench --example parts
fi
