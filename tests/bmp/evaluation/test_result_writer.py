"""Result files of an evaluation beside those of others."""

import pytest
from mmengine.logging import MMLogger

from bmp.evaluation.result_writer import ResultFiles

RANKED_BY = {"bbox": "bbox_scores"}


def record(score, turns=1):
    person = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "bbox_scores": score}
    found = [[person]] + [None] * (turns - 1)
    return {"img_id": 1, "turns": found, "shape": [9, 9], "error": None, "seconds": []}


def test_files_that_another_evaluation_has_replaced_are_not_taken_for_ours(tmp_path):
    prefix = str(tmp_path / "results")
    with ResultFiles(prefix, ["bbox"], RANKED_BY) as ours:
        ours.write([record(0.5)])
        with ResultFiles(prefix, ["bbox"], RANKED_BY) as same:
            same.write([record(0.5)])
        assert [result["score"] for result in ours.read(0, "bbox")] == [0.5]
        with ResultFiles(prefix, ["bbox"], RANKED_BY) as other:
            other.write([record(0.7)])
            assert [result["score"] for result in other.read(0, "bbox")] == [0.7]
        with pytest.raises(ValueError, match=r"just written .*turn1\.bbox\.json: .* --work-dir"):
            ours.read(0, "bbox")


def test_files_of_turns_that_an_earlier_evaluation_had_more_are_named(tmp_path, caplog):
    logger = MMLogger.get_instance(str(tmp_path))
    logger.addHandler(caplog.handler)
    prefix = str(tmp_path / "results")
    for turns in (3, 3, 2):
        with ResultFiles(prefix, ["bbox"], RANKED_BY) as files:
            files.write([record(0.5, turns)])
    logger.removeHandler(caplog.handler)
    (told,) = caplog.messages
    assert told == (
        f"results.turn3.bbox.json in {tmp_path} are of an earlier evaluation, not this one"
    )
