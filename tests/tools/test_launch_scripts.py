"""The launch scripts: several processes, several machines, Slurm, and being told to stop.

Machines are agents of torchrun beside each other; Slurm's commands are stand-ins.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmpose.engine.checkpoint import allow_training_pickles
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import differences, last_state, steps_of

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"
PREEMPTED = 75

SBATCH = """#!/bin/sh
# runs the job at once, again as long as it is queued again
echo "$@" > "$STAND_INS/sbatch.txt"
while [ "${1#--}" != "$1" ]; do shift; done
export SLURM_JOB_ID=7
cp "$1" "$STAND_INS/copy.sh"; shift
while true; do
    rm -f "$STAND_INS/requeue"
    bash "$STAND_INS/copy.sh" "$@"; code=$?
    echo "job ended with $code" >> "$STAND_INS/jobs.txt"
    [ -e "$STAND_INS/requeue" ] || exit $code
done
"""
SRUN = """#!/usr/bin/env python3
# two tasks on one machine; signals go to all of them, the largest exit code is its own
import os, signal, subprocess, sys
while sys.argv[1].startswith("--"):
    del sys.argv[1]
names = {"SLURM_NTASKS": "2", "SLURM_NODELIST": "localhost"}
tasks = [
    subprocess.Popen(
        sys.argv[1:], env={**os.environ, **names, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)}
    )
    for i in range(2)
]
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda n, _: [task.send_signal(n) for task in tasks])
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = """#!/bin/sh
case "$1" in
    show) echo localhost ;;
    requeue) touch "$STAND_INS/requeue" ;;
esac
"""


@pytest.fixture
def environment(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "scontrol": SCONTROL}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    settings = {
        "PYTHON": sys.executable,
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "STAND_INS": str(tmp_path),
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return {**os.environ, **settings}


def write_config(tmp_path):
    config = validated_config(tmp_path / "work", scores=[0.2, 0.5, 0.3])
    config.custom_imports = {"imports": ["tests.training.tiny_faults"]}
    config.visualizer = {"type": "Visualizer"}
    config.dump(tmp_path / "tiny.py")
    return str(tmp_path / "tiny.py")


def with_hook(path: str, hook: dict) -> str:
    """A config of its own that has one hook more."""
    target = Path(path).with_name("hooked.py")
    target.write_text(Path(path).read_text() + f"\ncustom_hooks.append({hook!r})\n")
    return str(target)


def run(command, environment, code=0):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    report = done.stdout + done.stderr
    assert done.returncode == code, report[-4000:]
    assert "Traceback" not in report, report[-4000:]
    return report


def check_same(first: Path, second: Path) -> None:
    allow_training_pickles()
    for rank in (0, 1):
        assert steps_of(first, rank) == steps_of(second, rank)
    assert not differences(last_state(first), last_state(second))


@pytest.mark.slow
def test_one_process_that_is_told_to_stop_stops_all(tmp_path, environment):
    config = write_config(tmp_path)
    train = [str(TOOLS / "dist_train.sh")]
    run([*train, config, "2", "--work-dir", str(tmp_path / "all")], environment)
    told = {"type": "SignalHook", "number": int(signal.SIGTERM), "step": 5, "rank": 1}
    arguments = ["2", "--work-dir", str(tmp_path / "cut"), "--resume"]
    report = run([*train, with_hook(config, told), *arguments], environment, PREEMPTED)
    assert "stopped by SIGTERM: iter_" in report
    assert "(exit code 75)" in report
    run([*train, config, *arguments], environment)
    check_same(tmp_path / "all", tmp_path / "cut")


def wait_for(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def has_made_steps(work_dir, count):
    file = work_dir / "steps.rank1.jsonl"
    return lambda: file.is_file() and len(file.read_text().splitlines()) >= count


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.slow
def test_two_machines_of_which_one_is_told_to_stop(tmp_path, environment):
    config = with_hook(write_config(tmp_path), {"type": "SlowStepsHook"})
    work_dir = tmp_path / "cut"
    command = [str(TOOLS / "dist_train.sh"), config, "1", "--work-dir", str(work_dir), "--resume"]
    for stops in (True, False):
        nodes = {"NNODES": "2", "PORT": free_port()}
        machines = [
            subprocess.Popen(command, env={**environment, **nodes, "NODE_RANK": rank})
            for rank in "01"
        ]
        if stops:
            wait_for(has_made_steps(work_dir, 3))
            machines[1].send_signal(signal.SIGUSR1)
        codes = [machine.wait(120) for machine in machines]
        assert codes == ([PREEMPTED] * 2 if stops else [0, 0])
    assert [step["step"] for step in steps_of(work_dir, 1)] == list(range(1, 13))


@pytest.mark.slow
def test_torchrun_itself_passes_sigterm_on(tmp_path, environment):
    config = with_hook(write_config(tmp_path), {"type": "SlowStepsHook"})
    work_dir = tmp_path / "cut"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(TOOLS / "train.py"), config, "--launcher", "pytorch", "--work-dir"]
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, str(work_dir)], env=environment) as agent:
        wait_for(has_made_steps(work_dir, 3))
        agent.send_signal(signal.SIGTERM)
    assert agent.returncode == 1  # torchrun has no other
    done = len(steps_of(work_dir))
    assert done < 12
    assert (work_dir / "last_checkpoint").read_text() == str(work_dir / f"iter_{done}.pth")


@pytest.mark.slow
def test_a_slurm_job_queues_itself_until_it_is_done(tmp_path, environment):
    config = write_config(tmp_path)
    told = {"type": "SignalHook", "number": int(signal.SIGUSR1), "step": 5}
    work_dir = tmp_path / "cut"
    command = [str(TOOLS / "slurm_train.sh"), "gpus", "pose", with_hook(config, told)]
    settings = {"GPUS": "2", "MASTER_PORT": free_port(), "SBATCH_ARGS": "--time=1:00:00"}
    run([*command, str(work_dir)], {**environment, **settings})
    asked = (tmp_path / "sbatch.txt").read_text()
    assert "--partition=gpus --job-name=pose --ntasks=2 --ntasks-per-node=2 --gres=gpu:2" in asked
    assert "--signal=USR1@300 --requeue" in asked
    assert "--time=1:00:00" in asked
    jobs = (tmp_path / "jobs.txt").read_text().splitlines()
    assert jobs == ["job ended with 0", "job ended with 0"]  # the first one queued itself again
    assert [step["step"] for step in steps_of(work_dir, 1)] == list(range(1, 13))


@pytest.mark.slow
def test_evaluations_are_launched(tmp_path, environment):
    config = write_config(tmp_path)
    text = "\ntest_dataloader, test_evaluator, test_cfg = val_dataloader, val_evaluator, {}\n"
    Path(config).write_text(Path(config).read_text() + text)
    run([str(TOOLS / "dist_train.sh"), config, "1"], environment)
    checkpoint = str(tmp_path / "work" / "iter_12.pth")
    first, second = str(tmp_path / "first.json"), str(tmp_path / "second.json")
    run([str(TOOLS / "dist_test.sh"), config, checkpoint, "2", "--out", first], environment)
    command = [str(TOOLS / "slurm_test.sh"), "gpus", "pose", config, checkpoint, "--out", second]
    run(command, {**environment, "GPUS": "2", "MASTER_PORT": free_port()})
    assert "tiny/score" in json.loads(Path(first).read_text())
    assert "tiny/score" in json.loads(Path(second).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["corrupt", "killed"])
def test_data_that_fails_in_one_process_loses_nothing(tmp_path, environment, fault):
    config = write_config(tmp_path)
    train = [str(TOOLS / "dist_train.sh")]
    workers = ["--cfg-options", "train_dataloader.num_workers=1"]
    run([*train, config, "2", "--work-dir", str(tmp_path / "all"), *workers], environment)
    faulty = Path(config).with_name("faulty.py")
    dataset = {"type": "FaultyNumbers", "lens": [13, 7], "bad": 7, "fault": fault, "rank": 1}
    faulty.write_text(Path(config).read_text() + f"\ntrain_dataloader['dataset'] = {dataset!r}\n")
    arguments = ["2", "--work-dir", str(tmp_path / "cut"), "--resume", *workers]
    report = run([*train, str(faulty), *arguments], environment, 1)
    assert ("image 7.jpg is corrupt" if fault == "corrupt" else "a data worker died") in report
    assert "another process cannot read its data" in report
    run([*train, config, *arguments], environment)
    check_same(tmp_path / "all", tmp_path / "cut")


@pytest.mark.parametrize("script", ["dist_train", "dist_test", "slurm_train", "slurm_test"])
def test_too_few_arguments_are_told(script):
    done = subprocess.run([str(TOOLS / f"{script}.sh")], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
