"""COCO keypoint AP as a metric of the runner."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmpose.datasets.coco_file import CocoContent, complete_annotations, read_people
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.datasets.transforms import KeypointConverter
from mmpose.files import write_json
from mmpose.registry import METRICS

from .coco_ap import crowd_indices, crowd_keypoint_ap, keypoint_ap
from .coco_evaluator import check_somebody_counts
from .coco_numbers import KEYPOINT_STATS
from .extended_ap import extended_keypoint_ap
from .extended_rules import ExtendedRules, list_rules
from .joint_conversion import (
    build_converter,
    convert_annotations,
    convert_sigmas,
    count_joints,
)
from .oks import check_nms_threshold, oks_nms, soft_oks_nms
from .pose_records import SCORE_MODES, make_record, pose_score, suppression_area, to_result
from .xtcocotools_ap import require_xtcocotools, xtcocotools_ap

NMS_MODES = ("oks_nms", "soft_oks_nms", "none")
COCO_AP = {"keypoints": keypoint_ap, "keypoints_crowd": crowd_keypoint_ap}
STATS = {*KEYPOINT_STATS, "OKS", *[f"AP (v={i})" for i in (1, 2, 3)], *[f"AP({i})" for i in "EMH"]}


@METRICS.register_module()
class CocoMetric(BaseMetric):
    """Average precision of poses by object keypoint similarity.

    Each entry of ``extended``, ``match_by_bbox`` and ``ignore_border_points`` is one evaluation;
    a list of one entry serves for all. The names of its numbers start with ``Ex_`` (extended)
    and ``bbox_`` (matched by box) and end with ``_NoBrd`` (without joints on borders). With none
    of the three it is COCO's own evaluation.

    Args:
        ann_file: ground truth, COCO's format.
        use_area: whether annotated areas count; else 0.53 of the box (CrowdPose, AIC).
        iou_type: ``"keypoints"``, or ``"keypoints_crowd"`` for CrowdPose's numbers.
        score_mode: ranking score of a person, see `pose_score`.
        keypoint_score_thr: joints below do not count for ``bbox_keypoint``.
        score_thresh_type: what is compared with it: ``"score"``, or ``"prob"``, the presence.
        nms_mode: ``"oks_nms"``, ``"soft_oks_nms"`` (lowers the scores) or ``"none"``.
        nms_thr: similarity above which the worse pose is dropped; for soft suppression see
            `soft_oks_nms`.
        extended: judge whether joints outside the window are said to be absent (Ex-OKS).
        match_by_bbox: give a pose the person of the nearest box among those similar enough.
        ignore_border_points: leave out joints on the border of their person's box.
        ignore_stats: names of numbers to leave out, such as ``"AR (M)"``.
        padding: how much larger than the box the window of the extended evaluation is.
        confidence_thr: from this presence on a joint is predicted as there.
        pred_converter: moves the joints of predictions into another skeleton before they are
            evaluated (and written): a `KeypointConverter` or its config. Joints that it does not
            fill are wrong wherever they are annotated.
        gt_converter: the same for the annotations, and for the sigmas of their skeleton.
        use_xtcocotools: whether xtcocotools, MMPose's evaluator, counts in place of ours: COCO's
            rules alone, without intervals.
        format_only: write the result file and stop.
        outfile_prefix: the results go to ``<prefix>.keypoints.json``; None writes none.
        metainfo: skeleton of ``ann_file``; by default that of the evaluated data set.
        collect_device: ``"gpu"`` gathers through the process group (gloo or nccl), ``"cpu"``
            through files in the working directory.
        prefix: of the names of the numbers.

    Raises:
        ValueError: a setting is none of its choices, the three lists differ in length, or the
            file lacks fields.
        ImportError: xtcocotools is wanted and cannot be used.
    """

    default_prefix: ClassVar[str] = "coco"

    def __init__(
        self,
        ann_file: str,
        use_area: bool = True,
        iou_type: str = "keypoints",
        score_mode: str = "bbox_keypoint",
        keypoint_score_thr: float = 0.2,
        score_thresh_type: str = "score",
        nms_mode: str = "oks_nms",
        nms_thr: float = 0.9,
        extended: Sequence[bool] = (False,),
        match_by_bbox: Sequence[bool] = (False,),
        ignore_border_points: Sequence[bool] = (False,),
        ignore_stats: Sequence[str] = (),
        padding: float = 1.25,
        confidence_thr: float = 0.51,  # BMP's constant; ProbPose tuned it on the tested data
        pred_converter: dict | KeypointConverter | None = None,
        gt_converter: dict | KeypointConverter | None = None,
        use_xtcocotools: bool = False,
        format_only: bool = False,
        outfile_prefix: str | None = None,
        metainfo: dict | None = None,
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_choice("iou_type", iou_type, tuple(COCO_AP))
        _check_choice("score_mode", score_mode, SCORE_MODES)
        _check_choice("score_thresh_type", score_thresh_type, ("score", "prob"))
        _check_choice("nms_mode", nms_mode, NMS_MODES)
        check_nms_threshold(nms_thr, nms_mode)
        for name in ignore_stats:
            _check_choice("a name in ignore_stats", name, tuple(sorted(STATS)))
        if format_only and outfile_prefix is None:
            raise ValueError("format_only writes a result file: set outfile_prefix too")
        self.ann_file = ann_file
        # here, not when it is needed: an unusable file is told before hours of posing
        self.ground_truth = read_people(ann_file, needs_annotations=not format_only)
        if not format_only:
            check_somebody_counts(self.ground_truth["annotations"], "keypoints", self.ground_truth)
        # before the conversion: the sigmas are cut to the file's joints, then converted as these
        self.num_annotated_joints = count_joints(self.ground_truth["annotations"], ann_file)
        self.pred_converter = build_converter(pred_converter)
        self.gt_converter = build_converter(gt_converter)
        self._annotated = self.ground_truth
        self.ground_truth = self._convert(self._annotated)
        self.use_area = use_area
        self.iou_type = iou_type
        self.score_mode = score_mode
        self.keypoint_score_thr = keypoint_score_thr
        self.score_thresh_type = score_thresh_type
        self.nms_mode = nms_mode
        self.nms_thr = nms_thr
        self.evaluations = list_rules(
            extended, match_by_bbox, ignore_border_points, confidence_thr, padding
        )
        # no number to compare with exists: the published evaluator fails on this combination
        if iou_type == "keypoints_crowd" and not all(r.are_cocos for r in self.evaluations):
            raise ValueError(
                "iou_type='keypoints_crowd' allows only COCO's rules, no extended ones"
            )
        self.coco_ap = partial(COCO_AP[iou_type], intervals=True)
        if use_xtcocotools:
            require_xtcocotools(self.evaluations)
            self.coco_ap = partial(xtcocotools_ap, iou_type=iou_type)
        if iou_type == "keypoints_crowd" and not format_only:
            crowd_indices(self.ground_truth)
        self.ignore_stats = tuple(ignore_stats)
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix
        self.metainfo = metainfo and parse_pose_metainfo(metainfo)
        if self.metainfo:
            self._match_joints(self.metainfo)

    @BaseMetric.dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """That of the evaluated data set, whose order of joints the annotations get."""
        self._dataset_meta = dataset_meta
        # only now the skeleton is known: the runner sets it after the metric is made
        if dataset_meta and not self.metainfo:
            self._match_joints(dataset_meta)

    def _match_joints(self, meta: dict) -> None:
        """Bring the annotated joints into the order of a skeleton, by name, and convert them."""
        if "keypoint_id2name" in meta:
            names = list(meta["keypoint_id2name"].values())
            content = complete_annotations(self._annotated, self.ann_file, skeleton=names)
            self.num_annotated_joints = count_joints(content["annotations"], self.ann_file)
            self.ground_truth = self._convert(content)
            self._sigmas(meta)

    def _convert(self, content: CocoContent) -> dict:
        if self.gt_converter is None:
            return content
        people = convert_annotations(content["annotations"], self.gt_converter)
        return {**content, "annotations": people}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take over the predictions of one batch: one record per person."""
        self.results.extend(make_record(s, self.pred_converter) for s in data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Merge what came from all processes and evaluate it once."""
        if results and all(record["unreadable"] for record in results):
            raise ValueError(
                f"{self.ann_file}: none of the images of {len(results)} people could be read; "
                "there is nothing to evaluate, check data_root and data_prefix"
            )
        sigmas = self._sigmas(self.metainfo or self.dataset_meta)
        num_predicted = min((len(record["keypoints"]) for record in results), default=len(sigmas))
        # more joints are cut off; fewer are an error here, where other evaluators give some number
        if num_predicted < len(sigmas):
            raise ValueError(
                f"the model predicts {num_predicted} joints, {self.ann_file} has {len(sigmas)}; "
                "bring both to one skeleton by pred_converter or gt_converter"
            )
        detections = self.collect_detections(results, sigmas)
        # before the numbers: poses of hours outlast an evaluation that fails
        if self.outfile_prefix is not None:
            write_json(f"{self.outfile_prefix}.keypoints.json", detections)
        if self.format_only:
            return {}
        numbers: dict[str, float] = {}
        for rules in self.evaluations:
            numbers |= self._evaluate(detections, sigmas, rules)
        return numbers

    def expected_numbers(self) -> dict[str, float | None]:
        """Names of the numbers; -1 for those for which nobody is annotated, else None."""
        if self.format_only:
            return {}
        sigmas = self._sigmas(self.metainfo or self.dataset_meta)
        numbers: dict[str, float] = {}
        for rules in self.evaluations:
            numbers |= self._evaluate([], sigmas, rules)
        return {name: -1 if value == -1 else None for name, value in numbers.items()}

    def _evaluate(
        self, detections: list[dict], sigmas: np.ndarray, rules: ExtendedRules
    ) -> dict[str, float]:
        """The numbers of one evaluation under their full names."""
        people = self.ground_truth, detections, sigmas
        before = "Ex_" * rules.extended + "bbox_" * rules.match_by_bbox
        after = "_NoBrd" * rules.ignore_border_points
        # COCO's rules have their own evaluation: where an image has nobody who counts, the extended
        # evaluation, as published, ignores its false positives, and AP comes out higher
        if rules.are_cocos:
            found = self.coco_ap(*people, use_area=self.use_area)
        else:
            found = extended_keypoint_ap(*people, rules, use_area=self.use_area, intervals=True)
        # the ends of an interval go with their number
        ignored = {f"{name}{end}" for name in self.ignore_stats for end in ("", "_low", "_high")}
        return {
            f"{before}{name}{after}": value for name, value in found.items() if name not in ignored
        }

    def _sigmas(self, meta: dict) -> np.ndarray:
        """Of the evaluated joints: a model's extra joints (K > 17) are not evaluated."""
        num_joints = self.num_annotated_joints or meta["num_keypoints"]
        if num_joints > meta["num_keypoints"]:
            raise ValueError(
                f"{self.ann_file} has {num_joints} keypoints per person, the skeleton "
                f"{meta['dataset_name']!r} {meta['num_keypoints']}; evaluate with annotations of "
                "the joints that the model predicts"
            )
        sigmas = np.asarray(meta["sigmas"])[:num_joints]
        return sigmas if self.gt_converter is None else convert_sigmas(sigmas, self.gt_converter)

    def collect_detections(self, results: list[dict], sigmas: np.ndarray) -> list[dict]:
        """Result-file entries of all records: each person once, similar poses suppressed."""
        # samplers repeat people to give every process as many; a double would be a false positive
        people = {(record["img_id"], record["id"]): record for record in results}
        self._log_losses(list(people.values()))
        by_image = defaultdict(list)
        # sorted: equal scores keep their order, which must not depend on the number of processes
        for _, record in sorted(people.items()):
            # its pose is that of a black image; without one the person counts as missed
            if not record["unreadable"]:
                by_image[record["img_id"]].append(record)
        detections = []
        for records in by_image.values():
            detections += self._detections_of_image(records, sigmas)
        return detections

    def _log_losses(self, people: Sequence[dict]) -> None:
        """Tell how many people could not be seen, or not told apart by a mask."""
        num_unreadable = sum(record["unreadable"] for record in people)
        if num_unreadable:
            print_log(
                f"{self.ann_file}: the images of {num_unreadable} people could not be read; "
                "these people count as missed",
                logger="current",
                level=logging.WARNING,
            )
        states = Counter(record["mask_state"] for record in people)
        if states["missing"] or states["degenerate"]:
            print_log(
                f"{self.ann_file}: of {len(people)} people, {states['missing']} came without a "
                f"mask and {states['degenerate']} with an empty or damaged one; they were posed "
                "from the plain crop",
                logger="current",
            )

    def _detections_of_image(self, records: list[dict], sigmas: np.ndarray) -> list[dict]:
        num_joints = len(sigmas)
        keypoints = np.stack([record["keypoints"][:num_joints] for record in records])
        scores = [self._score(record, num_joints) for record in records]
        kept = range(len(records))
        if self.nms_mode != "none":
            # of the padded windows, not of the boxes: so poses count as more alike, as published
            areas = [suppression_area(record, num_joints) for record in records]
            # doubles, as published: near the threshold the last digits decide who is dropped
            poses = [
                torch.from_numpy(np.asarray(values, dtype=np.float64))
                for values in (keypoints, scores, areas, sigmas)
            ]
            if self.nms_mode == "oks_nms":
                kept = oks_nms(*poses, self.nms_thr).tolist()
            else:
                order, lowered = soft_oks_nms(*poses, self.nms_thr)
                kept = order.tolist()
                scores = dict(zip(kept, lowered.tolist(), strict=True))
        people = {"category_id": self.ground_truth["categories"][0]["id"]}
        return [to_result(records[i], keypoints[i], scores[i]) | people for i in kept]

    def _score(self, record: dict, num_joints: int) -> float:
        joint_scores = record["keypoint_scores"][:num_joints]
        compared = joint_scores
        # ProbPose averages over the joints that it takes to be inside the window, whatever their
        # scores: those grade how well a joint is placed, not whether it is there
        if self.score_thresh_type == "prob":
            compared = record.get("presence", record["keypoint_scores"])[:num_joints]
        return pose_score(
            record["bbox_score"],
            joint_scores,
            self.score_mode,
            self.keypoint_score_thr,
            confidences=compared,
        )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")
