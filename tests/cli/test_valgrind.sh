#!/usr/bin/env bash
# Three steps, an evaluation and a checkpoint under valgrind: nothing of ours leaks, nothing is read or written out of bounds.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
command -v valgrind > /dev/null || skip "needs valgrind"
[[ $(ldd "$shoal") != *libasan* ]] || skip "AddressSanitizer and valgrind do not go together"
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"

# memory WHAT COMMAND…: values that are not set are not asked for: MPI reads such on purpose.
memory() {
    local what=$1
    shift
    try valgrind --quiet --undef-value-errors=no --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --suppressions="$here/../valgrind.supp" --error-exitcode=9 "$shoal" "$@"
    check "$what" test "$code" = 0
}

memory "train" train "$work/job.yaml" --out "$work/run" train.max_steps=3 'data.augment=[random_crop: {size: 32, padding: 4}, hflip: {}]' \
    train.epochs=2
memory "resume" train "$work/job.yaml" --out "$work/run" --resume 'data.augment=[random_crop: {size: 32, padding: 4}, hflip: {}]' \
    train.max_steps=4 train.epochs=2
memory "eval" eval "$work/run/last.h5" "$work/val.h5"
memory "predict" predict "$work/run/last.h5" "$work/pictures/cod/1.png"
memory "digest" digest "$work/run/last.h5"
memory "inspect a checkpoint" inspect "$work/run/last.h5"
memory "inspect a data set" inspect "$work/train.h5"
memory "model" model resnet18
memory "pack" pack folder "$work/pictures" "$work/packed" --lenient
finish
