#!/usr/bin/env bash
# Coverage-guided fuzzing of the readers, with AddressSanitizer and UndefinedBehaviorSanitizer: needs clang with its libFuzzer.
#   tests/fuzz/run.sh NAME|all SECONDS [FOLDER]   tests/fuzz/fuzz_NAME.c from the seeds in corpus/NAME; new inputs and findings go to
#                                                 FOLDER (build-fuzz/found), which the next run goes on from;
#                                                 FUZZ_JOBS targets at once (the number of cores)
# At the end, one line a target: executions, coverage, findings. 1: something was found. A finding that is mended becomes a seed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
[[ $# -ge 2 ]] || { sed -n '2,6s/^# //p' "$0"; exit 64; }
names=$1 seconds=$2 build=$PWD/build-fuzz
found=${3:-$build/found}
clang=${CLANG:-clang}
command -v "$clang" > /dev/null || { echo "needs clang and its libFuzzer (Debian: clang libclang-rt-14-dev)"; exit 77; }
[[ $names != all ]] || names=$(printf '%s\n' tests/fuzz/fuzz_*.c | sed 's|.*fuzz_||; s|\.c$||')

# Readers need no threads: clang's OpenMP, which many systems lack, is left out.
mkdir -p "$build/serial" "$found"
echo 'static inline int omp_get_thread_num(void) { return 0; }' > "$build/serial/omp.h"
sanitizers=-fsanitize=address,undefined
configure() {
    cmake -S . -B "$build" -DSHOAL_TESTS=OFF -DCMAKE_C_COMPILER="$clang" -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_C_FLAGS="-O1 -g $sanitizers -fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined" \
        -DOpenMP_C_FLAGS="-I$build/serial -Wno-unknown-pragmas" -DOpenMP_C_LIB_NAMES=m -DOpenMP_m_LIBRARY=m > "$build/log" || return
    # Kernels read no files, and instrumented they take a compiler minutes.
    sed -i -E 's/-fsanitize=[a-z,-]+|-fno-sanitize-recover=[a-z]+//g' "$build"/CMakeFiles/shoal_kernels_*.dir/flags.make
}
[[ -f $build/Makefile ]] || configure || { tail "$build/log"; exit 1; }
cmake --build "$build" --parallel "$(nproc)" --target shoal_static >> "$build/log" 2>&1 || { tail "$build/log"; exit 1; }
# what the targets are linked with is what the program is
sed 's|CMakeFiles/shoal.dir/src/cli/main.c.o|OBJECTS|; s|-o bin/shoal|-o TARGET|; s|-fsanitize=fuzzer-no-link|-fsanitize=fuzzer|' \
    "$build/CMakeFiles/shoal.dir/link.txt" > "$build/link"

build_target() {
    local name=$1 object
    for object in "fuzz_$name" fuzz; do
        "$clang" -std=gnu11 -O1 -g $sanitizers -fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined -Iinclude -Isrc -Itests/fuzz \
            -c "tests/fuzz/$object.c" -o "$build/$object-$name.o" || return
    done
    (cd "$build" && eval "$(sed "s|OBJECTS|fuzz_$name-$name.o fuzz-$name.o|; s|TARGET|fuzz_$name|" link)")
}

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0:max_allocation_size_mb=600 UBSAN_OPTIONS=print_stacktrace=1
most=${FUZZ_JOBS:-$(nproc)}

fuzz() {
    local name=$1 leaks=1 patience=10
    build_target "$name" || return
    mkdir -p "$found/$name" "$found/findings"
    # HDF5 itself loses some when a file is damaged; and it may loop for a second of computing in the child, many on a busy machine
    [[ $name == dataset || $name == checkpoint ]] && leaks=0 patience=120
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=$leaks "$build/fuzz_$name" -detect_leaks="$leaks" -max_total_time="$seconds" -timeout="$patience" -rss_limit_mb=1000 -max_len=100000 -print_final_stats=1 \
        -artifact_prefix="$found/findings/$name-" "$found/$name" "tests/fuzz/corpus/$name" > "$found/$name.log" 2>&1
    local code=$?
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$name.log") executions," \
        "$(grep -oE 'cov: [0-9]+' "$found/$name.log" | tail -n 1), $(find "$found/findings" -name "$name-*" | wc -l) findings"
    return $code
}

status=0
for name in $names; do
    while [[ $(jobs -rp | wc -l) -ge $most ]]; do
        wait -n || status=1
    done
    fuzz "$name" &
done
while [[ -n $(jobs -rp) ]]; do
    wait -n || status=1
done
exit $status
