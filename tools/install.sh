#!/usr/bin/env bash
# Makes .venv and installs the project with everything it needs from the plain package index.
#
#   bash tools/install.sh            what `make demo` and `make test` call first
#   PYTHON=/path/to/python3.12 bash tools/install.sh
#
# A stamp in .venv tells that all is done for the present pyproject.toml; then nothing happens.
# An interrupted run has left no stamp: run again, what is there already is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv
STAMP=$VENV/.installed
NEEDED_MB=7000 # torch with its CUDA libraries is 5.5 GB of it
OPENCV_FIX="apt-get install -y libgl1 libglib2.0-0"
STARTED=$SECONDS

say() { printf '[install %4ds] %s\n' "$((SECONDS - STARTED))" "$*"; }
fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}
trap 'fail "interrupted; run the same command again, it continues"' INT TERM

fingerprint() { cat pyproject.toml tools/install.sh | sha256sum | cut -d' ' -f1; }

in_range() { # whether $1 is a Python that the project supports
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

find_python() {
    if [[ -n "${PYTHON:-}" ]]; then
        in_range "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13"
        echo "$PYTHON"
        return
    fi
    local name
    for name in python3.11 python3.12 python3.13 python3; do
        if in_range "$name"; then
            echo "$name"
            return
        fi
    done
    fail "needs Python 3.11 to 3.13, found $(python3 --version 2>/dev/null || echo none);" \
        "on Debian 12: apt-get install -y python3.11 python3.11-venv;" \
        "or name one: PYTHON=/path/to/python3.11 make install"
}

check_disk() {
    [[ -w . ]] || fail "no permission to write in $PWD; clone the project into a folder of yours"
    local free_mb
    free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
    if ((free_mb < ${1:-$NEEDED_MB})); then
        fail "$free_mb MB free in $PWD, ${1:-$NEEDED_MB} MB needed; free some space and run again"
    fi
}

make_venv() {
    local python
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python lacks venv; on Debian: apt-get install -y $(basename "$python")-venv"
    say "making $VENV with $("$python" --version)"
    "$python" -m venv "$VENV" || fail "could not make $VENV; delete it (rm -rf $VENV) and run again"
}

pip_install() { # names a step, then pip's arguments; tells the likely cause when pip fails
    local step=$1
    shift
    say "$step"
    if ! "$VENV/bin/python" -m pip install --disable-pip-version-check "$@" 2>&1 |
        sed -u '/already satisfied/d'; then
        check_disk 500
        fail "pip stopped at: $step. If the lines above speak of the network, run again later:" \
            "what is installed is kept"
    fi
}

check_opencv() {
    local problem
    problem=$("$VENV/bin/python" -c 'import cv2' 2>&1) && return
    [[ "$problem" =~ lib[A-Za-z0-9_-]+\.so[.0-9]* ]] &&
        fail "OpenCV needs the system library ${BASH_REMATCH[0]}; run: $OPENCV_FIX; then run again"
    fail "OpenCV does not import: ${problem##*$'\n'}"
}

if [[ -f "$STAMP" && "$(cat "$STAMP")" == "$(fingerprint)" && -x "$VENV/bin/python" ]]; then
    exit 0
fi
say "installing into $PWD/$VENV (once; about 6 GB, most of it torch)"
if "$VENV/bin/python" -c 'import torch, torchvision' 2>/dev/null; then
    check_disk 500
else
    check_disk
fi
"$VENV/bin/python" -m pip --version >/dev/null 2>&1 || make_venv

pip_install "1/4 build tools" --upgrade pip "setuptools>=77" wheel
pip_install "2/4 torch and torchvision (the long step)" "torch>=2.5,<2.15" "torchvision>=0.20"
# Its build asks for torch: without isolation it takes the one just installed.
SAM2_BUILD_CUDA=0 pip_install "3/4 sam2" --no-build-isolation "sam2==1.1.0"
pip_install "4/4 the project and what else it needs" --no-build-isolation -e ".[dev]"
check_opencv
fingerprint >"$STAMP"
say "done"
