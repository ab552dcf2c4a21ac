"""The loop with a memory: the same people, and nothing computed twice."""

import sys
from dataclasses import replace
from importlib.metadata import version

import pytest
import torch

from bmp.locations import find_checkpoint
from bmp.loop import LoopSettings, part_keys, run_loop
from bmp.loop.build import LoopParts
from bmp.loop.measured import measure_parts
from bmp.loop.part_keys import part_key, source_digest
from bmp.loop.stage_cache import StageMemory
from bmp.loop.stage_clock import STAGES, StageClock
from bmp.segmenters.prompting import PromptSettings
from tests.bmp.loop_parts import APART, NOBODY, TWO_IN_ONE_PLACE, rectangle_parts

IMAGES = [TWO_IN_ONE_PLACE, APART, NOBODY]
CPU = torch.device("cpu")


def parts_of(**settings):
    return LoopParts(**rectangle_parts(), settings=LoopSettings(**settings))


def run(parts, memory=None, keys=("detector", "pose", "segmenter"), images=IMAGES):
    """Results of the images, one at a time, as an evaluation runs them, and the clock."""
    clock = StageClock(parts.settings.num_iters)
    measured = measure_parts(parts, clock, memory, keys, CPU)
    three = measured.detector, measured.pose_model, measured.segmenter
    results = []
    for image in images:
        clock.start()
        results += run_loop([image], *three, parts.settings)
        clock.stop()
    return results, clock


def assert_same_people(found, expected):
    for one, other in zip(found, expected, strict=True):
        for people, wanted in zip(one.turns, other.turns, strict=True):
            assert people.keys() == wanted.keys()
            for name, value in wanted.items():
                assert value.dtype == people[name].dtype
                assert torch.equal(people[name], value), name


def test_people_are_the_same_at_once_and_again(tmp_path):
    expected, _ = run(parts_of())
    for times in range(2):
        memory = StageMemory.open(tmp_path)
        parts = parts_of()
        found, _ = run(parts, memory)
        assert_same_people(found, expected)
        if times:
            assert sum(memory.computed.values()) == 0
            assert parts.detector.seen == []
            assert parts.pose_model.calls == []
            assert parts.segmenter.num_embeddings == 0
            assert "detect 5 of 5" in memory.describe()


def test_a_setting_computes_only_what_depends_on_it(tmp_path):
    """Other prompts ask the segmenter alone, as long as its masks stay what they were."""
    run(parts_of(), StageMemory.open(tmp_path))
    memory = StageMemory.open(tmp_path)
    parts = parts_of(prompting=PromptSettings(num_pos_keypoints=1))
    found, _ = run(parts, memory)
    expected, _ = run(parts_of(prompting=PromptSettings(num_pos_keypoints=1)))
    assert_same_people(found, expected)
    # the first turn's people and poses are known; the masks of other prompts are the same, so
    # the second turn hides the same pixels and is known too
    assert memory.computed["detect"] == memory.computed["pose"] == 0
    assert memory.computed["segment"] == 3  # two first turns, one person in a second one
    assert memory.asked["embed"] == memory.computed["embed"] == 2


def test_other_weights_are_another_part(tmp_path):
    run(parts_of(), StageMemory.open(tmp_path))
    memory = StageMemory.open(tmp_path)
    run(parts_of(), memory, keys=("detector", "another pose", "segmenter"))
    assert memory.computed["detect"] == 0
    assert memory.computed["pose"] == memory.asked["pose"] > 0
    assert memory.computed["segment"] == 0  # equal joints, equal prompts


def test_other_images_are_other_answers(tmp_path):
    run(parts_of(), StageMemory.open(tmp_path), images=[APART])
    memory = StageMemory.open(tmp_path)
    brighter = APART.copy()
    brighter[0, 0] = 254
    run(parts_of(num_iters=1), memory, images=[brighter])
    assert memory.computed == {"detect": 1, "pose": 1, "segment": 1, "embed": 1}


def test_what_was_damaged_is_computed_again(tmp_path):
    expected, _ = run(parts_of(), StageMemory.open(tmp_path))
    for path in (tmp_path / "answers").iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    memory = StageMemory.open(tmp_path)
    found, _ = run(parts_of(), memory)
    assert_same_people(found, expected)
    assert memory.computed == memory.asked


def test_final_poses_are_remembered_apart(tmp_path):
    expected, _ = run(parts_of(final_pose=True))
    for _ in range(2):
        memory = StageMemory.open(tmp_path)
        found, _ = run(parts_of(final_pose=True), memory)
        assert_same_people(found, expected)
    assert sum(memory.computed.values()) == 0


class Ticking:
    """A part in which each call takes so many seconds of a made-up time."""

    def __init__(self, part, now, **seconds):
        self.part, self.now, self.seconds = part, now, seconds

    def __getattr__(self, name):
        def call(*args):
            self.now[0] += self.seconds[name]
            return getattr(self.part, name)(*args)

        return call


@pytest.mark.parametrize("final_pose", [False, True])
def test_seconds_go_to_their_stage_and_turn(monkeypatch, final_pose):
    now = [0.0]
    monkeypatch.setattr("bmp.loop.stage_clock._now", lambda: now[0])
    parts = parts_of(final_pose=final_pose)
    parts = replace(
        parts,
        detector=Ticking(parts.detector, now, detect=1.0),
        pose_model=Ticking(parts.pose_model, now, estimate=10.0),
        segmenter=Ticking(parts.segmenter, now, embed=100.0, segment=1000.0),
    )
    _, clock = run(parts, images=[TWO_IN_ONE_PLACE])
    first, second = clock.turns
    assert [first[stage] for stage in STAGES] == [100, 1, 10, 1000, 0]
    # the final pass belongs to the last turn
    assert [second[stage] for stage in STAGES] == [0, 1, 10 + 10 * final_pose, 1000, 0]


def test_a_part_is_known_by_weights_and_settings(tmp_path):
    demo = {
        "config": "pmpose_lite0_synthcrowd-128x96",
        "checkpoint": "pmpose_lite0_demo.safetensors",
    }
    key = part_key(demo, "cpu")
    assert part_key(dict(reversed(demo.items())), "cpu") == key
    assert part_key(demo | {"flip_test": False}, "cpu") != key
    assert part_key(demo, "cuda") != key
    copy = tmp_path / "renamed.safetensors"
    weights = find_checkpoint(demo["checkpoint"]).read_bytes()
    copy.write_bytes(weights)
    assert part_key(demo | {"checkpoint": str(copy)}, "cpu") == key
    copy.write_bytes(weights[:-1] + b"x")
    assert part_key(demo | {"checkpoint": str(copy)}, "cpu") != key
    # random weights are others each time
    random = demo | {"checkpoint": None}
    assert part_key(random, "cpu") != part_key(random, "cpu")


def test_networks_run_otherwise_are_other_parts():
    demo = {
        "config": "pmpose_lite0_synthcrowd-128x96",
        "checkpoint": "pmpose_lite0_demo.safetensors",
    }
    ways = ({}, {"dtype": "bf16"}, {"backend": "openvino"}, {"compile": True})
    assert len({part_key(demo | way, "cpu") for way in ways}) == 4


def test_a_folder_of_weights_counts_by_content(tmp_path):
    cfg = {"type": "TransformersPose", "folder": str(tmp_path)}
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"one")
    key = part_key(cfg, "cpu")
    weights.write_bytes(b"two")
    assert part_key(cfg, "cpu") != key
    assert part_key(cfg | {"folder": "name/of-the-hub"}, "cpu") != key


def test_source_code_counts_wherever_the_project_lies(tmp_path):
    """Also below a folder called configs; those of the packages are read by content instead."""
    keys = []
    for number, changed in enumerate([None, "bmp/loop.py", "bmp/configs/a.py"]):
        root = tmp_path / "configs" / str(number)
        for name in ("bmp/loop.py", "bmp/configs/a.py", "mmpose/b.py"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("x = 2" if name == changed else "x = 1")
        keys.append(source_digest(root))
    assert keys[1] != keys[0] == keys[2]


@pytest.mark.parametrize("name", ["own_parts.py", "own_parts/__init__.py"])
def test_code_that_a_config_imports_counts(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_parts", raising=False)
    code = tmp_path / name
    code.parent.mkdir(exist_ok=True)
    code.write_text("SIZE = 1")
    config = tmp_path / "pose.py"
    config.write_text('custom_imports = dict(imports="own_parts")\nmodel = dict(type="Own")')
    part = {"config": str(config), "checkpoint": "pmpose_lite0_demo.safetensors"}
    key = part_key(part, "cpu")
    assert part_key(part, "cpu") == key
    code.write_text("SIZE = 2")
    assert part_key(part, "cpu") != key


def test_a_package_that_a_config_may_lack_does_not_count(tmp_path):
    config = tmp_path / "pose.py"
    absent = 'dict(imports=["absent_package.parts"], allow_failed_imports=True)'
    config.write_text(f'custom_imports = {absent}\nmodel = dict(type="Own")')
    part = {"config": str(config), "checkpoint": "pmpose_lite0_demo.safetensors"}
    assert part_key(part, "cpu") == part_key(part, "cpu")


def test_versions_of_the_libraries_that_compute_count(monkeypatch):
    demo = {
        "config": "pmpose_lite0_synthcrowd-128x96",
        "checkpoint": "pmpose_lite0_demo.safetensors",
    }
    told = part_keys.library_versions()
    assert f"torch {torch.__version__} " in told
    assert f"numpy {version('numpy')}" in told
    key = part_key(demo, "cpu")
    monkeypatch.setattr(part_keys, "library_versions", lambda: told.replace("numpy", "numpy 1"))
    assert part_key(demo, "cpu") != key


@pytest.mark.parametrize("cache", [True, "folder", {"max_gib": 5}])
def test_a_cache_that_is_no_record_is_refused_with_the_fix(cache):
    with pytest.raises(ValueError, match=r"dict\(folder=.*\), or None for no cache, got"):
        StageMemory.from_config(cache)
    assert StageMemory.from_config(None) is None
