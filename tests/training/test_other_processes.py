"""A run goes on with another number of processes: two real ones, by gloo."""

from pathlib import Path

import pytest
import torch

from mmpose.engine.checkpoint import allow_training_pickles
from tests.training.kill_campaign import run
from tests.training.tiny_training import steps_of

CONSTANT = {"type": "ConstantLR", "factor": 1.0, "by_epoch": False}


def shown(folder: Path, processes: int, first: int, last: int) -> list[int]:
    """Samples of some steps of all processes, in the last run of these."""
    indices = []
    for rank in range(processes):
        steps = [step for step in steps_of(folder, rank) if first <= step["step"] <= last]
        indices += [index for step in steps for index in step["indices"]]
    return indices


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["DefaultSampler", "InfiniteSampler", "MultiSourceSampler"])
@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        pytest.param(1, 2, (2, 4), id="8 samples by one, 12 by two"),
        pytest.param(2, 1, (1, 4), id="8 samples by two, 12 by one"),
    ],
)
def test_nobody_is_skipped_or_shown_twice(before, after, steps, sampler, tmp_path):
    """A pass has 20 samples; batches of 4, so two processes end one with batches of 2."""
    settings = {"sampler": sampler, "param_scheduler": [CONSTANT]}
    if sampler == "InfiniteSampler":  # its batches run on over the end of a pass
        settings["train_dataloader__dataset__lens"] = [24]
        steps = (steps[0], steps[0] + 16 // (4 * after))
    if sampler == "MultiSourceSampler":  # 15 + 5: shares of 3 and 1 use both up together
        settings["train_dataloader__dataset__lens"] = [18, 6]
        steps = (steps[0], steps[0] + 16 // (4 * after))
    first = {**settings, "train_cfg__max_iters": steps[0]}
    run(before, tmp_path, first, seed=0)
    seen = shown(tmp_path, before, 1, steps[0])
    assert len(seen) == 8
    run(after, tmp_path, {**settings, "train_cfg__max_iters": steps[1]})
    seen += shown(tmp_path, after, steps[0] + 1, steps[1])
    assert sorted(seen) == list(range(20 if sampler == "DefaultSampler" else 24))
    log = "".join(path.read_text() for path in tmp_path.glob("2*/*.log"))
    assert f"processes: {before} -> {after} (the place in the data is kept)" in log


@pytest.mark.slow
def test_half_a_window_of_two_processes_goes_on_in_one(tmp_path):
    """The mean of the gradients is kept, so the next update has the samples of all."""
    settings = {"optim_wrapper__accumulative_counts": 2, "train_cfg__max_iters": 2}
    settings |= {"default_hooks__checkpoint__interval": 1, "param_scheduler": [CONSTANT]}
    settings["log_level"] = "INFO"
    run(2, tmp_path, settings, seed=0)
    allow_training_pickles()
    first = torch.load(tmp_path / "iter_1.pth", weights_only=True)
    kept = first["meta"]["run"]["gradients"]
    assert len(kept) == 2
    assert not torch.equal(kept[0]["last.weight"], kept[1]["last.weight"])
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "iter_1.pth"))
    (tmp_path / "iter_2.pth").unlink()
    run(1, tmp_path, settings)
    log = "".join(path.read_text() for path in sorted(tmp_path.glob("2*/*.log")))
    assert "the gradients of the accumulation window that had begun are back" in log
    assert "gradient of some iterations is lost" not in log
