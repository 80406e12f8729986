#!/usr/bin/env bash
# So that ctest finds run.sh.
exec "$(dirname "$0")/run.sh"
