"""Runs of an ablation as an array of Slurm jobs, by commands that stand in for its own."""

import os
import stat
import subprocess

import pytest

from mmpose.ablation.run_folder import RunFolder
from tests.mmpose.ablation.fake_project import THREE, link

SBATCH = """#!/bin/bash
echo "$@" >> sbatch.txt
echo 4711
"""
SRUN = """#!/bin/bash
echo "$@" >> srun.txt
shift 2
exec "$@"
"""
SQUEUE = """#!/bin/bash
[ -e alive ] && echo "4711 PENDING"
exit 0
"""


def test_slurm_gets_an_array_with_a_task_for_each_run(project, monkeypatch, capsys):
    commands = project.folder / "bin"
    commands.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "squeue": SQUEUE}.items():
        (commands / name).write_text(text)
        (commands / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    path = project.write(THREE)
    options = ("--launcher", "slurm", "--jobs", "2", "--slurm-options", "--partition gpu")
    assert project.run(path, *options) == 0
    assert "submitted as job 4711" in capsys.readouterr().out
    submitted = (project.folder / "sbatch.txt").read_text()
    assert "--parsable --array=0-2%2 --ntasks=1" in submitted
    assert "--partition gpu" in submitted
    (project.folder / "alive").touch()
    # what waits in a job is not submitted again
    assert project.run(path, *options) == 0
    assert "nothing to submit" in capsys.readouterr().out
    script = submitted.split()[-1]
    for task in range(3):
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
        subprocess.run(["bash", script], check=True, env=environment)
    assert project.values() == [0.5, 2, 3]
    srun = (project.folder / "srun.txt").read_text().splitlines()
    assert len(srun) == 3
    assert all(line.startswith("--ntasks 1 ") for line in srun)
    # the tool is no child of srun, whose own memory is not the run's
    assert RunFolder(link(project, "two")).record()["steps"]["1-test"]["peak_mb"] is None
    assert project.run(path, "--table") == 0
    assert "| three | 3 | 1 |" in capsys.readouterr().out


def test_without_slurm_its_launcher_says_so(project, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(FileNotFoundError, match="there is no sbatch on this machine"):
        project.run(project.write(THREE), "--launcher", "slurm")
