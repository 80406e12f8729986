#!/usr/bin/env bash
# Disks that fail: an error of any system call of a checkpoint ends the run with 74, or the checkpoint is good; what cannot be read when a
# run goes on is 74 too, and nothing is touched; what a killed run leaves behind is cleared; two files hold the run at all times.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need_h5py
command -v strace > /dev/null || skip "needs strace"
"$python" "$here/make_data.py" "$work" || exit 1
sed -e "s|DATA|$work|g" "$here/job.yaml" > "$work/job.yaml"
run=$work/run
job=("$work/job.yaml" data.val=null train.epochs=2 checkpoint.every_steps=2 checkpoint.keep=1)
strace -o "$work/trace" true 2> /dev/null || skip "strace may not trace here"

# fails SYSCALL ERROR WHEN PATH COMMAND…: that call to that path fails, the WHENth time (N+: from then on)
fails() {
    local call=$1 error=$2 when=$3 path=$4
    shift 4
    try strace -f -qq -o "$work/trace" -P "$path" -e trace="$call" -e inject="$call:error=$error:when=$when" "$@"
}

# shellcheck disable=SC2317 # check calls it
all_whole() {
    local file
    for file in "$run"/*.h5; do
        [[ ! -e $file ]] || "$shoal" inspect "$file" > /dev/null 2>> "$work/err" || return 1
    done
}

# ---- writing ----
for call in openat pwrite64 pread64 ftruncate fsync sync_file_range close rename; do
    for when in 1 2; do
        rm -rf "$run"
        fails $call EIO $when "$run/.last.h5.tmp" "$shoal" train "${job[@]}" --out "$run"
        check "$call fails, time $when: 74, or 0" test "$code" = 74 -o "$code" = 0
        check "$call fails, time $when: a checkpoint that is there is whole" all_whole
        [[ $code != 0 ]] || check "$call fails, time $when: 0 only with a checkpoint" test -s "$run/last.h5"
        [[ $code != 74 ]] || check "$call fails, time $when: one line" one_error_line
    done
done
for call in fsync sync_file_range pwrite64; do
    rm -rf "$run"
    fails $call ENOSPC 1+ "$run/.last.h5.tmp" "$shoal" train "${job[@]}" --out "$run"
    refused "$call always fails" 74 'last.h5: .*No space left on device'
    check "$call always fails: nothing is left" test -z "$(find "$run" -name "*h5*")"
done
rm -rf "$run"
fails sync_file_range ENOSYS 1+ "$run/.last.h5.tmp" "$shoal" train "${job[@]}" --out "$run"
expect "a system without sync_file_range" 0 '^digest '

# ---- two files, and what a killed run leaves ----
check "keep: 1: two files under all names" test "$(stat -c %i "$run"/*.h5 | sort -u | wc -l)" -ge 2
for name in last.h5 step-9.h5 best.h5; do
    echo half > "$run/.$name.tmp"
done
echo half > "$run/.last.h5.tmp-12345"
try "$shoal" train "${job[@]}" --out "$run" --resume train.epochs=3
expect "on where it ended" 0 'resuming from .*last.h5 at step 4'
check "leftovers are cleared" test -z "$(find "$run" -name "*.tmp*")"
whole=$("$shoal" digest "$run/last.h5")

# ---- reading ----
# touched WHAT: the last try ended with 74, one line and the system's reason, and last.h5 is the same
untouched() {
    refused "$1" 74 "$2"
    check "$1: last.h5 is as it was" test "$("$shoal" digest "$run/last.h5")" = "$whole"
}
more=("${job[@]}" --out "$run" --resume train.epochs=4)
fails openat ESTALE 1+ "$run" "$shoal" train "${more[@]}"
untouched "a folder that cannot be opened" 'Stale file handle'
fails getdents64 EIO 1+ "$run" "$shoal" train "${more[@]}"
untouched "a folder that cannot be listed" 'Input/output error'
fails openat EMFILE 1 "$run/last.h5" "$shoal" train "${more[@]}"
untouched "a checkpoint that cannot be opened" 'Too many open files'
for when in 1 3 1+; do
    fails pread64 EIO $when "$run/last.h5" "$shoal" train "${more[@]}"
    untouched "a checkpoint that cannot be read, time $when" 'Input/output error'
done
fails pread64 EIO 6 "$run/last.h5" "$shoal" inspect "$run/last.h5"
refused "inspect of what cannot be read" 74 'Input/output error'
fails getdents64 EIO 1+ "$work" "$shoal" eval "$run/last.h5" "$work/tr*n.h5"
refused "a pattern in a folder that cannot be listed" 74 'cannot be searched for: Input/output error'
"$python" - "$run/last.h5" << 'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(3000)
    byte = f.read(1)
    f.seek(3000)
    f.write(bytes([byte[0] ^ 1]))
PY
try "$shoal" inspect "$run/last.h5"
refused "inspect of what is damaged" 65 'damaged'
try "$shoal" train "${more[@]}"
expect "what is damaged is passed over" 0 'warning: .*last.h5: .*damaged.*passed over'
finish
