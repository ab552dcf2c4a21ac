#!/usr/bin/env bash
# Fetches the published segmenters into models/SAM: SAM-pose2seg and the four sizes of SAM 2.1.
#
#   bash models/SAM/download_ckpts.sh                     all
#   bash models/SAM/download_ckpts.sh sam2.1_hiera_tiny.pt
#
# A file that is here is left alone; one that was cut off goes on where it stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=.venv/bin/python
[[ -x $python ]] || python=python3
if (($# == 0)); then
    set -- SAM-pose2seg_hiera_b+.pt sam2.1_hiera_{tiny,small,base_plus,large}.pt
fi
exec "$python" -m bmp.cli download --out models/SAM "$@"
