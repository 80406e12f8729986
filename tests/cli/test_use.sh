#!/usr/bin/env bash
# A run as a user makes it: train, the files of the run folder, eval on any number of ranks, predict, inspect.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"

try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/run" train.epochs=15 log.every_steps=1
expect "train" 0 '^\* Acc@1 [0-9.]+ Acc@5 '
check "nothing on stderr" test ! -s "$work/err"
for file in job.yaml metrics.jsonl log.txt last.h5 best.h5; do
    check "$file is there" test -s "$work/run/$file"
done
check "every line of metrics.jsonl is an object with an event" "$python" -c '
import json, sys
events = [json.loads(line)["event"] for line in open(sys.argv[1])]
assert events.count("step") == 30 and events.count("eval") == 15 and events[-1] == "done", events' "$work/run/metrics.jsonl"

for n in 1 2 4; do
    try_ranks $n "$shoal" eval "$work/run/best.h5" "$work/val.h5"
    expect "eval on $n ranks" 0 '^\* Acc@1 [0-9]+\.[0-9]{3} Acc@5 [0-9]+\.[0-9]{3}  loss [0-9.]+  \(13 pictures, step [0-9]+\)$'
    [[ $n == 1 ]] && cp "$work/out" "$work/first"
    check "eval on $n ranks: the same line" cmp -s "$work/first" "$work/out"
done
try "$shoal" eval "$work/run/best.h5" --batch 4
check "eval of the job's data.val, another batch: the same line" cmp -s "$work/first" "$work/out"
TMPDIR=/dev/null try "$shoal" eval "$work/run/best.h5" "$work/val.h5" # all programs that nobody launched would share MPI's folder there
check "a program alone leaves MPI's folder for temporary files alone" cmp -s "$work/first" "$work/out"
check "eval agrees with the run's own" "$python" -c '
import json, sys
best = max(e["top1"] for e in map(json.loads, open(sys.argv[1])) if e["event"] == "eval")
line = open(sys.argv[2]).read()
assert "Acc@1 %.3f " % (100 * best) in line, (best, line)' "$work/run/metrics.jsonl" "$work/first"

try "$shoal" predict "$work/run/best.h5" "$work/pictures/cod/1.png" "$work/pictures/eel/2.png" --top 3
expect "predict" 0 '^ +[0-9]+\.[0-9]{2} %  (cod|eel|ray|tuna)$'
check "predict: two pictures with three lines each" test "$(wc -l < "$work/out")" = 8
check "predict: the likeliest first, all below 100 %" "$python" -c '
import sys
p = [float(line.split()[0]) for line in open(sys.argv[1]) if "%" in line]
assert p[0] >= p[1] >= p[2] and p[3] >= p[4] >= p[5] and sum(p[:3]) <= 100.02, p' "$work/out"
try "$shoal" predict "$work/run/best.h5" "$work/pictures/cod/1.png"
check "predict: no more classes than there are" test "$(wc -l < "$work/out")" = 5

# predict on the pictures of the validation set is right as often as eval says
"$shoal" inspect "$work/val.h5" --pictures "$work/look" --count 12 > /dev/null
try "$shoal" predict "$work/run/best.h5" "$work"/look/*.png --top 1
right=$(awk -F'[-.]' '/png$/ {class = $(NF - 1)} /%/ {sub(/.* /, ""); n += $0 == class} END {print n}' "$work/out")
check "predict agrees with eval: $right of the first 12 of 13 are right" "$python" -c '
import sys
right, of_all = int(sys.argv[1]), round(13 * float(sys.argv[2]) / 100)
assert right in (of_all, of_all - 1), (right, of_all)' "$right" "$(sed -E 's/.*Acc@1 ([0-9.]+).*/\1/' "$work/first")"

try "$shoal" inspect "$work/run/best.h5"
expect "inspect" 0 'conv1\.weight +\[6, 3, 5, 5\] +450'
check "inspect: the job" grep -q 'name: "\?lenet5' "$work/out"
check "inspect: the optimiser's slots" grep -q momentum_buffer "$work/out"
check "digest is what the run said" test "$("$shoal" digest "$work/run/last.h5")" = \
    "$(sed -n 's/.*"event":"done".*"digest":"\([0-9a-f]*\)".*/\1/p' "$work/run/metrics.jsonl")"
check "digest by h5py and hashlib" "$python" -c '
import hashlib, subprocess, sys, h5py
h = hashlib.sha256()
with h5py.File(sys.argv[2]) as f:
    for name in sorted(f["model"], key=lambda n: n.encode()):
        h.update(name.encode() + b"\0" + f["model"][name][()].tobytes())
assert subprocess.check_output([sys.argv[1], "digest", sys.argv[2]], text=True) == h.hexdigest() + "\n"' "$shoal" "$work/run/best.h5"

try "$shoal" bench --model resnet20 --batch 4 --steps 2
expect "bench" 0 '"images_per_s"'
check "bench: one line of JSON with the design's keys" "$python" -c '
import json, sys
line = json.loads(open(sys.argv[1]).read())
keys = "model batch size ranks threads images_per_s step_s forward_s backward_s comm_s optimizer_s rss_mb gflops".split()
assert all(k in line for k in keys) and len(line["step_s"]) == 3, line' "$work/out"

# without OMP_NUM_THREADS a rank takes its share of the cores it may use
unset OMP_NUM_THREADS
cores=$("$python" -c 'import os; print(len(os.sched_getaffinity(0)))')
threads() {
    sed -n 's/.*"threads": *\([0-9]*\).*/\1/p' "$work/out"
}
try taskset -c "$("$python" -c 'import os; print(min(os.sched_getaffinity(0)))')" "$shoal" bench --model lenet5 --batch 8 --steps 1
check "bound to one core: one thread" test "$(threads)" = 1
try "$shoal" bench --model lenet5 --batch 8 --steps 1
check "no more threads than processors" test "$(threads)" -le "$cores"
[[ $cores == 2 ]] && check "two processors: two threads, or one where they share a core" test "$(threads)" -ge 1
try_ranks $((cores > 8 ? 8 : cores)) "$shoal" bench --model lenet5 --batch 8 --steps 1
check "ranks share the cores: $(threads) threads each" test "$(($(threads) * (cores > 8 ? 8 : cores)))" -le "$cores"
finish
