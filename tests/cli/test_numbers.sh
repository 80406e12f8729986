#!/usr/bin/env bash
# Losses, gradients and weights that are no numbers: what is told, what is skipped, where a run goes back to; the same on any ranks.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
job=$work/job.yaml
run=$work/run

# Black pictures but for one, in lane 1 of the second batch; weights of a network that lets black pass and overflows at anything else; of one
# whose activations are tiny and whose gradients overflow; and of one whose gradients are just finite.
"$python" - "$work" << 'PY'
import sys, zlib, h5py, numpy as np
with h5py.File(f"{sys.argv[1]}/train.h5") as a, h5py.File(f"{sys.argv[1]}/dark.h5", "w") as b:
    for name in a:
        a.copy(name, b)
    b.attrs.update(a.attrs)
    pictures = np.zeros_like(a["images"][()])
    pictures[21] = 255
    b["images"][...] = pictures
    b["crc32"][...] = [zlib.crc32(p.tobytes()) for p in pictures]
PY
dark=(data.train="$work/dark.h5" data.val=null data.shuffle=false 'data.mean=[0,0,0]' 'data.std=[1e-5,1e-5,1e-5]')
try "$shoal" train "$job" "${dark[@]}" optimizer.lr=0 train.max_steps=1 --out "$work/plain"
"$python" - "$work" << 'PY'
import sys, h5py, numpy as np
with h5py.File(f"{sys.argv[1]}/plain/last.h5") as a, h5py.File(f"{sys.argv[1]}/bright.h5", "w") as b, \
        h5py.File(f"{sys.argv[1]}/steep.h5", "w") as c, h5py.File(f"{sys.argv[1]}/heavy.h5", "w") as d:
    for name, value in a["model"].items():
        value = value[()]
        b[f"model/{name}"] = value * np.float32(1e12 if name.endswith("weight") else 0)
        tiny = np.full_like(value, 1e-30 if name == "fc1.bias" else 0)
        c[f"model/{name}"] = value * np.float32(1e30) if name in ("fc2.weight", "fc3.weight") else tiny
        d[f"model/{name}"] = {"fc2.weight": value, "fc3.weight": value * np.float32(1e35)}.get(name, tiny)
PY

digest() {
    "$shoal" digest "$1"
}

# same CASE… -- ARGUMENT…: every case `ranks:threads` ends with the digest of the first, in $first
same() {
    local cases=() case
    while [[ $1 != -- ]]; do
        cases+=("$1")
        shift
    done
    shift
    first=
    for case in "${cases[@]}"; do
        rm -rf "$run"
        OMP_NUM_THREADS=${case#*:} try_ranks "${case%:*}" "$shoal" train "$job" --out "$run" "$@"
        expect "$case ranks:threads, $*" 0 '^digest '
        first=${first:-$(digest "$run/last.h5")}
        check "$case ranks:threads, $*: one digest" test "$(digest "$run/last.h5")" = "$first"
    done
}

# ---- what is told ----

bad=("${dark[@]}" init.from="$work/bright.h5" optimizer.lr=0.01 train.epochs=4)
for n in 1 4; do
    try_ranks $n "$shoal" train "$job" --out "$run" "${bad[@]}"
    refused "a loss that is no number, $n ranks" 70 'loss is (nan|inf) at step 2 \(epoch 0\): first in layer [a-z0-9.]+ \(lane 1\): output (-?inf|nan);.*lr'
done
steep=("${dark[@]}" init.from="$work/steep.h5" optimizer.lr=0.01)
try_ranks 2 "$shoal" train "$job" --out "$run" "${steep[@]}" train.on_nonfinite=skip
expect "gradients that are no numbers" 0 \
    '^warning: gradients are not finite \(loss [0-9.e+]+\) at step 1 .*first in layer [a-z0-9.]+ \(lane 0\): gradient of its input -?(inf|nan)'

# ---- skip ----

skip=("${bad[@]}" train.on_nonfinite=skip)
same 1:1 4:1 2:2 -- "${skip[@]}"
expect "what was skipped" 0 '^warning: 4 of 8 steps were skipped'
check "an event for each" test "$(grep -c '"event":"nonfinite".*"action":"skip"' "$run/metrics.jsonl")" = 4
rm -rf "$run"
try_ranks 4 "$shoal" train "$job" --out "$run" "${skip[@]}" train.max_steps=4
try_ranks 1 "$shoal" train "$job" --out "$run" "${skip[@]}" --resume
check "skipping, stopped and resumed: the same digest" test "$(digest "$run/last.h5")" = "$first"
for steps in 1 2; do
    try_ranks 2 "$shoal" train "$job" --out "$work/skip$steps" "${skip[@]}" train.max_steps=$steps
done
check "a skipped step changes no bit of weights and momentum, and is no update" "$python" -c '
import sys, h5py
a, b = (h5py.File(f) for f in sys.argv[1:])
for group in ("model", "optimizer/momentum_buffer"):
    assert all(a[group][k][()].tobytes() == b[group][k][()].tobytes() for k in a[group]), group
assert (a["trainer"].attrs["step"], b["trainer"].attrs["step"]) == (1, 2)
assert (a["trainer"].attrs["updates"], b["trainer"].attrs["updates"]) == (1, 1)' "$work/skip1/last.h5" "$work/skip2/last.h5"
try_ranks 2 "$shoal" train "$job" --out "$run" "${dark[@]}" init.from="$work/heavy.h5" optimizer.lr=1000000 train.on_nonfinite=skip
refused "weights that are no numbers cannot be skipped" 70 'weights are not finite after the update .*first in fc[0-9]..*skipping steps does not mend weights'

# ---- rollback ----

back=(data.val=null train.epochs=8 optimizer.lr=10000 train.on_nonfinite=rollback train.rollback_factor=0.001 checkpoint.every_epochs=0)
same 1:1 4:1 2:2 -- "${back[@]}"
expect "a run that went back" 0 '^warning: loss is nan at step 3 .*: back to step 0, learning rate times 0.001 from now on \(1 of 3\)'
rm -rf "$run"
try_ranks 2 "$shoal" train "$job" --out "$run" "${back[@]}" train.max_steps=2 # before it goes back
try_ranks 1 "$shoal" train "$job" --out "$run" "${back[@]}" train.max_steps=5 --resume
try_ranks 4 "$shoal" train "$job" --out "$run" "${back[@]}" --resume
check "stopped before and after going back: the same digest" test "$(digest "$run/last.h5")" = "$first"
check "the checkpoint tells" "$python" -c '
import sys, h5py
t = h5py.File(sys.argv[1])["trainer"].attrs
assert t["rollbacks"] == 1 and abs(t["lr_factor"] - 0.001) < 1e-9 and t["updates"] == t["step"] == 16' "$run/last.h5"
try_ranks 2 "$shoal" train "$job" --out "$run" "${back[@]}" train.rollback_factor=1 train.rollback_most=2
refused "too often" 70 'the run went back 2 times already \(train.rollback_most\)'
try "$shoal" train "$job" --out "$run" "${back[@]}" checkpoint.keep=0
refused "nothing to go back to" 64 'train.on_nonfinite.*checkpoint.keep'
try "$shoal" train "$job" --out "$run" train.on_nonfinite=ignore
refused "an unknown word" 64 'train.on_nonfinite'

# ---- checkpoints beside training ----

same 2:1 1:2 -- data.val=null train.epochs=6 checkpoint.every_steps=1 checkpoint.sync=true
expect "written at once" 0 '^checkpoints: training waits'
synchronous=$first
same 2:1 1:2 -- data.val=null train.epochs=6 checkpoint.every_steps=1
expect "written beside" 0 '^checkpoints: written beside training, from a copy of [0-9.]+ [kMG]B on rank 0$'
check "the same digest" test "$first" = "$synchronous"
check "each is reported when it is on disk" "$python" -c '
import json, sys
steps = [e["step"] for e in map(json.loads, open(sys.argv[1])) if e["event"] == "checkpoint"]
assert steps == list(range(1, 13)), steps' "$run/metrics.jsonl"

# one that cannot be written: all ranks leave at the next step
rm -rf "$run"
ranks 2 "$shoal" train "$job" --out "$run" data.val=null train.epochs=100000 checkpoint.every_epochs=0 checkpoint.every_steps=50 \
    > "$work/out" 2> "$work/err" &
for ((i = 0; i < 600; i++)); do
    grep -qs '"checkpoint"' "$run/metrics.jsonl" && break
    sleep 0.1
done
mv "$run" "$work/gone"
wait $!
code=$?
refused "a run folder that goes away" 74 "run"
check "the last one is whole" test -n "$(digest "$work/gone/last.h5")"
finish
