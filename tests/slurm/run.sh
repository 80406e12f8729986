#!/usr/bin/env bash
# The scripts of slurm/ on a real SLURM of two nodes, which this sets up on this machine and takes down again: time limits, requeues,
# signals, a failing node, arrays, a scaling study, and what users get wrong. About four minutes, most of them waiting for time limits
# of a minute.
#   tests/slurm/run.sh           needs root, slurm-wlm and munge; exit code 77 where they are missing
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cli/lib.sh
. ../cli/lib.sh
# shellcheck source=tests/slurm/cluster.sh
. ./cluster.sh
obstacle=$(cluster_obstacle)
[[ -z $obstacle ]] || skip "$obstacle"
need_h5py

scripts=$repository/slurm
place=$work/place # what a user's folder is
trap 'kill $(jobs -p) 2> /dev/null; cluster_stop 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# ---- what the jobs need ----

make_place() {
    mkdir -p "$place"
    "$python" - "$here" "$work/data" << 'PY'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
sys.argv = ["make_data.py", sys.argv[2]]
import make_data
make_data.write_set(f"{sys.argv[1]}/long.h5", 1600)
PY
    cd "$place" || exit
    for launcher in srun mpirun; do
        cat > "$launcher.sh" << SITE
LAUNCHER=$launcher
SHOAL=$shoal
BIND=no # the two nodes have the same cores
MAX_REQUEUES=\${MOST:-5}
export OMP_WAIT_POLICY=passive OMPI_MCA_mpi_yield_when_idle=1
SITE
    done
}

# write_job NAME [STEPS]: lenet5, a hundred steps an epoch; without STEPS the end is far away.
write_job() {
    cat > "$1.yaml" << JOB
name: $1
model: {name: lenet5}
data: {train: $work/data/long.h5}
train: {epochs: 1000000, batch: 16, lanes: 4, seed: 3, max_steps: ${2:-0}}
optimizer: {name: sgd, lr: 0.001, momentum: 0.9}
checkpoint: {every_epochs: 0, every_seconds: 1}
log: {every_steps: 1000}
JOB
}

# ---- jobs ----

declare -A number # by name

# start NAME LAUNCHER [OPTION…]: two nodes, a rank each.
start() {
    local name=$1 launcher=$2
    shift 2
    write_job "$name"
    number[$name]=$(SHOAL_SITE=$place/$launcher.sh sbatch --parsable --nodes=2 --oversubscribe --output="$name.log" "$@" \
        "$scripts/train.sbatch" "$name.yaml")
}

# field NAME KEY: of what SLURM says about the job.
field() {
    scontrol show job -o "${number[$1]}" 2> /dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1
}

has_field() {
    [[ $(field "$1" "$2") == "$3" ]]
}

is_stepping() {
    grep -q "^Epoch" "$1.log" && has_field "$1" JobState RUNNING
}

# Until it runs and has come as far as steps.
wait_for_steps() {
    cluster_wait 120 is_stepping "$1"
}

waits_again() {
    has_field "$1" JobState PENDING && (($(field "$1" Restarts) >= $2))
}

# give_end NAME TIMES SECONDS: when it is back in the queue for the so-manieth time, it gets an end: a few steps after what it has done.
give_end() {
    local step
    cluster_wait "$3" waits_again "$1" "$2" || return
    step=$("$shoal" inspect "runs/$1/last.h5" 2> /dev/null | sed -n 's/^step \([0-9]*\),.*/\1/p')
    write_job "$1" $((step + 20))
}

# requeued NAME: as `give_end`, now.
requeued() {
    give_end "$1" 1 120
    check "$1: is back in the queue" test $? = 0
    cp "$1.log" "$work/out"
}

is_over() {
    [[ $(field "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|BOOT_FAIL|OUT_OF_MEMORY)$ ]]
}

# ended NAME STATE EXITCODE: its log is then what `expect` looks at.
ended() {
    cluster_wait 120 is_over "$1"
    code=$(field "$1" ExitCode)
    cp "$1.log" "$work/out" 2> /dev/null
    : > "$work/err"
    check "$1: state $2" has_field "$1" JobState "$2"
    check "$1: exit code $3" test "$code" = "$3:0"
}

says() {
    check "$1: \"$2\" is in its log" grep -qE -- "$2" "$1.log"
}

# like_uninterrupted NAME TIMES: requeued so often, it ended as if nothing had happened: one rank without SLURM gets the same bits.
like_uninterrupted() {
    check "$1: requeued $2 times" has_field "$1" Restarts "$2"
    timeout 120 "$shoal" train "$1.yaml" --out "runs/$1-whole" > "$work/whole" 2>&1
    check "$1: the digest of an uninterrupted run" \
        test "$("$shoal" digest "runs/$1/last.h5")" = "$("$shoal" digest "runs/$1-whole/last.h5")"
    says "$1" '^resuming from runs/'
    check "$1: more than its twenty last steps were made" test "$(sed -n 's/.*max_steps: \([0-9]*\).*/\1/p' "$1.yaml")" -gt 20
}

# ---- the parts ----

# refusal WHAT CODE PATTERN: one line of slurm/, which names what is wrong.
refusal() {
    check "$1: exit code $2" test "$code" = "$2"
    check "$1: one line" test "$(cat "$work/out" "$work/err" | wc -l)" = 1
    check "$1: \"$3\" is in it" grep -qE -- "^slurm/[a-z]*\.sbatch: .*($3)" "$work/out" "$work/err"
}

# with_site TEXT COMMAND…: at the prompt, with a site.sh of that text.
with_site() {
    printf '%s\n' "$1" > wrong.sh
    shift
    SHOAL_SITE=$place/wrong.sh try "$@"
}

check_prompt() {
    local train=$scripts/train.sbatch
    write_job plain 20
    SHOAL_SITE=$place/none.sh try "$train" plain.yaml
    refusal "no site.sh" 64 'none.sh is missing: .*cp .*site.example.sh'
    with_site 'LAUNCHER=rsh' "$train" plain.yaml
    refusal "an unknown launcher" 64 'LAUNCHER is "rsh": srun or mpirun'
    with_site 'LAUNCHER=(srun' "$train" plain.yaml
    refusal "a broken site.sh" 64 'not a valid shell file'
    with_site $'LAUNCHER=srun\nMAX_REQUEUES=many' "$train" plain.yaml
    refusal "a wrong number" 64 'MAX_REQUEUES is "many"'
    with_site $'LAUNCHER=srun\nSHOAL=/nowhere/shoal' "$train" plain.yaml
    refusal "no program" 64 '/nowhere/shoal: no such program: build it'
    export SHOAL_SITE=$place/srun.sh
    try "$train" nothing.yaml
    refusal "no job file" 64 'nothing.yaml: no such file'
    try "$train" --nodes=2
    refusal "no job" 64 'which job'
    try "$scripts/sweep.sbatch" plain.yaml
    refusal "a sweep over nothing" 64 'which seeds, or which list'
    SEEDS="1 two" try "$scripts/sweep.sbatch" plain.yaml
    refusal "a seed that is none" 64 '"two" is not a number'
    try "$scripts/scale.sbatch" model=lenet5 lot=3
    refusal "an unknown setting" 64 '"lot=3" is none of'
}

# batch NAME WORD…: a job that is over soon; its output is what `refusal` and `expect` look at.
batch() {
    local name=$1 script=$2
    shift 2
    number[$name]=$(sbatch --parsable --oversubscribe --nodes=2 --output="$name.log" "$scripts/$script" "$@")
    cluster_wait 120 is_over "$name"
    code=$(field "$name" ExitCode)
    code=${code%:*}
    cp "$name.log" "$work/out"
    : > "$work/err"
}

# expect_line WHAT CODE PATTERN: the program's one line, whatever SLURM says besides.
expect_line() {
    expect "$1" "$2" "^shoal: .*($3)"
    check "$1: one line of the program" test "$(grep -c '^shoal: ' "$work/out")" = 1
}

check_batch() {
    printf 'LAUNCHER=rsh\n' > wrong.sh
    SHOAL_SITE=$place/wrong.sh batch wrong train.sbatch plain.yaml
    refusal "a wrong site.sh, in a job" 64 'LAUNCHER is "rsh"'
    printf 'LAUNCHER=srun\nMODULES=openmpi/5\n' > wrong.sh
    SHOAL_SITE=$place/wrong.sh batch modules train.sbatch plain.yaml
    refusal "no module" 64 'MODULES: "openmpi/5" cannot be loaded'
    batch missing train.sbatch plain.yaml data.train=/nowhere/train.h5
    expect_line "a missing data file" 74 '/nowhere/train.h5: no such file'
    batch key train.sbatch plain.yaml train.epoch=3
    expect_line "an unknown key" 64 'epoch'
    batch list sweep.sbatch plain.yaml seeds.txt
    refusal "a list that is not there" 64 'seeds.txt: no such file'
    SEEDS="1 2" batch alone sweep.sbatch plain.yaml
    refusal "a sweep that is no array" 64 'is no array'
    check_full_disk
    check_place
    batch plain train.sbatch plain.yaml
    expect "a job that ends by itself" 0 '^digest '
    check "a rank a node" grep -q '2 nodes x 1 ranks' plain.log
}

# Submitted by the script, a job goes where site.sh says; by hand, it says that it did not.
check_place() {
    (cat srun.sh && echo 'export SBATCH_PARTITION=other') > elsewhere.sh
    export SHOAL_SITE=$place/elsewhere.sh
    try "$scripts/train.sbatch" --wait --oversubscribe --ntasks-per-node=2 --output=place.log plain.yaml --out runs/place
    number[place]=$(sed -n 's/Submitted batch job //p' "$work/out")
    check "the partition of site.sh" has_field place Partition other
    check "ranks as they were asked for" grep -q '1 nodes x 2 ranks' place.log
    batch main train.sbatch plain.yaml --out runs/main
    expect "another partition" 0 "note: this job's partition is main, not other as .*elsewhere.sh says"
    export SHOAL_SITE=$place/srun.sh
}

check_full_disk() {
    mkdir -p "$cluster/full"
    if ! mount -t tmpfs -o size=256k none "$cluster/full" 2> /dev/null; then
        echo "skipped: a full disk (this machine lets nobody mount one)"
        return
    fi
    batch full train.sbatch plain.yaml --out "$cluster/full/run"
    expect_line "a full disk" 74 'No space left on device'
    umount "$cluster/full"
}

check_arrays() {
    local file results
    printf '# what is tried\noptimizer.lr=0.002\noptimizer.lr=0.003 "data.augment=[hflip: {p: 0.5}]" # with flips\n' > rates.txt
    try "$scripts/sweep.sbatch" --wait --oversubscribe plain.yaml rates.txt train.epochs=2
    expect "a sweep over a list" 0 'Submitted'
    SEEDS="7 8 9" try "$scripts/sweep.sbatch" --wait --oversubscribe plain.yaml
    expect "a sweep over seeds" 0 'Submitted'
    results=$(for file in runs/plain-{rates/[12],seeds/seed-[789]}/last.h5; do "$shoal" digest "$file"; done)
    check "five runs, five results" test "$(sort -u <<< "$results" | wc -l)" = 5
    "$shoal" train plain.yaml train.seed=8 --out runs/eight > /dev/null
    check "a task is the run of its seed" grep -qx "$("$shoal" digest runs/eight/last.h5)" <<< "$results"
    grep -q hflip runs/plain-rates/2/job.yaml
    check "quoted overrides arrive" test $? = 0
    check "a run is named by what its line says" test "$(readlink runs/plain-rates/1)" = optimizer.lr=0.002
}

check_scale() {
    try "$scripts/scale.sbatch" --wait --oversubscribe --output=scale.log model=lenet5 batch=32 node_batch=16 steps=2
    expect "a scaling study" 0 'Submitted'
    cp scale.log "$work/out"
    check "four measurements" test "$(cat runs/scale-*/results.jsonl | wc -l)" = 4
    check "a table of both kinds" test "$(grep -cE '^ +[12] +[12] .*%$' scale.log)" = 4
    if "$python" -c 'import matplotlib' 2> /dev/null; then
        check "a plot" test -s "$(echo runs/scale-*/scale.png)"
    fi
}

# A task of an array goes back into the queue alone.
check_array_requeue() {
    local array
    write_job task
    array=$(SEEDS="1 2" sbatch --parsable --oversubscribe --array=1-2 --output=task-%a.log "$scripts/sweep.sbatch" task.yaml)
    number[one]=${array}_1 number[two]=${array}_2
    for name in 1 2; do
        cluster_wait 60 grep -q '^Epoch' task-$name.log
    done
    write_job task 20 # fewer than were made, which ends a task that goes on with one line
    scancel --signal=USR1 "${array}_2"
    cluster_wait 60 waits_again two 1
    check "the last task of an array: requeued" has_field two Restarts 1
    check "the first task: still at its first start" has_field one Restarts 0
    scancel "$array"
}

# ---- life and death of a job ----

# Checked when the minutes have passed, with the rest of the tests.
start_limits() {
    start limit srun --time=1 --signal=B:USR1@10
    start watch mpirun --time=1 --signal=B:CONT@1 # which tells nothing: the program must look at the clock
    give_end limit 2 300 &
    limits=($!)
    give_end watch 1 300 &
    limits+=($!)
}

check_limits() {
    wait "${limits[@]}"
    ended limit COMPLETED 0
    like_uninterrupted limit 2
    ended watch COMPLETED 0
    like_uninterrupted watch 1
}

check_requeue() {
    start requeue srun
    wait_for_steps requeue
    scontrol requeue "${number[requeue]}"
    requeued requeue
    ended requeue COMPLETED 0
    like_uninterrupted requeue 1
}

check_signals() {
    start signal srun
    start mpirun mpirun
    wait_for_steps signal
    scancel --signal=USR1 "${number[signal]}"
    requeued signal
    wait_for_steps mpirun
    scancel --batch --signal=USR1 "${number[mpirun]}"
    requeued mpirun
    says signal 'exit code 75: stopped early; requeued, 1 of at most 5 times'
    ended signal COMPLETED 0
    like_uninterrupted signal 1
    ended mpirun COMPLETED 0
    like_uninterrupted mpirun 1
}

# Jobs that must not go back into the queue.
check_ends() {
    MOST=0 start enough srun
    start cancelled srun
    wait_for_steps enough
    scancel --signal=USR1 "${number[enough]}"
    ended enough FAILED 75
    says enough 'requeued 0 times already \(MAX_REQUEUES\)'
    wait_for_steps cancelled
    scancel "${number[cancelled]}"
    ended cancelled CANCELLED 75
    says cancelled '^== ended by SLURM, exit code 75$'
}

check_failing_node() {
    start node srun
    wait_for_steps node
    cluster_wait 60 test -s runs/node/last.h5
    cluster_kill_node n2
    requeued node
    cluster_start_node n2
    ended node COMPLETED 0
    like_uninterrupted node 1
}

cluster_start "$work" || { echo "SLURM does not come up:"; tail -n 5 "$cluster"/*.log; exit 1; }
make_place
check_prompt
start_limits
check_requeue
check_signals
check_ends
check_batch
check_arrays
check_array_requeue
check_scale
check_limits
check_failing_node # last: it would end the others
finish
