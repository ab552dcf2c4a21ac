#!/usr/bin/env bash
# Makes .venv-interop: the packages of others that tests/interop runs, on top of .venv.
#
# An environment of its own, as some of them bring another OpenCV, which would lie over ours.
# What .venv has is seen through a .pth file and not installed again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv-interop
STAMP=$VENV/.installed
fingerprint() { cat pyproject.toml tools/install_interop.sh | sha256sum | cut -d' ' -f1; }
fail() {
    printf 'install_interop: %s\n' "$*" >&2
    exit 1
}

[[ -x .venv/bin/python ]] || fail "there is no .venv to build on; run: make install"
if [[ -f "$STAMP" && "$(cat "$STAMP")" == "$(fingerprint)" ]]; then
    exit 0
fi
.venv/bin/python -m venv "$VENV" || fail "could not make $VENV; delete it and run again"
base=$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')
inside=$("$VENV/bin/python" -c 'import site; print(site.getsitepackages()[0])')
echo "$base" >"$inside/below.pth"
mapfile -t wanted < <(.venv/bin/python - <<'PYTHON'
import tomllib

extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
wanted = ("interop", "video", "onnx", "openvino", "openmmlab")
print(*(package for name in wanted for package in extras[name]), sep="\n")
PYTHON
)
"$VENV/bin/python" -m pip install --disable-pip-version-check -q "${wanted[@]}" ||
    fail "pip stopped; if the lines above speak of the network, run again later"
# Built here, as its wheel is for numpy 1. Tests that need it skip where there is no compiler.
"$VENV/bin/python" -m pip install --disable-pip-version-check -q cython setuptools &&
    "$VENV/bin/python" -m pip install --disable-pip-version-check -q --no-build-isolation \
        --no-binary xtcocotools xtcocotools==1.14.3 ||
    echo "install_interop: xtcocotools was not built (a C compiler is needed); its tests skip" >&2
fingerprint >"$STAMP"
