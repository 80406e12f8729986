#!/usr/bin/env bash
# Thirty faults, the same ones each time; their moments are not. tests/chaos/run.sh does any number.
[[ -x /usr/bin/python3 ]] || { echo "skipped: needs python3"; exit 77; }
exec "$(dirname "$0")/run.sh" 30 11
