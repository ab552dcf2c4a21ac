"""The tool that says why a result file has its AP: what it prints, writes and refuses."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from tests.mmpose.analysis.small_world import predictions, truth, write_images

ROOT = Path(__file__).parents[2]


def run(monkeypatch, *arguments):
    tool = str(ROOT / "tools" / "analyze_results.py")
    monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
    runpy.run_path(tool, run_name="__main__")


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "results.json", tmp_path / "truth.json"
    for path, content in zip(paths, (predictions(), truth()), strict=True):
        path.write_text(json.dumps(content))
    return paths


@pytest.mark.parametrize(("iou_type", "name"), [("keypoints", "poses"), ("segm", "masks")])
def test_it_prints_and_writes_numbers_and_the_page(
    files, monkeypatch, tmp_path, capsys, iou_type, name
):
    page, out = tmp_path / "new" / "page.html", tmp_path / "new" / "numbers.json"
    write_images(tmp_path)
    run(
        monkeypatch,
        *files,
        *("--iou-type", iou_type, "--html", page, "--out", out, "--images", tmp_path),
        *("--worst", 1),
    )
    printed = capsys.readouterr().out
    numbers = json.loads(out.read_text())
    assert f"{iou_type}: AP {numbers['numbers']['AP']:.6f} [" in printed
    assert len(numbers["worst_images"]) == 1
    text = page.read_text(encoding="utf-8")
    assert f"<h1>Evaluation of {name}</h1>" in text
    assert text.count("<img ") == 2


def test_a_folder_that_is_not_there_is_told_on_the_page(files, monkeypatch, tmp_path):
    page = tmp_path / "page.html"
    run(monkeypatch, *files, "--html", page, "--images", tmp_path / "nowhere")
    assert page.read_text(encoding="utf-8").count("cannot be shown") == 2


def test_results_that_lack_the_field_are_refused_in_a_line(files, monkeypatch):
    results = [{k: v for k, v in one.items() if k != "keypoints"} for one in predictions()]
    files[0].write_text(json.dumps(results))
    with pytest.raises(SystemExit, match="keypoints"):
        run(monkeypatch, *files, "--iou-type", "keypoints")


def test_results_by_the_ids_of_another_file_are_explained_alike(
    files, monkeypatch, tmp_path, capsys
):
    """As those of OCHuman on OCHuman-Pose: images are matched by file name."""
    run(monkeypatch, *files)
    expected = capsys.readouterr().out
    images = [image | {"id": image["id"] + 1000} for image in truth()["images"]]
    others = tmp_path / "others.json"
    others.write_text(json.dumps({"images": images}))
    renamed = [one | {"image_id": one["image_id"] + 1000} for one in predictions()]
    files[0].write_text(json.dumps(renamed))
    run(monkeypatch, *files, "--ids-of", others)
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--worst", "-1"), "--worst must be 0 or more, got -1"),
        (("--images", "images"), "--images are drawn on the page"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(files, monkeypatch, options, reason):
    with pytest.raises(SystemExit, match=reason):
        run(monkeypatch, *files, *options)
