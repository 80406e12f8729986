#!/usr/bin/env bash
# Data sets and files that are not what they should be: one line that names file and thing, the right code, on all ranks, and nothing lost.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"

# set WHAT CODE PATTERN FILE: refused as training set, as validation set and by inspect; on 2 ranks too.
set_() {
    local what=$1 code_=$2 pattern=$3 file=$work/$4
    try "$shoal" train "$work/job.yaml" --out "$work/run" "data.train=$file"
    refused "$what" "$code_" "$4.*($pattern)"
    try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/run" "data.val=$file"
    refused "$what, for validation, on 2 ranks" "$code_" "$4.*($pattern)"
    check "$what: nothing is left behind" test ! -e "$work/run"
}

set_ "missing file" 74 'no such file|does not exist|no file|missing' nothing.h5
set_ "half a file" 65 'truncated|cut' truncated.h5
set_ "empty file" 65 'empty|HDF5' empty.h5
set_ "text" 65 'HDF5' text.h5
set_ "foreign HDF5" 65 'format' foreign.h5
set_ "another format" 65 'format' format.h5
set_ "another version" 65 'version' version.h5
set_ "another task" 65 'task|knitting' task.h5
set_ "no labels" 65 'labels' no-labels.h5
set_ "no pictures" 65 'images' no-images.h5
set_ "too few labels" 65 'labels' short-labels.h5
set_ "label too high" 65 'label 4|label.* 4 ' label-high.h5
set_ "label below zero" 65 'label -1|label.* -1 ' label-negative.h5

# a picture whose checksum is wrong is found when it is read
for n in 1 2 4; do
    try_ranks $n "$shoal" train "$work/job.yaml" --out "$work/run-crc-$n" "data.train=$work/crc.h5" train.epochs=3
    refused "checksum on $n ranks" 65 'crc\.h5.*7'
done
try "$shoal" train "$work/job.yaml" --out "$work/good" train.epochs=3
expect "a good run" 0 '^done'
try_ranks 2 "$shoal" eval "$work/good/best.h5" "$work/crc.h5"
refused "eval: checksum" 65 'crc\.h5.*7'
try_ranks 2 "$shoal" eval "$work/good/best.h5" "$work/truncated.h5"
refused "eval: half a data set" 65 'truncated\.h5'

# checkpoints
head -c 5000 "$work/good/best.h5" > "$work/half.h5"
for sub in digest inspect; do
    try "$shoal" $sub "$work/half.h5"
    refused "$sub: half a checkpoint" 65 'half\.h5'
done
try "$shoal" digest "$work/train.h5"
refused "digest of a data set" 65 'train\.h5'
try_ranks 2 "$shoal" eval "$work/train.h5" "$work/val.h5"
refused "eval of a data set" 65 'train\.h5'
try "$shoal" predict "$work/half.h5" "$work/pictures/cod/1.png"
refused "predict: half a checkpoint" 65 'half\.h5'
for file in cod/broken.png eel/page.jpg; do
    try "$shoal" predict "$work/good/best.h5" "$work/pictures/$file"
    refused "predict: $file" 65 "$file"
done
try "$shoal" predict "$work/good/best.h5" "$work/pictures/nothing.png"
refused "predict: no file" 74 'nothing\.png'

# resume: with another model, from a damaged file; what is there stays
digest=$("$shoal" digest "$work/good/last.h5")
cp "$work/job.yaml" "$work/other.yaml"
try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/good" --resume model.name=resnet20
refused "resume with another model" 64 'model\.name.*lenet5|lenet5.*resnet20'
try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/good" --resume train.seed=4 train.lanes=8 train.epochs=4
refused "resume with another seed and lanes" 64 'train\.seed'
check "every key that differs is named" grep -q 'train\.lanes' "$work/err"
try "$shoal" train "$work/job.yaml" --out "$work/good" --resume "$work/half.h5"
refused "resume from half a file" 65 'half\.h5'
try "$shoal" train "$work/job.yaml" --out "$work/good" --resume "data.train=$work/val.h5" train.batch=8
refused "resume with other data" 64 'data\.train|train\.batch'
check "the checkpoint is as it was" test "$("$shoal" digest "$work/good/last.h5")" = "$digest"

# a file that one rank lacks
mkdir -p "$work/rank0" "$work/rank1"
cp "$work/train.h5" "$work/val.h5" "$work/rank0"
cp "$work/val.h5" "$work/rank1"
cat > "$work/in_own_folder" << SCRIPT
#!/bin/sh
cd "$work/rank\${OMPI_COMM_WORLD_RANK:-\$PMIX_RANK}" && exec "$shoal" "\$@"
SCRIPT
chmod +x "$work/in_own_folder"
try_ranks 2 "$work/in_own_folder" train "$work/job.yaml" --out "$work/run" data.train=train.h5 data.val=val.h5
refused "a file that rank 1 lacks" 74 'rank 1: .*train\.h5'

# run folders
touch "$work/file"
try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/file/run"
refused "run folder below a file" 74 'file/run'
if [[ $(id -u) != 0 ]]; then
    mkdir "$work/locked" && chmod 555 "$work/locked"
    try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/locked/run"
    refused "read-only run folder" 74 'locked'
fi
try_ranks 2 "$shoal" train "$work/job.yaml" --out /proc/shoal
refused "run folder that cannot be made" 74 '/proc/shoal'

# a full disk, as a limit of file size that resnet18's checkpoint does not keep and Open MPI's own files do
full_disk() (
    trap '' XFSZ
    ulimit -f 60000
    exec timeout 120 "$shoal" train "$@"
)
try "$shoal" train "$work/job.yaml" --out "$work/full" model.name=resnet18 train.max_steps=1
expect "run before the disk is full" 0 '^done'
digest=$("$shoal" digest "$work/full/last.h5")
full_disk "$work/job.yaml" --out "$work/full" model.name=resnet18 --resume > "$work/out" 2> "$work/err"
code=$?
refused "full disk" 74 'full/.*\.h5'
check "full disk: the earlier checkpoint is as it was" test "$("$shoal" digest "$work/full/last.h5")" = "$digest"
check "full disk: nothing half-written stays" test -z "$(find "$work/full" -name '*tmp*' -o -name '.*.h5*')"

# loss that is not finite
try_ranks 2 "$shoal" train "$work/job.yaml" --out "$work/wild" optimizer.lr=1e6 train.epochs=20
refused "loss that is not finite" 70 'loss is .*lr'
finish
