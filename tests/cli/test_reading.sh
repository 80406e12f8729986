#!/usr/bin/env bash
# Reading at scale: bad records and their substitutes, shuffling by blocks, loader threads, copies on the node's disk, files that change
# under the reader.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1
sed "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
cd "$work" || exit 1

# bad.h5: PNG files; of 400, six have a wrong CRC (one of them in its picture, one in its number), and two cannot be decoded though their CRC
# is right. good.h5: the validation set without picture 5, which is bad in bad-val.h5.
"$python" - << 'PY' || exit 1
import io, shutil, zlib
import h5py, numpy as np
from PIL import Image

rng = np.random.default_rng(0)
labels = rng.integers(0, 4, 400).astype(np.int32)
records = []
for label in labels:
    pixels = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    pixels[:16, :16, 0] = label * 60
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    records.append(out.getvalue())
records[77] = records[77][:100]
records[301] = b"not a picture"
crc = np.array([zlib.crc32(r) for r in records], np.uint32)
crc[[3, 150, 151, 152, 399]] ^= 1
records[200] = records[200][:500] + bytes([records[200][500] ^ 4]) + records[200][501:]
with h5py.File("bad.h5", "w") as f:
    f.attrs.update({"format": "shoal-dataset", "version": 1, "task": "classification"})
    f.attrs["mean"] = np.full(3, 0.5, np.float32)
    f.attrs["std"] = np.full(3, 0.25, np.float32)
    f["encoded/bytes"] = np.frombuffer(b"".join(records), np.uint8)
    f["encoded/offsets"] = np.cumsum([0] + [len(r) for r in records]).astype(np.uint64)
    f["labels"] = labels
    f["crc32"] = crc
    f["classes"] = np.array(["cod", "eel", "ray", "tuna"], dtype=h5py.string_dtype())
with open("expected.csv", "w") as f:
    for i in (3, 77, 150, 151, 152, 200, 301, 399):
        f.write(f"bad.h5,{i},{labels[i]}\n")
shutil.copy("val.h5", "bad-val.h5")
with h5py.File("bad-val.h5", "r+") as f, h5py.File("good.h5", "w") as g:
    for name, value in f.attrs.items():
        g.attrs[name] = value
    for name in ("images", "labels", "crc32"):
        g[name] = np.delete(f[name][()], 5, 0)
    f.copy("classes", g)
    f["images"][5, 0, 0, 0] ^= 1
PY

# named FOLDER: the records of its quarantine.csv, in order
named() {
    "$python" - "$1" << 'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/quarantine.csv")))
assert all(r["reason"] for r in rows)
for r in sorted(rows, key=lambda r: int(r["record"])):
    print(f'{r["file"]},{r["record"]},{r["label"]}')
PY
}

# train RANKS FOLDER OPTION…
train() {
    local n=$1 folder=$2
    shift 2
    try_ranks "$n" "$shoal" train job.yaml --out "$folder" data.val=null "$@"
}

digest() {
    "$shoal" digest "$1/last.h5"
}

# one digest for all ranks, threads of the loader, and a run that was stopped
bad=(data.train=bad.h5 'data.augment=[center_crop: {size: 32}]' 'data.eval=[center_crop: {size: 32}]' data.max_bad=0.02 data.drop_last=false train.epochs=3)
train 1 bad-1 "${bad[@]}" data.workers=1
expect "bad records" 0 'bad record: bad.h5: picture [0-9]+: .* of 400 so far, named in bad-1/quarantine.csv'
check "each is named once" diff <(named bad-1) expected.csv
for n in 2 4; do
    train $n bad-$n "${bad[@]}" data.workers=$n
    check "bad records on $n ranks: the same digest" test "$(digest bad-$n)" = "$(digest bad-1)"
    check "$n ranks: each is named once" diff <(named bad-$n) expected.csv
done
train 4 bad-stop "${bad[@]}" train.max_steps=33
train 2 bad-stop "${bad[@]}" --resume
expect "resumed with bad records" 0 'resuming'
check "resumed: the same digest" test "$(digest bad-stop)" = "$(digest bad-1)"
check "resumed: each is named once" diff <(named bad-stop) expected.csv
check "all reasons are there" test "$(grep -c 'CRC mismatch' bad-1/quarantine.csv)" = 6

# too many: all ranks end alike, what was trained is whole, and the run can go on once more are allowed
train 4 bad-many "${bad[@]}" data.max_bad=0.01
refused "too many bad records" 65 'saved\): bad.h5: picture .*; [5-8] of the 400 records of bad.h5 are bad, more than data.max_bad 0.01'
check "they are named" test -s bad-many/quarantine.csv
train 2 bad-many "${bad[@]}" data.max_bad=0.01 --resume
refused "resumed with too many" 65 'bad-many/quarantine.csv: [5-8] of the 400'
train 2 bad-many "${bad[@]}" --resume
check "resumed with more allowed: the same digest" test "$(digest bad-many)" = "$(digest bad-1)"
train 2 bad-none "${bad[@]}" data.max_bad=0
refused "none may be bad" 65 '1 of the 400|[1-8] of the 400'

# evaluation: the numbers are those of the set without the bad record
try_ranks 2 "$shoal" train job.yaml --out eval data.max_bad=0.1 data.val=bad-val.h5 train.epochs=2
expect "evaluation leaves it out" 0 '1 of 13 records left out'
check "named once" test "$(grep -c bad-val.h5,5, eval/quarantine.csv)" = 1
check "the record counts the others" grep -q '"event":"eval".*"count":12' eval/metrics.jsonl
accuracy() {
    grep -o 'Acc@1 .* loss [0-9.]*' "$work/out"
}
try_ranks 1 "$shoal" eval eval/last.h5 good.h5
expected=$(accuracy)
for n in 1 2 4; do
    try_ranks $n "$shoal" eval eval/last.h5 bad-val.h5 --batch 5
    expect "eval on $n ranks leaves it out" 0 '12 pictures, step 4.*1 of 13 records left out'
    check "eval on $n ranks: as without it" test "$(accuracy)" = "$expected"
done

# shuffled by blocks: an order of its own, the same for all ranks, that a resumed run must keep
by_blocks=('data.shuffle={block: 5}' train.epochs=3)
train 1 blocks-1 "${by_blocks[@]}"
for n in 2 4; do
    train $n blocks-$n "${by_blocks[@]}" data.workers=2
    check "blocks on $n ranks: the same digest" test "$(digest blocks-$n)" = "$(digest blocks-1)"
done
check "the resolved job says so" grep -q 'shuffle: {block: 5}' blocks-1/job.yaml
train 1 whole train.epochs=3
check "another order than without blocks" test "$(digest whole)" != "$(digest blocks-1)"
train 2 blocks-1 'data.shuffle={block: 6}' train.epochs=4 --resume
refused "resume with other blocks" 64 'data.shuffle: .*block: 6.* now, .*block: 5.* before'
train 1 none 'data.shuffle={block: 0}'
refused "no blocks of nothing" 64 'data.shuffle.block: 0 is too small'
train 1 none 'data.shuffle={blocks: 7}'
refused "a misspelt argument" 64 'data.shuffle.blocks: unknown key \(did you mean "block"'
train 1 none data.shuffle=maybe
refused "neither true nor false" 64 'data.shuffle: .*maybe.* is not true, false, or \{block: 256\}'

# copies on the node's disk: the same bits, nothing left, nothing of others touched
mkdir stage stage/shoal-stage-old stage/shoal-stage-live stage/mine
mkdir elsewhere
ln -s "$work/elsewhere" stage/shoal-stage-link
touch stage/shoal-stage-old/0 stage/shoal-stage-live/0 stage/mine/0 elsewhere/0
"$python" -c 'import fcntl, os, time; fcntl.flock(os.open("stage/shoal-stage-live", os.O_RDONLY), fcntl.LOCK_EX); print(flush=True); time.sleep(600)' > locked &
holder=$!
until [[ -s locked ]]; do sleep 0.1; done
SHOAL_RANKS_PER_NODE=2 train 4 staged train.epochs=3 data.stage=stage
expect "staged, once a node" 0 'data.stage: 1 files, .* copied to stage of 2 nodes'
check "staged: the same digest" test "$(digest staged)" = "$(digest whole)"
check "what a killed run left is removed, and only that" test "$(cd stage && echo ./*/*)" = "./mine/0 ./shoal-stage-link/0 ./shoal-stage-live/0"
kill $holder
train 2 none data.stage="$work/nowhere"
refused "no folder to stage in" 74 'data.stage: .*nowhere: cannot be used: No such file'
train 2 none data.stage=/proc
refused "no room to stage" 74 'data.stage: /proc has room for 0 B, the data sets have'

# while it runs, the copies are open, one for all ranks of a node, and have no name; then the file shrinks, and that is an error
run_long() {
    ranks 2 "$shoal" train job.yaml --out "$@" data.val=null train.epochs=100000 > "$work/out" 2> "$work/err" &
    runner=$!
    for _ in $(seq 300); do
        grep -q '"event":"step"' "$1/metrics.jsonl" 2> /dev/null && break
        sleep 0.1
    done
}
wait_long() {
    wait $runner
    code=$?
}
cp train.h5 shrinks.h5
run_long long data.train=shrinks.h5 data.stage=stage
copies=$(find /proc/[0-9]*/fd -lname "$work/stage/shoal-stage-*/0 (deleted)" -printf '%p %l\n' 2> /dev/null)
check "two ranks share one copy" test "$(wc -l <<< "$copies") $(cut -d' ' -f2 <<< "$copies" | sort -u | wc -l)" = "2 1"
truncate -s 9000 shrinks.h5
sleep 1
kill -USR1 "$(cut -d/ -f3 <<< "$copies" | head -n 1)"
wait_long
expect "staged: it does not matter that the file shrinks" 75 'whole, --resume goes on'
cp train.h5 shrinks.h5
run_long short data.train=shrinks.h5
truncate -s 9000 shrinks.h5
wait_long
refused "a file that shrinks under the reader" 74 'saved\): shrinks.h5: ends before byte [0-9]* and was longer'
check "what was trained is saved" test -n "$(digest short)"
finish
