#!/usr/bin/env bash
# Slurm: the job that merges the bundles after all arrays, also after failed ones. Its exit status is the verdict's.
#SBATCH --job-name=ironguest-merge
set -euo pipefail
exec ci/merge --leave-out --shards "$SHARDS" --out "${OUT:-out}" "$BUNDLES"
