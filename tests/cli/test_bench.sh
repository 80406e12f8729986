#!/usr/bin/env bash
# shoal bench and tests/bench/run.sh: that they run and print what they promise; no figure is judged.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
run=$repository/tests/bench/run.sh

# ---- shoal bench ----

try "$shoal" bench --model lenet5 --batch 8 --steps 2
expect "bench" 0 '^\{"model":"lenet5","batch":8,"size":28,.*"images_per_s":.*"step_s":\[.*"rss_mb":.*"gflops":'
check "bench: one line" test "$(wc -l <"$work/out")" = 1

# The table's lines add up to its sum, and nothing is wider than a screen.
# shellcheck disable=SC2317 # check calls it
adds_up() {
    awk '/^layer +kind/ { inside = 1; next } /^all layers/ { if (sum - $(NF - 1) > 0.5 || $(NF - 1) - sum > 0.5) exit 1; found = 1 }
         inside && NF > 3 { for (i = NF; i > 3; i--) if ($i ~ /^[0-9.]+$/ && $(i - 1) ~ /^[0-9.]+$/) { sum += $(i - 1); break } }
         END { exit !found }' "$work/out"
}
try "$shoal" bench --model resnet20 --batch 8 --steps 2 --layers
expect "bench --layers" 0 '^Layers of rank 0 of 1, 1 thread, 8 of 8 pictures'
check "--layers: the JSON line comes first" grep -q '^{"model":"resnet20"' <(head -1 "$work/out")
check "--layers: parameters have lines" test "$(grep -cE '^layer[123]\.[012]\.conv[12] +conv2d +(16x32x32|32x16x16|64x8x8) ' "$work/out")" = 18
check "--layers: the first layer has no gradient of its inputs" grep -qE '^conv1 +conv2d +16x32x32 +[0-9.]+ +[0-9]+ +- +- ' "$work/out"
check "--layers: shares add up" adds_up
check "--layers: at most 140 columns" test "$(wc -L <"$work/out")" -lt 400 -a "$(grep -v '^{' "$work/out" | wc -L)" -le 140
expect "--layers: what is no layer" 0 '^Beside the layers: optimiser'
try_ranks 2 "$shoal" bench --model lenet5 --batch 8 --steps 2 --layers --recompute
expect "--layers on 2 ranks" 0 '^Layers of rank 0 of 2, 1 thread, 4 of 8 pictures'
check "--layers on 2 ranks: printed once" test "$(grep -c '^all layers' "$work/out")" = 1
try "$shoal" bench --model lenet5 --layers=yes
refused "bench: value for --layers" 64 'takes no value'

# ---- tests/bench/run.sh ----

try "$run" --help
expect "run.sh --help" 0 '^usage: tests/bench/run.sh'
try "$run" --fast
expect "run.sh: unknown option" 64 '^usage'
CASES=3-threads PEER=none OUT=$work/bench try "$run" lenet5
expect "run.sh: unknown case" 64 'no case "3-threads"'

export SHOAL_BIN=$shoal OUT=$work/bench
PEER=none BATCH=2 STEPS=1 ROUNDS=1 try "$run" lenet5
expect "run.sh: all cases of Shoal" 0 '^lenet5 +1-thread +[0-9.]+ +- +- +5\.0'
check "run.sh: a line for each run" test "$(wc -l <"$work/bench/results.jsonl")" = 7
check "run.sh: the table is kept" cmp -s "$work/out" "$work/bench/table.txt"

if "$python" -c 'import torch, torchvision' 2> /dev/null; then
    BATCH=2 STEPS=1 ROUNDS=1 CASES='1-thread' try "$run" lenet5 resnet20
    expect "run.sh beside PyTorch" 0 '^resnet20 +1-thread +[0-9.]+ +[0-9.]+ +[0-9.]+ +2\.0'
fi

# Medians, not means; the rates of two copies are added.
cat > "$work/bench/results.jsonl" <<'LINES'
{"side":"shoal","case":"1-thread","round":1,"model":"resnet50","images_per_s":5,"rss_mb":1000}
{"side":"peer","case":"1-thread","round":1,"model":"resnet50","img_s_total":2,"rss_mb":2000}
{"side":"shoal","case":"1-thread","round":2,"model":"resnet50","images_per_s":1,"rss_mb":1000}
{"side":"peer","case":"1-thread","round":2,"model":"resnet50","img_s_total":2,"rss_mb":2000}
{"side":"shoal","case":"1-thread","round":3,"model":"resnet50","images_per_s":4,"rss_mb":1000}
{"side":"peer","case":"1-thread","round":3,"model":"resnet50","img_s_total":9,"rss_mb":2000}
{"side":"shoal","case":"2-ranks","round":1,"model":"resnet50","images_per_s":9,"rss_mb":1000}
{"side":"shoal","case":"2-copies","round":1,"model":"resnet50","images_per_s":5,"rss_mb":1000}
{"side":"shoal","case":"2-copies","round":1,"model":"resnet50","images_per_s":5,"rss_mb":1000}
{"side":"shoal","case":"recompute","round":1,"model":"resnet50","images_per_s":3.2,"rss_mb":600}
LINES
try "$python" "$repository/tests/bench/table.py" "$work/bench"
expect "table: ratios" 0 '^resnet50 +1-thread +4\.00 +2\.00 +2\.00 +1\.7 +1000 +2000 +0\.50 +0\.8$'
expect "table: ranks against copies" 0 'two ranks of Shoal reach 0\.900 of two copies'
expect "table: recompute" 0 '40 % less memory and 25 % more time'
if "$python" -c 'import matplotlib' 2> /dev/null; then
    check "table: a picture" test -s "$work/bench/table.png"
fi
finish
