#!/usr/bin/env bash
# How ranks are started with mpirun, in one place: every MPI has words of its own. To be run, or to be read by a script:
#   slurm/launch.sh N COMMAND…      on N ranks of this machine, not bound to cores, more than it has cores if need be
#   . slurm/launch.sh               for launch_here and launch_nodes, which set the array `launch`: put the command behind it
# SHOAL_MPIRUN names another mpirun than the one that is found first.
# shellcheck shell=bash

# launch_kind MPIRUN: openmpi4 (and older), openmpi5 (PRRTE), intel, mpich (Hydra, and whatever else there is).
launch_kind() {
    case $("$1" --version 2>&1) in
    *'Open MPI) '[1-4].* | *OpenRTE*) echo openmpi4 ;;
    *'Open MPI'* | *PRRTE* | *prte*) echo openmpi5 ;;
    *'Intel(R) MPI'*) echo intel ;;
    *) echo mpich ;;
    esac
}

# launch_program: sets `mpirun` and `kind`. Open MPI puts its own folder first in the ranks' PATH where it is called by a path: a name is
# used where it leads to the same. Intel's mpirun is a script that dies of signals and leaves its ranks behind: what it runs is taken instead.
launch_program() {
    local real
    mpirun=${SHOAL_MPIRUN:-mpirun}
    kind=$(launch_kind "$mpirun") real=$(command -v "$mpirun" || true)
    [[ ! $(command -v "${mpirun##*/}") -ef $real ]] || mpirun=${mpirun##*/}
    if [[ $kind == intel && ${real##*/} == mpirun && -x ${real%/*}/mpiexec.hydra ]]; then
        mpirun=${real%/*}/mpiexec.hydra
        [[ -z ${SLURM_JOB_ID:-} ]] || export I_MPI_HYDRA_BOOTSTRAP=${I_MPI_HYDRA_BOOTSTRAP:-slurm} # as the script does
    fi
}

# --quiet keeps Open MPI 4's banners from burying the program's own messages; Open MPI 5 does not know it.
launch_quietly() {
    [[ $kind != openmpi4 ]] || launch+=(--quiet)
}

# launch_here N: ranks of this machine. Open MPI will not run as root unless told, nor start more ranks than there are cores.
launch_here() {
    local mpirun kind
    launch_program
    launch=("$mpirun")
    launch_quietly
    case $kind in
    openmpi*)
        launch+=(--oversubscribe --bind-to none -np "$1")
        [[ $(id -u) != 0 ]] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        ;;
    intel) launch+=(-genv I_MPI_PIN 0 -np "$1") ;;
    mpich) launch+=(-bind-to none -np "$1") ;;
    esac
}

# launch_nodes RANKS PER_NODE CORES BIND: ranks of a job, each bound to that many cores, or (BIND no) to none.
launch_nodes() {
    local mpirun kind ranks=$1 per_node=$2 cores=$3 bind=$4
    launch_program
    launch=("$mpirun")
    launch_quietly
    launch+=(-np "$ranks")
    case $kind-$bind in
    openmpi*-yes) launch+=(--map-by "ppr:$per_node:node:pe=$cores" --bind-to core) ;;
    openmpi*-no) launch+=(--map-by "ppr:$per_node:node" --bind-to none) ;;
    intel-yes) launch+=(-ppn "$per_node" -genv I_MPI_PIN_DOMAIN "$cores") ;;
    intel-no) launch+=(-ppn "$per_node" -genv I_MPI_PIN 0) ;;
    mpich-yes) launch+=(-ppn "$per_node" -bind-to "core:$cores") ;;
    mpich-no) launch+=(-ppn "$per_node" -bind-to none) ;;
    esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    [[ $# -ge 2 ]] || { echo "slurm/launch.sh: N COMMAND… is needed" >&2; exit 64; }
    launch_here "$1"
    exec "${launch[@]}" "${@:2}"
fi
