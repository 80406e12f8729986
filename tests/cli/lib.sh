# Helpers of the scripts that use the program as a user does. `. "$(dirname "$0")/lib.sh"` first, `finish` last.
# shellcheck shell=bash
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
shoal=${SHOAL_BIN:-$repository/build/bin/shoal}
# shellcheck disable=SC2034 # used by the scripts
shared=${SHOAL_SHARED:-}
python=/usr/bin/python3
failures=0 checks=0 code=0
work=$(mktemp -d)
touch "$work/out" "$work/err"
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# shellcheck source=slurm/launch.sh
. "$repository/slurm/launch.sh"
[[ -x $shoal ]] || { echo "there is no $shoal"; exit 1; }

skip() {
    echo "skipped: $*"
    exit 77
}

need_h5py() {
    "$python" -c 'import h5py, numpy' 2> /dev/null || skip "needs python3 with h5py"
}

# ranks N COMMAND…: under mpirun; a hang ends as an error.
ranks() {
    local n=$1 launch
    shift
    launch_here "$n"
    timeout 120 "${launch[@]}" "$@"
}

is_shoal() {
    [[ $(readlink "/proc/$1/exe") -ef $shoal ]]
}

# ranks_of RUN: the processes that train into that folder; launchers and a rank's own helpers left out
ranks_of() {
    local p
    for p in $(pgrep -f "$shoal train .* --out $1( |\$)"); do
        is_shoal "$p" && ! is_shoal "$(ps -o ppid= -p "$p" | tr -d ' ')" && echo "$p"
    done
}

# try COMMAND…: runs it; leaves $code, $work/out and $work/err.
try() {
    timeout 300 "$@" > "$work/out" 2> "$work/err"
    code=$?
}

# The same under mpirun.
try_ranks() {
    ranks "$@" > "$work/out" 2> "$work/err"
    code=$?
}

# check WHAT COMMAND…: counts a failure where the command fails.
check() {
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "$@"; then
        failures=$((failures + 1))
        echo "FAILED: $what"
        echo "  exit code $code; stdout and stderr:"
        tail -n 15 "$work/out" "$work/err" | sed 's/^/  | /'
    fi
}

# expect WHAT CODE PATTERN: what was tried ended with that code and the pattern is in its output.
expect() {
    check "$1: exit code $2" test "$code" = "$2"
    check "$1: \"$3\" is printed" grep -qEi -- "$3" "$work/out" "$work/err"
}

one_error_line() {
    [[ $(grep -c '^shoal: ' "$work/err") == 1 ]] && [[ $(grep -v '^shoal: ' "$work/err" | grep -vc '^warning: ') == 0 ]]
}

# refused WHAT CODE PATTERN: ended with that code and exactly one line on stderr, which begins with `shoal: ` and has the pattern.
refused() {
    check "$1: exit code $2" test "$code" = "$2"
    check "$1: one error line" one_error_line
    check "$1: \"$3\" is in the error" grep -qEi -- "^shoal: .*($3)" "$work/err"
}

finish() {
    echo "$checks checks, $failures failed"
    [[ $failures == 0 && $checks -gt 0 ]]
    exit
}
