#!/usr/bin/env bash
# Jobs that cannot be run: one line that names file and key, code 64, the same on one rank and on several.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"

# job WHAT PATTERN OVERRIDE…: refused on 1 and on 2 ranks.
job() {
    local what=$1 pattern=$2
    shift 2
    try "$shoal" train "$work/job.yaml" --out "$work/run" "$@"
    refused "$what" 64 "$pattern"
    try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/run" "$@"
    refused "$what on 2 ranks" 64 "$pattern"
    check "$what: nothing is left behind" test ! -e "$work/run"
}

job "unknown section" 'optimzer.*"optimizer"' optimzer.lr=0.1
job "unknown key" 'momentun.*"momentum"' optimizer.momentun=0.9
job "unknown model" 'lenet6.*"lenet5"' model.name=lenet6
job "unknown optimiser" 'sgdd.*"sgd"' optimizer.name=sgdd
job "unknown schedule" 'cosin.*"cosine"' schedule.name=cosin
job "unknown transform" 'hflipp.*"hflip"' 'data.augment=[hflipp: {}]'
job "unknown option of the model" 'model.*dropuot|dropuot.*model' model.dropuot=0.5
job "wrong type" 'train\.epochs' train.epochs=many
job "impossible value" 'train\.batch' train.batch=-16
job "learning rate" 'optimizer\.lr' optimizer.lr=-1
job "broken YAML in an override" 'data\.augment' 'data.augment=[hflip: {'
job "batch not divisible by lanes" 'job\.yaml:5: train\.batch 16 .*5 lanes' train.lanes=5
job "batch larger than the set" 'batch 80 .*train\.h5 .*40' train.batch=80
job "classes fewer than the set's" 'model\.classes 3' model.classes=3
job "plane smaller than the kernel" 'conv2: kernel 5 x 5 on a 4 x 4 plane' \
    'data.augment=[center_crop: {size: 8}]' 'data.eval=[center_crop: {size: 8}]'
job "eval makes another shape" 'data\.eval' 'data.eval=[center_crop: {size: 28}]'
job "crop larger than the picture" 'crop.*64' 'data.augment=[random_crop: {size: 64}]'
job "mean of the wrong length" 'data\.mean' 'data.mean=[0.5]'
job "pattern that freezes nothing" 'init\.freeze' 'init.freeze=[convv*]'

# a job file names file and line
sed 's/momentum: 0.9/momentun: 0.9/' "$work/job.yaml" > "$work/bad.yaml"
try "$shoal" train "$work/bad.yaml"
refused "unknown key in the file" 64 "bad\.yaml:6: .*momentun.*\"momentum\""
printf 'model: {name: lenet5\ntrain: [' > "$work/bad.yaml"
try "$shoal" train "$work/bad.yaml"
refused "file that is no YAML" 64 "bad\.yaml"
try "$shoal" train "$work/nothing.yaml"
refused "no job file" 74 "nothing\.yaml"
try_ranks 3 "$shoal" train "$work/job.yaml" --out "$work/run"
refused "4 lanes on 3 ranks" 64 'lanes'
check "4 lanes on 3 ranks: the numbers that can are named" grep -qE '1, 2.* 4' "$work/err"
try "$shoal" train "$work/job.yaml" --out "$work/run" --resume "$work/nothing.h5"
refused "no such checkpoint" 74 "nothing\.h5"
finish
