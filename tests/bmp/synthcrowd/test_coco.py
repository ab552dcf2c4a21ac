"""Data sets on disk: bytes, COCO's own reader, resuming, refusals."""

import contextlib
import io
import json
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from bmp.synthcrowd import SceneSettings, coco, write_dataset

SMALL = SceneSettings(width=160, height=120)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "set"
    write_dataset(out, 6, 3, SMALL)
    return out


def test_same_arguments_same_bytes_whatever_the_workers(dataset, tmp_path):
    write_dataset(tmp_path / "again", 6, 3, SMALL, workers=2)
    assert contents(tmp_path / "again") == contents(dataset)


def test_pycocotools_reads_it(dataset):
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = COCO(dataset / "annotations.json")
    assert len(annotations.imgs) == 6
    assert annotations.cats[1]["name"] == "person"
    assert len(annotations.cats[1]["keypoints"]) == 17
    assert min(annotations.anns) == 1
    for image in annotations.imgs.values():
        pixels = cv2.imread(str(dataset / "images" / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)
        assert 0 <= image["max_iou"] <= 1
    for annotation in annotations.anns.values():
        assert annotations.annToMask(annotation).sum() == annotation["area"]
        assert len(annotation["keypoints"]) == 51
        assert np.isfinite(annotation["keypoints"]).all()


def test_complete_set_is_left_alone(dataset):
    before = {p: p.stat().st_mtime_ns for p in dataset.rglob("*")}
    write_dataset(dataset, 6, 3, SMALL)
    assert {p: p.stat().st_mtime_ns for p in dataset.rglob("*")} == before


def test_other_set_at_the_place_is_refused(dataset):
    with pytest.raises(ValueError, match="delete the folder or choose another place"):
        write_dataset(dataset, 7, 3, SMALL)
    with pytest.raises(ValueError, match="delete the folder"):
        write_dataset(dataset, 6, 3, replace(SMALL, clutter=0))


def test_interrupted_run_goes_on(dataset, tmp_path, monkeypatch):
    out, rendered = tmp_path / "set", []
    real = coco.write_image

    def interrupted(folder, number, **kwargs):
        if number == 4 and 4 not in rendered:
            rendered.append(number)
            raise KeyboardInterrupt
        rendered.append(number)
        real(folder, number, **kwargs)

    monkeypatch.setattr(coco, "write_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(out, 6, 3, SMALL)
    assert not out.exists()
    write_dataset(out, 6, 3, SMALL)
    assert rendered == [1, 2, 3, 4, 4, 5, 6]
    assert contents(out) == contents(dataset)


def test_full_disk_tells_the_fix(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(coco, "_write", full)
    with pytest.raises(OSError, match="free some space and run again"):
        write_dataset(tmp_path / "set", 1, 0, SMALL)


def test_forbidden_place_tells_the_fix(tmp_path, monkeypatch):
    def forbidden(path, content):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(coco, "_write", forbidden)
    with pytest.raises(PermissionError, match="choose another --out"):
        write_dataset(tmp_path / "set", 1, 0, SMALL)


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_wrong_numbers_are_refused(wrong, tmp_path):
    num_images, seed, workers = wrong
    with pytest.raises(ValueError, match="at least"):
        write_dataset(tmp_path / "set", num_images, seed, SMALL, workers=workers)


def test_manifest_says_how_it_was_made(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert manifest["seed"] == 3
    assert manifest["settings"]["width"] == 160
