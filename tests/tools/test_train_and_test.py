"""Training, resuming and testing through the command line, in one process and in two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
from tests.mmpose.datasets.tiny_people import write_people  # noqa: E402

CONFIG = """
default_scope = "mmpose"
codec = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(24, 32), sigma=2)
train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="MaskBackground", alpha=0.25, erode_prob=0.5, dilate_prob=0.5),
    dict(type="RandomFlip"),
    dict(type="TopdownAffine", input_size=(48, 64), use_udp=True),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=(48, 64), use_udp=True),
    dict(type="PackPoseInputs"),
]
people = dict(
    type="CocoDataset",
    data_root="people",
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
)
metainfo = dict(from_file="coco.py")
model = dict(
    type="TopdownPoseEstimator",
    backbone=dict(type="TimmBackbone", model_name="tf_efficientnet_lite0", out_indices=(2,)),
    neck=dict(type="FusionNeck", in_channels=(40,), out_channels=8),
    head=dict(
        type="HeatmapHead",
        in_channels=8,
        out_channels=17,
        deconv_out_channels=(8, 8),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type="KeypointMSELoss"),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=False),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type="MultiSourceSampler", batch_size=4, source_ratio=[1]),
    dataset=dict(
        type="CombinedDataset", metainfo=metainfo, datasets=[people], pipeline=train_pipeline
    ),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(pipeline=val_pipeline, test_mode=True, **people),
)
# true boxes of a drawn person cover it, so a loose similarity gives numbers above zero
test_evaluator = dict(type="CocoMetric", ann_file="people/annotations.json", nms_mode="none")
train_cfg = dict(type="ResumableIterTrainLoop", max_iters=4)
test_cfg = dict()
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=1e-3), constructor="TwoGroupOptimWrapperConstructor"
)
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=1),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=2, max_keep_ckpts=1),
)
log_processor = dict(by_epoch=False)
# a backbone cut at its third level leaves its later blocks unused
find_unused_parameters = True
randomness = dict(seed=0)
work_dir = "work"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A small project: a config, seven people, and what two iterations of training wrote."""
    folder = tmp_path_factory.mktemp("project")
    content = write_people(folder / "people", num_images=4)
    content["annotations"] = content["annotations"][:7]  # odd: two processes must pad
    (folder / "people" / "annotations.json").write_text(json.dumps(content))
    (folder / "configs").mkdir()
    (folder / "configs" / "tiny.py").write_text(CONFIG)
    run(folder, "train.py", "--cfg-options", "train_cfg.max_iters=2")
    return folder


def run(folder, tool, *arguments, num_processes=1, fails=False):
    tool = str(ROOT / "tools" / tool)
    command = [sys.executable, tool]
    if num_processes > 1:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc_per_node", str(num_processes), tool]
        arguments = (*arguments, "--launcher", "pytorch")
    config = arguments[0] if arguments and arguments[0].endswith(".py") else "configs/tiny.py"
    rest = arguments[1:] if config in arguments else arguments
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(ROOT)
    result = subprocess.run(
        [*command, config, *rest], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (result.returncode != 0) == fails, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout + result.stderr


@pytest.mark.slow
def test_two_processes_measure_what_one_does(project):
    scores = []
    for num_processes in (1, 2):
        out = project / f"scores_{num_processes}.json"
        arguments = ("work/iter_2.pth", "--out", str(out))
        run(project, "test.py", "configs/tiny.py", *arguments, num_processes=num_processes)
        scores.append(json.loads(out.read_text()))
    assert scores[0] == scores[1]
    assert "coco/AP" in scores[0]


@pytest.mark.slow
def test_two_processes_make_and_count_the_same_holes(project):
    config = str(ROOT / "configs/demo/rtmdet-ins_lite0_holes.py")
    scores = []
    for num_processes, num_workers in ((1, 0), (2, 1)):
        out = project / f"holes_{num_processes}.json"
        options = (
            f"test_dataloader.dataset.data_root={project / 'people'}",
            "test_dataloader.dataset.data_prefix.img=images",
            f"test_dataloader.num_workers={num_workers}",
            "test_dataloader.batch_size=1",
            "test_evaluator.score_thr=0.05",  # these people are drawn: hardly any is found
        )
        arguments = ("--out", str(out), "--cfg-options", *options)
        run(project, "test.py", config, *arguments, num_processes=num_processes)
        scores.append(json.loads(out.read_text()))
    assert scores[0] == scores[1]
    assert scores[0]["holes/num_removed"] > 0
    assert scores[0]["holes/num_images"] == 4


@pytest.mark.slow
def test_a_run_is_resumed(project):
    report = run(project, "train.py", "--resume")
    assert "resumed epoch: 0, iter: 2" in report
    assert (project / "work" / "iter_4.pth").is_file()


SMALLER_HEAD = "model.head.deconv_out_channels=(4,4)"


@pytest.mark.slow
def test_a_run_of_another_model_is_not_resumed(project):
    report = run(project, "train.py", "--resume", "--cfg-options", SMALLER_HEAD, fails=True)
    assert "size mismatch for head.final_layer.weight" in report
    assert "Take the config that the run was started with" in report
    assert "Traceback" not in report


@pytest.mark.slow
def test_a_test_allows_no_misfit_of_the_weights(project):
    # as configs do that start training from another model's weights
    options = ("--cfg-options", "load_from_allow=['head.*']", SMALLER_HEAD)
    weights = (project / "work" / "last_checkpoint").read_text()
    report = run(project, "test.py", "configs/tiny.py", weights, *options, fails=True)
    assert "of another shape" in report


@pytest.mark.slow
def test_two_processes_train(project):
    report = run(project, "train.py", "--work-dir", "work2", num_processes=2)
    assert (project / "work2" / "iter_4.pth").is_file(), report


def test_a_missing_checkpoint_is_one_line(project):
    report = run(project, "test.py", fails=True)
    assert "names no checkpoint" in report
    assert "Traceback" not in report


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--resume", "--work-dir", "never_started")])
def test_missing_start_weights_are_told_before_the_data_is_read(options, project):
    options = (*options, "--cfg-options", "load_from=none.pth")
    report = run(project, "train.py", *options, fails=True)
    assert "none.pth': not a file, not shipped" in report
    assert "Traceback" not in report


def test_a_misspelt_key_is_one_line(project):
    report = run(
        project, "test.py", "--cfg-options", "model.necks=1", "checkpoint=None", fails=True
    )
    assert (
        "unexpected keyword argument 'necks'; is a key or class of the config misspelt?" in report
    )
    assert "Traceback" not in report


@pytest.mark.slow
def test_a_folder_without_permission_names_the_option(project):
    (project / "file").touch()
    report = run(project, "train.py", "--work-dir", "file/sub", fails=True)
    assert "choose another folder with --work-dir" in report
