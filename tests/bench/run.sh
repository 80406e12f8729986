#!/usr/bin/env bash
# Speed of a full training step beside PyTorch's, in one run: Shoal, PyTorch, ratio, on 1 thread, 2 threads, 2 ranks; peak memory.
#   tests/bench/run.sh [MODEL…]          default: resnet50
#   BATCH=16 SIZE=224 ROUNDS=3 STEPS=3   what is run: every round runs both, one after the other; medians over rounds are printed
# Needs a Release build in build/ and the peer script ../shared/peers/torch_train.py with Debian's python3-torch and python3-torchvision.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

shoal=${SHOAL_BIN:-$PWD/build/bin/shoal}
peer=${SHOAL_SHARED:-$PWD/../shared}/peers/torch_train.py
python=${PYTHON:-/usr/bin/python3}
batch=${BATCH:-16} size=${SIZE:-224} rounds=${ROUNDS:-3} steps=${STEPS:-3}
models=("${@:-resnet50}")
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
results=$(mktemp)
trap 'rm -f "$results"' EXIT

[ -x "$shoal" ] || { echo "no $shoal: build first (cmake -B build && cmake --build build)" >&2; exit 64; }
have_peer=true
if ! [ -r "$peer" ] || ! "$python" -c 'import torch, torchvision' 2>/dev/null; then
    have_peer=false
    echo "PyTorch or $peer is missing: Shoal alone is measured" >&2
fi

# Each prints one JSON line; the batch is a rank's.
shoal_threads() { OMP_NUM_THREADS=$2 taskset -c "0-$(($2 - 1))" "$shoal" bench --model "$1" --batch "$batch" --size "$size" --steps "$steps"; }
shoal_ranks() {
    OMP_NUM_THREADS=1 mpirun --quiet --bind-to core -np "$2" "$shoal" bench --model "$1" --batch $((batch * $2)) --size "$size" \
        --steps "$steps" --lanes 8
}
# Two independent copies on the two cores: what ranks could reach if meeting each other cost nothing.
shoal_copies() {
    local other
    other=$(mktemp)
    OMP_NUM_THREADS=1 taskset -c 0 "$shoal" bench --model "$1" --batch "$batch" --size "$size" --steps "$steps" --lanes 4 >"$other" &
    OMP_NUM_THREADS=1 taskset -c 1 "$shoal" bench --model "$1" --batch "$batch" --size "$size" --steps "$steps" --lanes 4
    wait
    cat "$other"
    rm -f "$other"
}
peer_threads() { taskset -c "0-$(($2 - 1))" "$python" "$peer" --model "$1" --batch "$batch" --size "$size" --iters "$steps" --threads "$2" --best; }
peer_ranks() { "$python" "$peer" --model "$1" --batch "$batch" --size "$size" --iters "$steps" --world "$2" --pin; }

measure() { # label model side command…
    local label=$1 model=$2 side=$3
    shift 3
    "$@" | sed "s/^{/{\"label\":\"$label\",\"case\":\"$model\",\"side\":\"$side\",/" >>"$results"
}

for model in "${models[@]}"; do
    for ((round = 1; round <= rounds; round++)); do
        echo "$model: round $round of $rounds" >&2
        for threads in 1 2; do
            measure "$threads thread" "$model" shoal shoal_threads "$model" $threads
            $have_peer && measure "$threads thread" "$model" peer peer_threads "$model" $threads
        done
        measure "2 ranks" "$model" shoal shoal_ranks "$model" 2
        $have_peer && measure "2 ranks" "$model" peer peer_ranks "$model" 2
        measure "2 copies" "$model" shoal shoal_copies "$model"
    done
done

"$python" - "$results" <<'PY'
import json, statistics, sys
rows = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    rate = r.get("img_s_total", r.get("images_per_s"))
    entry = rows.setdefault((r["case"], r["label"]), {"shoal": [], "peer": [], "mb": {"shoal": [], "peer": []}})
    entry[r["side"]].append(rate)
    entry["mb"][r["side"]].append(r["rss_mb"])
median = lambda values: statistics.median(values) if values else float("nan")
print(f"{'model':12s} {'on':9s} {'Shoal img/s':>12s} {'PyTorch img/s':>14s} {'ratio':>6s} {'Shoal MB':>9s} {'PyTorch MB':>11s}")
for (model, label), e in rows.items():
    ours, theirs = median(e["shoal"]) * (2 if label == "2 copies" else 1), median(e["peer"])
    print(f"{model:12s} {label:9s} {ours:12.2f} {theirs:14.2f} {ours / theirs:6.2f} {median(e['mb']['shoal']):9.0f} {median(e['mb']['peer']):11.0f}")
PY
