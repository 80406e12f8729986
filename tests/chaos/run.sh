#!/usr/bin/env bash
# Small jobs are trained, killed, starved and damaged, and must come to the same digest all the same.
#   tests/chaos/run.sh N SEED [FIRST]    N faults (1,000 in a row is the goal) of that seed, from number FIRST on; 1: something failed
# What a failure prints begins it again; moments are times, so that a few tries may be needed.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 2 ]] || { sed -n '2,4s/^# //p' "$0"; exit 64; }
shoal=${SHOAL_BIN:-$here/../../build/bin/shoal}
[[ -x $shoal ]] || { echo "there is no $shoal"; exit 1; }
shim=$(mktemp)
trap 'rm -f "$shim"' EXIT
"${CC:-cc}" -shared -fPIC -O1 -Wall -Wextra -o "$shim" "$here/shim.c" -ldl || exit 1
/usr/bin/python3 "$here/chaos.py" "$shoal" "$shim" "$@"
