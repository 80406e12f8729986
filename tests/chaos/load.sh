#!/usr/bin/env bash
# Load, by hand: many ranks on few cores, many starts and stops, and what a long run takes.
#   tests/chaos/load.sh ranks           16 and 64 ranks end with the digest of one
#   tests/chaos/load.sh starts [500]    starts and stops (USR1 after a random moment), each resuming; failed starts of MPI are counted
#   tests/chaos/load.sh long            memory and descriptors of a rank at step 100 and at step 10,000
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
[[ $# -ge 1 ]] || { sed -n '3,5s/^# //p' "$0"; exit 64; }
run=$work/run

# make_job LANES EPOCHS: job.yaml on chaos's classification set
make_job() {
    "$python" - "$here/../chaos" "$work" "$shoal" "$1" "$2" << 'PY' || exit
import subprocess, sys
folder, work, shoal, lanes, epochs = sys.argv[1:]
sys.path.insert(0, folder)
import tasks
text = tasks.make_classification(work, lambda *words: subprocess.run([shoal, *words], check=True, stdout=subprocess.DEVNULL))
text = text.replace(f"lanes: {tasks.LANES}", f"lanes: {lanes}").replace("batch: 24", f"batch: {2 * int(lanes)}")
open(f"{work}/job.yaml", "w").write(text.replace("epochs: 20", f"epochs: {epochs}"))
PY
}

# on N COMMAND…: under mpirun, for as long as it takes
on() {
    local n=$1 launch
    shift
    launch_here "$n"
    "${launch[@]}" "$@"
}

many_ranks() {
    local n first began
    make_job 64 2
    for n in 1 16 64; do
        began=$SECONDS
        on "$n" "$shoal" train "$work/job.yaml" --out "$run-$n" > "$work/out" 2> "$work/err"
        code=$?
        first=${first:-$("$shoal" digest "$run-1/last.h5")}
        expect "$n ranks" 0 '^done'
        check "$n ranks: the digest of one" test "$("$shoal" digest "$run-$n/last.h5")" = "$first"
        echo "$n ranks: $((SECONDS - began)) s, digest ${first:0:16}…"
    done
}

starts() {
    local count=$1 i codes=() odd=0 begun=0
    make_job 12 100000
    for ((i = 0; i < count; i++)); do
        : > "$work/out" # what the start before said is not this one's
        on $((1 + i % 4)) "$shoal" train "$work/job.yaml" --out "$run" --resume > "$work/out" 2> "$work/err" &
        launcher=$!
        for ((j = 0; j < 1000; j++)); do # until it trains, or has ended
            grep -q '^Epoch' "$work/out" && break
            kill -0 "$launcher" 2> /dev/null || break
            sleep 0.02
        done
        grep -q '^Epoch' "$work/out" && begun=$((begun + 1))
        sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
        # shellcheck disable=SC2046 # several
        kill -USR1 $(ranks_of "$run") 2> /dev/null
        wait "$launcher"
        code=$?
        codes+=("$code")
        [[ $code == 75 ]] || { odd=$((odd + 1)); echo "start $i: exit code $code"; tail -n 5 "$work/err"; }
    done
    echo "$count starts: $begun said that they train; exit codes: $(printf '%s\n' "${codes[@]}" | sort | uniq -c | tr '\n' ' ')"
    echo "last checkpoint: $("$shoal" inspect "$run/last.h5" | grep -m 1 '^step')"
    check "every start stopped with a checkpoint" test "$odd" = 0
}

# what RANK…: memory in kB and descriptors of each
taken() {
    local p
    for p in "$@"; do
        echo "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status") $(find "/proc/$p/fd" -mindepth 1 | wc -l)"
    done
}

# until_step N
until_step() {
    while kill -0 "$launcher" 2> /dev/null && [[ $(sed -nE '$s/.*"step":([0-9]+).*/\1/p' "$run/metrics.jsonl" 2> /dev/null || echo 0) -lt $1 ]]; do
        sleep 0.05
    done
}

# Without evaluations, of which each adds its numbers to the history in rank 0's checkpoints, and takes a loader for a moment.
long_run() {
    local early late ranks
    make_job 12 510 # 20 steps an epoch: 10,200 steps, a checkpoint every 7 steps
    on 2 "$shoal" train "$work/job.yaml" data.val=null --out "$run" > "$work/out" 2> "$work/err" &
    launcher=$!
    until_step 100
    mapfile -t ranks < <(ranks_of "$run")
    early=$(taken "${ranks[@]}")
    until_step 10000
    late=$(taken "${ranks[@]}")
    kill -USR1 "${ranks[0]}" 2> /dev/null
    wait "$launcher"
    printf 'step 100, kB and descriptors of each rank:\n%s\nstep 10,000:\n%s\n' "$early" "$late"
    check "descriptors are as many as before" test "$(cut -d' ' -f2 <<< "$early")" = "$(cut -d' ' -f2 <<< "$late")"
    check "no rank's memory has grown by more than 1 MB" \
        test "$(paste -d' ' <(echo "$early") <(echo "$late") | awk '{ d = $3 - $1; most = d > most ? d : most } END { print most + 0 }')" -le 1024
}

case $1 in
ranks) many_ranks ;;
starts) starts "${2:-500}" ;;
long) long_run ;;
*) echo "unknown: $1"; exit 64 ;;
esac
finish
