"""Every ``--cfg-options`` that a page of the docs shows works as it is written there."""

import argparse
import inspect
import re
import shlex
from functools import cache

import pytest
from mmengine.registry import METRICS, DefaultScope

from bmp.api import BBoxMaskPose
from bmp.detectors import RTMDetDetector
from bmp.loop import make_settings
from bmp.segmenters import SAM2Segmenter
from mmpose.engine.config import KNOWN_KEYS, load_config, resolve_paths
from mmpose.engine.knobs import find_knobs
from mmpose.engine.tools import add_common_arguments
from tests.config_parts import ROOT, bind, bind_dataset, build_model

PAGES = ["README.md", "docs/pose.md", "docs/detector.md", "docs/segmenter.md"]
OPTION = "--cfg-options"
CODE = re.compile(r"`([^`]+)`")
CONFIG = re.compile(r"configs/[\w./+-]+\.py")


def read_spellings(text):
    """(config, options) of each command line and each code span under ``--cfg-options``.

    The config is the one that the command, or the ``;`` part of the row, names, else the last
    one named before, outside tables.
    """
    found, config, in_table = [], None, False
    for line in text.splitlines():
        if line.startswith("|"):
            in_table = in_table or f"`{OPTION}`" in line
            for part in line.split(";") if in_table else ():
                named = CONFIG.findall(part)
                options = [span for span in CODE.findall(part) if "=" in span]
                found += [(named[0] if named else config, span) for span in options]
            continue
        in_table = False
        config = next(iter(CONFIG.findall(line)), config)
        if line.startswith("python ") and f"{OPTION} " in line:
            found.append((config, line.split(f"{OPTION} ")[1].split("#")[0].strip()))
        spans = [span for span in CODE.findall(line) if span.startswith(f"{OPTION} ")]
        found += [(config, span.removeprefix(f"{OPTION} ")) for span in spans]
    return found


SPELLINGS = [pair for page in PAGES for pair in read_spellings((ROOT / page).read_text())]


@cache
def plain(config):
    return load_config(ROOT / config)


def parse(config, options):
    """Options as a command line of the tools gives them."""
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    return parser.parse_args([config, OPTION, *shlex.split(options)]).cfg_options


def leaves(node, place=""):
    """Values of a config by dotted place."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    found = {}
    for key, value in inner:
        where = f"{place}.{key}".lstrip(".")
        is_inner = isinstance(value, dict | list | tuple) and value
        found |= leaves(value, where) if is_inner else {where: value}
    return found


def parts_of(config):
    """Values of what the tools read, without the variables of the file."""
    return leaves({key: value for key, value in config.items() if key in KNOWN_KEYS})


def differences(config, other):
    """Places of the parts at which two configs differ."""
    before, after = parts_of(config), parts_of(other)
    places = before.keys() | after.keys()
    return {place for place in places if before.get(place, "none") != after.get(place, "none")}


def build_touched(config, changed):
    """Build what holds a changed place, as far as it needs no data and no weights."""
    if "detector" in config.model:
        make_settings(config.model.loop)
        for part, kind in (("detector", RTMDetDetector), ("segmenter", SAM2Segmenter)):
            inspect.signature(kind).bind(**config.model[part])
        return
    tops = {place.split(".")[0] for place in changed}
    if "model" in tops:
        build_model(config)
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        for top in tops & {"train_dataloader", "val_dataloader", "test_dataloader"}:
            bind_dataset(config[top].dataset)
        for top in tops & {"val_evaluator", "test_evaluator"}:
            for metric in config[top].get("metrics", [config[top]]):
                bind(METRICS, metric)


def test_the_pages_show_options():
    assert len(SPELLINGS) > 70
    assert all(config for config, _ in SPELLINGS)
    assert ("configs/demo/maskpose_lite0_synthcrowd-128x96.py", "alpha=0.5") in SPELLINGS
    assert ("configs/MaskPose/MaskPose-b-1.1.0.py", "max_epochs=20") in SPELLINGS


@pytest.mark.parametrize(("config", "options"), SPELLINGS)
def test_an_option_of_the_docs_works(config, options, tmp_path, monkeypatch):
    given = parse(config, options)
    found = load_config(ROOT / config, given)
    changed = differences(plain(config), found)
    knobs = find_knobs(ROOT / config)
    turned = {key for key in given if key.split(".")[0] in knobs}
    stated = {
        key if key.split(".")[0] in KNOWN_KEYS else f"model.{key}": given[key]
        for key in given.keys() - turned
    }
    resolve_paths(stated, ROOT)  # as load_config does
    after, values = parts_of(found), leaves(stated)
    if "load_from" in values:  # a path, which the config resolves
        values["load_from"] = str(ROOT / values["load_from"])
    assert {place: after[place] for place in values} == values
    if turned:
        assert changed
    else:
        assert all(f"{place}.".startswith(tuple(f"{key}." for key in stated)) for place in changed)
    monkeypatch.chdir(tmp_path)  # folders of an option are made
    build_touched(found, changed)


LITE0 = "configs/demo/maskpose_lite0_synthcrowd-128x96.py"
PIPELINE = "dataloader.dataset.pipeline"


@pytest.mark.parametrize(
    ("config", "options", "expected"),
    [
        pytest.param(
            LITE0,
            "alpha=0.5",
            {f"{split}_{PIPELINE}.2.alpha": 0.5 for split in ("train", "val", "test")},
            id="every pipeline",
        ),
        pytest.param(
            LITE0,
            "codec.sigma=3",
            {"model.head.decoder.sigma": 3, f"train_{PIPELINE}.8.encoder.sigma": 3},
            id="targets and decoding together",
        ),
        pytest.param(
            LITE0,
            "max_iters=500",  # 500 // 5 = 100 steps of warm-up
            {
                "train_cfg.max_iters": 500,
                "train_cfg.val_interval": 500,
                "param_scheduler.0.end": 100,
                "param_scheduler.1.begin": 100,
                "param_scheduler.1.end": 500,
            },
            id="the schedule follows its length",
        ),
        pytest.param(
            "configs/MaskPose/MaskPose-b-1.0.0.py",  # 0.2 there, 0.25 in its base
            "alpha=0.25",
            {f"{split}_{PIPELINE}.2.alpha": 0.25 for split in ("train", "val", "test")},
            id="a variable that a child sets anew",
        ),
        pytest.param(
            "configs/PMPose/PMPose-l-1.0.0.py",
            "max_epochs=42",
            {
                "train_cfg.max_epochs": 42,
                "param_scheduler.1.end": 42,
                "param_scheduler.1.milestones.0": 34,
                "param_scheduler.1.milestones.1": 40,
            },
            id="a base two files away",
        ),
        pytest.param(
            "configs/demo/rtmdet-ins_lite0_synthcrowd-320x320.py",
            "remove.prob=0",
            {
                "train_dataloader.dataset.datasets.0.pipeline.2.prob": 0,
                "train_dataloader.dataset.datasets.1.dataset.pipeline.2.prob": 0,
            },
            id="both data sets of the detector",
        ),
    ],
)
def test_a_knob_changes_what_depends_on_it_and_nothing_else(config, options, expected):
    found = load_config(ROOT / config, parse(config, options))
    after = parts_of(found)
    assert {place: after[place] for place in differences(plain(config), found)} == expected


def test_one_spelling_for_tools_python_and_the_loop():
    config = "configs/demo/bmp_demo.py"
    options = "loop.num_iters=3 loop.prompting.num_pos_keypoints=5 detector.score_thr=0.4"
    options += " pose_model.chunk=7 segmenter.bgr_as_rgb=True"
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    args = parser.parse_args([config, OPTION, *options.split()])
    by_tool = load_config(args.config, args.cfg_options)
    in_python = load_config(ROOT / config, args.cfg_options)
    parts = {name: FakePart() for name in ("detector", "pose_model", "segmenter")}
    in_loop = BBoxMaskPose("bmp_demo", "cpu", cfg_options=args.cfg_options, **parts)
    assert parts_of(by_tool) == parts_of(in_python) == parts_of(in_loop.config)
    settings = in_loop.parts.settings
    assert (settings.num_iters, settings.prompting.num_pos_keypoints) == (3, 5)
    model = by_tool.model
    assert (model.loop.num_iters, model.detector.score_thr) == (3, 0.4)
    assert (model.pose_model.chunk, model.segmenter.bgr_as_rgb) == (7, True)


class FakePart:
    """Stands where the loop has a part that this test does not run."""
