"""What the ledger compares, hashes and runs; and that its own rows are current."""

import hashlib
import json
import math
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from mmpose.project import PROJECT_ROOT
from tools.bookkeeping.reruns import (
    Move,
    Outcome,
    compare,
    describe,
    judge,
    read_numbers,
    run_row,
    update_row,
)
from tools.bookkeeping.rows import (
    LEDGER,
    Row,
    Tolerance,
    read_ledger,
    select_rows,
    write_ledger,
)
from tools.bookkeeping.sources import (
    DataSource,
    config_of,
    data_hash,
    file_hash,
    hashes_of,
    missing,
    sources_of,
)

ROWS = read_ledger()
IDS = [row.id for row in ROWS]
ROW = Row(id="loop", what="the loop", config="configs/demo/bmp_demo.py", values={"AP": 0.174})


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        pytest.param(0.174, 0.1755, False, id="within 0.2 %"),
        pytest.param(0.174, 0.177, True, id="0.3 % more"),
        pytest.param(0.174, 0.171, True, id="0.3 % less"),
        pytest.param(408, 411, False, id="three people more"),
        pytest.param(408, 412, True, id="four people more"),
        pytest.param(1, 1.001, False, id="a whole number became a fraction"),
        pytest.param(1, 2.0, True, id="that is the share's tolerance"),
        pytest.param(0.174, math.nan, True, id="not a number"),
        pytest.param(0.174, None, True, id="gone"),
        pytest.param(None, 0.5, False, id="no last value"),
    ],
)
def test_a_number_moves_beyond_its_tolerance(before, after, moved):
    values = {} if after is None else {"AP": after}
    moves = compare({"AP": before}, values | {"other": 3}, Tolerance(share=0.002, count=3))
    assert [move.name for move in moves] == (["AP"] if moved else [])


@pytest.mark.parametrize(
    ("row", "state", "reasons"),
    [
        pytest.param(ROW, "same", [], id="same"),
        pytest.param(replace(ROW, values={"AP": 0.19}), "moved", [], id="moved"),
        pytest.param(replace(ROW, values={"AP": None}), "new", [], id="never run"),
        pytest.param(
            replace(ROW, values={}, published={"AP": 0.5}),
            "new",
            ["AP: 0.1740, published 0.5000"],
            id="a published number is told and moves nothing",
        ),
    ],
)
def test_the_state_of_a_row(row, state, reasons):
    outcome = judge(row, {"AP": 0.174, "AR": 0.2})
    assert (outcome.state, outcome.reasons) == (state, reasons)


def test_what_moved_is_named():
    outcome = Outcome(ROW, "moved", ["data x are others"], [Move("AP", 0.174, 0.16)], minutes=1.25)
    assert describe(outcome).splitlines() == [
        "loop: moved (1.2 min)",
        "    AP: 0.174 -> 0.16",
        "    data x are others",
    ]


def tiny_row(folder, **changes):
    """A row on one image of three bytes and weights of three bytes."""
    (folder / "images").mkdir()
    (folder / "images" / "a.jpg").write_bytes(b"abc")
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}
    (folder / "people.json").write_text(json.dumps(content))
    (folder / "w.pth").write_bytes(b"abc")
    (folder / "config.py").write_text(
        "model = dict(type='Some')\n"
        f"checkpoint = {str(folder / 'w.pth')!r}\n"
        f"test_dataloader = dict(dataset=dict(data_root={str(folder)!r}, ann_file='people.json',"
        " data_prefix=dict(img='images')))\n"
    )
    row = Row(id="tiny", what="one image", config=str(folder / "config.py"), values={"AP": 0.5})
    return replace(row, **changes)


def gives(numbers):
    """A command that writes these numbers."""

    def run(row, folder):
        (folder / "numbers.json").write_text(json.dumps(numbers))

    return run


def test_a_row_that_can_run_is_compared(tmp_path):
    row = tiny_row(tmp_path)
    assert missing(row) == []
    outcome = run_row(row, gives({"AP": 0.6}))
    assert (outcome.state, outcome.moves) == ("moved", [Move("AP", 0.5, 0.6)])
    update_row(outcome)
    assert row.values == {"AP": 0.6}
    assert run_row(row, gives({"AP": 0.6})).reasons == []
    (tmp_path / "w.pth").write_bytes(b"abd")
    file_hash.cache_clear()
    reasons = run_row(row, gives({"AP": 0.6})).reasons
    assert reasons == [f"weights {tmp_path / 'w.pth'} are others than on {row.date}"]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        pytest.param("people.json", r"there is no .*people\.json; datasets/README", id="people"),
        pytest.param("images/a.jpg", r"1 of 1 images of .*people\.json are missing", id="image"),
        pytest.param("w.pth", r"no weights .*w\.pth; put the file into .*BMP_MODELS", id="weights"),
    ],
)
def test_what_is_missing_is_told_with_its_fix(tmp_path, gone, told):
    row = tiny_row(tmp_path)
    (tmp_path / gone).unlink()
    outcome = run_row(row, gives({"AP": 0.5}))
    assert outcome.state == "cannot run"
    assert len(outcome.reasons) == 1
    assert re.search(told, outcome.reasons[0])


def test_weights_that_a_command_makes_name_it(tmp_path):
    row = tiny_row(tmp_path, checkpoint="work_dirs/none.pth", how_to_get="train them")
    assert missing(row) == ["there are no weights work_dirs/none.pth; train them"]


def test_a_failed_row_says_why(tmp_path):
    row = tiny_row(tmp_path)
    outcome = run_row(row, lambda row, folder: "exit code 1: error: no memory")
    assert (outcome.state, outcome.reasons) == ("failed", ["exit code 1: error: no memory"])
    outcome = run_row(replace(row, config="configs/none.py"), gives({}))
    assert outcome.state == "failed"
    assert "configs/none.py" in outcome.reasons[0]


@pytest.mark.slow
def test_the_command_is_run_in_a_process(tmp_path):
    # a config that holds no model: the tool refuses it, the ledger goes on
    outcome = run_row(tiny_row(tmp_path))
    assert outcome.state == "failed"
    assert outcome.reasons[0].startswith("exit code 1: ")


def test_numbers_of_a_sweep_are_in_its_file(tmp_path):
    (tmp_path / "sweep.json").write_text(json.dumps({"numbers": {"0.3/bbox_AP": 0.5}}))
    row = replace(ROW, tool="tools/sweep_scores.py")
    assert read_numbers(row, tmp_path) == {"0.3/bbox_AP": 0.5}
    assert row.command() == "python tools/sweep_scores.py configs/demo/bmp_demo.py"


def test_hashes_are_those_of_sha256sum(tmp_path):
    row = tiny_row(tmp_path)
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    people = hashlib.sha256((tmp_path / "people.json").read_bytes()).hexdigest()
    listed = hashlib.sha256(f"{people}a.jpg 3\n".encode()).hexdigest()
    assert hashes_of(row) == (
        {str(tmp_path / "people.json"): listed},
        {str(tmp_path / "w.pth"): abc},
    )


@pytest.mark.parametrize(
    ("change", "is_other"),
    [
        pytest.param(("images/a.jpg", b"abcd"), True, id="an image of another size"),
        pytest.param(("people.json", b'{"images": [], "annotations": []}'), True, id="people"),
        pytest.param(("images/b.jpg", b"x"), False, id="an image that nobody lists"),
    ],
)
def test_what_a_data_hash_stands_for(tmp_path, change, is_other):
    tiny_row(tmp_path)
    source = DataSource(str(tmp_path / "people.json"), str(tmp_path / "images"))
    before = data_hash(source)
    (tmp_path / change[0]).write_bytes(change[1])
    data_hash.cache_clear()
    file_hash.cache_clear()
    assert (data_hash(source) != before) == is_other


@pytest.mark.parametrize(
    ("name", "data", "weights"),
    [
        pytest.param(
            "loop_crowds",
            ["datasets/synthcrowd/val/annotations.json"],
            [f"{name}_demo.safetensors" for name in ("rtmdet-ins_lite0", "pmpose_lite0")]
            + ["sam-pose2seg_demo.safetensors"],
            id="the loop has three parts",
        ),
        pytest.param(
            "pose_pmpose",
            [
                "datasets/synthcrowd/val/annotations.json",
                "datasets/coco_val2017_people_cc/person_keypoints.json",
            ],
            ["pmpose_lite0_demo.safetensors"],
            id="two data sets",
        ),
    ],
)
def test_sources_come_from_the_config(name, data, weights):
    sources = sources_of(ROWS[IDS.index(name)])
    assert [source.ann_file for source in sources.data] == data
    assert list(sources.weights) == weights


def test_boxes_of_a_file_are_data_and_later_detectors_have_weights():
    row = Row(id="a", what="", config="configs/bmp/bmp_v2_ochuman_pose_val_filed_boxes.py")
    sources = sources_of(row)
    assert sources.data[0].others == (
        "datasets/ochuman/detections/rtmdet-l-ins_val.json",
        "datasets/ochuman/ochuman_coco_format_val_range_0.00_1.00.json",
    )
    assert sources.weights[0] == "rtmdet-ins-l-mask.pth"
    assert len(sources.weights) == 3


def test_a_ledger_is_written_as_it_is_read(tmp_path):
    path = tmp_path / "ledger.json"
    write_ledger(ROWS, path)
    assert read_ledger(path) == ROWS
    assert path.read_text() == LEDGER.read_text()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param([{"id": "a", "what": "", "confg": ""}], "row 'a'.*confg", id="misspelt"),
        pytest.param(
            [{"id": "a", "what": "", "config": "", "tool": "x.py"}], r"tools .* \['a'\]", id="tool"
        ),
        pytest.param([{"id": "a"}], "row 'a'.*'what' and 'config'", id="too little"),
        pytest.param(
            [{"id": "a", "what": "", "config": ""}] * 2, r"several rows \['a'\]", id="twice"
        ),
    ],
)
def test_a_broken_ledger_is_refused(tmp_path, rows, told):
    path = tmp_path / "ledger.json"
    path.write_text(json.dumps({"rows": rows}))
    with pytest.raises(ValueError, match=told):
        read_ledger(path)


def test_rows_are_chosen_by_id():
    assert [row.id for row in select_rows(ROWS, ["loop_crowds"])] == ["loop_crowds"]
    assert select_rows(ROWS, None) == ROWS
    with pytest.raises(ValueError, match=r"no rows \['loop'\]; it has .*loop_crowds"):
        select_rows(ROWS, ["loop"])


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_config_of_a_row_is_there(row):
    assert config_of(row).test_dataloader
    sources = sources_of(row)
    assert sources.data
    assert sources.weights
    assert row.values
    assert all(0 <= value <= 1 for value in row.published.values())
    assert bool(row.date) == any(value is not None for value in row.values.values())


@pytest.mark.parametrize("row", [row for row in ROWS if row.weights], ids=lambda row: row.id)
def test_hashes_are_current(row):
    data, weights = hashes_of(row)
    # published weights are not on every machine
    assert weights == {name: row.weights[name] for name in weights}
    assert {name for name in row.weights if "demo" in name} <= weights.keys()
    if data.keys() != row.data.keys():
        pytest.skip(f"not here: {', '.join(row.data.keys() - data.keys())}")
    # rendered images have other sizes where other libraries wrote them
    fixed = [name for name in data if "synthcrowd" not in name]
    assert {name: data[name] for name in fixed} == {name: row.data[name] for name in fixed}


def run_tool(*arguments):
    command = [sys.executable, "tools/ledger.py", *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_the_tool_lists_a_row():
    done = run_tool("--list", "--only", "bmp_v2_coco")
    assert done.returncode == 0, done.stderr
    assert "python tools/test.py configs/bmp/bmp_v2" in done.stdout


@pytest.mark.slow
def test_the_shortest_row_has_not_moved():
    able = [row for row in ROWS if row.minutes is not None and not missing(row)]
    if not able:
        pytest.skip("no row of the ledger can run here; python tools/ledger.py --list says why")
    row = min(able, key=lambda row: row.minutes)
    done = run_tool("--only", row.id)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{row.id}: same")
