#!/usr/bin/env bash
# Speed and memory of full training steps beside PyTorch's, in one run.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: tests/bench/run.sh [MODEL…]
  MODEL   resnet50 vgg16 vgg16_bn resnet18 resnet20 lenet5, or any other of `shoal model`; all six by default

Every round runs each case of each model once with Shoal and at once after it with PyTorch, and the medians over the rounds are compared.
The table is written anew after every round, so what has been measured is never lost.
Environment:
  CASES    "1-thread 2-threads 2-ranks 2-copies avx2 recompute network" or some of them (all but network)
             2-ranks    two ranks of one thread; PyTorch's DistributedDataParallel over gloo
             2-copies   two processes that never meet: what two ranks would reach if meeting cost nothing
             avx2       1-thread, both sides held to AVX2
             recompute  1-thread, Shoal with train.recompute
             network    after all rounds: tests/bench/network.sh, two ranks over a slow link (root only)
  ROUNDS   3; the first is always finished
  MINUTES  90: no further run begins later than that, the first round excepted
  STEPS    timed steps of a run (3 to 500, by model)
  BATCH    pictures of a rank in a step (16; resnet20 128, lenet5 64)
  SIZE     height and width of the pictures (224; resnet20 32, lenet5 28)
  OUT      folder for results.jsonl, table.txt, table.png (build/bench)
  PEER     none: Shoal alone is measured
  SHOAL_BIN, PYTHON, SHOAL_SHARED   the program, an interpreter with torch, the folder of peers/torch_train.py

Needs a Release build in build/, Debian's python3-torch and python3-torchvision, and for the picture python3-matplotlib.
EOF
}

case ${1:-} in
-h | --help) usage && exit ;;
-*) usage >&2 && exit 64 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

shoal=${SHOAL_BIN:-$PWD/build/bin/shoal}
python=${PYTHON:-/usr/bin/python3}
shared_peer=${SHOAL_SHARED:-$PWD/../shared}/peers/torch_train.py
own_peer=tests/bench/torch_peer.py
out=${OUT:-build/bench}
read -ra cases <<<"${CASES:-1-thread 2-threads 2-ranks 2-copies avx2 recompute}"
models=("$@")
[ $# -gt 0 ] || models=(resnet50 vgg16 vgg16_bn resnet18 resnet20 lenet5)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# shellcheck source=slurm/launch.sh
. slurm/launch.sh
[ -x "$shoal" ] || { echo "no $shoal: build first (cmake -B build && cmake --build build)" >&2; exit 64; }
have_peer=false
if [ "${PEER:-}" != none ]; then
    if "$python" -c 'import torch, torchvision' 2>/dev/null; then
        have_peer=true
    else
        echo "$python has no torch and torchvision: Shoal alone is measured" >&2
    fi
fi
mkdir -p "$out"
results=$out/results.jsonl
: >"$results"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ---- what a model is measured with ----

set_sizes() { # model
    case $1 in
    lenet5) batch=64 size=28 steps=500 ;;
    resnet20) batch=128 size=32 steps=20 ;;
    resnet18) batch=16 size=224 steps=5 ;;
    *) batch=16 size=224 steps=3 ;;
    esac
    batch=${BATCH:-$batch} size=${SIZE:-$size} steps=${STEPS:-$steps}
    # torchvision's models: the script that the targets were set with, where it is there
    peer=$own_peer
    if [ "$1" != lenet5 ] && [ "$1" != resnet20 ] && [ -r "$shared_peer" ]; then
        peer=$shared_peer
    fi
}

# ---- one run of one side: prints JSON lines ----

on_cores() { # first-last command…
    local cores=$1
    shift
    if [ "$(nproc)" -gt "${cores#*-}" ]; then
        taskset -c "$cores" "$@"
    else
        "$@"
    fi
}

shoal_alone() { # cores threads option…
    local cores=$1 threads=$2
    shift 2
    OMP_NUM_THREADS=$threads on_cores "$cores" "$shoal" bench --model "$model" --batch "$batch" --size "$size" --steps "$steps" "$@"
}

shoal_ranks() {
    local launch
    if [ "$(nproc)" -ge 2 ]; then launch_nodes 2 2 1 yes; else launch_here 2; fi
    OMP_NUM_THREADS=1 "${launch[@]}" "$shoal" bench --model "$model" --batch $((2 * batch)) \
        --size "$size" --steps "$steps" --lanes 8
}

# As many lanes each as a rank of the two has, so that both do the same work.
shoal_copies() {
    shoal_alone 0-0 1 --lanes 4 >"$scratch/first" &
    shoal_alone 1-1 1 --lanes 4 >"$scratch/second"
    wait $!
    cat "$scratch/first" "$scratch/second"
}

shoal_case() {
    case $1 in
    1-thread) shoal_alone 0-0 1 ;;
    2-threads) shoal_alone 0-1 2 ;;
    2-ranks) shoal_ranks ;;
    2-copies) shoal_copies ;;
    avx2) SHOAL_ISA=avx2 shoal_alone 0-0 1 ;;
    recompute) shoal_alone 0-0 1 --recompute ;;
    esac
}

torch() { # cores option…
    local cores=$1
    shift
    on_cores "$cores" "$python" "$peer" --model "$model" --batch "$batch" --size "$size" --iters "$steps" --best "$@"
}

peer_case() {
    case $1 in
    1-thread) torch 0-0 --threads 1 ;;
    2-threads) torch 0-1 --threads 2 ;;
    2-ranks) torch 0-1 --world 2 --pin ;;
    2-copies) torch 0-1 --world 2 --pin --nocomm ;;
    avx2) ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell torch 0-0 --threads 1 ;;
    recompute) ;;
    esac
}

# ---- all runs, then the table ----

measure() { # shoal|peer case round
    "$1_case" "$2" | grep '^{' | sed "s/^{/{\"side\":\"$1\",\"case\":\"$2\",\"round\":$3,/" >>"$results" || [ "$1 $2" = "peer recompute" ]
}

for name in "${cases[@]}"; do
    case $name in
    1-thread | 2-threads | 2-ranks | 2-copies | avx2 | recompute | network) ;;
    *) echo "CASES: there is no case \"$name\"; see tests/bench/run.sh --help" >&2 && exit 64 ;;
    esac
done
deadline=$((SECONDS + 60 * ${MINUTES:-90}))
is_over() { [ "$1" -gt 1 ] && [ $SECONDS -ge $deadline ]; }
for ((round = 1; round <= ${ROUNDS:-3}; round++)); do
    for model in "${models[@]}"; do
        set_sizes "$model"
        for name in "${cases[@]}"; do
            if [ "$name" = network ] || is_over $round; then
                continue
            fi
            echo "round $round, $model: $name" >&2
            measure shoal "$name" $round
            ! $have_peer || measure peer "$name" $round
        done
    done
    ! is_over $round || echo "time is up in round $round" >&2
    "$python" tests/bench/table.py "$out" >/dev/null
done
cat "$out/table.txt"
case " ${cases[*]} " in *" network "*) SHOAL_BIN=$shoal tests/bench/network.sh | tee "$out/network.txt" ;; esac
