"""Every family learns joints from rendered people, and is better on others it has not seen.

Backbone and neck are those of the shipped demo MaskPose, the backbone stays as it is, and all heads
start from random numbers: before training nobody's joints are found. Data: rendered people who
hardly touch, 200 images to learn from and 40 others to test on.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmpose.apis import init_model
from mmpose.models.heads.targets import similarity_targets, stack_labels
from tests.training.families import read_batch, render_people
from tests.training.short_runs import ShortRun, write_start

# Reached: ViTPose 0.06 and 0.07, MaskPose 0.09, ProbPose 0.12 and 0.13, PMPose 0.15 and 0.17 (two
# draws each but MaskPose's); untrained at most 0.0001. A third of the least is asked for, or less.
UNTRAINED_SHARE = 1 / 5  # of the AP asked for
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    render_people(folder / "train", 200, seed=11)
    render_people(folder / "test", 40, seed=12)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return write_start(tmp_path_factory.mktemp("start") / "start.safetensors")


def check_learning(
    run: ShortRun, *, least_ap: float, falling: tuple[str, ...] = ("loss_kpt", "loss")
) -> float:
    """Train; the losses named must fall and the AP on new people rise; that AP."""
    untrained_ap = run.measure(run.write_untrained())
    log = run.train()
    ap = run.measure(run.checkpoint)
    for name in falling:  # first ten steps, last thirty
        early, late = log[0][name], np.mean([entry[name] for entry in log[-3:]])
        print(f"{run.family}: {name} {early:.4f} -> {late:.4f}, AP {untrained_ap:.4f} -> {ap:.4f}")
        assert late < 0.95 * early
    assert ap > least_ap
    assert untrained_ap < UNTRAINED_SHARE * least_ap
    return ap


@pytest.mark.parametrize(
    ("family", "steps", "least_ap"),
    [("ViTPose", 160, 0.02), ("MaskPose", 160, 0.02), ("ProbPose", 100, 0.03)],
)
def test_a_family_learns(family, steps, least_ap, people, start, tmp_path):
    check_learning(ShortRun(tmp_path / "run", family, people, steps, start), least_ap=least_ap)


def test_pmpose_learns_in_two_stages(people, start, tmp_path):
    """Heatmaps first; then, on frozen features and heatmaps, the numbers beside them."""
    first = ShortRun(tmp_path / "stage1", "PMPose stage 1", people, 100, start)
    # the rest of this stage's loss is of branches that do not learn yet
    ap = check_learning(first, least_ap=0.03, falling=("loss_kpt",))
    joints = joints_by_person(first.results())
    second = ShortRun(
        tmp_path / "stage2",
        "PMPose stage 2",
        people,
        60,
        first.checkpoint,
        is_complete=True,
        left_out=(),  # joints outside the crop are what presence is learnt from
    )
    log = second.train()
    for branch in ("probability", "oks"):  # visibility moves less than ten steps' draw does
        late = np.mean([entry[f"loss_{branch}"] for entry in log[-3:]])
        assert late < log[0][f"loss_{branch}"]
    # the joints stay; people are ranked by the similarity to expect instead of the maps' values
    assert second.measure(second.checkpoint) > ap - 0.02
    for person, found in joints_by_person(second.results()).items():
        np.testing.assert_allclose(found, joints[person], atol=1e-3)
    check_numbers(second, people)


def joints_by_person(results):
    return {
        (entry["image_id"], *entry["bbox"]): np.reshape(entry["keypoints"], (-1, 3))[:, :2]
        for entry in results
    }


def check_numbers(run: ShortRun, people: Path) -> None:
    """On new people, cut and blacked out as in training, no constant tells as much."""
    model = init_model(run.config, str(run.checkpoint), device="cpu")
    *pipeline, packing = run.config.train_dataloader.dataset.pipeline
    pipeline.append({**packing, "pack_transformed": True})
    batch = model.data_preprocessor(read_batch(run.config, people / "test", 50, pipeline))
    samples = batch["data_samples"]
    with torch.no_grad():
        pred = model.head.decode(model(batch["inputs"]))
    annotated = stack_labels(samples, "gt_instances", "keypoints_visible", batch["inputs"]) > 0
    inside = stack_labels(samples, "gt_instances", "in_image", batch["inputs"]) > 0
    seen = stack_labels(samples, "gt_instances", "keypoints_visibility", batch["inputs"]) > 0
    counted = annotated & inside

    presence, truth = pred["keypoints_probs"][annotated], inside[annotated].float()
    best_constant = F.binary_cross_entropy(truth.mean().expand_as(truth), truth)
    assert F.binary_cross_entropy(presence, truth) < 0.9 * best_constant

    # seen and occluded joints weigh the same in training, so the best constant is one half
    visibility = pred["keypoints_visible"]
    of_seen, of_occluded = visibility[counted & seen], 1 - visibility[counted & ~seen]
    balanced = -(of_seen.log().mean() + of_occluded.log().mean()) / 2
    assert balanced < math.log(2)

    joints = np.concatenate([s.gt_instances.transformed_keypoints for s in samples])
    distances = (pred["keypoints"] - torch.from_numpy(joints)).norm(dim=-1)
    true_oks = similarity_targets(distances, counted, (48, 64))[counted]
    assert np.corrcoef(pred["keypoints_oks"][counted], true_oks)[0, 1] > 0.2
