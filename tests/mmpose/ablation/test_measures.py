"""Numbers of runs from stored files, and whether a row is other than the base."""

import json
import math

import numpy as np
import pytest

from mmpose.ablation.comparison import compare
from mmpose.ablation.measures import (
    Measured,
    find_result_file,
    is_share,
    measure,
    pick_name,
    read_metrics,
    read_shown,
)
from mmpose.evaluation.comparison import compare_results
from tests.mmpose.ablation.stored_runs import (
    make_results,
    pycocotools_ap,
    pycocotools_stats,
    write_run,
    write_truth,
)

NAME = "loop/turn1/bbox_AP"


def store(tmp_path, name, content, results):
    metrics = {NAME: pycocotools_ap(content, results), "loop/num_images": 8}
    return write_run(tmp_path / name, tmp_path / "truth.json", metrics, results)


@pytest.fixture
def two_runs(tmp_path):
    content = write_truth(tmp_path / "truth.json")
    results = [make_results(content, seed, shift) for seed, shift in ((0, 8), (1, 4))]
    runs = [store(tmp_path, f"run{n}", content, r) for n, r in enumerate(results)]
    return content, results, runs


def test_a_row_is_compared_like_its_result_files(two_runs):
    content, results, runs = two_runs
    expected = compare_results(content, *results, "bbox")
    base, row = (measure(run, NAME, read_metrics(run)) for run in runs)
    gain = compare({0: base}, {0: row})
    assert base.value == pytest.approx(expected.first, abs=1e-9)
    assert gain.difference == pytest.approx(expected.difference.difference, abs=1e-9)
    # draws are kept in single precision
    assert (gain.low, gain.high) == pytest.approx(expected.difference.interval, abs=1e-6)
    assert gain.probability == pytest.approx(expected.difference.probability, abs=1e-9)


def test_draws_are_kept_beside_their_file(two_runs):
    _, _, runs = two_runs
    first = measure(runs[0], NAME, read_metrics(runs[0]))
    again = measure(runs[0], NAME, read_metrics(runs[0]))
    np.testing.assert_array_equal(first.draws, again.draws)
    assert (runs[0].path / "1-test" / "results.turn1.bbox.draws.npz").is_file()
    # damaged, it is made again
    (runs[0].path / "1-test" / "results.turn1.bbox.draws.npz").write_bytes(b"no archive")
    np.testing.assert_array_equal(first.draws, measure(runs[0], NAME, read_metrics(runs[0])).draws)


def test_another_number_is_made_of_the_result_file(two_runs):
    content, results, runs = two_runs
    expected = pycocotools_stats(content, results[0])
    names = {1: "AP50", 2: "AP .75", 4: "AP (M)", 8: "AR @100", 10: "AR (M)"}
    show = [f"loop/turn*/bbox_{name}" for name in names.values()]
    metrics = read_shown(runs[0], [*show, NAME, "loop/turn1/segm_AP50", "loop/turn1/bbox_AQ"])
    found = {k: metrics[f"loop/turn1/bbox_{name}"] for k, name in names.items()}
    assert found == pytest.approx({k: expected[k] for k in names}, abs=1e-9)
    assert len(metrics) == len(read_metrics(runs[0])) + len(names)
    # all boxes are of medium size, so that size has the draws of all
    whole, medium = (measure(runs[0], f"loop/turn1/bbox_AP{s}", metrics) for s in ("", " (M)"))
    np.testing.assert_array_equal(whole.draws, medium.draws)
    assert measure(runs[0], "loop/turn1/bbox_AR (M)", metrics).draws is None


def test_no_number_is_made_where_the_file_gives_another_ap_than_the_metric(two_runs):
    _, _, runs = two_runs
    told = {NAME: 0.123}
    (runs[0].path / "1-test" / "metrics.json").write_text(json.dumps(told))
    assert read_shown(runs[0], ["loop/turn1/bbox_AP50"]) == told


def test_a_number_that_its_file_does_not_give_has_no_draws(two_runs):
    _, _, runs = two_runs
    told_otherwise = {NAME: 0.123}
    assert measure(runs[0], NAME, told_otherwise) == Measured(0.123)
    assert measure(runs[0], "loop/turn1/num_people", {"loop/turn1/num_people": 7}).draws is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("loop/turn*/bbox_AP", "loop/turn2/bbox_AP", id="the last turn"),
        pytest.param("loop/turn1/bbox_AP", "loop/turn1/bbox_AP", id="itself"),
        pytest.param("loop/turn*/segm_AP", None, id="none"),
    ],
)
def test_a_pattern_picks_the_last_number(pattern, expected):
    metrics = {"loop/turn1/bbox_AP": 0.1, "loop/turn2/bbox_AP": 0.2, "loop/num_images": 3}
    assert pick_name(metrics, pattern) == expected


def test_precision_is_told_in_percent_and_losses_are_not():
    shares = ["coco/AP", "loop/turn1/bbox_AP50", "coco/bbox_mAP", "AR", "PCK", "coco/Ex-AP"]
    assert [is_share(name) for name in shares] == [True] * 6
    assert not any(is_share(name) for name in ("train/loss", "loop/num_images", "loop/seconds"))


def constant(value, draws):
    return Measured(value, np.full(1000, draws), "images")


def test_seeds_are_drawn_too():
    base = {seed: constant(0.5, 0.5) for seed in (0, 1)}
    row = {0: constant(0.6, 0.6), 1: constant(0.8, 0.8)}
    gain = compare(base, row)
    # of two seeds a draw has the first twice, both, or the second twice
    assert gain.difference == pytest.approx(0.2)
    assert (gain.low, gain.high) == pytest.approx((0.1, 0.3))
    assert gain.verdict == "higher"
    assert gain.num_seeds == 2


def test_equal_results_are_told_as_such():
    gain = compare({0: constant(0.5, 0.4)}, {0: constant(0.5, 0.4)})
    assert gain.verdict == "equal"
    assert gain.probability == 0.5


def test_an_interval_that_holds_zero_is_unclear():
    draws = np.linspace(-0.1, 0.3, 1000)
    gain = compare({0: Measured(0.5, np.zeros(1000))}, {0: Measured(0.6, draws)})
    assert gain.verdict == "unclear"
    # 750 of the evenly spread draws lie above 0
    assert gain.probability == pytest.approx(0.75, abs=0.001)


def test_without_result_files_the_seeds_decide():
    base = {seed: Measured(0.0) for seed in range(3)}
    gain = compare(base, {0: Measured(1.0), 1: Measured(2.0), 2: Measured(3.0)})
    # Student's t with two degrees of freedom: 4.302653 at 97.5 %, and its closed form
    reach = 4.302653 / math.sqrt(3)
    assert (gain.low, gain.high) == pytest.approx((2 - reach, 2 + reach), abs=1e-5)
    t = 2 * math.sqrt(3)
    assert gain.probability == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t**2)))
    assert gain.verdict == "unclear"


def test_what_is_no_number_tells_nothing():
    lost = {seed: Measured(math.nan if seed else 0.3) for seed in range(3)}
    gain = compare({seed: Measured(0.2 + seed) for seed in range(3)}, lost)
    # a training that diverged is not "lower"
    assert gain.verdict == "unknown"
    assert compare({0: constant(0.5, 0.5)}, {0: constant(math.nan, math.nan)}).verdict == "unknown"


def test_a_loss_that_rose_is_higher_and_not_better():
    base = {seed: Measured(1.0 + seed) for seed in range(3)}
    row = {seed: Measured(3.0 + seed + seed / 100) for seed in range(3)}
    assert compare(base, row).verdict == "higher"
    assert compare(row, base).verdict == "lower"


def test_one_seed_without_result_files_says_nothing_about_chance():
    gain = compare({0: Measured(1.0)}, {0: Measured(3.0)})
    assert (gain.difference, gain.low, gain.verdict) == (2.0, None, "unknown")


def test_draws_of_other_images_are_not_paired():
    other = Measured(0.6, np.full(1000, 0.6), "other images")
    assert compare({0: constant(0.5, 0.5)}, {0: other}).verdict == "unknown"


def test_rows_without_a_common_seed_are_not_compared():
    assert compare({0: Measured(1.0)}, {1: Measured(3.0)}) is None


def test_the_result_file_of_a_number_is_found(two_runs):
    _, _, runs = two_runs
    file = find_result_file(runs[0], "loop/turn1/bbox_AP75")
    assert (file.path.name, file.kind) == ("results.turn1.bbox.json", "bbox")
    assert find_result_file(runs[0], "loop/turn2/bbox_AP") is None
    assert find_result_file(runs[0], "loop/num_images") is None
