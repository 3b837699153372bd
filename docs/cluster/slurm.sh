#!/usr/bin/env bash
#SBATCH --job-name=cifarlab
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
# One worker per node. The shared directory $HOME/runs holds the run, and $HOME/data holds the dataset.
set -euo pipefail
PORT=2222
mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
workers=$(printf '"%s:'"$PORT"'",' "${hosts[@]}")
export WORKERS="[${workers%,}]"
srun bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": $WORKERS}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec cifarlab train --strategy multi-worker --train-dir "$HOME/runs/train" --data-dir "$HOME/data"
'
