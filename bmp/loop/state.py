"""What is known of an image while the loop runs, and what it hands out.

Who stays is decided on the device. Until it is read, the record of an image also holds those who do
not stay: without a mask, and shown to nobody. So a turn waits for the device once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bmp.loop.settings import LoopSettings
from bmp.segmenters.prompts import Prompts
from bmp.structures import People


@dataclass
class Turn:
    """What one turn did on one image, for drawings and study.

    Attributes:
        iteration: number of the turn, from 0.
        detections: what the detector found in the blacked-out image.
        poses: the same people with their poses, before suppression.
        refined: those who were new, with their final masks of this turn.
        prompts: what the segmenter was shown, one entry per person of ``refined``.
    """

    iteration: int
    detections: People
    poses: People
    refined: People
    prompts: Prompts

    def __getitem__(self, name: str) -> int | People | Prompts:
        """``turn["poses"]`` as ``turn.poses``: published turns are dicts."""
        if name not in vars(self):
            raise KeyError(f"a turn has no {name!r}; it has {', '.join(vars(self))}")
        return vars(self)[name]

    def to(self, device: torch.device | str) -> "Turn":
        """The same turn on another device."""
        stages = (self.detections, self.poses, self.refined, self.prompts)
        return Turn(self.iteration, *(stage.to(device) for stage in stages))


@dataclass
class LoopResult:
    """People of one image.

    Attributes:
        people: everybody, with ``scores`` and ``iteration``.
        turns: everybody known after each turn; the last one is ``people``.
        intermediates: what every turn did, empty unless asked for.
    """

    people: People
    turns: list[People]
    intermediates: list[Turn] = field(default_factory=list)


@dataclass
class State:
    """People of one image between two turns.

    Attributes:
        people: everybody, also who was struck off and is not read yet.
        stays: (N,) bool on the device, who was not; None: everybody, and it is known.
        num_new: how many of ``people`` came in the last turn; they are the last ones.
        turns: everybody known after each turn.
        done: what every turn did, if it is kept.
        is_finished: whether the image is left alone, as the last turn added nobody.
    """

    people: People
    stays: Tensor | None = None
    num_new: int = 0
    turns: list[People] = field(default_factory=list)
    done: list[Turn] = field(default_factory=list)
    is_finished: bool = False

    def add(self, people: People, stays: Tensor, done: Turn | None) -> None:
        """Take everybody of another turn."""
        # nobody is taken out here: that is known only once it is read
        self.num_new = len(people) - len(self.people)
        self.people, self.stays = people, stays
        self.turns.append(people)
        if done is not None:
            self.done.append(done)

    def result(self, num_turns: int) -> LoopResult:
        """What is handed out; a turn that was not needed left everything as it was."""
        turns = self.turns + [self.people] * (num_turns - len(self.turns))
        return LoopResult(self.people, turns, self.done)


def unread(states: Sequence[State]) -> list[Tensor]:
    """What :func:`settle` needs on the host."""
    return [state.stays for state in states if state.stays is not None]


def settle(states: Sequence[State], read: Sequence[Tensor], settings: LoopSettings) -> None:
    """Take those out who do not stay.

    Args:
        states: of all images.
        read: :func:`unread` of them, on the CPU.
        settings: whether images in which nobody new stayed are finished.
    """
    waiting = [state for state in states if state.stays is not None]
    for state, stays in zip(waiting, read, strict=True):
        _take_out(state, stays)
        state.stays = None
        num_came = int(stays[len(stays) - state.num_new :].sum())
        state.is_finished = settings.stop_early and num_came == 0


def _take_out(state: State, stays: Tensor) -> None:
    num_old = len(stays) - state.num_new
    if stays.all():
        return
    rows = stays.nonzero()[:, 0].to(state.people.bboxes.device, non_blocking=True)
    state.people = state.people[rows]
    # what was kept of this turn still holds those who do not stay
    state.turns[-1] = state.people
    if state.done and len(state.done) == len(state.turns):
        last = state.done[-1]
        new = stays[num_old:].nonzero()[:, 0].to(rows.device, non_blocking=True)
        state.done[-1] = Turn(
            last.iteration,
            last.detections,
            last.poses,
            last.refined[new],
            last.prompts.select(new.to(last.prompts.bboxes.device)),
        )
