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
job "mean of pixels to 255" 'override data\.mean=.*: data\.mean: 123\.5 lies outside.*divide it by 255' 'data.mean=[0.1, 123.5, 0.1]'
job "one value a channel" 'layer4\.0\.bn1: batch norm has a single value.*1 x 1.*4 samples, of which a lane has one.*sync_batchnorm: global' \
    model.name=resnet18 train.batch=4 train.sync_batchnorm=lane
job "pattern that freezes nothing" 'init\.freeze' 'init.freeze=[convv*]'

# a job file names file and line
sed 's/momentum: 0.9/momentun: 0.9/' "$work/job.yaml" > "$work/bad.yaml"
try "$shoal" train "$work/bad.yaml"
refused "unknown key in the file" 64 "bad\.yaml:6: .*momentun.*\"momentum\""
printf 'model: {name: lenet5\ntrain: [' > "$work/bad.yaml"
try "$shoal" train "$work/bad.yaml"
refused "file that is no YAML" 64 "bad\.yaml"
# file WHAT PATTERN: what stands in bad.yaml is refused
file() {
    try "$shoal" train "$work/bad.yaml" --out "$work/run"
    refused "$1" 64 "bad\.yaml.*($2)"
}
{ cat "$work/job.yaml"; "$python" -c 'print("log: " + "{a: " * 30000)'; } > "$work/bad.yaml"
file "endless nesting" 'nested too deeply'
{ cat "$work/job.yaml"; head -c 3000000 /dev/zero | tr '\0' '#'; } > "$work/bad.yaml"
file "a file too large" 'more than a megabyte'
{ cat "$work/job.yaml"; printf 'log: {every_steps: 1\0}\n'; } > "$work/bad.yaml"
file "a NUL" 'control characters'
{ cat "$work/job.yaml"; printf 'log: {every_steps: \xff}\n'; } > "$work/bad.yaml"
file "no UTF-8" 'UTF-8'
sed 's/^name: .*/name: "a\\nb"/' "$work/job.yaml" > "$work/bad.yaml"
file "a name of two lines" 'cannot name a folder'
for number in .nan .inf 0x10 1_000 '"0.1"' 0,1 1e999 -1; do
    sed "s/lr: 0.01/lr: $number/" "$work/job.yaml" > "$work/bad.yaml"
    file "lr: $number" 'optimizer\.(lr|1)'
done
{ printf '\xef\xbb\xbf'; sed 's/$/\r/' "$work/job.yaml"; } > "$work/dos.yaml"
try "$shoal" train "$work/dos.yaml" --out "$work/dos" train.max_steps=1
expect "a mark of byte order and ends of lines as on Windows" 0 '^digest'
try "$shoal" train "$work/nothing.yaml"
refused "no job file" 74 "nothing\.yaml"
try_ranks 5 "$shoal" train "$work/job.yaml" --out "$work/run"
refused "4 lanes on 5 ranks" 64 '4 lanes cannot be shared by 5 ranks: start 4 at most, or set train\.lanes to 5 or more'
try "$shoal" train "$work/job.yaml" --out "$work/run" --resume "$work/nothing.h5"
refused "no such checkpoint" 74 "nothing\.h5"
finish
