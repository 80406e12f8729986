# What Shoal stands on, in one place. jobs/quickstart.sh and tests/run.sh read this file and call need_packages and want_packages.
# shellcheck shell=bash

# group; how to see that it is there; Debian packages; environment module; Spack package
packages='
build; command -v cc; gcc libc6-dev; gcc; gcc
build; command -v make; make; ; gmake
build; command -v cmake; cmake; cmake; cmake
build; command -v pkg-config; pkg-config; ; pkgconf
build; command -v mpicc && command -v mpirun; libopenmpi-dev openmpi-bin; openmpi; openmpi
build; command -v h5cc || pkg-config --exists hdf5; libhdf5-dev; hdf5; hdf5~mpi
build; pkg-config --exists yaml-0.1; libyaml-dev; libyaml; libyaml
build; pkg-config --exists jansson; libjansson-dev; jansson; jansson
build; pkg-config --exists libturbojpeg; libturbojpeg0-dev; libjpeg-turbo; libjpeg-turbo
build; pkg-config --exists libjpeg; libjpeg-dev; libjpeg-turbo; libjpeg-turbo
build; pkg-config --exists libpng; libpng-dev; libpng; libpng
build; pkg-config --exists libtiff-4; libtiff-dev; libtiff; libtiff
build; pkg-config --exists libwebpdemux; libwebp-dev; libwebp; libwebp
build; pkg-config --exists libcrypto; libssl-dev; openssl; openssl
build; pkg-config --exists zlib; zlib1g-dev; zlib; zlib-api
build; pkg-config --exists libarchive; libarchive-dev; libarchive; libarchive
test; pkg-config --exists check; check; check; check
extra; command -v /usr/bin/python3; python3; python; python
extra; has_python numpy; python3-numpy; py-numpy; py-numpy
extra; has_python h5py; python3-h5py; py-h5py; py-h5py
extra; has_python PIL; python3-pil; py-pillow; py-pillow
extra; has_python scipy; python3-scipy; py-scipy; py-scipy
extra; has_python torch; python3-torch; py-torch; py-torch
extra; has_python torchvision; python3-torchvision; py-torchvision; py-torchvision
extra; command -v nm; binutils; binutils; binutils
extra; command -v valgrind; valgrind; valgrind; valgrind
extra; has_python matplotlib; python3-matplotlib; py-matplotlib; py-matplotlib
extra; has_daemon slurmctld && has_daemon slurmd; slurm-wlm; slurm; slurm
extra; has_daemon munged; munge; munge; munge
'

# Whether the system's python3, the one that the tests use, finds a module; importing torch to see that would take seconds.
has_python() {
    /usr/bin/python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)"
}

# Daemons are in folders that a user's PATH may lack.
has_daemon() {
    PATH=$PATH:/usr/sbin:/sbin command -v "$1"
}

# missing debian|module|spack GROUP…: what is not there, under that name, in one line.
# shellcheck disable=SC2034,SC2086 # columns are used by name; the words of the result are meant to be split
missing() {
    local kind=$1 group probe debian module spack found=
    shift
    while IFS=';' read -r group probe debian module spack; do
        [[ -n $group && " $* " == *" $group "* ]] || continue
        eval "$probe" > /dev/null 2>&1 || found+=" ${!kind}"
    done <<< "$packages"
    echo $found
}

# The command that runs another as root: empty as root itself; fails where there is none.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        return 0
    fi
    sudo -n true 2> /dev/null && echo "sudo -n"
}

# apt_install PACKAGE…: fails, with apt's last words on stderr, where something could not be installed.
apt_install() {
    local root log
    root=$(as_root) || return 1
    log=$(mktemp)
    echo "Installing: $*"
    if $root apt-get update > "$log" 2>&1 &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >> "$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
}

can_apt() {
    command -v apt-get > /dev/null && as_root > /dev/null
}

# explain GROUP…: the ways to get what is missing.
explain() {
    cat >&2 << TEXT
Packages are missing, and cannot be installed from here. Install them in one of these ways, then run this command again.

  Debian, Ubuntu:        sudo apt-get update && sudo apt-get install -y $(missing debian "$@")
  Environment modules:   module load $(missing module "$@")      (names differ a little: see \`module avail\`)
  Spack:                 spack install $(missing spack "$@") && spack load $(missing spack "$@")
TEXT
}

# need_packages GROUP…: installs what is missing. Where that cannot be done: says how, and returns 64.
need_packages() {
    local list
    list=$(missing debian "$@")
    # shellcheck disable=SC2086 # a list of words
    if [[ -n $list ]] && can_apt; then
        apt_install $list || true # what is still missing is seen below
    fi
    [[ -z $(missing debian "$@") ]] && return 0
    explain "$@"
    return 64
}

# want_packages WHY GROUP…: the same for what can be done without. Says what is left out, and goes on.
want_packages() {
    local why=$1 list name
    shift
    list=$(missing debian "$@")
    if [[ -n $list ]] && can_apt; then
        for name in $list; do # one by one: a package that this system does not have keeps none of the others out
            apt_install "$name" || true
        done
        list=$(missing debian "$@")
    fi
    [[ -z $list ]] || echo "Not there: $list. $why" >&2
}
