#!/usr/bin/env bash
# What the scripts of slurm/ decide by themselves, without a SLURM: what a sweep's list means, how ranks are started, and whether a run
# has left a checkpoint.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
scripts=$repository/slurm
cd "$work" || exit

# ---- lists ----

cat > plain.yaml << JOB
name: plain
model: {name: lenet5}
data: {train: nothing.h5}
train: {epochs: 1, batch: 16, lanes: 4}
optimizer: {name: sgd, lr: 0.001}
JOB
printf 'LAUNCHER=mpirun\nSHOAL=%s\n' "$shoal" > site.sh
mkdir bin
printf '#!/bin/sh\nprintf "%%s\\n" submitted "$@"\n' > bin/sbatch
chmod +x bin/sbatch

# sweep WORD…: at the prompt; the words that sbatch would get are lines of $work/out
sweep() {
    try env -u SLURM_JOB_ID PATH="$work/bin:$PATH" SHOAL_SITE="$work/site.sh" "$scripts/sweep.sbatch" plain.yaml "$@"
}

# list LINE…: as a sweep's list
list() {
    printf '%s\n' "$@" > lines.txt
    sweep lines.txt
}

# no_sweep WHAT PATTERN: refused before anything was submitted
no_sweep() {
    expect "$1" 64 "$2"
    check "$1: nothing is submitted" test ! -s "$work/out"
}

list "optimizer.lr=0.1 'name=run #3' # a comment" '' '# nothing' $'train.seed=2\r' 'name=a,train.seed=2' 'name=a train.seed=2'
expect "a list" 0 '^--array=1-4$'
list 'optimizer.lr=0.1' "name=o'brien"
no_sweep "an odd quote" "lines.txt, line 2: a ' that is not closed"
# shellcheck disable=SC2016 # meant as they stand
for line in 'name=$HOME' 'name=`id`' '"name=$(id)"' 'name=a;name=b' 'name=a&' 'init.from=~/weights.h5' '~=1'; do
    list "$line"
    no_sweep "$line" 'line 1: . outside (single )?quotes'
done
for line in --help --check '--out elsewhere' 'optimizer.lr=0.1 --alone' other.yaml '""' '=1'; do
    list "$line"
    no_sweep "$line" 'line 1: ".*" is no override'
done
list 'optimizer.lr=0.1' '' '"optimizer.lr=0.1" # again'
no_sweep "the same line twice" 'line 3: says the same as line 1'
list 'optimizer.lr=0.1' 'optimizer.lr=fast'
no_sweep "an override that is none" 'optimizer.lr=fast: .*"fast" is not a number'
list '# nothing'
no_sweep "no line" 'has no line of overrides'
list 'optimizer.lr=0.1'
sweep lines.txt --out elsewhere
no_sweep "a folder for all tasks" '"--out" is no override'

# split LINE: its words, one a line
split() {
    (
        # shellcheck source=slurm/list.sh
        . "$scripts/list.sh"
        split_words "$1" && printf '%s\n' "${split[@]}"
    )
}

# Words without anything to expand are bash's own.
while IFS= read -r line; do
    check "$line: split as bash does it" test "$(split "$line")" = "$(bash -fc "printf '%s\n' $line")"
done << 'LINES'
optimizer.lr=0.3 "name=run #3" train.epochs=5
name=a#b c=d\#e # "f
a='x y'z"w v"	b=\"\'
a="b\n\"c\\" d='\' e=""
a="it's" b='say "a"' c=a\ b
a=x~y b=!z c=[1,2] d="#" e=é
LINES

# ---- launching ----

SHOAL_MPIRUN=$(command -v mpirun) launch_here 3
check "the mpirun that is found first is called by its name" test "${launch[0]} ${launch[-1]}" = "mpirun 3"

# ---- has a run left a checkpoint? ----

# judged WHAT RIGHT CODE SIGNALLED CHECKPOINT STATE…: the script's exit code for a launcher's exit code, a signal passed on (yes or nothing), a
# last.h5 that is `new`, `old` or missing, and what the program said.
judged() {
    local what=$1 right=$2
    shift 2
    rm -rf run && mkdir run
    case $3 in
    new) touch run/last.h5 ;;
    old) touch -d '1 hour ago' run/last.h5 ;;
    esac
    printf '%s\n' "${@:4}" > state
    (
        # shellcheck disable=SC2034 # for lib.sh
        slurm=$scripts script=train.sbatch LAUNCHER=mpirun state=$work/state began=$SECONDS
        # shellcheck source=slurm/lib.sh
        . "$scripts/lib.sh"
        code=$1 passed_on=$2
        judge
        exit "$code"
    ) > "$work/out" 2> "$work/err"
    code=$?
    check "$what: $right" test "$code" = "$right"
}

judged "stopped with a checkpoint" 75 75 yes new 'training run' 'ended 75'
judged "the launcher hides how it ended" 75 0 yes new 'training run' 'ended 75'
judged "stopped, and last.h5 is of an earlier start" 1 75 yes old 'training run' 'ended 75'
judged "stopped, and there is no last.h5" 1 75 yes none 'training run' 'ended 75'
judged "stopped, and the folder is gone" 1 75 yes none 'training gone' 'ended 75'
judged "stopped before training" 75 75 yes none 'ended 75'
judged "finished" 0 0 '' new 'training run' 'ended 0'
judged "finished, whatever the launcher says" 0 1 '' new 'training run' 'ended 0'
judged "refused" 64 1 '' none 'ended 64'
for answer in 0 75 138; do # the checkpoint may be of every_seconds
    judged "the launcher left with $answer in the middle of a run" 1 $answer yes new 'training run'
done
judged "ranks were killed" 137 137 '' new 'training run'
judged "signalled before the program listened" 75 138 yes none
judged "killed by somebody else's USR1" 138 138 '' none
judged "the program did not start" 127 127 '' none
finish
