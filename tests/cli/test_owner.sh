#!/usr/bin/env bash
# A run folder has one run: a second one is refused, a killed one's is free at once, a run whose folder is lost stops.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
job=$work/job.yaml
run=$work/run
long=(train.epochs=1000000 data.val=null checkpoint.every_epochs=0)

# start_run ARGUMENT…: one in the background that has come to its first steps; leaves $first
start_run() {
    : > "$work/first.out"
    "$shoal" train "$job" --out "$run" "${long[@]}" "$@" > "$work/first.out" 2> "$work/first.err" &
    first=$!
    for ((i = 0; i < 600; i++)); do
        grep -q '^Epoch' "$work/first.out" && break
        sleep 0.1
    done
}

# A living run keeps its folder, whoever comes and however; its successor may come the moment it is killed.
start_run
inode=$(stat -c %i "$run")
try "$shoal" train "$job" --out "$run"
refused "a second run" 64 "run belongs to a run that is under way: process $first on .*, since .* UTC; .*--out"
try_ranks 2 "$shoal" train "$job" --out "$run" "${long[@]}" --resume
refused "a second run on two ranks that resumes" 64 "process $first on "
check "the folder stays where it is" test "$(stat -c %i "$run")" = "$inode"
check "nothing is moved aside" test ! -e "$run.1"
kill -USR1 $first
wait $first
code=$?
check "the first run stops with a checkpoint" test $code = 75
check "its record goes with it" test ! -e "$run/.owner"
start_run --resume
kill -9 $first
try "$shoal" train "$job" --out "$run" "${long[@]}" --resume train.max_steps=1000000 train.max_seconds=1
expect "killed and resumed at once" 75 'resuming from .*last.h5'
check "no leftovers" test -z "$(find "$run" -name '.*' -type f)"

# Two that start in one moment: one is told, the other runs.
rm -rf "$run"
for i in 1 2; do
    "$shoal" train "$job" --out "$run" "${long[@]}" > "$work/$i.out" 2> "$work/$i.err" &
    runs[i]=$!
done
wait -n
code=$?
check "one of two is refused" test $code = 64
kill -USR1 "${runs[@]}" 2> /dev/null
wait -n
code=$?
check "the other runs" test $code = 75
check "one is told" test "$(cat "$work"/[12].err | grep -c 'belongs to a run that is under way')" = 1

# Whose folder is moved away stops, and makes none in its place.
rm -rf "$run"
start_run train.stall_seconds=0 checkpoint.every_seconds=1
mv "$run" "$work/moved"
wait $first
code=$?
cp "$work/first.out" "$work/out"
cp "$work/first.err" "$work/err"
refused "moved away" 74 "run is no longer this run's folder: it was moved, deleted or replaced"
check "no folder in its place" test ! -e "$run"
finish
