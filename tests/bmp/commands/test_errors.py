"""What every command says of a wrong input: one line that names it, and no traceback."""

import json

import pytest

from bmp.cli import main

CONTENTS = {
    "broken.json": "[[",
    "odd.json": '{"images": 3}',
    "number.json": "[1]",
    "tasks.json": '[{"annotations": [{"result": [3]}]}]',
    "a.docx": "x",
    "broken.py": "x = (",
    "nameless.py": "model = absent",
    "bad.jpg": "no image",
    "odd.xml": "<annotations><image/></annotations>",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The working folder, with wrong files and an empty folder."""
    for name, text in CONTENTS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)


def told_by(arguments, capsys):
    """The one line; tools add how to see a traceback."""
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if line != "(TRACEBACK=1 shows where)"]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent", "there is nothing at absent"),
        ("empty", "empty is of no format that is known here. Expected a YOLO folder"),
        ("a.docx", "a.docx is of no format that is known here"),
        ("broken.json", "broken.json is no whole JSON"),
        ("odd.json", "odd.json is of no format that is known here"),
        ("number.json", "number.json is of no format that is known here"),
        ("tasks.json", "tasks.json is a damaged label-studio file (AttributeError"),
        ("odd.xml", "odd.xml is a damaged cvat file (TypeError"),
    ],
)
def test_convert(path, said, capsys):
    assert said in told_by(["data", "convert", path, "--out", "out.json"], capsys)


@pytest.mark.parametrize(
    "kind", ["yolo", "label-studio", "cvat", "datumaro", "sleap", "deeplabcut"]
)
@pytest.mark.parametrize("path", ["odd.json", "empty"])
def test_convert_of_a_named_format(kind, path, capsys):
    arguments = ["data", "convert", path, "--out", "out.json", "--format", kind]
    assert told_by(arguments, capsys).endswith(
        f"{path} is not of the format {kind}; without --format it is found"
    )


def test_convert_proves_first_that_it_can_write(capsys):
    told = told_by(["data", "convert", "odd.xml", "--out", "empty"], capsys)
    assert told == "error: empty is a folder; name a file in it with --out"


@pytest.mark.parametrize("command", ["train", "eval", "ablate"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent.py", "absent.py"),
        ("broken.py", "is no Python: line 1, '(' was never closed"),
        ("nameless.py", "nameless.py or a base of it: name 'absent' is not defined"),
        ("broken.json", "the config broken.json cannot be read: Expecting value"),
        ("a.docx", "a.docx is no config: these end in .py, .json, .yaml, .yml"),
    ],
)
def test_configs(command, path, said, capsys):
    assert said in told_by([command, path], capsys)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent.py", "no config file 'absent.py'"),
        ("broken.py", "is no Python: line 1, '(' was never closed"),
        ("nameless.py", "name 'absent' is not defined"),
        ("bmp_v3", "did you mean 'bmp_v2'?"),
        ("a.docx", "no config 'a.docx' in configs/bmp and configs/demo; there are bmp_d3"),
    ],
)
def test_configs_of_the_loop(path, said, capsys):
    assert said in told_by(["serve", "--port", "0", "--config", path], capsys)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--every", "0"], "every must be at least 1, got 0"),
        (["--max-frames", "-1"], "max_frames must be at least 1, got -1"),
        (["--config", "broken.py"], "is no Python"),
        (["--cfg-options", "loop.num_iter=3"], "did you mean 'num_iters'?"),
        (["--device", "abacus"], "unknown device 'abacus'"),
    ],
)
def test_options_of_predict_are_checked_before_any_image(more, said, capsys):
    assert said in told_by(["predict", "bad.jpg", "--out", "out", *more], capsys)


@pytest.mark.parametrize(
    ("path", "said"), [("absent.jpg", "no such image"), ("empty", "no images in empty")]
)
def test_inputs_of_predict(path, said, capsys):
    assert said in told_by(["predict", path, "--out", "out"], capsys)


@pytest.mark.parametrize("path", ["absent.json", "broken.json", "a.docx", "empty", "odd.json"])
def test_result_files(path, capsys):
    assert path in told_by(["analyze", path, path], capsys)
    assert path in told_by(["compare", path, path, path], capsys)


@pytest.mark.parametrize("kind", [["pose"], ["detector"], ["segmenter", "--part", "encoder"]])
@pytest.mark.parametrize("config", ["absent.py", "broken.py", "a.docx"])
def test_export(kind, config, capsys):
    weights = "maskpose_lite0_demo.safetensors"
    assert config in told_by(["export", *kind, config, weights, "out.onnx"], capsys)


@pytest.mark.parametrize(
    ("kind", "config", "other"),
    [
        ("pose", "rtmdet-ins_lite0_coco-cc-320x320", "detector"),
        ("detector", "maskpose_lite0_synthcrowd-128x96", "pose"),
        ("pose", "sam-pose2seg_lite0_synthcrowd-256x256", "segmenter"),
    ],
)
def test_export_of_another_kind(kind, config, other, capsys):
    weights = "maskpose_lite0_demo.safetensors"
    told = told_by(["export", kind, config, weights, "out.onnx"], capsys)
    assert f"describes a {other}, not a {kind}: bmp export {other}" in told


def test_downloads_go_to_a_folder(capsys):
    told = told_by(["download", "--out", "a.docx", "PMPose-b-1.0.0.pth"], capsys)
    assert told.startswith("bmp: cannot write to a.docx")


def test_an_ablation_of_json_is_read(tmp_path, capsys):
    (tmp_path / "ablation.json").write_text(json.dumps({"base": "absent.py", "seeds": [0]}))
    assert "absent.py" in told_by(["ablate", "ablation.json"], capsys)
