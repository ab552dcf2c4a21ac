#!/usr/bin/env bash
# Train on all GPUs of this machine, or of several.
#
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#
# On several machines run it on each, GPUS being those of that machine:
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 PORT=29500 tools/dist_train.sh CONFIG 8
#   NNODES=2 NODE_RANK=1 MASTER_ADDR=10.0.0.1 PORT=29500 tools/dist_train.sh CONFIG 8
#
# SIGTERM, SIGUSR1 and Ctrl-C write a checkpoint and end with exit code 75.
set -euo pipefail

if [[ $# -lt 2 ]]; then
    echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2
    exit 2
fi
config=$1 gpus=$2
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

nodes=(--standalone) # a free port of its own
if [[ ${NNODES:-1} -gt 1 || -n ${PORT:-} ]]; then
    nodes=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
        --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
fi
# exec: signals reach the launcher, not a shell that would die of them
exec "${PYTHON:-python}" -m mmpose.engine.torchrun "${nodes[@]}" --nproc_per_node "$gpus" \
    "$root/tools/train.py" "$config" --launcher pytorch "${@:3}"
