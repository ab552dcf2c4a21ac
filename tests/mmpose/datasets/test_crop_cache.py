"""People cut out once: the same samples as from the images, refused when stale, finished later."""

import json
import os
import pickle
import runpy
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmpose.datasets import CocoDataset, CombinedDataset, crop_cache_build
from mmpose.datasets.crop_cache import INDEX, MANIFEST, shard_name
from mmpose.datasets.crop_cache_build import BuildReport, build_cache
from mmpose.datasets.seeded_index import SeededIndex
from mmpose.structures.device_crops import cut_deferred
from tests.mmpose.datasets.test_seeded_draws import PIPELINE
from tests.mmpose.datasets.tiny_people import write_people

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten people on five images, two in each shard."""
    monkeypatch.setattr(crop_cache_build, "PEOPLE_PER_SHARD", 2)
    write_people(tmp_path / "data")
    return tmp_path


def people(folder, **settings):
    common = {"data_root": str(folder / "data"), "data_prefix": {"img": "images"}}
    return CocoDataset("annotations.json", **common, **{"pipeline": PIPELINE, **settings})


def build(dataset, folder, num_workers=1) -> BuildReport:
    return list(build_cache(dataset, folder / "cache", num_workers))[-1]


def assert_equal_samples(first, second):
    for index in range(len(first)):
        for draw in range(4):
            seeded = SeededIndex(index, (index, draw))
            one, other = first[seeded], second[seeded]
            assert np.array_equal(one["inputs"], other["inputs"])
            maps = one["data_samples"].gt_fields.heatmaps, other["data_samples"].gt_fields.heatmaps
            assert np.array_equal(*maps)
            assert one["data_samples"].mask_state == other["data_samples"].mask_state


@pytest.mark.slow
def test_processes_write_what_one_writes(folder, request):
    request.addfinalizer(partial(cv2.setNumThreads, cv2.getNumThreads()))
    # as a training would leave it: with threads of OpenCV that a forked process would wait for
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (9, 9), 0)
    build(people(folder), folder)
    alone = {path.name: path.read_bytes() for path in (folder / "cache").glob("*.pixels*")}
    shutil.rmtree(folder / "cache")
    assert build(people(folder), folder, num_workers=2).num_shards == 5
    assert {p.name: p.read_bytes() for p in (folder / "cache").glob("*.pixels*")} == alone
    assert len(alone) == 10


def test_samples_are_those_of_the_images_to_the_last_bit(folder):
    plain = people(folder)
    report = build(plain, folder)
    assert (report.num_people, report.num_shards, report.num_kept) == (10, 5, 0)
    cached = people(folder, crop_cache=str(folder / "cache"))
    for image in (folder / "data" / "images").iterdir():
        assert image.is_file()
    assert_equal_samples(plain, cached)
    assert_equal_samples(plain, pickle.loads(pickle.dumps(cached)))  # as workers get it


def test_no_image_is_read_with_a_cache(folder, monkeypatch):
    build(people(folder), folder)
    cached = people(folder, crop_cache=str(folder / "cache"))
    for image in (folder / "data" / "images").iterdir():
        image.write_bytes(b"")
    assert cached[SeededIndex(3, (3,))]["inputs"].shape == (3, 64, 48)


def test_a_combined_data_set_has_one_cache_of_all_its_people(folder):
    def combined(**settings):
        parts = [people(folder, pipeline=()), people(folder, pipeline=(), sample_interval=3)]
        return CombinedDataset({"from_file": "coco.py"}, parts, PIPELINE, **settings)

    plain = combined(sample_ratio_factor=[0.5, 2])
    assert build(plain, folder).num_people == 14
    cache = str(folder / "cache")
    assert_equal_samples(plain, combined(sample_ratio_factor=[0.5, 2], crop_cache=cache))


def test_a_build_goes_on_where_it_stopped_and_mends_what_is_damaged(folder):
    plain, cache = people(folder), folder / "cache"
    unfinished = build_cache(plain, cache, 1)
    next(unfinished)
    unfinished.close()
    (cache / INDEX).unlink(missing_ok=True)
    (cache / f".{shard_name(4)}.0123.part").write_bytes(b"killed")
    for number in (1, 2, 3, 4):
        (cache / f"{shard_name(number)}.json").unlink(missing_ok=True)
    with pytest.raises(ValueError, match="unfinished"):
        people(folder, crop_cache=str(cache))
    report = build(plain, folder)
    assert (report.num_kept, report.num_people) == (1, 10)
    assert not list(cache.glob(".*"))
    assert build(plain, folder).num_kept == 5

    shard = cache / shard_name(2)
    content = bytearray(shard.read_bytes())
    content[7] ^= 1
    shard.write_bytes(content)
    assert build(plain, folder).num_kept == 4
    shard.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="missing or cut off"):
        people(folder, crop_cache=str(cache))
    assert build(plain, folder).num_kept == 4
    assert_equal_samples(plain, people(folder, crop_cache=str(cache)))


def test_the_cache_serves_crops_that_the_device_cuts(folder):
    build(people(folder), folder)
    pipeline = [
        dict(step, on_device=True) if step["type"] == "TopdownAffine" else step
        for step in PIPELINE
        if step["type"] != "RandomPatchesBlackout"  # it needs the crop
    ]
    plain = people(folder, pipeline=pipeline)
    cached = people(folder, pipeline=pipeline, crop_cache=str(folder / "cache"))
    for index in range(len(plain)):
        seeded = SeededIndex(index, (index, 1))
        crops = [cut_deferred([part[seeded]["inputs"]], "cpu") for part in (plain, cached)]
        assert torch.equal(*crops)


def wider(pipeline):
    return [
        dict(step, rotate_factor=90) if step["type"] == "RandomBBoxTransform" else step
        for step in pipeline
    ]


def test_a_stale_cache_is_refused(folder):
    build(people(folder), folder)
    cache = str(folder / "cache")
    with pytest.raises(ValueError, match="other steps than this config"):
        people(folder, crop_cache=cache, pipeline=wider(PIPELINE))
    with pytest.raises(ValueError, match="other steps than this config"):
        build(people(folder, pipeline=wider(PIPELINE)), folder)

    manifest = folder / "cache" / MANIFEST
    content = json.loads(manifest.read_text())
    content["made_of"]["source code"] = "0"
    manifest.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="other source code than"):
        people(folder, crop_cache=cache)

    annotations = folder / "data" / "annotations.json"
    annotations.write_text(annotations.read_text() + " ")
    with pytest.raises(ValueError, match="other annotations and source code"):
        people(folder, crop_cache=cache)


def test_a_person_whom_the_cache_lacks_is_named(folder):
    build(people(folder, sample_interval=2), folder)
    cached = people(folder, crop_cache=str(folder / "cache"))
    with pytest.raises(ValueError, match="has no person 3 of"):
        cached[1]

    assert build(people(folder), folder).num_people == 10  # what the message asks for helps
    assert_equal_samples(people(folder), people(folder, crop_cache=str(folder / "cache")))


def test_people_of_replaced_images_are_cut_out_anew(folder):
    build(people(folder), folder)
    path = folder / "data" / "images" / "2.png"
    before = path.stat()
    cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert build(people(folder), folder).num_kept == 4
    assert_equal_samples(people(folder), people(folder, crop_cache=str(folder / "cache")))
    content = path.read_bytes()
    path.write_bytes(b"no image")
    assert build(people(folder), folder).num_unreadable == 2
    path.write_bytes(content)
    assert build(people(folder), folder).num_unreadable == 0


def test_a_build_leaves_what_another_one_is_writing(folder):
    cache = folder / "cache"
    cache.mkdir()
    partial_file = cache / f".{shard_name(4)}.0123abcd.part"
    partial_file.touch()
    code = "from mmpose.files import lock_folder; import sys; lock = lock_folder(*sys.argv[1:])"
    wait = "; print('locked', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", code + wait, str(cache), crop_cache_build.LOCK]
    with subprocess.Popen(command, cwd=ROOT, **pipes) as other:
        assert other.stdout.readline() == b"locked\n"
        assert build(people(folder), folder).num_people == 10
        assert partial_file.is_file()
        other.kill()
    assert build(people(folder), folder).num_kept == 5
    assert not partial_file.exists()


def test_an_unreadable_image_is_left_out_as_without_a_cache(folder):
    (folder / "data" / "images" / "2.png").write_bytes(b"no image")
    plain = people(folder)
    assert build(plain, folder).num_unreadable == 2
    cached = people(folder, crop_cache=str(folder / "cache"))
    assert_equal_samples(plain, cached)
    assert cached.num_unreadable == plain.num_unreadable > 0


def test_what_cannot_have_a_cache_is_refused(folder):
    with pytest.raises(FileNotFoundError, match="is no crop cache"):
        people(folder, crop_cache=str(folder / "cache"))
    with pytest.raises(ValueError, match="for training"):
        people(folder, crop_cache=str(folder / "cache"), test_mode=True)
    with pytest.raises(ValueError, match="that is the whole, not a part"):
        build(people(folder, pipeline=()), folder)


def test_the_tool_makes_a_cache_of_a_config(folder, monkeypatch, capsys):
    dataset = dict(
        type="CocoDataset",
        ann_file=str(folder / "data" / "annotations.json"),
        data_prefix={"img": str(folder / "data" / "images")},
        pipeline=PIPELINE,
    )
    config = folder / "config.py"
    config.write_text(f"train_dataloader = dict(dataset={dataset!r})")
    out = str(folder / "made")
    monkeypatch.setattr(sys, "argv", ["crop_cache.py", str(config), "--out", out, "--workers", "1"])
    runpy.run_path(str(ROOT / "tools/datasets/crop_cache.py"), run_name="__main__")
    assert "10 people in 5 shards" in capsys.readouterr().out
    assert_equal_samples(people(folder), people(folder, crop_cache=out))
