#!/usr/bin/env bash
# shoal pack folder: pictures that cannot be decoded are named, counted and left out, or end the packing; inspect shows what was packed.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
"$python" "$here/make_data.py" "$work" || exit 1

try "$shoal" pack folder "$work/pictures" "$work/out-a" --val-share 0.2 --seed 5
refused "two of 22 pictures broken" 65 'pictures: 2 pictures of 22 cannot be decoded, more than one in 100.*--lenient'
check "a refused set leaves no file behind" test ! -e "$work/out-a/train.h5"
try "$shoal" pack folder "$work/pictures" "$work/out-a" --val-share 0.2 --seed 5 --lenient
expect "folder with two broken pictures" 0 'cod/broken\.png'
check "the other broken picture is named" grep -q 'eel/page\.jpg' "$work/out" "$work/err"
check "the broken pictures are counted" grep -qE '2 pictures of 22 left out' "$work/out" "$work/err"
try "$shoal" inspect "$work/out-a/train.h5"
expect "train.h5: 8 of 10 pictures a class" 0 '^samples +16'
check "classes are counted" grep -qE '^ +1 +eel +8 ' "$work/out"
try "$shoal" inspect "$work/out-a/val.h5"
expect "val.h5: 2 of 10 pictures a class" 0 '^samples +4'

try "$shoal" inspect "$work/out-a/val.h5" --pictures "$work/look" --count 2
expect "pictures to look at" 0 'look/.*-cod\.png'
check "a picture of every class" grep -q -- '-eel\.png' "$work/out"
# shellcheck disable=SC2046 # two file names
try "$python" -c 'import sys
assert all(open(p, "rb").read(8) == b"\x89PNG\r\n\x1a\n" for p in sys.argv[1:3])' $(find "$work/look" -name '*.png')
check "they are PNG files" test "$code" = 0

try "$shoal" pack folder "$work/pictures" "$work/out-b" --strict
refused "strict" 65 'pictures/(cod/broken\.png|eel/page\.jpg)'
check "strict: no file is left behind" test ! -e "$work/out-b/train.h5"
try "$shoal" pack folder "$work/pictures" "$work/out-b" --strict --lenient
refused "strict and lenient" 64 'exclude each other'
try "$shoal" pack folder "$work/nowhere" "$work/out-c"
refused "no such folder" 74 'nowhere'
mkdir "$work/bare"
try "$shoal" pack folder "$work/bare" "$work/out-c"
refused "empty folder" 65 'bare'
touch "$work/file"
try "$shoal" pack folder "$work/pictures" "$work/file/out"
refused "output that cannot be made" 74 'file/out'
try "$shoal" inspect "$work/foreign.h5"
expect "inspect of any HDF5 file" 0 'temperature +float32 \[12\]'
try "$shoal" inspect "$work/text.h5"
refused "inspect of a text" 65 'text\.h5'
try "$shoal" inspect "$work/foreign.h5" --pictures "$work/look"
refused "pictures of no data set" 65 'foreign\.h5'
finish
