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
# Wheels are taken from .wheels (WHEELS=FOLDER for another) and installed into a folder that goes
# when this ends; nothing else is changed. PYTHON=python3 names the interpreter.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

PYTHON=${PYTHON:-python3}
WHEELS=${WHEELS:-.wheels}

command -v "$PYTHON" >/dev/null || {
    echo "device_check: no $PYTHON; name one with torch: PYTHON=/path/to/python3" >&2
    exit 1
}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1
if [[ " $* " != *" --dry-run "* && -d $WHEELS ]]; then
    SITE=$(mktemp -d)
    trap 'rm -rf "$SITE"' EXIT
    # without them the parts tell what is missing
    "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --disable-pip-version-check --target "$SITE" "$WHEELS"/*.whl ||
        echo "device_check: the wheels of $WHEELS could not be installed; going on" >&2
    export PYTHONPATH="$PYTHONPATH:$SITE"
fi
"$PYTHON" tools/device_check.py "$@"
