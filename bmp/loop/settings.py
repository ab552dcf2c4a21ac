"""Every constant of the loop, and how a config names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from bmp.loop.published import check_compat
from bmp.loop.suppression import check_threshold
from bmp.segmenters.prompting import PromptSettings
from bmp.setting_kinds import check_kinds

SCORE_FACTORS = ("bbox_scores", "keypoint_scores", "mask_scores")


@dataclass(frozen=True)
class LoopSettings:
    """Every constant of the loop.

    Attributes:
        num_iters: turns.
        oks_nms_thr: two poses more similar than this are one person.
        prompting: which joints the segmenter is shown; its ``confidence_thr`` also says which
            joints count when poses are compared, its ``no_joint`` what becomes of a person
            without a usable one (``keep``: the detector's mask stays).
        min_joints: people with fewer joints above ``confidence_thr`` are dropped.
        refine_masks: whether the segmenter's mask replaces the detector's.
        pose_mask_consistency: whether the better of the two is taken instead, by the joints it
            holds; needs ``refine_masks``.
        exclusive_masks: whether a pixel belongs to one person at most.
        refresh_bboxes: whether boxes are tightened round the refined masks.
        final_pose: whether all poses are estimated again on the final boxes and masks.
        stop_early: whether an image is left alone once a turn added nobody.
        score_factors: which of ``SCORE_FACTORS`` multiply to the ranking score of a person; a
            pose counts with the mean of its joints above ``score_thr``.
        score_thr: joints below it do not enter the ranking score.
        compat: published behaviours to switch on, names of :data:`bmp.loop.published.COMPAT_ITEMS`.
    """

    num_iters: int = 2
    oks_nms_thr: float = 0.8
    prompting: PromptSettings = field(default_factory=PromptSettings)
    min_joints: int = 0
    refine_masks: bool = True
    pose_mask_consistency: bool = False
    exclusive_masks: bool = True
    # published, boxes are never refreshed and no turn is left out: bmp_v2_published.py sets that
    refresh_bboxes: bool = True
    final_pose: bool = False
    stop_early: bool = True
    score_factors: tuple[str, ...] = ("bbox_scores", "keypoint_scores")
    score_thr: float = 0.2
    compat: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        # here, so that a wrong number fails before any model is loaded
        check_kinds(self)
        if self.num_iters < 1:
            raise ValueError(f"num_iters must be at least 1, got {self.num_iters}")
        check_threshold(self.oks_nms_thr)
        for name in ("score_thr", "min_joints"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        unknown = set(self.score_factors) - set(SCORE_FACTORS)
        if unknown:
            raise ValueError(f"score_factors {sorted(unknown)} are not among {SCORE_FACTORS}")
        object.__setattr__(self, "compat", check_compat(self.compat))


def make_settings(config: Mapping[str, Any]) -> LoopSettings:
    """Settings from the ``loop`` part of a config.

    Raises:
        ValueError: a key is unknown; the message names the nearest known one.
    """
    # a copy: what is taken out here must stay in the config that is recorded with a run
    config = dict(config)
    _check_keys(config, LoopSettings, "loop")
    prompting = dict(config.pop("prompting", {}))
    _check_keys(prompting, PromptSettings, "loop.prompting")
    if "score_factors" in config:
        # configs hold lists, which could still change after the check
        config["score_factors"] = tuple(config["score_factors"])
    return LoopSettings(prompting=PromptSettings(**prompting), **config)


def _check_keys(config: Mapping[str, Any], owner: type, name: str) -> None:
    # the dataclass would refuse the key too, but without the nearest name
    known = [entry.name for entry in fields(owner)]
    for key in config:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise ValueError(f"unknown key {key!r} in {name}{hint}")
