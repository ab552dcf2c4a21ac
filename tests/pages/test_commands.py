"""Every command of README and the site runs, in a small copy of the project.

A command on data or weights that nobody may ship ends with one line that names them: so far it is
right.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages.snippets import (
    PHOTO,
    ROOT,
    TRAINED,
    VAL,
    all_commands,
    as_run,
    why_not_run,
)

SETS = {"val": (3, 1), "train": (3, 2), "short_train": (4, 3), "short_val": (3, 4)}
# what a command may lack: other data sets, published weights, checkpoints of longer trainings
LACKS = re.compile(
    r"(?:error|bmp): .*(datasets/(?!synthcrowd)\S+|work_dirs/\S+\.pth|could not download|models/\S+"
    r"|no checkpoint)|^  MISSING  (annotations|images|weights) ",
    re.DOTALL | re.MULTILINE,
)
# those that are the same when filled in run once
COMMANDS = list(
    dict.fromkeys(as_run(command) for command in all_commands() if why_not_run(command) is None)
)


def environment_of(world: Path) -> dict[str, str]:
    """What a command is given beside the variables of this process."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(world),
        "OMP_NUM_THREADS": "1",
        "BMP_MODELS": str(world / "models"),
        "TORCH_HOME": str(world / "hub"),
        "https_proxy": "http://127.0.0.1:9",  # nobody listens there: as on a machine offline
    }


def run_in(world: Path, command: str) -> subprocess.CompletedProcess:
    """Run a command as a shell there, Python and its scripts being those of this test."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=world,
        env=os.environ | environment_of(world),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The project's files, three images in each set of crowds, results of one, one photo."""
    folder = tmp_path_factory.mktemp("project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if name.startswith("tests/"):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():  # bmp/configs
            target.symlink_to(source.readlink())
        elif source.is_file():
            shutil.copy(source, target)  # with its mode: scripts are run
    (folder / ".venv/bin").mkdir(parents=True)
    script = f'#!/usr/bin/env bash\nexec {sys.executable} -m bmp.cli "$@"\n'
    (folder / ".venv/bin/bmp").write_text(script)
    (folder / ".venv/bin/bmp").chmod(0o755)
    for name, (count, seed) in SETS.items():
        out = f"datasets/synthcrowd/{name}"
        render = f"python tools/datasets/synthcrowd.py --out {out} --num-images {count}"
        assert run_in(folder, f"{render} --seed {seed}").returncode == 0
    (folder / "one_image").mkdir()
    shutil.copyfile(folder / PHOTO, folder / "one_image/photo.jpg")
    (folder / "results.json").write_text(json.dumps(results_of(folder / VAL)))
    training = run_in(folder, f"{as_run('python tools/train.py CONFIG')} --work-dir {TRAINED}")
    assert training.returncode == 0, training.stderr[-3000:]
    return folder


def results_of(annotations: Path) -> list[dict]:
    """The annotations themselves as results, each a little off."""
    kept = ("image_id", "category_id", "keypoints", "segmentation")
    people = json.loads(annotations.read_text())["annotations"]
    return [
        {key: person[key] for key in kept if key in person}
        | {"bbox": [person["bbox"][0] + 1, *person["bbox"][1:]], "score": 0.5 + 0.4 / (n + 1)}
        for n, person in enumerate(people)
    ]


def test_pages_hold_commands():
    assert len(COMMANDS) > 40


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages_runs(command, world):
    done = run_in(world, command)
    output = f"{done.stdout}\n{done.stderr}"
    if command.startswith("torchrun "):  # it adds a traceback of its own to what a process said
        output = output.split("\nTraceback")[0]
    said = "\n".join(output.strip().splitlines()[-20:])
    assert done.returncode == 0 or LACKS.search(said), output
    assert "Traceback" not in output
