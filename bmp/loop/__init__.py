"""The loop: detect, pose, segment, black out, detect again; :mod:`bmp.loop.run` is the method."""

from bmp.loop.run import LoopResult, Turn, run_loop
from bmp.loop.settings import LoopSettings, make_settings

__all__ = ["LoopResult", "LoopSettings", "Turn", "make_settings", "run_loop"]
