#!/usr/bin/env bash
# `make bench`: the functions as AWS runs them, the bench itself quick to build. Figures go to the
# terminal and, a JSON line each, to .local/bench.jsonl.
set -euo pipefail
cd "$(dirname "$0")/../.."

functions=(authorizer dispatcher dlq manage publish redriver sweeper)
cargo build --release "${functions[@]/#/--package=}"
cargo build --profile simulation --package bench
mkdir -p .local
rm -f .local/bench.jsonl
bench() { target/simulation/bench "$@" --binaries target/release --json .local/bench.jsonl; }
bench run "$@"
echo
# Start-up is no scenario: asked for some of those only, it is left out.
if [[ " $* " != *" --only "* ]]; then
  bench start "$@"
  echo
  cargo run -q --release --package bench --example parts
fi
