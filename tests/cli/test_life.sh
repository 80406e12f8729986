#!/usr/bin/env bash
# The life of a run: how it was launched, signals at any moment, time limits, standing still.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
"$python" - "$work" << 'PY'
import sys, h5py, numpy as np
# a large set whose epochs and evaluations take a while: the small one again and again
with h5py.File(f"{sys.argv[1]}/train.h5") as a, h5py.File(f"{sys.argv[1]}/large.h5", "w") as b:
    for name in a:
        value = a[name][()]
        b[name] = value if name == "classes" else np.concatenate([value] * 100)
    for name, value in a.attrs.items():
        b.attrs[name] = value
PY
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
job=$work/job.yaml
run=$work/run
cores=$(getconf _NPROCESSORS_ONLN)
long=(model.name=resnet20 train.epochs=4000 data.val=null)

digest() {
    "$shoal" digest "$1"
}

# rank_of RANK RUN: the process of that rank
rank_of() {
    local p
    for p in $(ranks_of "$2"); do
        grep -qszx "OMPI_COMM_WORLD_RANK=$1" "/proc/$p/environ" && echo "$p"
    done
}

# start N ARGUMENT…: a run on N ranks in the background
start() {
    local n=$1
    shift
    rm -rf "$run"
    : > "$work/out" # not what the run before has said
    ranks "$n" "$shoal" train "$job" --out "$run" "$@" > "$work/out" 2> "$work/err" &
    launcher=$!
}

# until_said PATTERN: until the run has said it, 60 s at most
until_said() {
    local i
    for ((i = 0; i < 600; i++)); do
        grep -qsE -- "$1" "$work/out" && return
        sleep 0.1
    done
}

ends() {
    wait "$launcher"
    code=$?
}

# ---- how it was launched ----

try_ranks 2 "$shoal" train "$job" --out "$run" train.epochs=2
plain=$(digest "$run/last.h5")
expect "the launch table" 0 '^launch: 2 ranks on 1 host, 2 threads$'
check "a line for the hosts" grep -qE '1 host x 2 ranks x 1 thread; a rank may use [0-9]+ cores? of [0-9]+, [0-9.]+ [GT]B a host' "$work/out"
check "the libraries" grep -qE '^software: shoal .* MPI.*kernels (generic|avx2|avx512)' "$work/out"
check "the table is in log.txt too" grep -q '^launch: 2 ranks' "$run/log.txt"
check "a line of the ranks' times an epoch" test "$(grep -c '^ranks, min/median/max s a step: compute ' "$run/log.txt")" = 2
check "and an event" "$python" -c '
import json, sys
events = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == "ranks"]
assert [e["step"] for e in events] == [2, 4]
for e in events:
    assert e["ranks"] == 2 and all(a <= b <= c for a, b, c in (e["compute_s"], e["data_s"], e["wait_s"]))' "$run/metrics.jsonl"

OMP_NUM_THREADS=$((cores + 1)) try "$shoal" train "$job" --out "$run" train.lanes=16 train.max_steps=1 data.val=null
expect "more threads than cores" 0 '^warning: .*[0-9]+ threads in all on [0-9]+ cores?: more threads than cores'
if [[ $cores -gt 1 ]]; then
    try_ranks 2 taskset -c 0 "$shoal" train "$job" --out "$run" train.max_steps=1
    expect "ranks on one core" 0 '^warning: .*ranks are pinned to the same core: 2 of them to core 0'
fi
SLURM_NTASKS=8 try "$shoal" train "$job" --out "$run" train.max_steps=1
expect "srun forgotten" 0 '^warning: SLURM has given this job 8 tasks, but MPI says that there is 1 rank'
SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=8 try "$shoal" train "$job" --out "$work/not" train.max_steps=1
refused "srun without MPI" 64 '8 processes were launched \(SLURM_STEP_NUM_TASKS\), but MPI connects none of them.*srun --mpi=pmix'
PMI_RANK=0 PMI_SIZE=4 try "$shoal" train "$job" --out "$work/not" train.max_steps=1
refused "another MPI's mpirun" 64 '4 processes were launched \(PMI_SIZE\), but MPI connects none of them.*--alone'
check "no run folder is made" test ! -e "$work/not"
PMI_RANK=2 PMI_SIZE=4 try "$shoal" train "$job" --out "$work/not" train.max_steps=1
check "another MPI's mpirun: one of its processes speaks" test "$code" = 64 -a ! -s "$work/err"
PMI_RANK=2 PMI_SIZE=4 try "$shoal" train "$job" --out "$run" train.max_steps=1 --alone
expect "--alone" 0 '^done: 1 steps'
PMI_RANK=0 PMI_SIZE=4 try "$shoal" eval "$run/last.h5" "$work/val.h5"
refused "eval under another MPI's mpirun" 64 '4 processes were launched'
SLURM_JOB_ID=1 SLURM_PROCID=0 SLURM_NTASKS=8 try "$shoal" eval "$run/last.h5" "$work/val.h5"
check "eval in a batch script is no mistake" test "$code" = 0 -a ! -s "$work/err"

# an MPI library at run time that is not the one compiled with
cat > "$work/other.c" << 'C'
#include <string.h>
int MPI_Get_library_version(char *text, int *length);
int MPI_Get_library_version(char *text, int *length) {
    strcpy(text, "MPICH Version:      9.8.7\nMPICH Release date: never");
    *length = (int)strlen(text);
    return 0;
}
C
if cc -shared -fPIC "$work/other.c" -o "$work/other.so" 2> /dev/null; then
    LD_PRELOAD=$work/other.so try "$shoal" train "$job" --out "$run" train.max_steps=1
    expect "the MPI that runs, and the one compiled with" 0 '^software: .*, MPICH 9\.8\.7 \(compiled with .* [0-9.a-z]+\), kernels'
fi

mkdir -p "$work/a" "$work/b"
two_folders() {
    local launch
    launch_here 1
    SHOAL_RANKS_PER_NODE=1 timeout 60 "${launch[@]}" --wdir "$1" "$shoal" train "$job" --out shared \
        train.max_steps=1 : -np 1 --wdir "$2" "$shoal" train "$job" --out shared train.max_steps=1 > "$work/out" 2> "$work/err"
    code=$?
}
two_folders "$work/a" "$work/b"
expect "a run folder of its own on every node" 0 '^warning: shared: the run folder is not shared'
two_folders "$work/a" "$work/a"
check "a shared one: no warning" test "$code" = 0 -a "$(grep -c shared "$work/err")" = 0
check "nothing is left of the search" test -z "$(ls -A "$work/a/shared" | grep seen)"

if command -v setpriv > /dev/null && [[ $(id -u) == 0 ]]; then
    mkdir "$work/locked"
    chmod 755 "$work" "$work/locked"
    if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$shoal"; then
        HOME=/tmp try setpriv --reuid=65534 --regid=65534 --clear-groups "$shoal" train "$job" --out "$work/locked"
        refused "a run folder that cannot be written" 74 "locked: the run folder cannot be written: Permission denied"
    fi
fi

# ---- resuming what was never begun ----

rm -rf "$run"
try_ranks 2 "$shoal" train "$job" --out "$run" train.epochs=2 --resume
expect "--resume on a folder that is not there" 0 'run holds no checkpoint yet: the run begins at the beginning'
check "the digest of a plain run" test "$(digest "$run/last.h5")" = "$plain"
check "no event of a resume" test "$(grep -c '"resume"' "$run/metrics.jsonl")" = 0
try_ranks 2 "$shoal" train "$job" --out "$run" train.epochs=2 --resume
expect "a finished run that is resumed" 0 'done: 4 steps'
check "is not evaluated again" test "$(grep -c '"eval"' "$run/metrics.jsonl")" = 2

# ---- time limits ----

# in_time WHAT SECONDS: the run has stopped before its limit and is whole
in_time() {
    expect "$1" 75 'stopped because the time limit is near after step [0-9]+: .*last.h5 is whole'
    check "$1: not late" test $(($(date +%s) - began)) -le "$2"
    step=$(sed -nE 's/.*after step ([0-9]+):.*/\1/p' "$work/err")
    check "$1: something was done" test "${step:-0}" -ge 1
}
slow=("${long[@]}" model.name=resnet110 data.train="$work/large.h5") # an epoch takes more than the limit
rm -rf "$run"
began=$(date +%s)
try_ranks 2 "$shoal" train "$job" --out "$run" "${slow[@]}" train.max_seconds=9
in_time "train.max_seconds" 10
[[ $step -le 5 ]] || # a busy machine may come to too few steps to judge by
    check "an epoch longer than the limit" grep -qE '^warning: an epoch takes about 0:..:.. and the time limit is 0:00:09: .*--resume' "$work/err"
try_ranks 1 "$shoal" train "$job" --out "$run" "${slow[@]}" train.max_steps=$((step + 2)) --resume
expect "resumed without a limit" 0 "resuming from .* at step $step"
try_ranks 2 "$shoal" train "$job" --out "$work/whole" "${slow[@]}" train.max_steps=$((step + 2))
check "after a time limit: the digest of an uninterrupted run" test "$(digest "$run/last.h5")" = "$(digest "$work/whole/last.h5")"

rm -rf "$run"
began=$(date +%s)
SHOAL_END_TIME=$((began + 9)) try_ranks 2 "$shoal" train "$job" --out "$run" "${long[@]}"
in_time "SHOAL_END_TIME" 10

# what squeue says of the time left is asked for where nothing else tells
mkdir "$work/bin"
printf '#!/bin/sh\necho "$@" > %s/asked\necho 0:09\n' "$work" > "$work/bin/squeue"
chmod +x "$work/bin/squeue"
rm -rf "$run"
began=$(date +%s)
PATH=$work/bin:$PATH SLURM_JOB_ID=4711 try_ranks 2 "$shoal" train "$job" --out "$run" "${long[@]}"
in_time "squeue" 10
check "squeue was asked about the job" grep -qw -- '-j 4711' "$work/asked"
try "$shoal" train "$job" --out "$run" train.max_seconds=-1
refused "a negative limit" 64 'train.max_seconds'

# ---- signals ----

# before the first step: as soon as the handler is there (bit 10 of the caught signals is SIGUSR1)
start 2 "${long[@]}"
for ((i = 0; i < 6000; i++)); do
    p=$(rank_of 1 "$run")
    caught=$(sed -n 's/^SigCgt:\t//p' "/proc/${p:-none}/status" 2> /dev/null)
    (((0x${caught:-0} & 0x200) != 0)) && break
    sleep 0.01
done
kill -TERM "$p"
ends
expect "TERM while MPI starts" 75 'stopped by a signal (before the first step|after step 1)'

# one that all ranks get, again and again until they have left, as when a launcher loses its patience
start 2 "${long[@]}" data.train="$work/large.h5"
until_said '^Epoch'
kill -USR1 "$(rank_of 1 "$run")"
for ((i = 0; i < 500; i++)); do
    some=$(ranks_of "$run")
    [[ -n $some ]] || break
    # shellcheck disable=SC2086 # several
    kill -TERM $some 2> /dev/null
    sleep 0.01
done
ends
expect "USR1, then TERM again and again" 75 'stopped by a signal after step [0-9]+: .*last.h5 is whole'
step=$(sed -nE 's/.*after step ([0-9]+):.*/\1/p' "$work/err")
try_ranks 2 "$shoal" train "$job" --out "$run" "${long[@]}" data.train="$work/large.h5" train.max_steps=$((step + 2)) --resume
try_ranks 1 "$shoal" train "$job" --out "$work/whole" "${long[@]}" data.train="$work/large.h5" train.max_steps=$((step + 2))
check "after many signals: the digest of an uninterrupted run" test "$(digest "$run/last.h5")" = "$(digest "$work/whole/last.h5")"

# what comes where a terminal is lost, processor time is used up, a reader has left
for signal in HUP XCPU PIPE; do
    start 2 "${long[@]}"
    until_said '^Epoch'
    kill -"$signal" "$(rank_of 1 "$run")"
    ends
    expect "$signal" 75 'stopped by a signal after step [0-9]+: .*last.h5 is whole'
done
rm -rf "$run"
(ulimit -f 64 && exec "$shoal" train "$job" --out "$run" train.max_steps=2 data.val=null) > "$work/out" 2> "$work/err"
code=$?
refused "a limit of file size" 74 'File too large'

# in the middle of an evaluation: it is left, and made up for
evaluated=(model.name=resnet20 train.epochs=2 data.val="$work/large.h5")
start 2 "${evaluated[@]}"
until_said '^ranks, min'
kill -USR1 "$(rank_of 1 "$run")"
ends
expect "a signal in an evaluation" 75 'stopped by a signal after step 2:'
check "it was left" test "$(grep -c '"eval"' "$run/metrics.jsonl")" = 0
check "the checkpoint says so" grep -qE 'epoch +0' <("$shoal" inspect "$run/last.h5")
try_ranks 1 "$shoal" train "$job" --out "$run" "${evaluated[@]}" --resume
try_ranks 2 "$shoal" train "$job" --out "$work/whole" "${evaluated[@]}"
check "evaluations are those of an uninterrupted run" cmp <(grep -h '"eval"' "$run/metrics.jsonl") <(grep -h '"eval"' "$work/whole/metrics.jsonl")
for file in last best step-2 step-4; do
    check "$file.h5 is that of an uninterrupted run" test "$(digest "$run/$file.h5")" = "$(digest "$work/whole/$file.h5")"
done

# ---- standing still ----

# a long evaluation is progress
try_ranks 2 "$shoal" train "$job" --out "$run" model.name=resnet20 train.epochs=1 data.val="$work/large.h5" train.stall_seconds=1
expect "a watchdog that has nothing to bark at" 0 'done: 2 steps'

for stopped in 0 1; do
    start 2 "${long[@]}" train.stall_seconds=3
    until_said '^Epoch'
    sleep 1 # for some reports
    kill -STOP "$(rank_of $stopped "$run")"
    ends
    expect "rank $stopped stopped" 70 'no progress for 3 s'
    check "rank $stopped stopped: it is said to be silent" \
        grep -qE "^shoal: rank $stopped on .*: silent for .* s \(stopped.*last seen: step [0-9]+, " "$work/err"
    check "rank $stopped stopped: the other's place" grep -qE "^shoal: rank $((1 - stopped)) on [^:]*: step [0-9]+, .*waiting for other ranks" "$work/err"
    check "rank $stopped stopped: nobody is left" test -z "$(ranks_of "$run")"
done

# without the watchdog they wait for the one that sleeps
start 2 "${long[@]}" train.stall_seconds=0 train.max_steps=40
until_said '^Epoch'
kill -STOP "$(rank_of 1 "$run")"
sleep 2
kill -CONT "$(rank_of 1 "$run")"
ends
expect "a rank that wakes up again" 0 'done: 40 steps'
finish
