"""How the detector's threshold and the ranking score change what the loop is judged by.

Image by image the loop runs with every threshold, on parts that remember (:mod:`.remember`): what
two thresholds share is computed once. Ranking scores are products of numbers that the people have
already, so that they need no model at all.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from bmp.evaluation.coco_results import JOINT_EXTRAS, people_to_results, select_results
from bmp.evaluation.remember import (
    Calls,
    RememberingDetector,
    RememberingPose,
    RememberingSegmenter,
)
from bmp.loop import LoopSettings, run_loop
from bmp.loop.build import LoopParts
from bmp.loop.run import ranking_scores
from bmp.structures import People
from mmpose.datasets.transforms import KeypointConverter
from mmpose.evaluation.coco_evaluator import evaluate
from mmpose.evaluation.joint_conversion import convert_results
from mmpose.evaluation.matches import Matches, average_precision, bootstrap, gain_over, interval

Factors = tuple[str, ...]
Results = dict[float, list[dict]]


@dataclass(frozen=True)
class Score:
    """What one kind of result is worth.

    Attributes:
        ap: average precision, in [0, 1].
        low: lower end of its 95 % interval, bootstrap over images.
        high: upper end.
        precision: share of the predicted people who are right at an IoU or OKS of 0.5.
        recall: share of the annotated people found there.
        difference: AP less that of the reference.
        difference_low: lower end of its 95 % interval, paired over images.
        difference_high: upper end.
    """

    ap: float
    low: float
    high: float
    precision: float
    recall: float
    difference: float
    difference_low: float
    difference_high: float

    @property
    def is_told_from_zero(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference_low > 0 or self.difference_high < 0


@dataclass(frozen=True)
class SweepRow:
    """One setting.

    Attributes:
        name: the threshold, or the factors joined by ``×``.
        is_reference: whether differences are from this one.
        num_people: predicted people.
        scores: by kind: ``bbox``, ``segm``, ``keypoints``.
    """

    name: str
    is_reference: bool
    num_people: int
    scores: dict[str, Score]

    def to_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)

    def numbers(self) -> dict[str, float]:
        """Flat, named as those of :class:`bmp.evaluation.LoopCocoMetric`: ``0.3/bbox_AP``, ..."""
        flat: dict[str, float] = {f"{self.name}/num_people": self.num_people}
        for kind, score in self.scores.items():
            ends = {"": score.ap, "_low": score.low, "_high": score.high}
            gains = {"": score.difference}
            gains |= {"_low": score.difference_low, "_high": score.difference_high}
            place = f"{self.name}/{kind}"
            flat |= {f"{place}_AP{end}": value for end, value in ends.items()}
            flat |= {f"{place}_AP_gain{end}": value for end, value in gains.items()}
            flat |= {f"{place}_precision": score.precision, f"{place}_recall": score.recall}
        return flat


@dataclass(frozen=True)
class Judge:
    """How results are evaluated.

    Attributes:
        annotations: of the images, as :func:`mmpose.datasets.coco_file.read_people` gives them.
        sigmas: of the joints.
        iou_types: which kinds.
        use_area: whether people's areas are the annotated ones where poses are compared, else
            0.53 of the box.
        ranked_by: which score ranks the people, for each kind.
        image_ids: which images count.
    """

    annotations: dict
    sigmas: Sequence[float]
    iou_types: Sequence[str]
    ranked_by: dict[str, str]
    image_ids: Sequence[Hashable]
    use_area: bool = True

    def matches(self, results: Sequence[dict], ranked_by: dict[str, str]) -> dict[str, Matches]:
        """Who was found, for each kind."""
        return {
            kind: evaluate(
                self.annotations,
                select_results(results, kind, ranked_by[kind]),
                kind,
                image_ids=self.image_ids,
                sigmas=self.sigmas if kind == "keypoints" else None,
                use_area=self.use_area or kind != "keypoints",
                may_be_empty=True,
            ).matches
            for kind in self.iou_types
        }


@dataclass
class Sweep:
    """Runs the loop with every threshold on one image after the other.

    Args:
        parts: the loop's, the detector with the lowest of the thresholds.
        thresholds: scores that the detector's people need.
        factors: products that may rank people, each some of
            :data:`bmp.loop.settings.SCORE_FACTORS`.
        category_id: of people in the annotations.
        converter: moves joints into the evaluated skeleton; None: they are of it.
    """

    parts: LoopParts
    thresholds: Sequence[float]
    factors: Sequence[Factors]
    category_id: Hashable = 1
    converter: KeypointConverter | None = None

    def __post_init__(self) -> None:
        self.calls = Calls()
        self.results: Results = {threshold: [] for threshold in self.thresholds}
        # refuses unknown factors now, not after the run
        self.rankings = {
            product_name(names): replace(self.parts.settings, score_factors=names)
            for names in self.factors
        }

    def add(self, image: np.ndarray, img_id: Hashable) -> None:
        """Run the loop on one image with every threshold and keep its people as results.

        Args:
            image: (H, W, 3) uint8 BGR.
            img_id: of the annotations.
        """
        # of this image alone: memory must not grow with the data set
        detector = RememberingDetector(self.parts.detector, self.calls)
        pose_model = RememberingPose(self.parts.pose_model, self.calls)
        segmenter = RememberingSegmenter(self.parts.segmenter, self.calls)
        for threshold in self.thresholds:
            detector.score_thr = threshold
            found = run_loop([image], detector, pose_model, segmenter, self.parts.settings)
            self.results[threshold] += self._results(found[0].people, img_id)

    def _results(self, people: People, img_id: Hashable) -> list[dict]:
        results = people_to_results(people, img_id, self.category_id)
        for name, settings in self.rankings.items():
            scores = ranking_scores(people, settings).tolist() if len(people) else []
            for result, score in zip(results, scores, strict=True):
                result[name] = score
        if self.converter is None:
            return results
        # presence and visibility are of the predicted joints
        kept = [{k: v for k, v in entry.items() if k not in JOINT_EXTRAS} for entry in results]
        return convert_results(kept, self.converter)


def product_name(names: Factors) -> str:
    """The name of a ranking score: its factors, joined."""
    return " × ".join(names)


def threshold_rows(
    sweep: Sweep, judge: Judge, reference: float, tell: Callable[[str], None] = lambda _: None
) -> list[SweepRow]:
    """A row for each threshold, ranked as the config says.

    Args:
        sweep: that has seen all images.
        judge: see `Judge`.
        reference: the threshold that differences are from, one of the sweep's.
        tell: is told what is evaluated.
    """
    sets = {f"{t:g}": (sweep.results[t], judge.ranked_by) for t in sweep.thresholds}
    return _rows(sets, judge, f"{reference:g}", tell)


def factor_rows(
    sweep: Sweep,
    judge: Judge,
    threshold: float,
    reference: Factors,
    tell: Callable[[str], None] = lambda _: None,
) -> list[SweepRow]:
    """A row for each product of factors, which ranks boxes, masks and poses alike.

    Args:
        sweep: that has seen all images.
        judge: see `Judge`.
        threshold: of the detector, one of the sweep's.
        reference: the factors that differences are from, among the sweep's.
        tell: is told what is evaluated.
    """
    results = sweep.results[threshold]
    sets = {name: (results, dict.fromkeys(judge.iou_types, name)) for name in sweep.rankings}
    return _rows(sets, judge, product_name(reference), tell)


def _rows(
    sets: dict[str, tuple[list[dict], dict[str, str]]],
    judge: Judge,
    reference: str,
    tell: Callable[[str], None],
) -> list[SweepRow]:
    found: dict[str, dict[str, Matches]] = {}
    samples: dict[str, dict[str, np.ndarray]] = {}
    for name, (results, ranked_by) in sets.items():
        tell(f"evaluating {name}")
        found[name] = judge.matches(results, ranked_by)
        samples[name] = {kind: bootstrap(matches) for kind, matches in found[name].items()}
    return [
        SweepRow(
            name,
            name == reference,
            len(results),
            {
                kind: _score(
                    (found[name][kind], samples[name][kind]),
                    (found[reference][kind], samples[reference][kind]),
                )
                for kind in judge.iou_types
            },
        )
        for name, (results, _) in sets.items()
    ]


def _score(one: tuple[Matches, np.ndarray], reference: tuple[Matches, np.ndarray]) -> Score:
    """The numbers of one evaluation, each given as matches and AP of images drawn again."""
    (matches, samples), (reference_matches, reference_samples) = one, reference
    ap = average_precision(matches)
    gain = gain_over(reference_samples, samples)
    return Score(
        ap,
        *interval(samples),
        *precision_and_recall(matches),
        ap - average_precision(reference_matches),
        gain["gain_low"],
        gain["gain_high"],
    )


def precision_and_recall(matches: Matches) -> tuple[float, float]:
    """Shares of right predictions and of people found, at the lowest threshold of similarity.

    Returns:
        nan for the share of nobody. Predictions of people that do not count are left out.
    """
    counted = ~matches.ignored[0]
    num_right, num_true = int((matches.matched[0] & counted).sum()), int(matches.num_true.sum())
    num_counted = int(counted.sum())
    return _share(num_right, num_counted), _share(num_right, num_true)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def with_reference(values: Iterable, reference: object) -> list:
    """Values without repeats, in their order, with the reference among them."""
    found = list(dict.fromkeys(values))
    return found if reference in found else [*found, reference]


def check_thresholds(thresholds: Sequence[float]) -> None:
    """Refuse what is no score.

    Raises:
        ValueError: one of them is not in [0, 1).
    """
    wrong = [threshold for threshold in thresholds if not 0 <= threshold < 1]
    if wrong:
        raise ValueError(f"thresholds must be scores in [0, 1), got {wrong}")


def default_factors(settings: LoopSettings) -> list[Factors]:
    """The products that are compared unless others are wanted, with the config's own."""
    wanted = [
        ("bbox_scores",),
        ("keypoint_scores",),
        ("mask_scores",),
        ("bbox_scores", "keypoint_scores"),
        ("bbox_scores", "mask_scores"),
        ("bbox_scores", "keypoint_scores", "mask_scores"),
    ]
    return with_reference(wanted, settings.score_factors)
