"""Going on with a run from a checkpoint: its place in the data, its schedule, what changed."""

from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import Runner

from .config_changes import DATA, SCHEDULE, Change, find_changes, refuse_changes
from .data_stream import DataStream, is_endless
from .loops import ResumableEpochTrainLoop
from .rank_state import restore_rank_state
from .saved_run import NUMBERS, SavedRun, numbers_of, parameters_of, read_saved_run
from .schedule_replay import check_can_replay, hyperparameters, replay_schedule

_LOST = "the gradient of some iterations is lost"


def continue_from(
    path: str, config: Config | dict | None, randomness: dict | None
) -> "Continuation | None":
    """Read a checkpoint that a run is resumed from, before anything is built.

    Args:
        path: of the checkpoint.
        config: of the runner, if it has one.
        randomness: of the runner.

    Returns:
        None where the checkpoint tells nothing; mmengine's reader, which comes later, says why.

    Raises:
        ValueError: the config differs from the run's in what cannot be resumed.
    """
    saved = read_saved_run(path)
    if saved is None:
        return None
    config = config if isinstance(config, Config) else Config(config or {})
    return Continuation(saved, config.pretty_text, (randomness or {}).get("seed"))


class Continuation:
    """What a resumed run takes from its checkpoint beyond mmengine's part.

    Args:
        saved: the run to be resumed.
        config_text: ``Config.pretty_text`` of the present config; empty for a runner without one,
            which is compared with nothing.
        seed: what the present config asks for.

    Raises:
        ValueError: something changed that cannot be resumed.
    """

    def __init__(self, saved: SavedRun, config_text: str, seed: int | None) -> None:
        self.saved = saved
        self.changes: list[Change] = []
        if saved.config and config_text:
            self.changes = find_changes(saved, config_text)
            refuse_changes(saved, self.changes, seed=seed, config_text=config_text)
        self._numbers_changed = self._replays = False
        self._groups: list[dict[str, Any]] = []

    def prepare(self, runner: Runner) -> None:
        """Compare data and optimiser, which are built by now, and keep the config's settings.

        Raises:
            ValueError: the optimiser's groups or the frozen parts are others, or a schedule is
                that cannot be worked out anew.
        """
        self._compare_numbers(runner)
        self._refuse_other_parameters(runner)
        self._replays = self._has_another_schedule(runner)
        if self._replays:
            check_can_replay(runner)
            self._groups = hyperparameters(runner.optim_wrapper)

    def finish(self, runner: Runner) -> None:
        """Go to the place in the data and the schedule, after mmengine has filled the runner."""
        loop, stream = runner.train_loop, DataStream(runner.train_loop.dataloader)
        in_epochs = isinstance(loop, ResumableEpochTrainLoop)
        place = self._place(stream, in_epochs)
        steps = self.saved.record.get("steps", self.saved.steps)
        if in_epochs and self._numbers_changed:
            # as if every epoch had had as many steps as it has now
            stream.go_to(place)
            steps = place["epoch"] * len(stream.loader) + stream.begin_pass()
        loop.resume_at(steps=steps, place=place)
        if self._replays:
            replay_schedule(runner, self._groups, runner.cfg.get("param_scheduler"))
        self._restore_ranks(runner, steps)
        if self.changes:
            lines = "".join(f"\n  {change}" for change in self.changes)
            runner.logger.warning(f"resumed with {len(self.changes)} changes:{lines}")
        if steps >= loop.max_iters:
            runner.logger.warning(f"nothing is left to train: step {steps} of {loop.max_iters}")

    def _compare_numbers(self, runner: Runner) -> None:
        loader, record = runner.train_loop.dataloader, self.saved.record
        if not record:  # written by mmengine or an older version
            return
        now = numbers_of(loader)
        for key, (text, effect) in NUMBERS.items():
            if record[key] != now[key]:
                self.changes.append(Change(text, str(record[key]), str(now[key]), effect))
                self._numbers_changed = True

    def _refuse_other_parameters(self, runner: Runner) -> None:
        before, now = self.saved.record, parameters_of(runner)
        # of a model with other parameters the reader of the weights tells more
        if not before or _all_names(before) != _all_names(now):
            return
        frozen, thawed = (
            sorted(set(first["frozen"]) - set(second["frozen"]))
            for first, second in ((now, before), (before, now))
        )
        if frozen or thawed:
            told = _told("now frozen", frozen) + _told("no longer frozen", thawed)
        elif before["groups"] != now["groups"]:
            told = "\n  the parameters are grouped in another way (optim_wrapper)"
        else:
            return
        raise ValueError(
            f"{self.saved.path} cannot be resumed, the optimiser's moments are for other "
            f"parameters:{told}\nTake the settings that the run had, or start another run from "
            f"its weights: --work-dir NEW --cfg-options load_from={self.saved.path}"
        )

    def _has_another_schedule(self, runner: Runner) -> bool:
        if any(change.matches(SCHEDULE) for change in self.changes):
            return True
        scaling = runner.auto_scale_lr or {}
        in_epochs = isinstance(runner.train_loop, ResumableEpochTrainLoop)
        in_epochs |= "convert_to_iter_based" in str(runner.cfg.get("param_scheduler"))
        return self._numbers_changed and (in_epochs or scaling.get("enable", False))

    def _place(self, stream: DataStream, in_epochs: bool) -> dict[str, Any]:
        """Where the data goes on: where it stopped, or at a new pass of other data."""
        saved = self.saved
        place = saved.record.get("place") or _guess_place(stream, saved, in_epochs)
        now = numbers_of(stream.loader)
        is_same = all(saved.record.get(key, now[key]) == now[key] for key in ("samples", "sampler"))
        if is_same and not any(change.matches(DATA) for change in self.changes):
            return place
        if is_endless(stream.sampler):
            length = now["samples"]
            return {"epoch": 0, "samples": -(-place["samples"] // length) * length}
        begun = place["samples"] > 0 and not in_epochs
        return {"epoch": place["epoch"] + begun, "samples": 0}

    def _restore_ranks(self, runner: Runner, steps: int) -> None:
        record = self.saved.record
        if not record:
            return
        state = {"gradients": record["gradients"], "buffers": record["buffers"]}
        keeps = ("optim_wrapper.accumulative_counts", "train_dataloader.batch_size")
        is_same = (
            steps == record["steps"]
            and record["batch_size"] == numbers_of(runner.train_loop.dataloader)["batch_size"]
        )
        if any(state["gradients"]) and (
            not is_same or any(change.matches(keeps) for change in self.changes)
        ):
            state["gradients"] = [{} for _ in state["gradients"]]
            runner.logger.warning(
                "the accumulation window that had begun is of another length now: the gradients "
                "of its first steps are dropped"
            )
        elif any(state["gradients"]):
            runner.logger.info("the gradients of the accumulation window that had begun are back")
            # mmengine warns that they are lost, as they are with its own runner
            runner.logger.addFilter(lambda record: _LOST not in record.getMessage())
        restore_rank_state(runner, state)


def _guess_place(stream: DataStream, saved: SavedRun, in_epochs: bool) -> dict[str, Any]:
    """The place of a checkpoint that tells none, if nothing has changed since."""
    if in_epochs:
        return {"epoch": saved.epochs, "samples": 0}
    shown = stream.batch_size * get_world_size()
    if is_endless(stream.sampler):
        return {"epoch": 0, "samples": saved.steps * shown}
    epoch, batches = divmod(saved.steps, len(stream.loader))
    return {"epoch": epoch, "samples": batches * shown}


def _all_names(parameters: dict[str, list]) -> set[str]:
    return {name for group in parameters["groups"] for name in group} | set(parameters["frozen"])


def _told(title: str, names: list[str], limit: int = 4) -> str:
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"\n  {title}: {', '.join(names[:limit])}{rest}" if names else ""
