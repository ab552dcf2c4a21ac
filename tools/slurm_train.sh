#!/usr/bin/env bash
# Submit a training to Slurm. Preempted, or at its time limit, it writes a checkpoint and queues
# itself again, until it is done.
#
#   GPUS=16 tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]
#
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), GRACE (300: seconds before the time limit at
# which it stops) and SBATCH_ARGS ("--time=24:00:00 --account=...") are read from the environment.
set -euo pipefail

usage="usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]"
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-8}
per_node=$((gpus < per_node ? gpus : per_node))

if [[ ${1:-} != --in-job ]]; then
    if [[ $# -lt 4 ]]; then
        echo "$usage" >&2
        exit 2
    fi
    root=$(cd "$(dirname "$0")/.." && pwd)
    partition=$1 name=$2 work_dir=$4
    mkdir -p "$work_dir"
    # Slurm runs a copy of this file from elsewhere: it is told where it came from
    # shellcheck disable=SC2086 - several arguments in one variable
    exec sbatch --partition="$partition" --job-name="$name" --ntasks="$gpus" \
        --ntasks-per-node="$per_node" --gres="gpu:$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --signal="USR1@${GRACE:-300}" --requeue --open-mode=append \
        --output="$work_dir/slurm-%j.log" ${SBATCH_ARGS:-} \
        "$root/tools/slurm_train.sh" --in-job "$root" "${@:3}"
fi

root=$2 config=$3 work_dir=$4
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# two jobs may share a machine
export MASTER_PORT="${MASTER_PORT:-$((20000 + SLURM_JOB_ID % 20000))}"

srun --kill-on-bad-exit=1 "${PYTHON:-python}" -u "$root/tools/train.py" "$config" \
    --work-dir "$work_dir" --launcher slurm --resume "${@:5}" &
step=$!
# this shell must outlive the training, and Slurm may signal it alone
trap 'kill -USR1 "$step" 2>/dev/null || true' TERM USR1 INT
while kill -0 "$step" 2>/dev/null; do
    wait "$step" || true # a signal ends the wait, not the training
done
code=0
wait "$step" || code=$?
if [[ $code -eq 75 ]]; then
    echo "the training was told to stop and is queued again"
    exec scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
