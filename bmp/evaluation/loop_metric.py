"""Average precision of boxes, masks and poses after every turn of the loop."""

import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from bmp.evaluation.coco_results import JOINT_EXTRAS, SCORES, people_to_results, with_presence
from bmp.evaluation.loop_table import format_table
from bmp.evaluation.prediction_store import PredictionStore
from bmp.evaluation.result_writer import ResultFiles, Seen
from bmp.evaluation.skeletons import check_same_joints, convert_truth
from bmp.registry import METRICS
from bmp.structures import People
from mmpose.datasets.coco_file import CocoContent, read_people
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.evaluation.coco_ap import crowd_indices, crowd_level_ap
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS, check_somebody_counts, evaluate
from mmpose.evaluation.extended_ap import extended_keypoint_ap
from mmpose.evaluation.extended_oks import ExtendedRules
from mmpose.evaluation.joint_conversion import build_converter, convert_results
from mmpose.evaluation.matches import bootstrap_thresholds, gain_over, interval

CROWD = "keypoints_crowd"
FIELD_OF = {CROWD: "keypoints"}
AP_NAMES = {"AP": "AP", "AP50": "AP .5", "AP75": "AP .75"}
AP_PARTS = {"AP": slice(None), "AP50": slice(0, 1), "AP75": slice(5, 6)}
"""Which of the ten thresholds a number averages."""
# Poses as CocoMetric ranks them: the box's score times the joints'. How well joints are placed says
# little of a box or mask, which are ranked by the detector's score, trained to follow their IoU.
RANKED_BY = {"bbox": "bbox_scores", "segm": "bbox_scores", "keypoints": "scores"}


@METRICS.register_module()
class LoopCocoMetric(BaseMetric):
    """Evaluates the people known after each turn, and prints one table.

    Args:
        ann_file: COCO annotations of the images.
        iou_types: what to evaluate, of ``bbox``, ``segm``, ``keypoints``; or, for the last,
            ``keypoints_crowd``: CrowdPose's numbers, AP also by how crowded images are (E, M, H),
            and 0.53 of the box for people's areas.
        metainfo: skeleton of ``ann_file``; None: COCO's.
        pred_converter: moves the 17 predicted joints into the evaluated skeleton, see
            `mmpose.evaluation.CocoMetric`.
        gt_converter: moves the annotated joints there, and their sigmas.
        ranked_by: which score ranks the people, for each of them.
        outfile_prefix: write COCO result files ``PREFIX.turn1.bbox.json``, ...
        collect_device: how processes exchange results, ``cpu`` or ``gpu``.
        prefix: put before the names of the numbers.
        collect_dir: folder that processes exchange results through.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be used: nobody in it can be evaluated, its joints are not those of
            ``metainfo``, or predictions and annotations are converted to different numbers.
    """

    default_prefix = "loop"

    def __init__(
        self,
        ann_file: str,
        *,
        iou_types: Sequence[str] = tuple(RESULT_FIELDS),
        metainfo: dict | None = None,
        pred_converter: Mapping[str, Any] | None = None,
        gt_converter: Mapping[str, Any] | None = None,
        ranked_by: Mapping[str, str] | None = None,
        outfile_prefix: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        known = (*RESULT_FIELDS, CROWD)
        unknown = sorted({*iou_types, *(ranked_by or {})} - set(known))
        if unknown:
            raise ValueError(f"unknown iou_types {unknown}; known: {', '.join(known)}")
        self.ranked_by = _complete_ranking(ranked_by or {})
        self.by_crowding = CROWD in iou_types
        self.iou_types = tuple(FIELD_OF.get(kind, kind) for kind in iou_types)
        iou_types = self.iou_types
        skeleton = parse_pose_metainfo(metainfo or {"from_file": "coco.py"})
        # joints are matched by name where poses count; otherwise the file may have any skeleton
        names = list(skeleton["keypoint_name2id"]) if "keypoints" in iou_types else None
        self.annotations = read_people(ann_file, skeleton=names)
        # the only one left: read_people finds people's category by its name, whatever its id
        self.category_id = self.annotations["categories"][0]["id"]
        # now, not after hours of a run
        counts = {len(person["keypoints"]) // 3 for person in self.annotations["annotations"]}
        # 0: people without joints may stand beside people with them
        if names and not counts <= {0, len(names)}:
            wanted = "the metainfo" if metainfo else "the loop's poses COCO's"
            raise ValueError(
                f"people of {ann_file} have {sorted(counts)} keypoints, {wanted} {len(names)}; "
                "give metainfo and converters, or take iou_types=('bbox', 'segm')"
            )
        self.pred_converter = build_converter(pred_converter)
        # poses are stored in the evaluated skeleton: another one is another store
        self.stored_form = f"{self.category_id!r} {pred_converter!r}"
        self.annotations, self.sigmas = convert_truth(
            self.annotations, skeleton["sigmas"], build_converter(gt_converter)
        )
        if names:
            check_same_joints(self.pred_converter, len(self.sigmas))
        if self.by_crowding:
            crowd_indices(self.annotations)
        for iou_type in self.iou_types:
            check_somebody_counts(self.annotations["annotations"], iou_type, self.annotations)
        self.ann_file = ann_file
        self.outfile_prefix = outfile_prefix
        self.store: PredictionStore | None = None  # set by ResumableTestLoop
        outside = (
            np.max(p["keypoints"][2::3], initial=0) > 2 for p in self.annotations["annotations"]
        )
        self.tells_outside = pred_converter is None and any(outside)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the people of some images, as COCO results.

        Args:
            data_batch: not read.
            data_samples: dicts with ``img_id``, ``turns`` (records of people), ``error`` and maybe
                ``seconds`` (a dict by stage for every turn).
        """
        keep = self.results.append if self.store is None else self.store.append
        for sample in data_samples:
            # with run-length masks: bool ones are large
            turns: list[list[dict] | None] = []
            for n, people in enumerate(sample["turns"]):
                # the loop repeats its last record for turns that were not needed
                is_repeated = n > 0 and people is sample["turns"][n - 1]
                turns.append(None if is_repeated else self._results_of(people, sample["img_id"]))
            # the image's own size, also where nobody was found: the file may have a wrong one
            has_masks = bool(turns) and "masks" in sample["turns"][0]
            keep(
                {
                    "img_id": sample["img_id"],
                    "turns": turns,
                    "shape": list(sample["turns"][0]["masks"].shape[-2:]) if has_masks else None,
                    "error": sample["error"],
                    "seconds": sample.get("seconds", []),
                }
            )

    def _results_of(self, people: People, img_id: Hashable) -> list[dict]:
        found = people_to_results(people, img_id, self.category_id)
        if self.pred_converter is None:
            return found
        # presence and visibility are of the predicted joints, not of the evaluated ones
        kept = [{k: v for k, v in result.items() if k not in JOINT_EXTRAS} for result in found]
        return convert_results(kept, self.pred_converter)

    def evaluate(self, size: int) -> dict[str, float]:
        """The numbers; of the store, which all processes have written to, if there is one.

        Args:
            size: of the data set.
        """
        if self.store is None:
            return super().evaluate(size)
        barrier()
        answer: list = [None]
        if is_main_process():
            self.store.reload()
            metrics = self._evaluate_records(self.store)
            answer = [{f"{self.prefix}/{name}": value for name, value in metrics.items()}]
        broadcast_object_list(answer)
        return answer[0]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Evaluate the gathered results of all processes.

        Returns:
            ``turn1/bbox_AP``, ... with ``_low`` and ``_high``, the ends of their 95 % intervals,
            ``turn2/bbox_AP_gain`` over the turn before, likewise, ``turn1/num_people`` (predicted),
            ``turn1/bbox_found`` (annotated people matched at IoU 0.5), ``turn1/seconds_detect`` and
            other stages, means per image, ``bbox_true``, ``num_images`` and ``num_failed``.

        Raises:
            ValueError: no image could be read, nobody of these images can be evaluated, or a
                prediction is no finite number; result files are written before.
        """
        by_image = {result["img_id"]: result for result in results}  # padding repeats images
        return self._evaluate_records(by_image.values())

    def _evaluate_records(self, records: Iterable[dict]) -> dict[str, float]:
        with ResultFiles(self.outfile_prefix, self.iou_types, self.ranked_by) as files:
            seen = files.write(records)
            seen.check_readable()
            metrics = self._evaluate_turns(files, seen)
        metrics |= seen.mean_seconds()
        metrics |= {"num_images": len(seen.shapes), "num_failed": len(seen.errors)}
        for img_id, error in seen.errors.items():
            print_log(f"image {img_id}: {error}", logger="current")
        print_log("\n" + format_table(metrics, self.iou_types), logger="current")
        if seen.shapes and not metrics.get("turn1/num_people"):
            print_log(
                f"nobody was found in any of {len(seen.shapes)} images: do the weights belong to "
                "the config, and have the files of boxes or poses the image ids of the "
                "annotations?",
                logger="current",
                level=logging.WARNING,
            )
        return metrics

    def _evaluate_turns(self, files: ResultFiles, seen: Seen) -> dict[str, float]:
        metrics: dict[str, float] = {}
        before: dict[str, np.ndarray] = {}
        for turn, num_people in enumerate(seen.num_people):
            name = f"turn{turn + 1}"
            metrics[f"{name}/num_people"] = num_people
            for iou_type in self.iou_types:
                # one kind of one turn at a time: all of them would not fit for many images
                results = files.read(turn, iou_type)
                numbers, samples = self._evaluate(results, iou_type, seen.shapes)
                metrics |= {f"{name}/{iou_type}_{key}": value for key, value in numbers.items()}
                metrics[f"{iou_type}_true"] = metrics.pop(f"{name}/{iou_type}_true")
                if turn:
                    gain = gain_over(before[iou_type], samples)
                    gain["gain"] = numbers["AP"] - metrics[f"turn{turn}/{iou_type}_AP"]
                    metrics |= {f"{name}/{iou_type}_AP_{k}": v for k, v in gain.items()}
                before[iou_type] = samples
        return metrics

    def _evaluate(
        self, results: list[dict], iou_type: str, shapes: Mapping[Any, tuple[int, int] | None]
    ) -> tuple[dict[str, float], np.ndarray]:
        """Numbers of one kind after one turn, and the APs of images drawn again and again."""
        is_crowd = self.by_crowding and iou_type == "keypoints"
        numbers = evaluate(
            self.annotations,
            results,
            iou_type,
            sigmas=self.sigmas,
            use_area=not is_crowd,
            # unreadable images too, whose people are missed; not those that max_images left out
            image_ids=list(shapes),
            shapes={n: shape for n, shape in shapes.items() if shape is not None},
        )
        samples = bootstrap_thresholds(numbers.matches)
        found: dict[str, float] = {}
        for key, part in AP_PARTS.items():
            found[key] = numbers.stats[AP_NAMES[key]]
            found[f"{key}_low"], found[f"{key}_high"] = interval(samples[:, part].mean(1))
        found |= {"found": numbers.num_found, "true": numbers.num_true}
        if is_crowd:
            found |= crowd_level_ap(
                self.annotations, results, self.sigmas, image_ids=list(shapes), intervals=True
            )
        if iou_type == "keypoints" and self.tells_outside:
            found |= self._extended(results, shapes)
        return found, samples.mean(1)

    def _extended(self, results: list[dict], shapes: Mapping) -> dict[str, float]:
        """Ex-AP, where annotations say which joints lie outside the image."""
        images = [image for image in self.annotations["images"] if image["id"] in shapes]
        people = [p for p in self.annotations["annotations"] if p["image_id"] in shapes]
        content = CocoContent({**self.annotations, "images": images, "annotations": people})
        # there the third value of a joint is its presence
        poses = [result | {"keypoints": with_presence(result)} for result in results]
        numbers = extended_keypoint_ap(content, poses, self.sigmas, ExtendedRules(extended=True))
        return {"Ex-AP": numbers["AP"]}


def _complete_ranking(ranked_by: Mapping[str, str]) -> dict[str, str]:
    """The score that ranks people, for each kind."""
    for kind, score in ranked_by.items():
        if score not in SCORES:
            raise ValueError(f"ranked_by[{kind!r}] must be one of {SCORES}, got {score!r}")
    return RANKED_BY | {FIELD_OF.get(kind, kind): score for kind, score in ranked_by.items()}
