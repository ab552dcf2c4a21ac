"""Constants of the loop, as configs name them."""

import pytest

from bmp.loop import make_settings


def test_settings_come_from_a_config():
    settings = make_settings(
        {"num_iters": 3, "prompting": {"num_pos_keypoints": 6}, "score_factors": ["mask_scores"]}
    )
    assert settings.num_iters == 3
    assert settings.prompting.num_pos_keypoints == 6
    assert settings.score_factors == ("mask_scores",)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_iter": 2}, r"unknown key 'num_iter' in loop; did you mean 'num_iters'"),
        ({"prompting": {"use_boxes": 1}}, r"in loop\.prompting; did you mean 'use_bbox'"),
        ({"num_iters": 0}, "at least 1"),
        ({"score_factors": ["luck"]}, r"\['luck'\] are not among"),
        ({"compat": ["luck"]}, "unknown compat items"),
    ],
)
def test_wrong_settings_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        make_settings(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_iters": 1.5}, "num_iters must be a whole number, got 1.5"),
        ({"num_iters": "3"}, "num_iters must be a whole number, got '3'"),
        ({"refine_masks": "no"}, "refine_masks must be True or False, got 'no'"),
        ({"oks_nms_thr": True}, "oks_nms_thr must be a number, got True"),
        ({"prompting": {"confidence_thr": "0.5"}}, "confidence_thr must be a number, got '0.5'"),
    ],
)
def test_settings_of_another_kind_are_refused(config, message):
    with pytest.raises(TypeError, match=message):
        make_settings(config)
