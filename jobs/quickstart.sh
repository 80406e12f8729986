#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds, makes the default data set, trains on two ranks, evaluates, predicts.
# Can be run again at any time: what is there is kept, the training begins anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=jobs/install.sh
. jobs/install.sh

step() {
    printf '\n== %s\n' "$*"
}

processors() {
    nproc 2> /dev/null || getconf _NPROCESSORS_ONLN
}

# Open MPI will not run as root unless told; --quiet keeps its banners from burying Shoal's own messages.
launch() {
    local options=(-np 2)
    if mpirun --version 2>&1 | grep -qi 'open.\?mpi'; then
        options+=(--quiet)
        [[ $(processors) -ge 2 ]] || options+=(--oversubscribe)
    fi
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun "${options[@]}" "$@"
}

build() {
    cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DSHOAL_TESTS=OFF > build.log 2>&1 &&
        cmake --build build --parallel "$(processors)" --target shoal >> build.log 2>&1 && rm -f build.log && return 0
    tail -n 30 build.log >&2
    rm -f build.log
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
launch "$PWD/build/bin/shoal" train jobs/quickstart-glyphs.yaml --out runs/quickstart

step "Evaluation: shoal eval runs/quickstart/best.h5 data/glyphs/val.h5"
launch "$PWD/build/bin/shoal" eval runs/quickstart/best.h5 data/glyphs/val.h5

step "Three pictures: shoal predict runs/quickstart/best.h5 runs/quickstart/pictures/*.png"
shoal inspect data/glyphs/val.h5 --pictures runs/quickstart/pictures --count 3 > /dev/null
shoal predict runs/quickstart/best.h5 runs/quickstart/pictures/*.png
