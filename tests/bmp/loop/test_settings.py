"""Constants of the loop, as configs name them."""

import math

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
        # as a command line gives it; a word would count as on
        ({"exclusive_masks": "no"}, "exclusive_masks must be True or False, got 'no'"),
        ({"prompting": {"use_bbox": "off"}}, "use_bbox must be True or False, got 'off'"),
        ({"num_iters": 2.5}, r"num_iters must be a whole number, got 2\.5"),
        ({"oks_nms_thr": "high"}, "oks_nms_thr must be a finite number, got 'high'"),
        ({"score_thr": math.nan}, "score_thr must be a finite number, got nan"),
        ({"prompting": {"confidence_thr": None}}, "confidence_thr must be a finite number"),
        ({"prompting": {"num_pos_keypoints": True}}, "num_pos_keypoints must be a whole number"),
        ({"prompting": {"crowd_by_max_iou": True}}, "crowd_by_max_iou must be a finite number"),
    ],
)
def test_wrong_settings_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        make_settings(config)
