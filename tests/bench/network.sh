#!/usr/bin/env bash
# What of the speed stays when the ranks' only road is a slow network: two ranks of one thread as two nodes, joined by a link of
# 1 Gbit/s, beside the same two ranks over shared memory. The nodes are network namespaces with host names of their own.
#   tests/bench/network.sh               needs root, ip and tc (iproute2), unshare; 77 where they are missing
#   MODEL=resnet50 BATCH=32 SIZE=224 ROUNDS=3 STEPS=3 RATE=1gbit   BATCH is a rank's; medians over rounds are printed
#   FORMATS="float32 bf16 fp16"                                    of the gradients on the network, comm.gradients
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

shoal=${SHOAL_BIN:-$PWD/build/bin/shoal}
model=${MODEL:-resnet50} batch=${BATCH:-32} size=${SIZE:-224} rounds=${ROUNDS:-3} steps=${STEPS:-3} rate=${RATE:-1gbit}
formats=${FORMATS:-float32 bf16 fp16}
near=shoal-near-$$ far=shoal-far-$$ # the namespaces
network=10.213.77
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1

# shellcheck source=slurm/launch.sh
. slurm/launch.sh
[ -x "$shoal" ] || { echo "no $shoal: build first (cmake -B build && cmake --build build)" >&2; exit 64; }
[ "$(id -u)" = 0 ] || { echo "network namespaces need root" >&2; exit 77; }
for tool in ip tc unshare mpirun python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing (Debian: iproute2, util-linux, openmpi-bin, python3)" >&2; exit 77; }
done

work=$(mktemp -d)
take_down() {
    ip netns delete "$near" 2>/dev/null || true
    ip netns delete "$far" 2>/dev/null || true # the link goes with its ends
    rm -rf "$work"
}
trap take_down EXIT
trap 'exit 130' INT TERM

ip netns add "$near" && ip netns add "$far" || { echo "this machine lets nobody make network namespaces" >&2; exit 77; }
ip link add veth0 netns "$near" type veth peer name veth0 netns "$far"
set_up_end() { # namespace, last number of its address. A switch port queues little: what waits longer than 2 ms is dropped
    ip -n "$1" address add "$network.$2/24" dev veth0
    ip -n "$1" link set lo up
    ip -n "$1" link set veth0 up
    ip netns exec "$1" tc qdisc add dev veth0 root tbf rate "$rate" burst 256kb latency 2ms
}
set_up_end "$near" 1
set_up_end "$far" 2

# mpirun's way to the other node: `agent HOST COMMAND…`.
cat >"$work/agent" <<AGENT
#!/bin/sh
shift
exec ip netns exec $far unshare --uts sh -c 'hostname shoal-far; exec sh -c "\$*"' sh "\$@"
AGENT
chmod +x "$work/agent"

bench() { "$@" "$shoal" bench --model "$model" --batch $((2 * batch)) --size "$size" --steps "$steps" --lanes 8 --gradients "$format"; }
over_memory() { launch_here 2 && bench "${launch[@]}"; }
# In Open MPI 4's words. Ranks are not bound: a core that only computes starves the kernel's work for the network. Two links a pair keep a slow receiver from
# holding up the wire.
over_network() {
    bench ip netns exec "$near" unshare --uts sh -c 'hostname shoal-near; exec "$@"' sh \
        mpirun --bind-to none --host "$network.1:1,$network.2:1" --mca plm_rsh_agent "$work/agent" --mca btl self,tcp \
        --mca pml ob1 --mca btl_tcp_links 2 --mca btl_tcp_if_include "$network.0/24" --mca oob_tcp_if_include "$network.0/24" -np 2
}

measure() { # label format command
    local label=$1 format=$2
    "$3" | sed "s/^{/{\"road\":\"$label\",\"gradients\":\"$format\",/" >>"$work/results"
}
for ((round = 1; round <= rounds; round++)); do
    echo "round $round of $rounds" >&2
    measure memory float32 over_memory
    for format in $formats; do
        measure "$rate" "$format" over_network
    done
done

python3 - "$work/results" <<'PY'
import json, statistics, sys
rows = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    rows.setdefault((r["road"], r["gradients"]), []).append(r)
median = lambda runs, key: statistics.median(r[key] for r in runs)
whole = median(rows["memory", "float32"], "images_per_s")
print(f"{'road':8s} {'gradients':9s} {'images/s':>9s} {'kept':>6s} {'waited s':>9s}")
for (road, gradients), runs in rows.items():
    speed = median(runs, "images_per_s")
    print(f"{road:8s} {gradients:9s} {speed:9.2f} {speed / whole:6.3f} {median(runs, 'comm_s'):9.3f}")
PY
