"""Average precision of boxes, masks and poses after every turn of the loop."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from bmp.evaluation.coco_results import people_to_results, select_results
from bmp.evaluation.skeletons import check_same_joints, convert_truth
from bmp.registry import METRICS
from mmpose.datasets.coco_file import read_people
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.evaluation.coco_ap import CROWD_LEVELS, crowd_indices, crowd_level_ap
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS, check_somebody_counts, evaluate
from mmpose.evaluation.joint_conversion import build_converter, convert_results
from mmpose.files import write_json

CROWD = "keypoints_crowd"
FIELD_OF = {CROWD: "keypoints"}
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
        self.annotations, self.sigmas = convert_truth(
            self.annotations, skeleton["sigmas"], build_converter(gt_converter)
        )
        if names:
            check_same_joints(self.pred_converter, len(self.sigmas))
        if self.by_crowding:
            crowd_indices(self.annotations)
        for iou_type in self.iou_types:
            check_somebody_counts(self.annotations["annotations"], iou_type, self.annotations)
        self.ranked_by = RANKED_BY | dict(ranked_by or {})
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the people of some images, as COCO results.

        Args:
            data_batch: not read.
            data_samples: dicts with ``img_id``, ``turns`` (records of people) and ``error``.
        """
        for sample in data_samples:
            # with run-length masks: all are kept to the end and gathered, and bool ones are large
            turns: list[list[dict]] = []
            for n, people in enumerate(sample["turns"]):
                is_repeated = n > 0 and people is sample["turns"][n - 1]
                # the loop repeats its last record for turns that were not needed
                if is_repeated:
                    turns.append(turns[-1])
                else:
                    found = people_to_results(people, sample["img_id"], self.category_id)
                    turns.append(convert_results(found, self.pred_converter))
            # the image's own size, also where nobody was found: the file may have a wrong one
            has_masks = bool(turns) and "masks" in sample["turns"][0]
            shape = tuple(sample["turns"][0]["masks"].shape[-2:]) if has_masks else None
            self.results.append(
                {
                    "img_id": sample["img_id"],
                    "turns": turns,
                    "shape": shape,
                    "error": sample["error"],
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Evaluate the gathered results of all processes.

        Returns:
            ``turn1/bbox_AP``, ... ``turn1/num_people`` (predicted), ``turn1/bbox_found`` (annotated
            people matched at IoU 0.5), ``bbox_true``, ``num_images`` and ``num_failed``.

        Raises:
            ValueError: no image could be read, nobody of these images can be evaluated, or a
                prediction is no finite number; result files are written before.
        """
        by_image = {result["img_id"]: result for result in results}  # padding repeats images
        failed = [result for result in by_image.values() if result["error"] is not None]
        # equal also where no image came: numbers of nothing would hide the reason
        if len(failed) == len(by_image):
            reason = f", such as: {failed[0]['error']}" if failed else ""
            raise ValueError(f"none of {len(by_image)} images could be read{reason}")
        num_turns = max((len(result["turns"]) for result in by_image.values()), default=0)
        metrics: dict[str, float] = {}
        for turn in range(num_turns):
            people = [
                person
                for result in by_image.values()
                if result["turns"]  # unreadable images have none; their people count as missed
                for person in result["turns"][turn]
            ]
            shapes = {n: r["shape"] for n, r in by_image.items()}
            metrics |= self._evaluate_turn(people, f"turn{turn + 1}", shapes)
        metrics |= {"num_images": len(by_image), "num_failed": len(failed)}
        for result in failed:
            print_log(f"image {result['img_id']}: {result['error']}", logger="current")
        print_log("\n" + format_table(metrics, self.iou_types), logger="current")
        if by_image and not metrics.get("turn1/num_people"):
            print_log(
                f"nobody was found in any of {len(by_image)} images: do the weights belong to the "
                "config, and have the files of boxes or poses the image ids of the annotations?",
                logger="current",
                level=logging.WARNING,
            )
        return metrics

    def _evaluate_turn(
        self, people: list[dict], name: str, shapes: dict[Any, tuple[int, int] | None]
    ) -> dict[str, float]:
        metrics: dict[str, float] = {f"{name}/num_people": len(people)}
        selected = {
            iou_type: select_results(people, iou_type, self.ranked_by[iou_type])
            for iou_type in self.iou_types
        }
        if self.outfile_prefix is not None:
            for iou_type, results in selected.items():
                write_json(Path(f"{self.outfile_prefix}.{name}.{iou_type}.json"), results)
        # after the files: what cannot be evaluated can still be looked at
        for iou_type, results in selected.items():
            numbers = evaluate(
                self.annotations,
                results,
                iou_type,
                sigmas=self.sigmas,
                use_area=not (self.by_crowding and iou_type == "keypoints"),
                # unreadable images too, whose people are missed; not those that max_images left out
                image_ids=list(shapes),
                shapes={n: shape for n, shape in shapes.items() if shape is not None},
            )
            short = {"AP": "AP", "AP50": "AP .5", "AP75": "AP .75"}
            metrics |= {f"{name}/{iou_type}_{key}": numbers.stats[s] for key, s in short.items()}
            metrics[f"{name}/{iou_type}_found"] = numbers.num_found
            if self.by_crowding and iou_type == "keypoints":
                levels = crowd_level_ap(
                    self.annotations, results, self.sigmas, image_ids=list(shapes)
                )
                metrics |= {f"{name}/keypoints_{key}": value for key, value in levels.items()}
            # without the turn: who is annotated does not change
            metrics[f"{iou_type}_true"] = numbers.num_true
        return metrics


def format_table(metrics: Mapping[str, float], iou_types: Sequence[str]) -> str:
    """The numbers of :class:`LoopCocoMetric` as a table, one row per turn.

    ``found``: annotated people matched by a box (else mask, else pose) at IoU 0.5.
    """
    names = {"bbox": "box AP", "segm": "mask AP", "keypoints": "pose AP"}
    header = ["after", *(names[kind] for kind in iou_types), "people", "found", "annotated"]
    levels = [f"AP({level})" for level in CROWD_LEVELS]
    levels = levels if f"turn1/keypoints_{levels[0]}" in metrics else []
    header[-3:-3] = levels
    counted = iou_types[0]
    rows = []
    turn = 1
    while f"turn{turn}/num_people" in metrics:
        row = [f"turn {turn}"]
        row += [f"{100 * metrics[f'turn{turn}/{kind}_AP']:.1f}" for kind in iou_types]
        row += [_percent(metrics[f"turn{turn}/keypoints_{level}"]) for level in levels]
        row += [str(metrics[f"turn{turn}/{key}"]) for key in ("num_people", f"{counted}_found")]
        rows.append([*row, str(metrics[f"{counted}_true"])])
        turn += 1
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in [header, *rows]
    ]
    images = f"{metrics['num_images']} images"
    if metrics["num_failed"]:
        images += f", {metrics['num_failed']} of them could not be read and count as empty"
    return "\n".join([*lines, images])


def _percent(value: float) -> str:
    return "-" if value < 0 else f"{100 * value:.1f}"  # -1: no such image
