#!/usr/bin/env bash
# Tools that look for mistakes nobody has met yet; by hand, each takes a while. Known false alarms stand beside this script, with reasons.
#   tests/hygiene/run.sh asan       the scripts of tests/cli with AddressSanitizer and UndefinedBehaviorSanitizer (tests/run.sh does unit and mpi)
#   tests/hygiene/run.sh tsan       the loader's unit test and a run on one rank (loader, writer of checkpoints, watchdog, owner) with ThreadSanitizer
#   tests/hygiene/run.sh valgrind   tests/cli/test_valgrind.sh and the unit tests of readers
#   tests/hygiene/run.sh tidy       clang-tidy with the checks of .clang-tidy, over src
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
root=$PWD here=$root/tests/hygiene
jobs=$(nproc 2> /dev/null || getconf _NPROCESSORS_ONLN)
export CK_TIMEOUT_MULTIPLIER=4

# need COMMAND PACKAGE
need() {
    command -v "$1" > /dev/null || { echo "needs $1 (Debian: $2)"; exit 1; }
}

asan() {
    export ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 UBSAN_OPTIONS=print_stacktrace=1
    export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
    cmake -S . -B build-sanitize -DSHOAL_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -g" \
        -DSHOAL_SANITIZE=ON && cmake --build build-sanitize --parallel "$jobs" || exit
    (cd build-sanitize && ctest --output-on-failure -R '^cli/' -E 'architecture|valgrind')
}

# Without MPI and with one thread of OpenMP: how their threads meet is not seen, and each meeting would be a false alarm.
tsan() {
    cmake -S . -B build-thread -DSHOAL_TESTS=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="-fsanitize=thread" &&
        cmake --build build-thread --parallel "$jobs" --target unit_test_loader shoal || exit
    export TSAN_OPTIONS="suppressions=$here/tsan.supp"
    (cd build-thread && ctest --output-on-failure -R '^unit/test_loader$') && train_beside
}

# A checkpoint every third step, evaluations, and what watches them.
train_beside() {
    local work code=0
    work=$(mktemp -d)
    python3 tests/cli/make_data.py "$work" && sed "s|DATA|$work|g" tests/cli/job.yaml > "$work/job.yaml" &&
        OMP_NUM_THREADS=1 build-thread/bin/shoal train "$work/job.yaml" train.epochs=20 checkpoint.every_steps=3 train.stall_seconds=20 \
            data.workers=2 --out "$work/run" || code=1
    rm -rf "$work"
    return $code
}

memory() {
    local failed=0
    need valgrind valgrind
    cmake -S . -B build -DSHOAL_TESTS=ON && cmake --build build --parallel "$jobs" || exit
    (cd build && ctest --output-on-failure -R '^cli/test_valgrind') || failed=1
    for test in h5 ckpt_damage job job_text text image pack; do
        echo "valgrind: unit_test_$test"
        SHOAL_ISA=avx2 CK_FORK=no valgrind --quiet --undef-value-errors=no --error-exitcode=9 --suppressions="$root/tests/valgrind.supp" \
            build/bin/unit_test_"$test" || failed=1
    done
    return $failed
}

# Kernels are left out: each is built three times from macros that stand for vectors, which clang-tidy cannot see through.
tidy() {
    need clang-tidy clang-tidy
    cmake -S . -B build -DCMAKE_EXPORT_COMPILE_COMMANDS=ON > /dev/null || exit
    git ls-files 'src/*.c' | grep -v '/kernels/' | xargs -P "$jobs" -n 4 clang-tidy --quiet -p build
}

case ${1:-} in
asan) asan ;;
tsan) tsan ;;
valgrind) memory ;;
tidy) tidy ;;
*)
    sed -n '2,/^set/{s/^# \{0,1\}//;/^set/!p}' "$0"
    exit 1
    ;;
esac
