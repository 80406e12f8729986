#!/usr/bin/env bash
# What is printed: where it cannot be written the program says so (74), and a run is saved first; what others wrote forges no line of ours.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
try "$shoal" train "$work/job.yaml" --out "$work/run" train.epochs=1
expect "train" 0 '^digest'

unwritten='standard output cannot be written'
# mute COMMAND…: a full device
mute() {
    timeout 300 "$shoal" "$@" > /dev/full 2> "$work/err"
    code=$?
    refused "$1 on a full device" 74 "$unwritten: No space left on device"
}

# closed COMMAND…: a closed descriptor, a pipe that nobody reads
closed() {
    timeout 300 "$shoal" "$@" >&- 2> "$work/err"
    code=$?
    refused "$1 with stdout closed" 74 "$unwritten"
    { timeout 300 "$shoal" "$@" 2> "$work/err"; echo $? > "$work/code"; } | true
    code=$(< "$work/code") # the reader may have been slower: then all was written
    [[ $code == 0 ]] || refused "$1 into a pipe that nobody reads" 74 "$unwritten: Broken pipe"
}
mute --version
mute help
mute train --help
mute help pack
mute digest "$work/run/last.h5"
mute inspect "$work/train.h5"
mute inspect "$work/run/last.h5"
mute inspect --verify "$work/train.h5"
mute model resnet50
mute eval "$work/run/last.h5" "$work/val.h5"
mute predict "$work/run/last.h5" "$work/pictures/cod/1.png"
closed help
closed inspect "$work/train.h5"
closed eval "$work/run/last.h5" "$work/val.h5"
mute bench --model lenet5 --batch 8 --steps 1
mute pack folder "$work/pictures" "$work/packed" --lenient
timeout 300 "$shoal" digest "$work/nothing.h5" > /dev/full 2> "$work/err"
code=$?
refused "what failed first is told" 74 'nothing\.h5'
"$shoal" inspect "$work/train.h5" <&- >&- 2>&-
check "no descriptor at all: exit code 74" test $? = 74

# a run that can no longer speak is saved, and goes on from there to the same end
{ timeout 300 "$shoal" train "$work/job.yaml" --out "$work/mute" train.epochs=2000 log.every_steps=1000 2> "$work/err"; echo $? > "$work/code"; } |
    head -n 9 > "$work/out"
code=$(< "$work/code")
refused "a run whose reader leaves" 74 'after step [0-9]+ \(saved\): standard output cannot be written: Broken pipe'
step=$(sed -nE 's/.*after step ([0-9]+) .*/\1/p' "$work/err")
check "the checkpoint is that step's" grep -q "^step $(sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<< "$step"), \|^step $step, " \
    <("$shoal" inspect "$work/mute/last.h5")
timeout 300 "$shoal" train "$work/job.yaml" --out "$work/never" > /dev/full 2> "$work/err"
code=$?
refused "a run that cannot say how it begins" 74 "$unwritten"
check "it has not trained" test ! -e "$work/never/last.h5"
mkdir "$work/full"
ln -s /dev/full "$work/full/log.txt"
try "$shoal" train "$work/job.yaml" --out "$work/full"
refused "log.txt cannot be written" 74 'full/log\.txt: cannot be written: No space left'
rm "$work/full/log.txt"
ln -sf /dev/full "$work/full/metrics.jsonl"
try "$shoal" train "$work/job.yaml" --out "$work/full" --resume log.every_steps=1
refused "metrics.jsonl cannot be written" 74 'after step 1 \(saved\): .*full/metrics\.jsonl: cannot be written: No space left'

# a name with a line of its own, a colour and bytes that are no UTF-8
evil=$'x\nshoal: all is lost\r\e[31m\x9b\xff'
shown='x\x0ashoal: all is lost\x0d\x1b[31m\x9b\xff'
# clean WHAT: nothing but printable characters, and the name as it is shown
clean() {
    cat "$work/out" "$work/err" > "$work/both"
    check "$1: no control characters" "$python" -c '
import sys, unicodedata
text = open(sys.argv[1], "rb").read().decode()
assert not [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]' "$work/both"
    check "$1: no line is forged" test "$(grep -c '^shoal: all is lost' "$work/both")" = 0
    check "$1: the name is shown" grep -qF -- "$shown" "$work/both"
}
for sub in "" digest inspect train "pack folder" pack help eval "eval $work/run/last.h5" model "predict $work/run/last.h5"; do
    [[ $sub == pack* ]] && out=$work/packed.d || out=
    # shellcheck disable=SC2086 # the words before the name
    try "$shoal" $sub "$evil" $out
    check "$sub NAME: refused" test "$code" -ge 64 -a "$code" -le 74
    clean "$sub NAME"
done
for override in "$evil=1" "train.$evil=1" "model.$evil=1" "train.epochs=\"$evil"; do
    try "$shoal" train "$work/job.yaml" "$override" --out "$work/x"
    check "override: refused" test "$code" = 64
    clean "override"
done
"$python" - "$work" << 'PY'
import shutil, sys, h5py, numpy
evil = b"x\nshoal: all is lost\r\x1b[31m\x9b\xff"
shutil.copy(sys.argv[1] + "/train.h5", sys.argv[1] + "/evil.h5")
with h5py.File(sys.argv[1] + "/evil.h5", "r+") as f:
    n = len(f["classes"])
    del f["classes"]
    f["classes"] = numpy.array([evil] + [b"c%d" % i for i in range(1, n)], dtype="S64")
with h5py.File(sys.argv[1] + "/other.h5", "w") as f:
    f.create_dataset(evil, data=[1])
    f.attrs[b"note"] = numpy.bytes_(evil)
PY
for file in evil other; do
    try "$shoal" inspect "$work/$file.h5"
    expect "inspect $file.h5" 0 all
    clean "inspect $file.h5"
done
try "$shoal" train "$work/job.yaml" data.train="$work/evil.h5" data.val=null train.epochs=1 --out "$work/evil"
expect "train on classes with such names" 0 '^digest'
try "$shoal" predict "$work/evil/last.h5" "$work/pictures/cod/1.png"
expect "predict with such names" 0 '%'
clean "predict"
finish
