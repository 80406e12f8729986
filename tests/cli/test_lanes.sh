#!/usr/bin/env bash
# The promise: one digest for every number of ranks and threads, and for a run that was stopped on some ranks and resumed on others.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

if [[ -d $shared/data/cifar10/cifar-10-batches-bin ]]; then
    "$shoal" pack cifar10 "$shared/data/cifar10/cifar-10-batches-bin" "$work/data" > /dev/null || exit 1
else
    "$shoal" pack glyphs "$work/data" > /dev/null || exit 1
fi

cat > "$work/resnet20.yaml" << JOB
name: lanes-resnet20
model: {name: resnet20, dropout: 0.1}
data: {train: $work/data/train.h5, augment: [random_crop: {size: 32, padding: 4}, hflip: {}]}
train: {epochs: 1, batch: 64, lanes: 8, seed: 5, max_steps: 30}
optimizer: {name: sgd, lr: 0.1, momentum: 0.9, weight_decay: 1e-4}
schedule: {name: cosine}
checkpoint: {every_epochs: 1, every_seconds: 600, keep: 3}
JOB
cat > "$work/vgg11.yaml" << JOB
name: lanes-vgg11
model: {name: vgg11, dropout: 0.5}
data: {train: $work/data/train.h5, augment: [hflip: {}]}
train: {epochs: 1, batch: 16, lanes: 8, seed: 6, max_steps: 3}
optimizer: {name: sgd, lr: 0.01, momentum: 0.9, nesterov: true}
JOB
cat > "$work/lenet5.yaml" << JOB
name: lanes-lenet5
model: {name: lenet5}
data: {train: $work/data/train.h5, drop_last: false}
train: {epochs: 1, batch: 600, lanes: 12, seed: 7}
optimizer: {name: sgd, lr: 0.02, momentum: 0.9}
JOB
cat > "$work/adamw.yaml" << JOB
name: lanes-adamw
model: {name: lenet5}
data: {train: $work/data/train.h5}
train: {epochs: 1, batch: 64, lanes: 8, seed: 8, max_steps: 12, clip_grad: 0.1}
optimizer: {name: adamw, lr: 1e-3, amsgrad: true, norm_weight_decay: 0}
JOB

# run JOB RANKS THREADS FOLDER OPTION…: prints the digest of the last checkpoint.
run() {
    local job=$1 n=$2 threads=$3 folder=$4
    shift 4
    OMP_NUM_THREADS=$threads ranks "$n" "$shoal" train "$work/$job.yaml" --out "$work/$folder" "$@" > "$work/out" 2> "$work/err"
    code=$?
    [[ $code == 0 ]] && "$shoal" digest "$work/$folder/last.h5"
}

# all JOB STOP RANKS:RESUMED CASES…: every case `ranks:threads` gives the digest of the first; so does a stop at step STOP on RANKS that is
# resumed on RESUMED.
all() {
    local job=$1 stop=$2 n=${3%:*} resumed=${3#*:} first digest case
    shift 3
    for case in "$@"; do
        digest=$(run "$job" "${case%:*}" "${case#*:}" "$job-$case")
        first=${first:-$digest}
        echo "$job, $case ranks:threads  ${digest:-no digest}"
        check "$job, $case: it ran" test -n "$digest"
        check "$job, $case: the digest of $1" test "$digest" = "$first"
        rm -rf "$work/$job-$case"
    done
    digest=$(run "$job" "$n" 1 "$job-stop" "train.max_steps=$stop")
    check "$job, stopped at step $stop: another digest" test "$digest" != "$first"
    digest=$(run "$job" "$resumed" 2 "$job-stop" --resume)
    echo "$job, stopped on $n ranks at step $stop, resumed on $resumed  ${digest:-no digest}"
    check "$job, resumed: the same digest" test "$digest" = "$first"
    rm -rf "$work/$job-stop"
}

all resnet20 13 4:1 1:1 1:2 2:1 2:2 4:1 4:2
all lenet5 15 3:5 1:1 1:2 2:2 4:1 8:1 # convolutions by samples, fused with relu and pool; the last batch has lanes of 16 and of 17
all adamw 5 2:3 1:1 2:2 4:1
all vgg11 2 2:1 1:1 2:2 # 128 million parameters: more ranks take more memory than small machines have

# pretending that every two ranks are a node changes who sums what first, and no bit
export SHOAL_RANKS_PER_NODE=2
digest=$(run resnet20 4 1 nodes train.max_steps=8)
unset SHOAL_RANKS_PER_NODE
check "two nodes of two ranks: the digest of one rank" test "$digest" = "$(run resnet20 1 2 alone train.max_steps=8)"
finish
