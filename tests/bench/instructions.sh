#!/usr/bin/env bash
# Counts the instructions of a delivery's pure steps with valgrind's callgrind: the same on every
# run, whatever else the machine does. A second run without any step gives the program's own
# instructions, which are subtracted.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v valgrind >/dev/null || { echo "valgrind is not installed (apt-get install valgrind)" >&2; exit 1; }

cargo build -q --profile simulation --package bench --bin bench-path
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
instructions() { valgrind --tool=callgrind --callgrind-out-file="$scratch/out" target/simulation/bench-path "$@" 2>&1 | sed -n 's/.*Collected : //p'; }

times=200
printf '| %-8s |' 'bytes'
for step in decode match encode sign headers; do printf ' %8s |' "$step"; done
printf ' %8s |\n' 'total'
for bytes in 512 8192 65536; do
  all=0
  printf '| %-8s |' "$bytes"
  for step in decode match encode sign headers; do
    each=$((($(instructions "$step" $times "$bytes") - $(instructions "$step" 0 "$bytes")) / times))
    all=$((all + each))
    printf ' %8d |' "$each"
  done
  printf ' %8d |\n' "$all"
done
