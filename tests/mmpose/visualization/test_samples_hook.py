"""Samples, scalars and record of a real training of a few steps, through the shared runtime."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmpose.engine.run_logs import join, read_starts
from mmpose.visualization import PoseSamplesHook
from mmpose.visualization.pose_samples import PersonNumbers
from mmpose.visualization.samples_hook import mean_numbers
from tests.mmpose.engine.watched_training import ROOT, run_training, write_project
from tests.mmpose.visualization.test_pose_samples import make_person

KINDS = ("fixed", "worst_loss", "worst_oks")


def weights_of(work_dir):
    path = (work_dir / "last_checkpoint").read_text().strip()
    return torch.load(path, weights_only=False)["state_dict"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def work_dir(project):
    return run_training(project)


@pytest.mark.slow
def test_scalars_are_grouped_and_pose_is_measured_at_each_validation(work_dir):
    curves = join(read_starts(work_dir))
    assert {name.split("/")[0] for name in curves} == {"train", "val", "best"}
    assert curves["train/loss"][0] == [1, 2, 3, 4, 5, 6]
    for name in ("COCO/AP", "pixel_error", "oks"):
        assert curves[f"val/{name}"][0] == curves[f"best/{name}"][0] == [3, 6]
    assert curves["best/pixel_error"][1][1] == min(curves["val/pixel_error"][1])
    assert curves["train/people_per_s"][0] == [2, 3, 4, 5, 6]
    assert all(0 < share < 1 for share in curves["train/wait_share"][1])
    rates = {name: values[1] for name, values in curves.items() if name.startswith("train/lr/")}
    # a rate of 0.01 that is halved with each layer before the head
    expected = {f"train/lr/layer_{i}": [0.01 * 0.5 ** (3 - i)] * 3 for i in range(4)}
    assert rates == expected


@pytest.mark.slow
def test_tensorboard_shows_the_same_and_the_sheets(work_dir):
    (folder,) = work_dir.glob("*/vis_data")
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    curves = join(read_starts(work_dir))
    assert set(curves) <= set(events.Tags()["scalars"])
    assert sorted(events.Tags()["images"]) == [f"samples/{kind}" for kind in KINDS]
    for kind in KINDS:
        shown = events.Images(f"samples/{kind}")
        assert [image.step for image in shown] == [3, 6]
        file = cv2.imread(str(folder / "vis_image" / "samples" / f"{kind}_6.png"))
        assert file.shape == (shown[1].height, shown[1].width, 3)
    # two columns of tiles of two views each; three are fixed, two worst
    width, height = 2 * (2 * 192) + 4, 256 + 20
    assert (shown[1].width, shown[1].height) == (width, height)
    fixed = events.Images("samples/fixed")[0]
    assert (fixed.width, fixed.height) == (width, 2 * height + 4)


@pytest.mark.slow
def test_the_start_is_recorded(work_dir):
    (path,) = work_dir.glob("*/vis_data/run.json")
    record = json.loads(path.read_text())
    assert record["seed"] == 3
    assert (record["start_step"], record["max_iters"], record["num_processes"]) == (0, 6, 1)
    assert record["started"] <= record["finished"]
    assert record["against_base"]["default_hooks.logger.interval"] == ["50", "1"]
    assert record["machine"]["versions"]["torch"] == torch.__version__.split("+")[0]


@pytest.mark.slow
def test_a_run_that_is_watched_is_the_same_run(project, work_dir):
    nothing = 'dict(_delete_=True, type="DistSamplerSeedHook")'
    unwatched = ", ".join(f"{name}={nothing}" for name in ("scalars", "record", "samples"))
    path = project.with_name("unwatched.py")
    path.write_text(f'_base_ = "tiny.py"\ndefault_hooks = dict({unwatched})\n')
    plain = run_training(path, work_dir="unwatched")
    assert not list(plain.rglob("*.png"))
    before, after = weights_of(plain), weights_of(work_dir)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_its_best(project):
    folder = run_training(project, work_dir="resumed")
    first = join(read_starts(folder))["best/pixel_error"][1]
    run_training(project, work_dir="resumed", resume=True, train_cfg__max_iters=9)
    starts = read_starts(folder)
    assert [start.first_step for start in starts] == [0, 6]
    steps, values = join(starts)["best/pixel_error"]
    assert steps == [3, 6, 9]
    assert values[:2] == first
    assert values[2] <= values[1]


def test_nobody_has_no_mean_and_worst_are_kept_in_order():
    assert mean_numbers([]) == {}
    hook = PoseSamplesHook(num_worst=2)
    for number, oks in enumerate((0.5, 0.1, 0.9, float("nan"), 0.3)):
        numbers = PersonNumbers(8.0, 2, oks)
        hook._numbers[number] = numbers
        sample = make_person([[0, 0]] * 3, [1, 1, 1], img_path="a.png")
        hook._keep_worst(numbers, sample)
    kept = sorted(case[2].oks for case in hook._worst)
    assert np.isnan(hook._worst[0][2].oks) or np.isnan(hook._worst[1][2].oks)
    assert 0.1 in kept
    found = mean_numbers([PersonNumbers(8.0, 2, 0.5), PersonNumbers(1.0, 1, 0.25)])
    assert found == {"pixel_error": 3.0, "oks": 0.375}


def test_numbers_of_samples_are_not_negative():
    with pytest.raises(ValueError, match="0 or more"):
        PoseSamplesHook(num_fixed=-1)


@pytest.mark.slow
def test_two_processes_measure_and_draw_what_one_does(tmp_path):
    config = write_project(tmp_path)
    path = tmp_path / "people" / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"] = content["annotations"][:7]  # odd: one is posed twice
    path.write_text(json.dumps(content))
    found = []
    for count in (1, 2):
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        launch += ["--nproc_per_node", str(count), str(ROOT / "tools" / "train.py"), str(config)]
        options = ["optim_wrapper.optimizer.lr=0.0", "train_cfg.max_iters=3"]
        launch += ["--launcher", "pytorch", "--work-dir", str(tmp_path / f"work{count}")]
        done = subprocess.run(
            [*launch, "--cfg-options", *options],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        work_dir = tmp_path / f"work{count}"
        curves = join(read_starts(work_dir))
        sheets = {
            path.name: path.read_bytes() for path in work_dir.glob("*/vis_data/vis_image/samples/*")
        }
        assert set(sheets) == {f"{kind}_3.png" for kind in KINDS}
        (record,) = work_dir.glob("*/vis_data/run.json")
        assert json.loads(record.read_text())["num_processes"] == count
        numbers = [curves[f"val/{name}"][1] for name in ("pixel_error", "oks")]
        found.append((numbers, sheets["fixed_3.png"]))
    assert found[0][0] == [pytest.approx(values, rel=1e-5) for values in found[1][0]]
    assert found[0][1] == found[1][1]
