#!/usr/bin/env bash
# What one GPU makes of this project, in under 8 minutes and from a bare machine: CUDA tests, a
# training step, the loop on CPU and GPU, a training. One JSON, one log; each part has a limit of
# its own and survives the failure of another.
#
#   bash tools/pack_wheels.sh                    beforehand, where there is a network
#   bash tools/device_check.sh --out FOLDER      there: python3 with torch and torchvision
#   bash tools/device_check.sh --dry-run         what would be run
#   bash tools/device_check.sh --small           a rehearsal; without a GPU always
#
# Wheels are taken from .wheels (--wheels FOLDER for another) and installed into a folder that goes
# when this ends; nothing else is changed. PYTHON=python3 names the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || {
    echo "device_check: no $PYTHON; name one with torch: PYTHON=/path/to/python3" >&2
    exit 1
}
export PYTHONUNBUFFERED=1
exec "$PYTHON" tools/device_check.py "$@"
