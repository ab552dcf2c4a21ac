"""Training through the command line: several processes, resuming, what learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bmp.segmenter_training import PoseSAM
from bmp.segmenter_training.clicks import first_clicks
from mmpose.engine.config import load_config
from tests.bmp.segmenter_training.test_losses import disc
from tests.bmp.segmenter_training.two_people import batch
from tests.bmp.tiny_sam import TINY

ROOT = Path(__file__).parents[3]
CONFIG = f"""
_base_ = ["{ROOT}/configs/demo/sam-pose2seg_lite0_synthcrowd-256x256.py"]
model = dict(
    sam=dict(
        _delete_=True,
        image_size=64,
        d_model=32,
        trunk=dict(
            type="Hiera",
            embed_dim=8,
            stages=(1, 1, 1, 1),
            window_spec=(8, 4, 4, 2),
            global_att_blocks=(),
            window_pos_embed_bkg_spatial_size=(4, 4),
        ),
    ),
    neck_gain=1.0,
    first_counts=(1,),
    num_corrections=1,
)
train_pipeline = [
    dict(type="LoadPeople", max_people=2),
    dict(type="FlipPeople"),
    dict(type="WarpPeople", rotation=15, shear=10),
    dict(type="SquarePeople", size=64, mask_size=32),
    dict(type="PackPeople"),
]
people = dict(
    type="PoseSegDataset",
    data_root="people",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(batch_size=2, source_ratio=[1]),
    dataset=dict(datasets=[people], pipeline=train_pipeline),
)
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = None
test_evaluator = None
test_cfg = None
train_cfg = dict(max_iters=4, val_interval=100)
param_scheduler = []
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=3))
randomness = dict(seed=0)
work_dir = "work"
"""
# The encoder is frozen and images come as they are: their embeddings can be kept.
STILL = """
_base_ = ["tiny.py"]
model = dict(trainable="prompt_and_decoder")
pipeline = [
    dict(type="LoadPeople"),
    dict(type="SquarePeople", size=64, mask_size=32),
    dict(type="PackPeople"),
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A config and eight images of two rectangles each."""
    home = tmp_path_factory.mktemp("segmenter")
    (home / "people" / "images").mkdir(parents=True)
    images, annotations = [], []
    for n in range(8):
        image = np.full((40, 60, 3), 30, np.uint8)
        for i, (x, y, w, h) in enumerate([(4 + n, 5, 20, 30), (24 + n, 10, 20, 24)]):
            cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), (90 + 90 * i, 200, 120), -1)
            annotations.append(
                {
                    "id": 2 * n + i + 1,
                    "image_id": n,
                    "category_id": 1,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                    "keypoints": [x + 5, y + 5, 2] * 17,
                }
            )
        cv2.imwrite(str(home / "people" / "images" / f"{n}.png"), image)
        images.append({"id": n, "file_name": f"{n}.png", "height": 40, "width": 60})
    content = {"images": images, "annotations": annotations, "categories": []}
    (home / "people" / "annotations.json").write_text(json.dumps(content))
    (home / "tiny.py").write_text(CONFIG)
    (home / "still.py").write_text(STILL)
    return home


def train(home, *arguments, config="tiny.py", num_processes=1):
    command = [sys.executable]
    if num_processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc_per_node", str(num_processes)]
        arguments = (*arguments, "--launcher", "pytorch")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [*command, str(ROOT / "tools" / "train.py"), config, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def weights(path):
    return torch.load(path, weights_only=False)["state_dict"]


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_unbroken_one_does(project):
    train(project, "--work-dir", "whole")
    train(project, "--work-dir", "broken", "--cfg-options", "train_cfg.max_iters=2")
    train(project, "--work-dir", "broken", "--resume")
    whole = weights(project / "whole" / "iter_4.pth")
    broken = weights(project / "broken" / "iter_4.pth")
    start = weights(project / "whole" / "iter_2.pth")
    assert any(not torch.equal(whole[name], start[name]) for name in whole)
    for name, value in whole.items():
        assert torch.equal(value, broken[name]), name


@pytest.mark.slow
def test_two_processes_train_one_model(project):
    train(project, "--work-dir", "two", num_processes=2)
    start = weights(project / "two" / "iter_2.pth")
    end = weights(project / "two" / "iter_4.pth")
    moved = [name for name in end if not torch.equal(start[name], end[name])]
    assert any(name.startswith("sam_mask_decoder") for name in moved)
    assert all(value.isfinite().all() for value in end.values())


@pytest.mark.slow
def test_two_processes_that_share_a_cache_learn_as_without(project):
    """16 of 8 images: those of the second pass come from the cache."""
    cache = "model.embedding_cache.folder=cache"
    train(project, "--work-dir", "plain", config="still.py", num_processes=2)
    train(
        *(project, "--work-dir", "cached", "--cfg-options", cache),
        config="still.py",
        num_processes=2,
    )
    plain, cached = (weights(project / name / "iter_4.pth") for name in ("plain", "cached"))
    for name, value in plain.items():
        if not name.endswith("k_proj.bias"):  # softmax ignores it: its gradient is rounding alone
            torch.testing.assert_close(cached[name], value, atol=2e-5, rtol=0, msg=name)
    kept = [path.suffix for path in (project / "cache").iterdir()]
    assert kept == [".cache"] * 8


def test_exactly_the_published_parameters_learn():
    config = load_config(
        ROOT / "configs" / "sam_pose2seg" / "sam-pose2seg_hiera-b+_coco-1024x1024.py"
    )
    arguments = {k: v for k, v in config.model.items() if k not in ("type", "data_preprocessor")}
    model = PoseSAM(**arguments)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    numbers = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert numbers == 4_221_585
    assert sum(p.numel() for p in model.parameters()) == 80_850_178
    prefixes = ("sam.sam_prompt_encoder.", "sam.sam_mask_decoder.", "sam.no_mem_embed")
    assert all(name.startswith(prefixes) for name in trained)
    assert (model.first_counts, model.num_corrections, model.from_truth_prob) == ((1,), 7, 0.1)
    assert model.loss_weights == {"mask": 20, "dice": 1, "iou": 1, "object": 1}
    scheduler, optimizer = config.param_scheduler[0], config.optim_wrapper.optimizer
    assert (optimizer.lr, scheduler.eta_min) == (5e-6, pytest.approx(5e-7))
    assert (config.train_cfg.max_epochs, config.optim_wrapper.clip_grad.max_norm) == (15, 0.1)


def test_every_step_is_supervised_and_grows_by_a_click(folder):
    model = PoseSAM(TINY, num_corrections=7).train()
    tokens = []
    model.sam.sam_prompt_encoder.register_forward_hook(
        lambda module, inputs, outputs: tokens.append(outputs[0].shape[1])
    )
    inputs, samples = batch(folder, 1)
    model(inputs, samples, mode="loss")
    assert tokens == [2, 3, 4, 5, 6, 7, 8, 9]  # 1 to 8 clicks and the padding


def test_mixed_precision_gives_finite_losses_near_those_of_single(folder):
    torch.manual_seed(0)
    model = PoseSAM(TINY, num_corrections=0, trainable="prompt_and_decoder").train()
    inputs, samples = batch(folder, 1)
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append(model(inputs, samples, mode="loss"))
    total = sum(value for name, value in found[1].items() if name.startswith("loss"))
    total.backward()
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name].float(), value, atol=0.05, rtol=0.05)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_the_most_visible_joints_are_clicked_first():
    keypoints = torch.arange(8.0).reshape(1, 4, 2) + 28
    flags = torch.tensor([[2, 2, 2, 1]])
    visibility = torch.tensor([[0.6, 0.9, 0.7, 1.0]])
    points, used = first_clicks(keypoints, flags, disc()[None], 2, 64, visibility)
    assert torch.equal(points[0], keypoints[0, [1, 2]])
    assert used.tolist() == [[False, True, True, False]]


def test_a_hidden_mask_does_not_learn_its_shape(folder):
    model = PoseSAM(TINY, num_corrections=0, hide_absent=True).train()
    inputs, samples = batch(folder, 1)
    head = model.sam.sam_mask_decoder.pred_obj_score_head
    with torch.no_grad():
        for bias, sign in ((-100.0, 0), (100.0, 1)):
            head.layers[-1].bias.fill_(bias)
            with torch.enable_grad():
                losses = model(inputs, samples, mode="loss")
                gradient = torch.autograd.grad(
                    losses["loss_mask"], model.sam.sam_mask_decoder.mask_tokens.weight
                )[0]
            assert bool(gradient.abs().sum() > 0) == bool(sign)
