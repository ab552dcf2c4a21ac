"""Clicks, losses and the model that learns from them."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate

from bmp.sam_training import (
    FlipPeople,
    JitterColours,
    LoadPeople,
    PackPeople,
    PoseSAM,
    PoseSegDataset,
    SquarePeople,
    WarpPeople,
)
from bmp.sam_training.clicks import correction_click, draw_pixels, first_clicks, look_up
from bmp.sam_training.losses import dice_loss, focal_loss, mask_iou, step_losses
from bmp.sam_training.transforms import pick_overlapping
from mmpose.structures.mask import mask_to_rle
from tests.bmp.tiny_sam import TINY


def disc(size=32, centre=(16, 16), radius=6):
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2


@pytest.fixture
def folder(tmp_path):
    """Two people as bright rectangles in a 60 × 40 image, four joints each inside them."""
    (tmp_path / "images").mkdir()
    image = np.full((40, 60, 3), 30, np.uint8)
    annotations = []
    for i, (x, y, w, h) in enumerate([(4, 5, 20, 30), (20, 10, 30, 24)]):
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), (90 + 90 * i, 200, 120), -1)
        joints = [
            (x + 2, y + 2, 2),
            (x + w - 3, y + 2, 2),
            (x + 2, y + h - 3, 2),
            (x + 9, y + 9, 1),
        ]
        joints += [(0, 0, 0)] * 13
        polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
        annotations.append(
            {
                "id": i + 1,
                "image_id": 7,
                "category_id": 1,
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
                "segmentation": [polygon],
                "keypoints": [value for joint in joints for value in joint],
            }
        )
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    content = {
        "images": [{"id": 7, "file_name": "a.png", "height": 40, "width": 60}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return tmp_path


def dataset(folder, *extra, mask_size=32, with_originals=False, **options):
    pack = PackPeople(with_originals=with_originals)
    return PoseSegDataset(
        ann_file="annotations.json",
        data_root=str(folder),
        data_prefix={"img": "images"},
        pipeline=[LoadPeople(), *extra, SquarePeople(64, mask_size), pack],
        **options,
    )


def batch(folder, count=2, **options):
    samples = dataset(folder, **options)
    packed = pseudo_collate([samples[0] for _ in range(count)])
    inputs = torch.stack(packed["inputs"]).float() / 255
    return inputs, packed["data_samples"]


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(FlipPeople(prob=1.0), id="flip"),
        pytest.param(WarpPeople(25, 20, (0.8, 1.2), 0.1), id="warp"),
        pytest.param(JitterColours(0.3, 0.3, 0.3, gray_prob=1.0), id="colours"),
    ],
)
def test_joints_stay_inside_their_mask(folder, transform):
    for seed in range(4):
        np.random.seed(seed)
        sample = dataset(folder, transform, mask_size=64)[0]["data_samples"].gt_instances
        labelled = sample.keypoint_flags > 0
        assert look_up(sample.masks, sample.keypoints, 64)[labelled].all()


def test_flip_mirrors_pixel_centres(folder):
    plain, flipped = dataset(folder)[0], dataset(folder, FlipPeople(prob=1.0))[0]
    assert torch.equal(plain["inputs"].flip(-1), flipped["inputs"])
    before = plain["data_samples"].gt_instances.keypoints[:, :4, 0] * 60 / 64
    after = flipped["data_samples"].gt_instances.keypoints[:, :4, 0] * 60 / 64
    torch.testing.assert_close(after, 59 - before)


@pytest.mark.parametrize("is_compressed", [True, False])
def test_run_length_masks_are_those_of_the_polygons(folder, is_compressed):
    expected = dataset(folder)[0]["data_samples"].gt_instances.masks
    content = json.loads((folder / "annotations.json").read_text())
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        mask = np.zeros((40, 60), bool)
        mask[y : y + h, x : x + w] = True
        columns = mask.T.ravel()  # counts alternate between outside and inside, by columns
        changes = np.flatnonzero(np.diff(columns.astype(int))) + 1
        counts = np.diff([0, *changes, columns.size]).tolist()
        rle = {"size": [40, 60], "counts": counts}
        annotation["segmentation"] = mask_to_rle(mask) if is_compressed else rle
    (folder / "annotations.json").write_text(json.dumps(content))
    assert torch.equal(dataset(folder)[0]["data_samples"].gt_instances.masks, expected)


def test_overlapping_people_are_picked_together():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 10, 10], [1, 1, 10, 10], [52, 50, 10, 10]])
    for seed in range(4):
        assert set(pick_overlapping(boxes, 2, np.random.RandomState(seed))) in ({0, 2}, {1, 3})


def test_missing_annotations_name_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        PoseSegDataset(ann_file="none.json", data_root=str(tmp_path))


def test_pixels_are_drawn_inside_the_mask():
    masks = torch.stack([disc(), disc(radius=0), torch.zeros(32, 32, dtype=torch.bool)])
    for _ in range(5):
        columns, rows = draw_pixels(masks).T
        assert masks[torch.arange(3), rows, columns].tolist() == [True, True, False]


def test_first_clicks_are_seen_joints_then_pixels_of_the_mask():
    masks = disc()[None].repeat(2, 1, 1)
    keypoints = torch.tensor([[[32.0, 32.0], [36.0, 30.0], [0.0, 0.0]]]).repeat(2, 1, 1)
    flags = torch.tensor([[2, 1, 0], [0, 0, 0]])
    points, used = first_clicks(keypoints, flags, masks, 3, 64)
    assert used.tolist() == [[True, False, False], [False] * 3]
    assert points[0, 0].tolist() == [32.0, 32.0]
    assert look_up(masks, points, 64).all()


def test_more_clicks_than_joints_come_from_the_mask():
    points, _ = first_clicks(torch.zeros(1, 1, 2), torch.zeros(1, 1), disc()[None], 3, 64)
    assert look_up(disc()[None], points, 64).all()


@pytest.mark.parametrize(
    ("predicted", "candidates", "label", "takes"),
    [
        pytest.param(torch.zeros(32, 32), True, 1, True, id="a missed joint is clicked"),
        pytest.param(torch.zeros(32, 32), False, 1, False, id="else a missed pixel"),
        pytest.param(torch.ones(32, 32), True, 0, False, id="or a surplus pixel"),
        pytest.param(disc(), True, 0, False, id="no error: background"),
    ],
)
def test_corrections_click_on_errors(predicted, candidates, label, takes):
    truth = disc()[None]
    points, labels, taken = correction_click(
        truth,
        predicted.bool()[None],
        torch.tensor([[[30.0, 34.0]]]),
        torch.tensor([[candidates]]),
        image_size=64,
    )
    assert labels.tolist() == [label]
    assert taken.tolist() == [[takes]]
    assert look_up(truth, points[:, None], 64).tolist() == [[label == 1]]
    if takes:
        assert points.tolist() == [[30.0, 34.0]]


def test_one_joint_is_taken_by_a_correction_and_the_others_stay():
    """Joints 1 and 2 are missed, joint 0 is found, joint 3 was clicked before."""
    truth = disc()[None].repeat(2, 1, 1)
    predicted = truth & (torch.arange(32) < 14)
    keypoints = torch.tensor([[24.0, 32.0], [36.0, 30.0], [32.0, 34.0], [34.0, 38.0]])
    candidates = torch.tensor([[True, True, True, False], [False] * 4])
    preference = torch.tensor([[0.9, 0.2, 0.6, 1.0]]).repeat(2, 1)
    points, labels, taken = correction_click(
        truth,
        predicted,
        keypoints.repeat(2, 1, 1),
        candidates,
        image_size=64,
        preference=preference,
    )
    assert taken.tolist() == [[False, False, True, False], [False] * 4]
    assert points[0].tolist() == [32, 34]
    assert labels.tolist() == [1, 1]
    assert look_up(truth & ~predicted, points[:, None], 64).all()  # the other: a missed pixel


def test_corrections_are_pixels_where_joints_are_never_preferred():
    truth = disc()[None]
    _, labels, taken = correction_click(
        truth,
        torch.zeros_like(truth),
        torch.full((1, 2, 2), 32.0),
        torch.ones(1, 2, dtype=torch.bool),
        image_size=64,
        keypoint_prob=0.0,
    )
    assert labels.tolist() == [1]
    assert not taken.any()


def test_masks_are_looked_up_from_edge_to_edge():
    """Two image pixels a mask pixel; the first begins at -0.5."""
    mask = torch.ones(1, 4, 4, dtype=torch.bool)
    mask[0, 0, 1] = False
    points = [
        [-0.5, -0.5],
        [-0.6, 0],
        [0, -0.6],
        [7.4, 7.4],
        [7.5, 0],
        [0, 7.5],
        [1.5, 0],
        [1.4, 0],
    ]
    found = look_up(mask, torch.tensor([points]), 8)
    assert found.tolist() == [[True, False, False, True, False, False, False, True]]


def test_losses_of_known_masks():
    truth = torch.zeros(1, 1, 2, 2)
    truth[..., 0, :] = 1
    undecided = torch.zeros(1, 1, 2, 2)  # p = 1/2 everywhere
    # half the pixels weigh 0.25, half 0.75; (1 - 1/2)² log 2
    expected = 0.5 * 0.25 * np.log(2)
    torch.testing.assert_close(focal_loss(undecided, truth), torch.full((1, 1), expected).float())
    # 1 - (2 · 1 + 1) / (2 + 2 + 1)
    torch.testing.assert_close(dice_loss(undecided, truth), torch.tensor([[0.4]]))
    assert mask_iou(torch.ones(1, 1, 2, 2), truth).tolist() == [[0.5]]
    assert mask_iou(-torch.ones(1, 1, 2, 2), truth).tolist() == [[0]]
    assert mask_iou(torch.zeros(1, 1, 2, 2), 0 * truth).tolist() == [[0]]  # nothing of nothing


@pytest.mark.parametrize("sign", [-1.0, 1.0], ids=["rightly", "wrongly"])
def test_an_empty_mask_teaches_the_object_score_alone(sign):
    """However the empty mask is answered: none of it, or all."""
    logits = torch.full((2, 3, 4, 4), sign, requires_grad=True)
    scores = torch.full((2, 3), 0.25, requires_grad=True)
    object_logits = torch.zeros(2, 1, requires_grad=True)
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[1] = True
    both = step_losses(logits, scores, object_logits, masks)
    alone = step_losses(logits[1:], scores[1:], object_logits[1:], masks[1:])
    for name in ("mask", "dice", "iou"):
        torch.testing.assert_close(both[name], alone[name] / 2)
    torch.testing.assert_close(both["object"], torch.tensor(np.log(2)).float())
    sum(both.values()).backward()
    assert logits.grad[0].abs().max() == scores.grad[0].abs().max() == 0
    assert object_logits.grad.flatten().tolist() == [0.25, -0.25]  # (1/2 - exists) / 2 people


@pytest.mark.parametrize(
    ("num_people", "divisor"),
    [
        pytest.param(None, 3, id="its own people"),
        pytest.param(5.0, 5, id="people of all processes"),
        pytest.param(torch.tensor(1.5), 1.5, id="as a tensor"),
    ],
)
def test_losses_are_means_over_people(num_people, divisor):
    masks = disc()[None].repeat(3, 1, 1)
    logits = (torch.arange(3.0)[:, None, None, None] - 1) * (masks[:, None] * 2.0 - 1)
    scores, objects = torch.tensor([[0.5], [0.75], [1.0]]), torch.zeros(3, 1)
    losses = step_losses(logits, scores, objects, masks, num_people=num_people)
    single = [
        step_losses(logits[i : i + 1], scores[i : i + 1], objects[:1], masks[:1]) for i in range(3)
    ]
    for name, value in losses.items():
        torch.testing.assert_close(value, sum(one[name] for one in single) / divisor)
    # measured IoU 0 (inside out), 0 (undecided is not inside), 1
    torch.testing.assert_close(losses["iou"], torch.tensor((0.5 + 0.75 + 0) / divisor))


def test_only_the_best_of_several_masks_learns_its_shape():
    truth = disc()[None]
    logits = torch.stack([(truth[0] * 2.0 - 1) * s for s in (1, 4, -3)])[None].requires_grad_()
    scores = torch.full((1, 3), 0.5, requires_grad=True)
    losses = step_losses(logits, scores, torch.zeros(1, 1), truth)
    (losses["mask"] + losses["dice"]).backward()
    assert (logits.grad.abs().sum((0, 2, 3)) > 0).tolist() == [False, True, False]
    # measured IoU 1, 1, 0; all estimates are 0.5 off
    torch.testing.assert_close(losses["iou"], torch.tensor(0.5))
    torch.testing.assert_close(losses["object"], torch.tensor(np.log(2)).float())


def test_nobody_costs_nothing(folder):
    model = PoseSAM(TINY, num_corrections=1)
    inputs, samples = batch(folder, 1)
    samples[0].gt_instances = samples[0].gt_instances[:0]
    losses = model(inputs, samples, mode="loss")
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()


def test_it_learns_two_rectangles(folder):
    torch.manual_seed(0)
    model = PoseSAM(TINY, first_counts=(3,), num_corrections=1).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 2e-3)
    inputs, samples = batch(folder)
    history = []
    for _ in range(40):
        losses = model(inputs, samples, mode="loss")
        total = sum(value for name, value in losses.items() if name.startswith("loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert np.mean(history[-5:]) < 0.6 * np.mean(history[:5])


def test_the_neck_can_start_weaker():
    torch.manual_seed(0)
    plain = PoseSAM(TINY)
    weights = plain.sam.image_encoder.neck.convs[0].conv.weight.clone()
    torch.manual_seed(0)
    weak = PoseSAM(TINY, neck_gain=0.5)
    weak.init_weights()
    torch.testing.assert_close(weak.sam.image_encoder.neck.convs[0].conv.weight, weights / 2)


def test_published_subset_learns_and_nothing_else_moves(folder):
    torch.manual_seed(0)
    model = PoseSAM(TINY, num_corrections=2, trainable="prompt_and_decoder").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    inputs, samples = batch(folder)
    losses = model(inputs, samples, mode="loss")
    sum(value for name, value in losses.items() if name.startswith("loss")).backward()
    optimizer.step()
    moved = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    heads = ("sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
    assert moved
    assert all(name.startswith(heads) for name in moved)
    assert not model.sam.image_encoder.training


def test_state_dict_has_sam2_names_and_loads_back():
    model = PoseSAM(TINY)
    state = model.state_dict()
    assert list(state) == list(model.sam.state_dict())
    other = PoseSAM(TINY)
    other.load_state_dict(state)
    assert torch.equal(other.sam.no_mem_embed, model.sam.no_mem_embed)
    model.sam.load_state_dict(state)  # what the loop's segmenter does


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="trainable must be one of"):
        PoseSAM(TINY, trainable="trunk")
    with pytest.raises(ValueError, match="loss_weights must have"):
        PoseSAM(TINY, loss_weights={"mask": 1})
    with pytest.raises(ValueError, match=r"from 1 on, got \(0, 3\)"):
        PoseSAM(TINY, first_counts=(0, 3))
    with pytest.raises(ValueError, match="take crop out"):
        PoseSAM(TINY, eval_prompting={"use_bbox": True, "crop": True})


def test_config_is_plain_data():
    assert PoseSAM(**ConfigDict(sam=TINY, first_counts=[1, 3])).first_counts == (1, 3)
