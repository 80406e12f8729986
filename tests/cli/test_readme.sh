#!/usr/bin/env bash
# The README's C program, built against libshoal as it says, is the program with one model more; the library exports nothing but shoal_*.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

build=$(cd "$(dirname "$shoal")/.." && pwd)
sed -n '/^```c$/,/^```$/p' "$repository/README.md" | sed '/^```/d' > "$work/tiny.c"
check "README.md has a C program" test -s "$work/tiny.c"
try cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/tiny.c" "-I$repository/include" "-L$build" -lshoal "-Wl,-rpath,$build" -o "$work/tiny"
check "it compiles without a warning" test "$code" = 0
try "$work/tiny" model tiny
expect "its model has a layer table" 0 "block1.conv2"
try "$work/tiny" model tinny
refused "a misspelt model" 64 'did you mean "tiny"'

"$shoal" pack glyphs "$work/glyphs" > "$work/out" 2> "$work/err" || exit 1
cat > "$work/job.yaml" << JOB
name: tiny
model: {name: tiny, dropout: 0.2}
data: {train: $work/glyphs/train.h5}
train: {epochs: 1, batch: 32, max_steps: 3}
optimizer: {name: sgd, lr: 0.05}
JOB
try_ranks 2 "$work/tiny" train "$work/job.yaml" --out "$work/run"
expect "it trains on two ranks" 0 "^digest [0-9a-f]{64}$"
finish
