"""People as training samples, and the model that learns from clicks on them."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate

from bmp.segmenter_training import (
    FlipPeople,
    JitterColours,
    LoadPeople,
    PackPeople,
    PoseSAM,
    PoseSegDataset,
    SquarePeople,
    WarpPeople,
)
from bmp.segmenter_training.clicks import look_up
from bmp.segmenter_training.transforms import pick_overlapping
from mmpose.structures.mask import mask_to_rle
from tests.bmp.tiny_sam import TINY


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


def test_missing_annotations_name_the_fix(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        PoseSegDataset(ann_file="none.json", data_root=str(tmp_path))


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
