#!/usr/bin/env bash
# datasets/get.sh with files that are there already: whole, damaged, unpacked, missing. Nothing is downloaded.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
export SHOAL_BIN=$shoal
get=$repository/datasets/get.sh

# A copy of the script with the sums of small sets made here, so that its own sums are not needed.
"$python" - "$work" << 'PYTHON' || exit 1
import gzip, os, struct, sys, tarfile
folder = sys.argv[1]
os.makedirs(f"{folder}/idx dir"), os.makedirs(f"{folder}/cifar-10-batches-bin"), os.makedirs(f"{folder}/archive")
for name, count in (("train", 5), ("t10k", 2)):
    with gzip.open(f"{folder}/idx dir/{name}-images-idx3-ubyte.gz", "wb") as f:
        f.write(struct.pack(">IIII", 2051, count, 3, 4) + bytes(range(12 * count)))
    with gzip.open(f"{folder}/idx dir/{name}-labels-idx1-ubyte.gz", "wb") as f:
        f.write(struct.pack(">II", 2049, count) + bytes(range(count)))
for name in ("data_batch_1", "test_batch"):
    open(f"{folder}/cifar-10-batches-bin/{name}.bin", "wb").write(bytes([3]) + bytes(3072))
with tarfile.open(f"{folder}/archive/cifar-10-binary.tar.gz", "w:gz") as t:
    t.add(f"{folder}/cifar-10-batches-bin", "cifar-10-batches-bin")
PYTHON
cp "$get" "$work/get.sh"
for file in "$work/idx dir"/*.gz "$work/archive"/*.gz; do
    read -r sum _ < <(sha256sum < "$file")
    name=$(basename "$file")
    sed -i -E "s/[0-9a-f]{64} $name/$sum $name/" "$work/get.sh"
done

for set in mnist fashion-mnist; do
    try "$work/get.sh" "$set" --from "$work/idx dir" "$work/out $set"
    expect "$set" 0 'train\.h5: 5 pictures'
    check "$set: nothing unverified" test -z "$(grep verified "$work/out")"
done
try "$shoal" inspect "$work/out fashion-mnist/val.h5"
expect "Fashion-MNIST has its class names" 0 '9 +Ankle boot'
check "the folder given is not written to" test ! -e "$work/idx dir/classes.txt"
try "$work/get.sh" cifar10 --from "$work/archive" "$work/out-c"
expect "CIFAR-10, archive" 0 'train\.h5: 1 picture'
check "CIFAR-10: nothing unverified" test -z "$(grep verified "$work/out")"
try "$get" cifar10 --from "$work" "$work/out-d"
expect "CIFAR-10, unpacked" 0 'cannot be verified'
check "it is packed" test -f "$work/out-d/val.h5"
mkdir "$work/plain"
for file in "$work/idx dir"/*.gz; do
    name=${file##*/}
    gunzip < "$file" > "$work/plain/${name%.gz}"
done
try "$get" fashion-mnist --from "$work/plain" "$work/out-e"
expect "Fashion-MNIST, unpacked" 0 'cannot be verified'
check "it is packed" test -f "$work/out-e/val.h5"

# refused_by_get WHAT CODE PATTERN: exactly one line on stderr.
refused_by_get() {
    check "$1: exit code $2" test "$code" = "$2"
    check "$1: one line" test "$(wc -l < "$work/err")" = 1
    check "$1: \"$3\" is in it" grep -qE -- "^get\.sh: .*($3)" "$work/err"
}
try "$get" mnist --from "$work/idx dir" "$work/out-f"
refused_by_get "another file" 65 'train-images-idx3-ubyte\.gz.*SHA-256'
check "nothing is packed" test ! -e "$work/out-f"
try "$get" cifar100 --from "$work" "$work/out-f"
refused_by_get "missing file" 74 'cifar-100-binary\.tar\.gz: no such file'
try "$get" mnist --from "$work/nowhere"
refused_by_get "missing folder" 74 'nowhere: no such folder'
try "$get" minst
refused_by_get "unknown set" 64 'minst'
try "$get" mnist --form "$work"
refused_by_get "unknown option" 64 'form'
SHOAL_BIN=$work/none PATH=/usr/bin:/bin try "$work/get.sh" mnist --from "$work/idx dir" "$work/out-g"
refused_by_get "no program" 74 'build it first'

if [[ -d $shared/data/mnist ]]; then
    try "$get" mnist --from "$shared/data/mnist" "$work/out-h"
    expect "the real MNIST" 0 'train\.h5: 60,000 pictures, 10 classes, 28 x 28 x 1'
else
    echo "skipped: the real MNIST, there is no $shared/data"
fi
finish
