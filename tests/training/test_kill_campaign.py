import pytest

from tests.training.kill_campaign import KINDS, campaign


@pytest.mark.slow
def test_killed_trainings_are_the_ones_left_alone(tmp_path):
    """One kill of each kind of training; by hand, python -m tests.training.kill_campaign."""
    seen = campaign(len(KINDS), tmp_path, seed=1)
    assert {name: outcome.faults for name, outcome in seen.items()} == {name: [] for name in KINDS}
    assert all(outcome.kills == 1 for outcome in seen.values())
