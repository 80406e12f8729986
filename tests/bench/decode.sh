#!/usr/bin/env bash
# Decoding and augmentation: pictures a second of one thread, beside Pillow and torchvision on the same pictures in the same run.
#
#     tests/bench/decode.sh [FOLDER]…     folders of pictures, a folder a class; default: the photographs of ../shared/data
#     ROUNDS=9 SECONDS_EACH=4 SIZE=160 JITTER=jitter tests/bench/decode.sh
#
# Each round runs one after the other; the medians are compared. It needs a Release build in build/ (BUILD), and Debian's
# python3-torchvision, python3-pil and python3-h5py.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$here/build}
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-2} size=${SIZE:-224} jitter=${JITTER:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ $# == 0 ]]; then
    set -- "$here/../shared/data/hymenoptera/hymenoptera_320/train" "$here/../shared/data/imagenette-sample/imagenette224/train"
fi

median() {
    sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'
}

printf '%-28s %10s %10s %6s\n' pictures Shoal Pillow ratio
n=0
for folder; do
    n=$((n + 1))
    OMP_NUM_THREADS=1 "$build/bin/shoal" pack folder "$folder" "$work/$n" --val-share 0 > /dev/null
    : > "$work/ours" && : > "$work/theirs"
    for ((i = 0; i < rounds; i++)); do
        # shellcheck disable=SC2086 # empty where it is not asked for
        taskset -c 0 "$build/bin/bench_decode" "$work/$n/train.h5" "$seconds" "$size" $jitter >> "$work/ours"
        # shellcheck disable=SC2086
        taskset -c 0 /usr/bin/python3 "$here/tests/bench/decode_peer.py" "$work/$n/train.h5" "$seconds" "$size" $jitter >> "$work/theirs"
    done
    ours=$(median < "$work/ours") theirs=$(median < "$work/theirs")
    printf '%-28s %10.1f %10.1f %6.2f\n' "$(basename "$(dirname "$folder")")" "$ours" "$theirs" "$(awk "BEGIN { print $ours / $theirs }")"
done
