"""Where the time of the loop goes: seconds per stage and turn, measured round its parts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

STAGES = ("embed", "detect", "pose", "segment", "rest")
"""``rest``: all that lies between the parts, such as suppression and black-out."""


@dataclass
class StageClock:
    """Seconds per turn and stage of one run of the loop.

    The turn is told by the order of the calls: the loop detects, then poses, then segments. So
    the method itself needs no clock.

    Attributes:
        num_turns: of the settings; a final pose pass belongs to the last one.
        turns: one dict per turn that was run, by :data:`STAGES`.
    """

    num_turns: int
    turns: list[dict[str, float]] = field(default_factory=list)
    _last: float = 0.0
    _is_posed: bool = False

    def start(self) -> None:
        """Begin with the next images."""
        self.turns = [dict.fromkeys(STAGES, 0.0)]
        self._is_posed = False
        self._last = _now()

    def stop(self) -> list[dict[str, float]]:
        """Seconds since the start, one dict per turn that was run."""
        self._spend("rest")
        return self.turns

    def around(self, stage: str, call: Callable) -> Callable:
        """A method of a part, measured as a stage."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._spend("rest")
            self._enter(stage)
            answer = call(*args, **kwargs)
            self._spend(stage)
            return answer

        return timed

    def _enter(self, stage: str) -> None:
        """Begin a turn where detection, or a second pose pass without one, follows a pose pass."""
        begins = self._is_posed and stage in ("detect", "pose")
        if begins and len(self.turns) < self.num_turns:
            self.turns.append(dict.fromkeys(STAGES, 0.0))
        self._is_posed = stage == "pose" or (self._is_posed and not begins)

    def _spend(self, stage: str) -> None:
        now = _now()
        self.turns[-1][stage] += now - self._last
        self._last = now


def _now() -> float:
    if torch.cuda.is_available():  # kernels still running belong to the stage that started them
        torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True)
class Timed:
    """A part of the loop whose calls a clock measures; all else is the part's own.

    Attributes:
        part: detector, pose model or segmenter.
        methods: name of a method -> the measured one.
    """

    part: Any
    methods: dict[str, Callable]

    def __getattr__(self, name: str) -> Any:
        return self.methods[name] if name in self.methods else getattr(self.part, name)


def time_methods(part: Any, clock: StageClock, **stages: str) -> Timed:
    """A part whose methods, named by the keywords, count as these stages."""
    calls = {name: clock.around(stage, getattr(part, name)) for name, stage in stages.items()}
    return Timed(part, calls)
