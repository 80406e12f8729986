# Settings of this cluster, for all scripts of this folder: cp slurm/site.example.sh slurm/site.sh, then edit. It is a shell file: whatever
# a job needs before the program can start may stand here.
# shellcheck shell=bash disable=SC2034

# Where jobs go. sbatch reads these itself: its input variables (man sbatch) can all be set here. Left out: the cluster's default.
#export SBATCH_PARTITION=compute
#export SBATCH_ACCOUNT=my-project

# What `module load` is to load, in this order. Empty: nothing.
MODULES=""

# Who starts the ranks: srun, or mpirun where SLURM was built without PMIx.
LAUNCHER=srun
# srun --mpi=…: `srun --mpi=list` tells what there is. Open MPI needs pmix.
MPI_TYPE=pmix
# More words for the launcher, each in quotes of its own.
LAUNCHER_OPTIONS=()
# Whether ranks are bound to cores of their own: yes, or no where nodes are shared without it.
BIND=yes

# The program. Empty: build/bin/shoal of this tree.
SHOAL=""

# Ranks on a node where the job asks for none (--ntasks-per-node). Empty: one for each NUMA domain.
RANKS_PER_NODE=""

# How often a job goes back into the queue by itself before somebody should look at it.
MAX_REQUEUES=50
