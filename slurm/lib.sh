# What the scripts of this folder share: the site's settings, how many ranks with how many threads, the launch, and what happens when a job
# is signalled or ends. A script says its own name in $script and reads this file.
# shellcheck shell=bash disable=SC2154 # slurm, script: of the script that reads this file

script_path=$slurm/$script
repository=$(cd "$slurm/.." && pwd)
# shellcheck source=slurm/launch.sh
. "$slurm/launch.sh" || exit 64
unset "${!SLURM_STEP@}" # a batch script is no step: these are of the one in which somebody called sbatch

say() {
    printf '== %s\n' "$*"
}

# die CODE TEXT: one line, and the end.
die() {
    printf '%s: %s\n' "slurm/$script" "$2" >&2
    exit "$1"
}

# This job alone: the last task of an array has the number of the whole array.
this_job() {
    if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then
        echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    else
        echo "$SLURM_JOB_ID"
    fi
}

in_job() {
    [[ -n ${SLURM_JOB_ID:-} ]]
}

# ---- the site ----

check_site() {
    local name
    case $LAUNCHER in
    srun | mpirun) ;;
    *) die 64 "$site: LAUNCHER is \"$LAUNCHER\": srun or mpirun is needed" ;;
    esac
    [[ $BIND == yes || $BIND == no ]] || die 64 "$site: BIND is \"$BIND\": yes or no is needed"
    for name in RANKS_PER_NODE MAX_REQUEUES; do
        [[ ${!name} =~ ^[0-9]*$ ]] || die 64 "$site: $name is \"${!name}\": a number is needed"
    done
}

# Each first in a subshell, for what it says. Old module commands say it and succeed: whether the program starts is looked at later.
load_modules() {
    local module said
    for module in $MODULES; do
        said=$(module load "$module" 2>&1) || die 64 "$site: MODULES: \"$module\" cannot be loaded: $(tail -n 1 <<< "$said")"
        module load "$module" > /dev/null 2>&1
    done
}

read_site() {
    local said
    site=${SHOAL_SITE:-$slurm/site.sh}
    LAUNCHER='' MPI_TYPE=pmix LAUNCHER_OPTIONS=() BIND=yes SHOAL='' RANKS_PER_NODE='' MAX_REQUEUES='' MODULES=''
    [[ -f $site ]] || die 64 "$site is missing: it holds the settings of this cluster; cp $slurm/site.example.sh $site, then edit it"
    said=$(bash -n "$site" 2>&1) || die 64 "$site: not a valid shell file: $(head -n 1 <<< "${said#"$site: "}")"
    # shellcheck source=slurm/site.example.sh
    . "$site" || die 64 "$site: ended with an error"
    check_site
    SHOAL=${SHOAL:-$repository/build/bin/shoal} MAX_REQUEUES=${MAX_REQUEUES:-50}
}

# On a node of the job: modules are there, and libraries that may be missing.
check_program() {
    local said
    [[ -x $SHOAL ]] || die 64 "$SHOAL: no such program: build it (cmake -B build && cmake --build build -j), or name it as SHOAL in $site"
    in_job || return 0
    load_modules
    said=$("$SHOAL" --version 2>&1) || die 64 "$SHOAL does not start on $(hostname -s): $(tail -n 1 <<< "$said"); see MODULES in $site"
    command -v "$LAUNCHER" > /dev/null || die 64 "$site: LAUNCHER is \"$LAUNCHER\", which this node does not have; see MODULES"
}

check_readable() {
    [[ -r $1 && ! -d $1 ]] || die 64 "$1: no such file, seen from $PWD"
}

# ---- submission ----

# take_words WORD…: leading words that begin with `-` are options for sbatch, the others `words`.
take_words() {
    sbatch_options=()
    while [[ ${1:-} == -* ]]; do
        sbatch_options+=("$1")
        shift
    done
    words=("$@")
}

# Outside a job a script submits itself. Does not return.
submit() {
    command -v sbatch > /dev/null || die 64 "there is no sbatch on this machine: without SLURM, mpirun starts shoal itself"
    exec sbatch "${sbatch_options[@]}" "$script_path" "${words[@]}"
}

# Who calls sbatch by hand may forget what site.sh says of where jobs go.
note_place() {
    local name wanted
    for name in PARTITION ACCOUNT; do
        wanted=SBATCH_$name is=SLURM_JOB_$name
        if [[ -n ${!wanted:-} && ",${!wanted}," != *",${!is:-},"* ]]; then
            say "note: this job's ${name,,} is ${!is:-not known}, not ${!wanted} as $site says:" \
                "\`slurm/$script …\` without sbatch submits with it"
        fi
    done
}

# ---- ranks and threads ----

# lanes_of JOB WORD…: what train.lanes will be.
lanes_of() {
    local job=$1 word lanes
    shift
    lanes=$(sed -n 's/#.*//; s/^\(.*[{, ]\)\{0,1\}lanes: *\([0-9][0-9]*\).*/\2/p' "$job" | tail -n 1)
    for word in "$@"; do
        [[ $word =~ ^train\.lanes=([0-9]+)$ ]] && lanes=${BASH_REMATCH[1]}
    done
    echo "${lanes:-8}"
}

# SLURM_JOB_CPUS_PER_NODE, say 64(x3),32: the smallest number.
cpus_per_node() {
    tr ',' '\n' <<< "${SLURM_JOB_CPUS_PER_NODE:-$(nproc)}" | sed 's/(.*//' | sort -n | head -n 1
}

# How many different values a column of lscpu has on the CPUs that this script may use.
count_of() {
    local mask
    mask=$(taskset -pc $$ 2> /dev/null | sed 's/.*: //')
    lscpu -p="CPU,$1" 2> /dev/null | awk -F, -v mask="$mask" '
        BEGIN {
            n = split(mask, part, ",")
            for (i = 1; i <= n; i++) {
                split(part[i] "-" part[i], end, "-")
                for (cpu = end[1] + 0; cpu <= end[2] + 0; cpu++)
                    mine[cpu] = 1
            }
        }
        !/^#/ && (n == 0 || $1 in mine) && !seen[$2]++ { count++ }
        END { print (count ? count : 1) }'
}

# Ranks of a job that asked for none: one a NUMA domain, or the number below that with which a step takes least time where the lanes (0:
# as many as there are ranks) cannot be shared out so without loss.
default_ranks_per_node() {
    local nodes=$1 lanes=$2 most=${RANKS_PER_NODE:-$(count_of NODE)} best=1 least='' cpus ranks time
    cpus=$(cpus_per_node)
    ((most <= cpus)) || most=$cpus
    for ((ranks = most; ranks >= 1; ranks--)); do
        ((lanes == 0 || nodes * ranks <= lanes)) || continue
        time=$((ranks * ((lanes + nodes * ranks - 1) / (nodes * ranks)))) # the most lanes of a rank, which has a part of the node
        ((time < ${least:-time + 1})) && least=$time best=$ranks
    done
    echo "$best"
}

# plan_ranks LANES: sets nodes, ranks, ranks_per_node, cpus_per_rank, threads. What the job was submitted with stands.
plan_ranks() {
    local lanes=$1 cpus siblings
    nodes=${SLURM_JOB_NUM_NODES:-1}
    cpus=$(cpus_per_node)
    if [[ -n ${SLURM_NTASKS_PER_NODE:-} ]]; then
        ranks_per_node=$SLURM_NTASKS_PER_NODE
    elif [[ -n ${SLURM_NTASKS:-} ]]; then
        ranks_per_node=$(((SLURM_NTASKS + nodes - 1) / nodes))
    elif [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then
        ranks_per_node=$((cpus / SLURM_CPUS_PER_TASK))
    else
        ranks_per_node=$(default_ranks_per_node "$nodes" "$lanes")
    fi
    ranks=$((nodes * ranks_per_node))
    [[ -z ${SLURM_NTASKS:-} || -n ${SLURM_NTASKS_PER_NODE:-} ]] || ranks=$SLURM_NTASKS
    cpus_per_rank=${SLURM_CPUS_PER_TASK:-$((cpus / ranks_per_node))}
    ((cpus_per_rank >= 1)) || cpus_per_rank=1
    siblings=$((($(count_of CPU) + $(count_of CORE) - 1) / $(count_of CORE))) # hardware threads of a core are CPUs to SLURM
    threads=$(((cpus_per_rank + siblings - 1) / siblings))
}

# ---- launching ----

# The environment of every rank. OMP_PROC_BIND would tie the main thread to one core before the program has seen how many it has, and with
# it the threads that read and decode pictures.
export_environment() {
    local end patience=10
    export OMP_NUM_THREADS=$threads
    unset OMP_PLACES OMP_PROC_BIND
    # srun since SLURM 22.05 does not take over what sbatch was told of CPUs a task. mpirun calls srun for one daemon a node, which needs
    # all that its ranks will have.
    export SRUN_CPUS_PER_TASK=$cpus_per_rank
    [[ $LAUNCHER == srun ]] || SRUN_CPUS_PER_TASK=$(cpus_per_node)
    # Open MPI's mpirun kills ranks so many seconds after it has told them to end: when it gets TERM, and when one has left with code 75.
    export OMPI_MCA_odls_base_sigkill_timeout=$patience PRTE_MCA_odls_base_sigkill_timeout=$patience
    end=$(scontrol show job "$(this_job)" 2> /dev/null | sed -n 's/.*EndTime=\([0-9][^ ]*\).*/\1/p')
    end=${SLURM_JOB_END_TIME:-${end:+$(date -d "$end" +%s)}}
    [[ -n $end ]] || return
    export SHOAL_END_TIME=$end
    [[ $LAUNCHER == srun ]] || SHOAL_END_TIME=$((end - patience - 5)) # that long mpirun takes to leave after its ranks
}

# A step in which one rank is gone ends within a minute, and not at once: the others may be about to leave, with the same exit code.
srun_options() {
    local plugins
    options=(--mpi="$MPI_TYPE" --nodes="$1" --ntasks="$2" --cpus-per-task="$cpus_per_rank" --distribution=block:block
        --kill-on-bad-exit=0 --wait=60)
    plugins=$(scontrol show config | sed -n 's/^TaskPlugin *= *//p')
    if [[ ! $plugins =~ affinity|cgroup ]]; then
        return # SLURM cannot bind here
    elif [[ $BIND == yes ]]; then
        options+=(--cpu-bind=cores)
    else
        options+=(--cpu-bind=none)
    fi
}

# set_command NODES WORD…: the array `command` runs shoal with these words on so many nodes of the job.
set_command() {
    local n_nodes=$1 n_ranks=$ranks launch options
    shift
    ((n_nodes == nodes)) || n_ranks=$((n_nodes * ranks_per_node))
    if [[ $LAUNCHER == srun ]]; then
        srun_options "$n_nodes" "$n_ranks"
        launch=(srun "${options[@]}")
    else
        launch_nodes "$n_ranks" "$ranks_per_node" "$threads" "$BIND"
    fi
    command=("${launch[@]}" "${LAUNCHER_OPTIONS[@]}" "$SHOAL" "$@")
}

# ---- signals and the end of a job ----

# The ranks on this node, which is where rank 0 is: they carry the name of this launch's state file in their environment.
ranks_here() {
    local file
    grep -lszxF "SHOAL_STATE_FILE=$state" /proc/[0-9]*/environ | while read -r file; do
        file=${file%/environ}
        [[ $(readlink "$file/exe") -ef $SHOAL ]] && echo "${file#/proc/}"
    done
}

# srun hands signals on. What mpirun does with one differs (see README.md), so ranks get it themselves; one of them is enough. There may be
# none yet.
signal_ranks() {
    local ranks
    if [[ $LAUNCHER == srun ]]; then
        kill -USR1 "$launcher" 2> /dev/null
        return 0
    fi
    ranks=$(ranks_here)
    # shellcheck disable=SC2086 # a list of numbers
    [[ -n $ranks ]] && kill -USR1 $ranks 2> /dev/null
}

pass_on_usr1() {
    signalled=yes passed_on=yes
    [[ -n $launcher ]] || return
    signal_ranks || (
        until signal_ranks || ! kill -0 "$launcher" 2> /dev/null; do
            sleep 0.2
        done
    ) &
}

# SLURM sends TERM to the ranks as well, and later KILL: they write their checkpoint meanwhile.
pass_on_term() {
    pass_on_usr1
    terminated=yes
}

# First thing in a job: whatever is still to be prepared then, a signal does not kill the script.
watch_signals() {
    launcher='' signalled='' passed_on='' terminated=''
    trap pass_on_usr1 USR1
    trap pass_on_term TERM
}

# Until it has ended, whatever signals come meanwhile; sets `code`.
wait_for_launcher() {
    local answer
    while :; do
        signalled=
        wait "$launcher"
        answer=$?
        ((answer == 127)) || code=$answer # 127: it had ended already when the last signal came
        [[ -n $signalled ]] || break
    done
    launcher=
}

# Whether last.h5 of this run was written since this launch began, by the clock of its own file system.
has_checkpoint() {
    local folder=$1 now age
    now=$(mktemp "$folder/.seen-XXXXXX" 2> /dev/null) || return
    age=$(($(stat -c %Y "$now") - $(stat -c %Y "$folder/last.h5" 2> /dev/null || echo 0)))
    rm -f "$now"
    ((age <= SECONDS - began + 2))
}

# What has become of the run, by its own words rather than by the launcher's exit code: launchers end in the middle of a run, leave ranks
# behind, and some hide how their ranks ended. Exit code 75 stands only where the checkpoint is there, or nothing was trained.
judge() {
    local folder ended
    folder=$(sed -n 's/^training //p' "$state" 2> /dev/null) ended=$(sed -n 's/^ended //p' "$state" 2> /dev/null)
    rm -f "$state"
    if [[ -n $ended ]]; then
        code=$ended
    elif [[ -z $folder && -n $passed_on && $code == 138 ]]; then # 128 + USR1: it came before the program listened, so nothing is lost
        code=75
    elif [[ -n $folder && $code =~ ^(0|75|138)$ ]]; then
        say "$LAUNCHER ended with exit code $code while the run went on, or its ranks were killed: no checkpoint was reported"
        code=1
    fi
    if [[ $code == 75 && -n $folder ]] && ! has_checkpoint "$folder"; then
        say "exit code 75, but $folder/last.h5 was not written since this start"
        code=1
    fi
}

# Runs `command` to its end and sets `code`. SLURM's signals to this script are passed on: mpirun's ranks would not get them otherwise.
launch() {
    code=75
    [[ -z $passed_on ]] || return # already to stop
    say "${command[*]}"
    state=$PWD/.shoal-$(this_job)-$$.state began=$SECONDS
    rm -f "$state"
    SHOAL_STATE_FILE=$state "${command[@]}" &
    launcher=$!
    [[ -z $passed_on ]] || pass_on_usr1 # it came while the launcher was being started
    wait_for_launcher
    judge
}

reason() {
    squeue -h -j "$(this_job)" -o %r 2> /dev/null
}

# Where a node of the job has failed, the ranks of the other nodes end in one way or another, often before SLURM knows. It will: the job
# must still be there then, since only so does SLURM put it back into the queue. Does not wait where all nodes answer.
wait_for_failed_node() {
    local most
    case $code in
    0 | 64 | 65 | 70 | 74 | 75) return ;; # the program's own words
    esac
    [[ -z $terminated && $nodes != 1 ]] || return
    timeout 60 srun --overlap --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 --cpus-per-task=1 true > /dev/null 2>&1 && return
    most=$(scontrol show config | sed -n 's/^SlurmdTimeout *= \([0-9]*\).*/\1/p')
    say "exit code $code, and not every node answers: waiting for SLURM to put the job back into the queue"
    sleep $((${most:-300} + 120)) &
    wait $!
}

put_back() {
    local restarts=${SLURM_RESTART_COUNT:-0} said
    if ((restarts >= MAX_REQUEUES)); then
        say "exit code 75: stopped early, but requeued $restarts times already (MAX_REQUEUES): the same command, submitted again, goes on"
    elif said=$(scontrol requeue "$(this_job)" 2>&1); then
        say "exit code 75: stopped early; requeued, $((restarts + 1)) of at most $MAX_REQUEUES times"
    else
        say "exit code 75: stopped early, and cannot be requeued: $said; the same command, submitted again, goes on"
    fi
}

# Exit code 75 alone leads back into the queue, and not where somebody else has decided already: after TERM, only if time was up.
finish() {
    wait_for_failed_node
    if [[ $code == 75 && (-z $terminated || $(reason) == TimeLimit) ]]; then
        put_back
    elif [[ -n $terminated ]]; then
        say "ended by SLURM, exit code $code"
    else
        say "exit code $code"
    fi
    exit "$code"
}

say_start() {
    say "job $SLURM_JOB_ID ($1) on ${SLURM_JOB_NODELIST:-$(hostname -s)}: $nodes nodes x $ranks_per_node ranks x $threads threads;" \
        "start $((${SLURM_RESTART_COUNT:-0} + 1)), $(date '+%F %T')${SHOAL_END_TIME:+, until $(date -d "@$SHOAL_END_TIME" '+%F %T')}"
}
