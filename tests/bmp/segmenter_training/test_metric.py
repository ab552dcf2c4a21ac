"""Who counts where masks are evaluated, and that nothing to evaluate is an error."""

import numpy as np
import pytest

from tests.bmp.segmenter_training.test_segmentation_evaluation import (
    LEFT,
    OVER,
    RIGHT,
    a_sample,
    measure,
)


@pytest.mark.parametrize(
    "truth_index", [pytest.param([0], id="own joints"), pytest.param([-1], id="predicted poses")]
)
def test_somebody_without_a_mask_is_neither_found_nor_missed(truth_index):
    truths = [(LEFT, False), (RIGHT, False, False)]
    numbers = measure(a_sample(truths, [(LEFT, 0.9, True)], truth_index))
    assert numbers["AP_1"] == pytest.approx(1)
    assert numbers["IoU_1"] == 1


def test_a_mask_where_nobody_has_one_is_no_false_alarm():
    truths = [(LEFT, False), (RIGHT, False, False)]
    answers = [(LEFT, 0.9, True), (RIGHT, 0.95, True)]
    numbers = measure(a_sample(truths, answers, [-1, -1]))
    assert numbers["AP_1"] == pytest.approx(1)
    elsewhere = [(LEFT, 0.9, True), ((20, 2, 9, 9), 0.95, True)]
    alarmed = measure(a_sample(truths, elsewhere, [-1, -1]))
    assert alarmed["AP50_1"] == pytest.approx(0.5)  # precision 1/2 at every recall
    # of one image every draw is the same
    assert alarmed["AP50_1_low"] == alarmed["AP50_1_high"] == alarmed["AP50_1"]
    assert np.isnan(alarmed["crowd_AP_1_low"])


def test_somebody_without_a_mask_makes_a_crowd_all_the_same():
    truths = [(LEFT, False), (OVER, False, False), (RIGHT, False)]
    numbers = measure(a_sample(truths, [(LEFT, 0.9, True), (RIGHT, 0.8, True)], [0, 2]))
    assert numbers["crowd_IoU_1"] == 1
    assert numbers["crowd_AP_1"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        pytest.param(
            a_sample([(LEFT, True)], [(LEFT, 0.9, True)], [-1]),
            "of the 1 annotated people on 1 images",
            id="crowd regions alone",
        ),
        pytest.param(
            a_sample([(LEFT, False, False)], [(LEFT, 0.9, True)], [-1]), "nobody", id="no mask"
        ),
        pytest.param(a_sample([], [(LEFT, 0.9, True)], [-1]), "nobody", id="nobody annotated"),
        pytest.param(
            a_sample([(LEFT, False)], [(LEFT, 0.9, False)], [0]), "'bbox' in eval_c", id="no joint"
        ),
        pytest.param(
            a_sample([(LEFT, False)], [(LEFT, 0.9, False)], [-1]), "'bbox' in", id="boxes alone"
        ),
        pytest.param(
            a_sample([(LEFT, False)], [], [], unreadable=True), "none of the 1 image", id="unread"
        ),
    ],
)
def test_nothing_to_evaluate_is_an_error(sample, message):
    with pytest.raises(ValueError, match=message):
        measure(sample)


def test_one_prompt_that_shows_nobody_is_told(told):
    sample = a_sample([(LEFT, False)], [(LEFT, 0.9, False)], [0])
    sample["pred_masks"]["bbox"] = a_sample([], [(LEFT, 0.9, True)], [0])["pred_masks"][1]
    numbers = measure(sample)
    assert np.isnan(numbers["AP_1"])
    assert np.isnan(numbers["IoU_1"])
    assert numbers["AP_bbox"] == pytest.approx(1)
    assert "the prompts [1] show nobody" in told.text


@pytest.mark.parametrize("ids", [("b", "a"), (0, -1), (7, "7")])
def test_ids_of_images_mean_identity_alone(ids):
    first = a_sample([(LEFT, False)], [(LEFT, 0.9, True)], [-1], img_id=ids[0])
    second = a_sample([(RIGHT, False)], [(RIGHT, 0.8, True)], [-1], img_id=ids[1])
    assert measure(first, second)["AP_1"] == pytest.approx(1)
