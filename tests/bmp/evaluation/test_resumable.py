"""An evaluation of the loop that is stopped, goes on, and is shared among processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from bmp.evaluation import LoopCocoMetric
from bmp.evaluation.resumable import ResumableTestLoop
from tests.bmp.evaluation.rectangles import dataset_of, write_many

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("bbox", "segm", "keypoints")


def command(folder, work_dir, *, processes=1, seconds=0.0):
    module = ["-m", "tests.bmp.evaluation.rectangle_run", str(folder), str(work_dir), str(seconds)]
    if processes == 1:
        return [sys.executable, *module]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, f"--nproc_per_node={processes}", *module, "pytorch"]


def start(*args, **kwargs):
    return subprocess.Popen(
        command(*args, **kwargs),
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def files_of(work_dir):
    """Content of the result files, and the numbers without seconds."""
    found = {
        f"{turn}.{kind}": (work_dir / f"results.turn{turn}.{kind}.json").read_bytes()
        for turn in (1, 2)
        for kind in KINDS
    }
    numbers = json.loads((work_dir / "numbers.json").read_text())
    return found | {k: v for k, v in numbers.items() if "seconds" not in k and "time" not in k}


def num_lines(work_dir):
    return sum(len(p.read_bytes().splitlines()) for p in work_dir.glob("predictions/*/*.jsonl"))


def wait_for_lines(work_dir, count):
    for _ in range(600):
        if num_lines(work_dir) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{count} images were not predicted within a minute")


def loop_of(folder, evaluator):
    """The loop of a runner of which it needs two fields until it runs."""
    runner = SimpleNamespace(visualizer=SimpleNamespace(), work_dir=str(folder / "work"))
    return ResumableTestLoop(runner, DataLoader(dataset_of(folder)), evaluator)


def evaluator_of(folder, change):
    """An evaluator whose annotation file lists the images in another way."""
    content = json.loads((folder / "annotations.json").read_text())
    change(content["images"])
    (folder / "others.json").write_text(json.dumps(content))
    return Evaluator(LoopCocoMetric(str(folder / "others.json")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            lambda images: images[1].update(file_name="other/7.png"),
            r"image 2 is .*images/2\.png, and other/7\.png in .*others\.json: .* must read one",
            id="another image of this id",
        ),
        pytest.param(
            lambda images: images.pop(2),  # nobody is annotated there
            r"image 3 is .*images/3\.png, and not listed in .*others\.json",
            id="no image of this id",
        ),
    ],
)
def test_annotations_of_other_images_are_refused_before_the_first_image(tmp_path, change, reason):
    folder = write_many(tmp_path, 3)
    with pytest.raises(ValueError, match=reason):
        loop_of(folder, evaluator_of(folder, change))


def test_another_annotation_file_of_the_same_images_is_told(tmp_path, caplog):
    folder = write_many(tmp_path, 3)
    logger = MMLogger.get_instance(str(tmp_path))
    logger.addHandler(caplog.handler)
    loop_of(folder, Evaluator(LoopCocoMetric(str(folder / "annotations.json"))))
    assert "another file" not in caplog.text
    loop_of(folder, evaluator_of(folder, lambda images: images[0].update(file_name="moved/1.png")))
    logger.removeHandler(caplog.handler)
    assert f"annotations.json are evaluated by another file, {folder}/others.json" in caplog.text


def test_result_files_that_cannot_be_written_are_told_before_the_first_image(tmp_path):
    folder = write_many(tmp_path, 3)
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    assert loop_of(folder, Evaluator(metric)).metric.outfile_prefix == f"{tmp_path}/work/results"
    metric.outfile_prefix = str(folder / "annotations.json" / "results")  # a file, no folder
    with pytest.raises(PermissionError, match=r"another folder with test_evaluator.outfile_prefix"):
        loop_of(folder, Evaluator(metric))


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_and_gives_the_same_files(tmp_path):
    folder = write_many(tmp_path, 12)
    finish(start(folder, tmp_path / "whole"))
    killed = start(folder, tmp_path / "killed", seconds=0.2)
    wait_for_lines(tmp_path / "killed", 3)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    known = num_lines(tmp_path / "killed")
    assert 3 <= known < 12
    # what a kill in the middle of a line leaves
    (path,) = (tmp_path / "killed").glob("predictions/*/*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    output = finish(start(folder, tmp_path / "killed"))
    assert f"{known - 1} of 12 images are known" in output
    assert "1 lines in" in output
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    again = finish(start(folder, tmp_path / "killed"))
    assert "12 of 12 images are known" in again


@pytest.mark.slow
def test_an_interrupted_evaluation_says_in_one_line_what_is_kept(tmp_path):
    folder = write_many(tmp_path, 12)
    run = start(folder, tmp_path / "work", seconds=0.3)
    wait_for_lines(tmp_path / "work", 2)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=600)
    assert run.returncode == 130
    (kept,) = (tmp_path / "work" / "predictions").iterdir()
    assert output.endswith(
        f"\nstopped; what was predicted is kept in {kept}: the same command goes on there\n"
    )
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_give_the_files_of_one(tmp_path, processes):
    folder = write_many(tmp_path, 9)
    finish(start(folder, tmp_path / "one"))
    finish(start(folder, tmp_path / "many", processes=processes, seconds=0.05))
    assert files_of(tmp_path / "many") == files_of(tmp_path / "one")
    assert num_lines(tmp_path / "many") == 9  # nobody predicted what another one did
    if processes == 2:  # both took part
        assert len(list((tmp_path / "many").glob("predictions/*/*.jsonl"))) == 2


@pytest.mark.slow
def test_a_killed_process_of_two_loses_nothing(tmp_path):
    folder = write_many(tmp_path, 12)
    finish(start(folder, tmp_path / "whole"))
    work_dir = tmp_path / "killed"
    run = start(folder, work_dir, processes=2, seconds=0.3)
    wait_for_lines(work_dir, 4)
    workers = subprocess.run(
        ["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(workers[-1]), signal.SIGKILL)
    run.communicate(timeout=600)
    assert run.returncode != 0
    assert 4 <= num_lines(work_dir) < 12
    finish(start(folder, work_dir))  # with another number of processes
    assert files_of(work_dir) == files_of(tmp_path / "whole")
