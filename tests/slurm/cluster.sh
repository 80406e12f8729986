# A SLURM of two nodes, n1 and n2, on this machine: slurmctld, two slurmd and a munged of its own, all in one temporary folder, on ports
# that are free. `cluster_start FOLDER`, then sbatch, srun and the rest speak to it; `cluster_stop` leaves nothing behind.
# shellcheck shell=bash

cluster_node_cpus=4 # more than there are: several jobs run side by side

# Why there can be no cluster here; nothing where there can be one.
cluster_obstacle() {
    local tool
    for tool in slurmctld slurmd munged sbatch srun scontrol; do
        PATH=$PATH:/usr/sbin command -v "$tool" > /dev/null || { echo "$tool is missing (Debian: slurm-wlm munge)"; return; }
    done
    [[ $(id -u) == 0 ]] || echo "SLURM's daemons need root"
}

# Three ports in a row that nobody listens to.
cluster_free_ports() {
    local first port
    for ((first = 17000 + 3 * ($$ % 5000); ; first += 3)); do
        for port in $first $((first + 1)) $((first + 2)); do
            (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && continue 2
        done
        echo "$first"
        return
    done
}

# Times are short: a requeued job waits for cred_expire, a killed one for KillWait, a node that fell silent for SlurmdTimeout.
cluster_write_config() {
    local ports=$1 host
    host=$(hostname -s)
    cat > "$cluster/slurm.conf" << CONF
ClusterName=shoal
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$ports
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$cluster/munge/socket,cred_expire=8
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=pmix
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
TmpFS=$cluster/tmp/%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd-%n.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd-%n.log
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
KillWait=15
SlurmdTimeout=15
UnkillableStepTimeout=20
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((ports + 1)) CPUs=$cluster_node_cpus
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((ports + 2)) CPUs=$cluster_node_cpus
PartitionName=main Nodes=n1,n2 Default=YES State=UP
PartitionName=other Nodes=n1,n2 State=UP
CONF
}

cluster_start_munge() {
    (umask 077 && head -c 1024 /dev/urandom > "$cluster/munge/key")
    munged --foreground --force --socket="$cluster/munge/socket" --key-file="$cluster/munge/key" --pid-file="$cluster/munge/pid" \
        --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed" > /dev/null 2>&1 &
    cluster_wait 10 test -S "$cluster/munge/socket"
}

# As after a reboot: what steps have left in the node's folders would be in the way of the same steps.
cluster_start_node() {
    rm -rf "${cluster:?}"/{spool,tmp}/"$1"
    mkdir -p "$cluster"/{spool,tmp}/"$1"
    slurmd -D -N "$1" > /dev/null 2>&1 &
    disown # killed later without a word
}

# A node fails: its daemon, its steps and all that they started die at once.
cluster_kill_node() {
    local pid victims
    victims=$(find /proc/[0-9]*/fd -lname "$cluster/slurmd-$1.log" 2> /dev/null | sed -n 's|^/proc/\([0-9]*\)/.*|\1|p')
    for pid in $(cluster_processes); do
        grep -qszx "SLURMD_NODENAME=$1" "/proc/$pid/environ" && victims+=" $pid"
    done
    # shellcheck disable=SC2086 # a list of numbers
    kill -KILL $victims 2> /dev/null
}

# cluster_wait SECONDS COMMAND…: until the command succeeds.
cluster_wait() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

cluster_is_idle() {
    [[ $(sinfo -h -p main -t idle -o %D) == 2 ]]
}

# Everything that this cluster and its jobs have started carries its folder in its environment, but for slurmstepd, which writes a title
# over it: that has a log file open.
cluster_processes() {
    {
        env -u SHOAL_TEST_CLUSTER grep -lsz "^SHOAL_TEST_CLUSTER=$cluster\$" /proc/[0-9]*/environ
        env -u SHOAL_TEST_CLUSTER find /proc/[0-9]*/fd -lname "$cluster/*" 2> /dev/null
        true # some have just ended
    } | env -u SHOAL_TEST_CLUSTER sed -n 's|^/proc/\([0-9]*\)/.*|\1|p' | env -u SHOAL_TEST_CLUSTER sort -u
}

# Whatever ends the script that calls this, kill -9 too: somebody is there who takes the cluster down.
cluster_guard() {
    (setsid tail --pid=$$ -f /dev/null && cluster_stop) < /dev/null > /dev/null 2>&1 &
    disown
}

cluster_start() {
    local variable
    cluster=$1
    cluster_guard
    for variable in ${!SLURM_@} ${!SBATCH_@} ${!SRUN_@} ${!OMPI_@} ${!PMIX_@}; do # where tests run inside a job
        [[ $variable == OMPI_ALLOW* ]] || unset "$variable"
    done
    mkdir -p "$cluster"/{state,munge}
    export SHOAL_TEST_CLUSTER=$cluster SLURM_CONF=$cluster/slurm.conf PATH=$PATH:/usr/sbin
    cluster_write_config "$(cluster_free_ports)"
    cluster_start_munge || return 1
    slurmctld -D -i > /dev/null 2>&1 &
    cluster_start_node n1
    cluster_start_node n2
    cluster_wait 30 cluster_is_idle
}

cluster_stop() {
    [[ -n ${cluster:-} ]] || return 0
    local end=$((SECONDS + 10)) found
    unset SHOAL_TEST_CLUSTER
    while found=$(cluster_processes) && [[ -n $found ]] && ((SECONDS < end)); do # the next round finds what was just being started
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL $found 2> /dev/null
        sleep 0.1
    done
    sed -n "s|^[^ ]* \\($cluster/[^ ]*\\) .*|\\1|p" /proc/mounts | xargs -r umount --lazy
    rm -rf "$cluster"
}
