#!/usr/bin/env bash
# Installs what the tests need, builds, and runs them all through ctest: first the Release build, then the unit and mpi tests with
# AddressSanitizer and UndefinedBehaviorSanitizer.
#   tests/run.sh            everything
#   tests/run.sh REGEX      tests whose name matches: unit, mpi/test_comm, cli/test_lanes …
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
# shellcheck source=jobs/install.sh
. jobs/install.sh

filter=${1:-.}
jobs=$(nproc 2> /dev/null || getconf _NPROCESSORS_ONLN)
root=$PWD

# build FOLDER OPTION…
build() {
    local folder=$1
    shift
    cmake -S . -B "$folder" -DSHOAL_TESTS=ON "$@" && cmake --build "$folder" --parallel "$jobs"
}

# run_tests FOLDER OPTION…: ctest without --test-dir, which old ones do not have
run_tests() {
    local folder=$1
    shift
    (cd "$folder" && ctest --output-on-failure --parallel "$jobs" -R "$filter" "$@")
}

need_packages build test || exit
want_packages "Tests that need it say that they are skipped." extra

failed=0
build build -DCMAKE_BUILD_TYPE=Release -DSHOAL_SANITIZE=OFF || exit
run_tests build || failed=1

echo
echo "Once more with AddressSanitizer and UndefinedBehaviorSanitizer"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:fast_unwind_on_malloc=0
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
build build-sanitize -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -g" -DSHOAL_SANITIZE=ON || exit
run_tests build-sanitize -E '^(cli|golden|bench|slurm|chaos)/' || failed=1
exit $failed
