#!/usr/bin/env bash
# Packs the wheels that tools/device_check.sh needs on a machine without network into .wheels/.
#
#   bash tools/pack_wheels.sh                for an image with the packages of tools/device_image.txt
#   bash tools/pack_wheels.sh --bare         for a machine with torch and torchvision alone
#   bash tools/pack_wheels.sh --python 3.11 --to FOLDER
#
# The folder stays under 50 MB, so that it can travel; OpenCV and SciPy alone take more, so --bare
# is allowed 200 MB. Versions are those of .venv; x86-64 Linux.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON_VERSION=3.12
FOLDER=.wheels
HAS=(--has tools/device_image.txt)
LIMIT_MB=50
PY=${PYTHON:-.venv/bin/python}

fail() {
    printf 'pack_wheels: %s\n' "$*" >&2
    exit 1
}

while (($#)); do
    case $1 in
    --bare) HAS=() LIMIT_MB=200 ;;
    --python) PYTHON_VERSION=${2:?--python needs a version, such as 3.12} && shift ;;
    --to) FOLDER=${2:?--to needs a folder} && shift ;;
    *) fail "unknown argument $1; known are --bare, --python VERSION, --to FOLDER" ;;
    esac
    shift
done
[[ $PYTHON_VERSION =~ ^3\.[0-9]+$ ]] || fail "--python takes 3.11, 3.12 or 3.13, got $PYTHON_VERSION"
command -v "$PY" >/dev/null || fail "no $PY; run 'make install', or name another: PYTHON=python3"

mapfile -t NEEDED < <("$PY" tools/needed_wheels.py ${HAS[@]+"${HAS[@]}"})
((${#NEEDED[@]})) || fail "tools/needed_wheels.py names nothing; see its error above"
PARTIAL=$FOLDER.part
rm -rf "$PARTIAL" && mkdir -p "$PARTIAL"
trap 'rm -rf "$PARTIAL"' EXIT

TARGET=(--only-binary=:all: --python-version "$PYTHON_VERSION" --implementation cp)
for tag in 2_17 2_24 2_27 2_28 2_34 2_35 2_39; do TARGET+=(--platform "manylinux_${tag}_x86_64"); done
TARGET+=(--platform manylinux2014_x86_64 --platform manylinux1_x86_64)
for requirement in "${NEEDED[@]}"; do
    if ! "$PY" -m pip download -q --no-deps "${TARGET[@]}" -d "$PARTIAL" "$requirement" \
        >"$PARTIAL/pip.log" 2>&1; then
        # published as source alone: Python without extensions, built here; sam2's build wants torch
        SAM2_BUILD_CUDA=0 "$PY" -m pip wheel -q --no-deps --no-build-isolation -w "$PARTIAL" \
            "$requirement" >"$PARTIAL/pip.log" 2>&1 ||
            fail "no wheel of $requirement: $(tail -n 1 "$PARTIAL/pip.log")"
    fi
done
rm -f "$PARTIAL/pip.log"
# a build marks its Python although nothing is compiled
for wheel in "$PARTIAL"/*-cp3*-cp3*-linux_x86_64.whl; do
    [[ -e $wheel ]] || continue
    "$PY" -m zipfile -l "$wheel" | grep -q '\.so ' && fail "$(basename "$wheel") is compiled for $PY"
    mv "$wheel" "${wheel%-cp3*-cp3*}-py3-none-any.whl"
done

SIZE_MB=$(du -sm "$PARTIAL" | cut -f1)
((SIZE_MB < LIMIT_MB)) || fail "$SIZE_MB MB of wheels, at most $LIMIT_MB may travel; largest:" \
    "$(cd "$PARTIAL" && ls -S | head -n 3 | tr '\n' ' ')"
rm -rf "$FOLDER" && mv "$PARTIAL" "$FOLDER"
trap - EXIT
echo "$FOLDER: ${#NEEDED[@]} wheels, $SIZE_MB MB, for Python $PYTHON_VERSION"
