#!/usr/bin/env bash
# Runs that end early and go on, go back, meet bad records, or begin with other weights; batches that do not come out even.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
job=$work/job.yaml
run=$work/run

digest() {
    "$shoal" digest "$1"
}

# 40 pictures in batches of 16: the last batch has 8, two a lane; in batches of 12, 4, one a lane; of 36, 4.
for scope in global lane; do
    for batch in 16 12 36; do
        first=
        for n in 1 2 4; do
            rm -rf "$run"
            try_ranks $n "$shoal" train "$job" --out "$run" model.name=resnet20 train.batch=$batch data.drop_last=false train.epochs=2 \
                train.sync_batchnorm=$scope
            expect "$n ranks, uneven batches of $batch, batch norm $scope" 0 '^digest '
            first=${first:-$(digest "$run/last.h5")}
            check "$n ranks, uneven batches of $batch, batch norm $scope: the same digest" test "$(digest "$run/last.h5")" = "$first"
        done
    done
done
check "every sample of an uneven epoch counts" "$python" -c '
import json, sys
steps = [e["step"] for e in map(json.loads, open(sys.argv[1])) if e["event"] == "done"]
assert steps == [4], steps' "$run/metrics.jsonl"

# a signal to one rank stops all with a checkpoint
long=(train.epochs=4000 model.name=resnet20 data.val=null)
rm -rf "$run"
OMP_NUM_THREADS=1 ranks 4 "$shoal" train "$job" --out "$run" "${long[@]}" > "$work/out" 2> "$work/err" &
launcher=$!
for ((i = 0; i < 600; i++)); do
    grep -qs '^Epoch' "$run/log.txt" && break
    sleep 0.1
done
kill -USR1 "$(ranks_of "$run" | tail -n 1)"
wait $launcher
code=$?
expect "USR1 to one of 4 ranks" 75 'stopped by a signal after step [0-9]+: .*last.h5 is whole'
step=$(sed -nE 's/.*after step ([0-9]+):.*/\1/p' "$work/err")
try_ranks 1 "$shoal" train "$job" --out "$run" "${long[@]}" --resume train.max_steps=$((step + 3))
expect "resumed on one rank" 0 "resuming from .* at step $step"
try_ranks 2 "$shoal" train "$job" --out "$work/whole" "${long[@]}" train.max_steps=$((step + 3))
check "stopped and resumed: the digest of an uninterrupted run" test "$(digest "$run/last.h5")" = "$(digest "$work/whole/last.h5")"

# back to an earlier checkpoint: the run goes on from there, and later resumes follow it
rm -rf "$run"
numbered=(train.epochs=6 checkpoint.every_steps=4 checkpoint.every_epochs=0 checkpoint.keep=2)
try_ranks 1 "$shoal" train "$job" --out "$run" "${numbered[@]}"
check "step-N.h5: the last two stay" test "$(cd "$run" && echo step-*)" = "step-12.h5 step-8.h5"
try_ranks 1 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume "$run/step-8.h5" train.max_steps=9
expect "back to step 8" 0 'resuming from .*step-8.h5 at step 8'
try_ranks 2 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume train.max_steps=10
expect "on from where it went back" 0 'resuming from .*last.h5 at step 9'
cp "$run/step-8.h5" "$work/elsewhere.h5"
try_ranks 2 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume "$work/elsewhere.h5"
refused "a checkpoint of elsewhere into a folder with checkpoints" 64 'run holds checkpoints already.*--resume without a file.*--out'
try_ranks 1 "$shoal" train "$job" --out "$work/branch" "${numbered[@]}" --resume "$work/elsewhere.h5" train.max_steps=9
expect "a checkpoint of elsewhere into a new folder" 0 'resuming from .*elsewhere.h5 at step 8'
truncate -s 3000 "$run/last.h5"
try_ranks 1 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume
expect "a damaged last.h5 is passed over" 0 'warning: .*last.h5.*passed over'
try_ranks 2 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume train.max_steps=2
refused "a job that ends before the checkpoint" 64 'ends at step 2'
"$python" - "$work" << 'PY'
import shutil, sys, h5py
shutil.copy(f"{sys.argv[1]}/train.h5", f"{sys.argv[1]}/other.h5")
with h5py.File(f"{sys.argv[1]}/other.h5", "r+") as f:
    f["labels"][5] = 3
PY
try_ranks 2 "$shoal" train "$job" --out "$run" "${numbered[@]}" --resume data.train="$work/other.h5"
refused "another training set" 64 'data\.train: .*does not hold the samples'

# another job: what changes the result is named; a finished run takes none of it, one that is not takes what the command line says
rm -rf "$run"
try_ranks 2 "$shoal" train "$job" --out "$run" schedule.name=cosine
finished=$(digest "$run/last.h5")
try_ranks 2 "$shoal" train "$job" --out "$run" schedule.name=cosine --resume
expect "a finished run with its own job" 0 "digest $finished"
try_ranks 2 "$shoal" train "$job" --out "$run" schedule.name=cosine --resume optimizer.lr=0.5
refused "a finished run with another rate" 64 'last.h5: the run is finished, .*: optimizer\.lr: 0\.01 -> 0\.5; another --out'
check "its job.yaml is as it was" grep -q 'lr: 0.01' "$run/job.yaml"
try_ranks 2 "$shoal" train "$job" --out "$run" --resume
refused "a finished run without its override" 64 'schedule\.name: cosine -> constant'
sed 's/epochs: 1/epochs: 2/' "$job" > "$work/longer.yaml"
try_ranks 2 "$shoal" train "$work/longer.yaml" --out "$run" schedule.name=cosine --resume
refused "more epochs in the file" 64 'longer\.yaml:5: train\.epochs: 1 -> 2: .*`train\.epochs=2`'
try_ranks 2 "$shoal" train "$job" --out "$run" schedule.name=cosine --resume train.epochs=2 train.max_steps=3
expect "more epochs on the command line" 0 "the job is not the checkpoint's: train\.epochs: 1 -> 2; train\.max_steps: 0 -> 3"
expect "the schedule reckons with them" 0 'that of step 3 would have been 0 and is 0\.005'
sed -e 's/epochs: 1/epochs: 2/' -e 's/momentum: 0.9/momentum: 0.8/' "$job" > "$work/edited.yaml"
try_ranks 2 "$shoal" train "$work/edited.yaml" --out "$run" schedule.name=cosine --resume
refused "an edited file" 64 'edited\.yaml:6: optimizer\.momentum: 0\.9 -> 0\.8: .*`optimizer\.momentum=0\.8`'
check "job.yaml is as it was" grep -q 'momentum: 0.9' "$run/job.yaml"
try_ranks 2 "$shoal" train "$work/edited.yaml" --out "$run" schedule.name=cosine --resume optimizer.momentum=0.8 checkpoint.keep=7
expect "the command line says so" 0 "not the checkpoint's: train.max_steps: 3 -> 0; optimizer\.momentum: 0\.9 -> 0\.8; checkpoint\.keep: 3 -> 7"
check "job.yaml follows" grep -q 'momentum: 0.8' "$run/job.yaml"
check "the checkpoint keeps the jobs" "$python" -c '
import sys, h5py
jobs = h5py.File(sys.argv[1])["jobs"]
steps, yaml = jobs["step"][()].tolist(), [y.decode() for y in jobs["yaml"][()]]
assert steps == [0, 2, 3], steps
assert ["momentum: 0.8" in y for y in yaml] == [False, False, True], yaml' "$run/last.h5"

# a bad record ends the run, with what was trained before it; so does one in the validation set
"$python" - "$work" << 'PY'
import sys, h5py
with h5py.File(f"{sys.argv[1]}/val.h5", "r+") as f:
    f["crc32"][11] ^= 1
PY
rm -rf "$run"
try_ranks 2 "$shoal" train "$job" --out "$run"
refused "a bad record of the validation set" 65 'after step 2 \(saved\): .*val.h5: picture 11: CRC'
check "what was trained is saved" test -s "$run/last.h5"
try_ranks 2 "$shoal" train "$job" data.train="$work/crc.h5" data.val=null --out "$work/bad" data.shuffle=false train.epochs=3 train.batch=4
refused "a bad record in the second batch" 65 'after step 1 \(saved\): .*crc.h5: picture 7: CRC'
check "saved before it" grep -q '"\?step"\?' <("$shoal" inspect "$work/bad/last.h5")

# weights of another run: frozen ones stay, the head starts anew
try_ranks 2 "$shoal" train "$job" data.val=null --out "$work/next" init.from="$run/last.h5" 'init.freeze=[conv1.*, conv2.weight]' \
    init.replace_head=true model.classes=7
expect "weights from a run" 0 'weights from .*2 tensors of the head start anew'
check "frozen parameters stay, others move, the head has its own size" "$python" -c '
import sys, h5py
a, b = (h5py.File(f)["model"] for f in sys.argv[1:])
same = lambda k: (a[k][()] == b[k][()]).all()
assert same("conv1.weight") and same("conv1.bias") and same("conv2.weight")
assert not same("conv2.bias") and not same("fc1.weight")
assert a["fc3.weight"].shape == (4, 84) and b["fc3.weight"].shape == (7, 84)' "$run/last.h5" "$work/next/last.h5"
finish
