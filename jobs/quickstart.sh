#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds, makes the default data set, trains on two ranks, evaluates,
# predicts.
# Can be run again at any time: packages, build and data that are there are kept; the training begins anew.
set -Eeuo pipefail
trap 'echo "quickstart.sh stopped: exit code $?" >&2' ERR # a launcher may end without a word where it cannot start at all
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobs/install.sh
. jobs/install.sh

step() {
    printf '\n== %s\n' "$*"
}

processors() {
    nproc 2> /dev/null || getconf _NPROCESSORS_ONLN
}

build() {
    local log
    log=$(mktemp)
    if cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DSHOAL_TESTS=OFF > "$log" 2>&1 &&
        cmake --build build --parallel "$(processors)" --target shoal >> "$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 70
}

make_data() {
    if [[ -f data/glyphs/train.h5 ]] && shoal inspect data/glyphs/train.h5 > /dev/null 2>&1 &&
        shoal inspect data/glyphs/val.h5 > /dev/null 2>&1; then
        echo "data/glyphs is there"
    else
        shoal pack glyphs data/glyphs
    fi
}

step "Packages"
need_packages build
echo "complete"

step "Build"
build
PATH=$PWD/build/bin:$PATH
shoal --version

step "Data"
make_data

step "Training on 2 ranks: mpirun -np 2 shoal train jobs/quickstart-glyphs.yaml --out runs/quickstart"
rm -rf runs/quickstart
slurm/launch.sh 2 "$PWD/build/bin/shoal" train jobs/quickstart-glyphs.yaml --out runs/quickstart

step "Evaluation: shoal eval runs/quickstart/best.h5 data/glyphs/val.h5"
slurm/launch.sh 2 "$PWD/build/bin/shoal" eval runs/quickstart/best.h5 data/glyphs/val.h5

step "Three pictures: shoal predict runs/quickstart/best.h5 runs/quickstart/pictures/*.png"
shoal inspect data/glyphs/val.h5 --pictures runs/quickstart/pictures --count 3 > /dev/null
shoal predict runs/quickstart/best.h5 runs/quickstart/pictures/*.png
