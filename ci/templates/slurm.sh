#!/usr/bin/env bash
# Slurm: one shard of a job array. ci/matrix --format slurm prints the script that submits the arrays and the merge:
#   ci/matrix --plan certification --require-hardware-assist --out shards.json
#   ci/matrix --shards shards.json --format slurm --out submit.sh && bash submit.sh
# The checkout after ci/setup, the file SHARDS and the directory BUNDLES lie on a file system that all nodes share. Nodes have
# the features kvm, nested, x86_64 or aarch64, and media-<guest> (Feature= in slurm.conf).
#SBATCH --job-name=ironguest
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@60
set -euo pipefail
exec ci/shard "$SHARDS" "$((FIRST_SHARD + SLURM_ARRAY_TASK_ID))" --bundles "$BUNDLES"
