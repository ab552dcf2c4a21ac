#!/usr/bin/env bash
# Evaluate on all GPUs of this machine, or of several (see dist_train.sh).
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
set -euo pipefail

if [[ $# -lt 3 ]]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

nodes=(--standalone)
if [[ ${NNODES:-1} -gt 1 || -n ${PORT:-} ]]; then
    nodes=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
        --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
fi
exec "${PYTHON:-python}" -m mmpose.engine.torchrun "${nodes[@]}" --nproc_per_node "$gpus" \
    "$root/tools/test.py" "$config" "$checkpoint" --launcher pytorch "${@:4}"
