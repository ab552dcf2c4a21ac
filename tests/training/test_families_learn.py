"""Every family learns joints from rendered people, and is better on others it has not seen.

Trunk and neck are those of the shipped demo MaskPose, the trunk stays as it is, and all heads
start from random numbers: before training nobody's joints are found. Data: rendered people who
hardly touch, 200 images to learn from and 40 others to test on.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmpose.apis import init_model
from mmpose.models.heads.targets import similarity_targets, visibility_weights
from tests.training.families import read_batch, render_people
from tests.training.short_runs import ShortRun, write_start

# Reached: see the comment at each; an untrained head reaches 0.000.
UNTRAINED_SHARE = 1 / 5
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


def check_learning(run: ShortRun, *, least_ap: float, most_loss: float) -> float:
    """Train; the AP afterwards.

    Args:
        run: of the family.
        least_ap: to be beaten on new people; the untrained model must stay under a fifth of it.
        most_loss: of the last ten steps, as a share of the first ten.
    """
    untrained_ap = run.measure(run.write_untrained())
    losses = run.train()
    ap = run.measure(run.checkpoint)
    print(f"{run.family}: loss {losses[0]:.3f} -> {losses[-1]:.3f}, AP {untrained_ap} -> {ap}")
    assert losses[-1] < most_loss * losses[0]
    assert ap > least_ap
    assert untrained_ap < UNTRAINED_SHARE * least_ap
    return ap


@pytest.mark.parametrize(
    ("family", "steps", "least_ap", "most_loss"),
    [
        ("ViTPose", 160, 0.02, 0.9),
        ("MaskPose", 160, 0.02, 0.9),
        ("ProbPose", 100, 0.02, 0.9),
    ],
)
def test_a_family_learns(family, steps, least_ap, most_loss, people, start, tmp_path):
    run = ShortRun(tmp_path / "run", family, people, steps, start)
    check_learning(run, least_ap=least_ap, most_loss=most_loss)


def test_pmpose_learns_in_two_stages(people, start, tmp_path):
    """Heatmaps first; then, on frozen features and heatmaps, the numbers beside them."""
    first = ShortRun(tmp_path / "stage1", "PMPose stage 1", people, 100, start)
    ap = check_learning(first, least_ap=0.02, most_loss=0.9)
    second = ShortRun(
        tmp_path / "stage2",
        "PMPose stage 2",
        people,
        60,
        first.checkpoint,
        is_complete=True,
        left_out=(),  # joints outside the crop are what presence is learnt from
    )
    losses = second.train()
    assert losses[-1] < losses[0]
    # the joints are the same; people are ranked by the similarity to expect instead of the maps
    second_ap = second.measure(second.checkpoint)
    print(f"stage 2: loss {losses[0]:.3f} -> {losses[-1]:.3f}, AP {ap} -> {second_ap}")
    assert second_ap > ap - 0.02
    joints = joints_by_person(first.results())
    for person, found in joints_by_person(second.results()).items():
        np.testing.assert_allclose(found, joints[person], atol=1e-3)
    check_numbers(second, people)


def joints_by_person(results):
    return {
        (entry["image_id"], *entry["bbox"]): np.reshape(entry["keypoints"], (-1, 3))[:, :2]
        for entry in results
    }


def check_numbers(run, people):
    """On new people, cut and blacked out as in training, no constant says as much."""
    model = init_model(run.config, str(run.checkpoint), device="cpu")
    batch = model.data_preprocessor(read_batch(run.config, people / "test", 40))
    with torch.no_grad():
        pred = model.head.decode(model(batch["inputs"]))
    gt = {
        name: torch.stack(
            [torch.from_numpy(s.gt_instances[name][0] > 0) for s in batch["data_samples"]]
        )
        for name in ("keypoints_visible", "in_image", "keypoints_visibility")
    }
    annotated, inside = gt["keypoints_visible"], gt["in_image"]
    counted = annotated & inside

    presence, truth = pred["keypoints_probs"][annotated], inside[annotated].float()
    constant = F.binary_cross_entropy(truth.mean().expand_as(truth), truth)
    entropy = F.binary_cross_entropy(presence, truth)

    # seen and occluded joints weigh the same in training, so the best constant is one half
    seen = gt["keypoints_visibility"]
    weights = visibility_weights(counted, seen)
    balanced = F.binary_cross_entropy(
        pred["keypoints_visible"], seen.float(), weights / weights.sum(), reduction="sum"
    )

    joints = torch.from_numpy(
        np.concatenate([s.gt_instances.transformed_keypoints for s in batch["data_samples"]])
    )
    distances = (pred["keypoints"] - joints).norm(dim=-1)
    true_oks = similarity_targets(distances, counted, (48, 64))[counted]
    correlation = np.corrcoef(pred["keypoints_oks"][counted], true_oks)[0, 1]
    print(
        f"presence {entropy:.3f} of {constant:.3f}, visibility {balanced:.3f} of 0.693, OKS r {correlation:.2f}",
        (~inside & annotated).sum(),
        (counted & ~seen).sum(),
        counted.sum(),
    )
    assert entropy < 0.9 * constant
    assert balanced < 0.95 * np.log(2)
    assert correlation > 0.2
