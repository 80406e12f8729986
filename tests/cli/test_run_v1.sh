#!/usr/bin/env bash
# A run of version 0.1.0, whose checkpoint is of version 1: read and gone on with for ever.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cp -r "$repository/tests/data/run-v1/." "$work" || exit 1
chmod -R u+w "$work"
cd "$work" || exit 1
export SHOAL_ISA=generic
stopped=8188889991e01ca84c3ef6e6f356bddbdae1ba5f08ef7a9caced1c2ecb86981c
whole=f95b6716ddb95347502a62e0efeeb1cfd5532d568b64f78595708c5ed37ecdb0

check "its digest" test "$("$shoal" digest run/last.h5)" = $stopped
try "$shoal" inspect run/last.h5
expect "inspect" 0 'best_top1'
try "$shoal" eval run/last.h5 set.h5
expect "eval" 0 'Acc@1 66\.667 .*loss 1\.'
try "$shoal" train job.yaml --out run --resume
expect "resumed" 0 'resuming from run/last.h5 at step 6'
check "measured on what it learns from" grep -qs 'hold the same samples' "$work/out" "$work/err"
check "to the end" grep -q 'done: 12 steps' "$work/out"

# bits are equal on one kind of processor only: where this is the one that made the run, they are those of a run that never stopped
try "$shoal" train job.yaml --out again train.max_steps=6
if [[ $("$shoal" digest again/last.h5) == "$stopped" ]]; then
    check "the digest of a run that never stopped" test "$("$shoal" digest run/last.h5)" = $whole
else
    echo "another kind of processor: the digest at the end is not compared"
fi
finish
