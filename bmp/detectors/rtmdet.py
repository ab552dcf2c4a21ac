"""mmdet detectors as our Detector: people with boxes, scores and full-size masks.

RTMDet-Ins heads are decoded here, for people alone; any other mmdet model goes through its own
``predict``.
"""

import math
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torchvision.ops import nms

from bmp.backends import check_backend
from bmp.detectors.candidates import Candidates, people_of, rank_candidates
from bmp.detectors.faster import is_rtmdet_ins, make_faster
from bmp.detectors.letterbox import Canvas, Letterboxed, letterbox, read_canvas
from bmp.detectors.selection import best_bboxes
from bmp.structures import People, make_people, masks_to_bboxes
from mmpose.engine.checkpoint import load_checkpoint, load_state_dict_file
from mmpose.engine.config import load_config
from mmpose.engine.memory import run_in_chunks
from mmpose.engine.packed_linear import lay_out_for
from mmpose.inputs import Image, check_image, upload_image
from mmpose.structures.constants import read_together
from mmpose.structures.packed_masks import PackedMasks, pack_masks

_CLASS_LAYER = "bbox_head.rtm_cls.0.weight"  # as many rows as classes
MULTIPLE = 32  # sides of an input that every level of a feature pyramid divides


class Started(NamedTuple):
    """A detection that waits for its numbers to be read."""

    candidates: list[Candidates]
    """One an image; none of models that are not decoded here."""
    people: list[People]
    """Finished records of other models."""
    to_read: Tensor
    """(B, P, 5), what :meth:`RTMDetDetector.finish` needs on the CPU."""


class RTMDetDetector:
    """People found by an mmdet model.

    Args:
        config: mmdet config, path or loaded; ``model`` and the test pipeline are read.
        checkpoint: weights, loaded strictly; None keeps random ones. For RTMDet-Ins the number
            of classes follows the file, so that one config serves 80-class and person-only
            weights.
        device: where the model works and the records lie.
        score_thr: a person needs a score above it.
        nms_iou_thr: of two people whose boxes overlap more, the better one stays; the model's own
            suppression comes first.
        max_people: at most so many per image, the best; of RTMDet-Ins those of the label alone
            count, of other models their ``max_per_img`` over all classes cuts first.
        label: class index of people.
        size: (w, h) that images are fitted into; padded (with 114) to the next multiples of 32.
            None does what the test pipeline does.
        batch_size: images per forward pass.
        inclusive_nms: see :func:`bmp.detectors.selection.best_bboxes`.
        dtype: ``fp32`` or ``bf16``, in which products of the network run; see
            :func:`bmp.detectors.faster.make_faster`.
        compile: translate backbone and neck with ``torch.compile`` when they first run; a
            text names its backend.
        backend: ``torch``, or ``openvino`` on a CPU (:func:`bmp.backends.run_with_openvino`).

    Raises:
        ValueError: ``batch_size`` is below 1, an RTMDet-Ins model has no class ``label``, or the
            backend cannot work here (:func:`bmp.backends.check_backend`).
    """

    def __init__(
        self,
        config: str | Path | Config | Mapping[str, Any],
        checkpoint: str | Path | None = None,
        device: torch.device | str = "cpu",
        *,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.3,
        max_people: int = 100,
        label: int = 0,
        size: tuple[int, int] | None = None,
        batch_size: int = 8,
        inclusive_nms: bool = False,
        dtype: str | torch.dtype = "fp32",
        compile: bool | str = False,
        backend: str = "torch",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        check_backend(backend, device, compile=compile)
        if isinstance(config, str | Path):
            config = load_config(config)
        self.device = torch.device(device)
        # strict, unlike the published loop, which only warns of weights that do not fit
        model = build_mmdet_model(config["model"], checkpoint).to(self.device).eval()
        self.model = lay_out_for(self.device, model)
        if is_rtmdet_ins(self.model) and not 0 <= label < self.model.bbox_head.num_classes:
            raise ValueError(
                f"label must be one of the model's {self.model.bbox_head.num_classes} classes, "
                f"counted from 0, got {label}"
            )
        self.canvas = _make_canvas(size) if size else read_canvas(config)
        self.score_thr = score_thr
        self.nms_iou_thr = nms_iou_thr
        self.max_people = max_people
        self.label = label
        self.batch_size = batch_size
        self.inclusive_nms = inclusive_nms
        width, height = self.canvas.padded_size or self.canvas.size
        image = torch.zeros(1, 3, height, width, device=self.device)
        make_faster(self.model, image, dtype=dtype, compile=compile, backend=backend)

    works_on_device = True

    @torch.no_grad()
    def detect(
        self, images: Sequence[Image], hidden: Sequence[PackedMasks | None] | None = None
    ) -> list[People]:
        """Find people in images of any sizes.

        Args:
            images: (H, W, 3) uint8 BGR each.
            hidden: (N, H, W) an image, on the device; whose pixels are shown as black.

        Returns:
            One record per image, best first: ``bboxes``, ``bbox_scores`` and, if the model gives
            them, ``masks`` (N, H, W) at the size of the image.
        """
        started = self.start(images, hidden)
        return self.finish(started, read_together([started.to_read])[0])

    @torch.no_grad()
    def start(
        self, images: Sequence[Image], hidden: Sequence[PackedMasks | None] | None = None
    ) -> "Started":
        """The part of :meth:`detect` that needs no number on the host."""
        hidden = [None] * len(images) if hidden is None else hidden
        for image in images:
            check_image(image)

        def search(part: slice) -> list[Candidates] | list[People]:
            batch = [
                letterbox(upload_image(image, self.device), self.canvas, masks)
                for image, masks in zip(images[part], hidden[part], strict=True)
            ]
            if is_rtmdet_ins(self.model):
                return self._find_candidates(batch)
            return self._predict_with_mmdet([image.pixels for image in batch], batch)

        answers = run_in_chunks(
            search, len(images), self.batch_size, "images in the detector", self
        )
        found = [answer for part in answers for answer in part]
        candidates, people = (found, []) if is_rtmdet_ins(self.model) else ([], found)
        to_read = [entry.to_read for entry in candidates] or [torch.zeros(0)]
        return Started(candidates, people, torch.stack(to_read))

    @torch.no_grad()
    def finish(self, started: "Started", read: Tensor) -> list[People]:
        """The rest of :meth:`detect`.

        Args:
            started: what :meth:`start` gave.
            read: its ``to_read`` on the CPU.
        """
        if not started.candidates:
            return started.people
        kept = [self.choose(*numbers.split([4, 1], 1)) for numbers in read]
        return [
            people_of(self.model, candidates, rows.to(self.device, non_blocking=True))
            for candidates, rows in zip(started.candidates, kept, strict=True)
        ]

    def _find_candidates(self, batch: list[Letterboxed]) -> list["Candidates"]:
        inputs: list[Tensor] | Tensor = [image.pixels for image in batch]
        if len({image.shape for image in inputs}) == 1:  # mmengine compares padded ones one by one
            inputs = torch.stack(inputs)
        pixels = _normalise(self.model.data_preprocessor, inputs)
        outputs = self.model(pixels, mode="tensor")
        return rank_candidates(self.model, outputs, batch, self.label)

    @torch.no_grad()
    def decode(
        self, outputs: Sequence[Sequence[Tensor] | Tensor], batch: Sequence[Letterboxed]
    ) -> list[People]:
        """People from what an RTMDet-Ins network gives: all that comes after it.

        Args:
            outputs: class scores, distances to the four sides and kernels, for each level
                (B, C, h, w), and mask features (B, C, h, w).
            batch: the B images it was given.
        """
        candidates = rank_candidates(self.model, outputs, batch, self.label)
        started = Started(candidates, [], torch.stack([entry.to_read for entry in candidates]))
        return self.finish(started, read_together([started.to_read])[0])

    def choose(self, bboxes: Tensor, scores: Tensor) -> Tensor:
        """Which candidates are people, best first: bboxes (P, 4) and scores (P, 1) on the CPU."""
        cfg = self.model.test_cfg
        # mmdet's own threshold comes first there, so that the higher of the two decides
        keep = (scores[:, 0] > max(self.score_thr, cfg.get("score_thr", 0.0))).nonzero()[:, 0]
        is_large = ((bboxes[keep, 2:] - bboxes[keep, :2]) > cfg.get("min_bbox_size", 0)).all(1)
        keep = keep[is_large]
        # the model's suppression, then the loop's stricter one, as published (IoU 0.6 and 0.3)
        keep = keep[nms(bboxes[keep], scores[keep, 0], cfg.nms.iou_threshold)]
        return keep[self._suppress(bboxes[keep], scores[keep, 0])]

    def _suppress(self, bboxes: Tensor, scores: Tensor) -> Tensor:
        return best_bboxes(
            bboxes,
            scores,
            iou_thr=self.nms_iou_thr,
            max_people=self.max_people,
            inclusive=self.inclusive_nms,
        )

    def _predict_with_mmdet(self, inputs: list[Tensor], batch: list[Letterboxed]) -> list[People]:
        # here, not above: mmdet takes 5 s to import
        from mmdet.structures import DetDataSample

        samples = [
            DetDataSample(
                metainfo={
                    "ori_shape": image.image_shape,
                    "img_shape": image.inner_shape,
                    "scale_factor": image.scale_factor,
                }
            )
            for image in batch
        ]
        found = self.model.test_step({"inputs": inputs, "data_samples": samples})
        return [
            self.select(sample.pred_instances, image.image_shape)
            for sample, image in zip(found, batch, strict=True)
        ]

    def select(self, found: InstanceData, image_shape: tuple[int, int]) -> People:
        """Our record of what mmdet found in an image: the wanted class, suppressed.

        Args:
            found: mmdet's ``pred_instances``; boxes may be missing (0) where there are masks.
            image_shape: (H, W), which masks are cut or padded to.
        """
        keep = ((found.labels == self.label) & (found.scores > self.score_thr)).nonzero()[:, 0]
        bboxes, scores = found.bboxes[keep], found.scores[keep]
        if "masks" in found and not bboxes.any():  # SOLO gives masks alone
            bboxes = masks_to_bboxes(found.masks[keep], bboxes)
        best = self._suppress(bboxes, scores)
        fields = {}
        if "masks" in found:
            masks = _fit_masks(found.masks[keep[best]].bool(), image_shape)
            fields["masks"] = pack_masks(masks)
        return make_people(bboxes[best], bbox_scores=scores[best], **fields)


def _normalise(preprocessor: nn.Module, inputs: list[Tensor] | Tensor) -> Tensor:
    """What mmengine's preprocessor makes of images, without a wait for the device.

    It exchanges channels by a list as index, whose copy to the device would be waited for.
    """
    own = copy(preprocessor)
    if getattr(own, "_channel_conversion", False):
        own._channel_conversion = False
        inputs = inputs.flip(1) if isinstance(inputs, Tensor) else [i.flip(0) for i in inputs]
    return own({"inputs": inputs, "data_samples": None})["inputs"]


def _make_canvas(size: Sequence[int]) -> Canvas:
    width, height = size
    padded = math.ceil(width / MULTIPLE) * MULTIPLE, math.ceil(height / MULTIPLE) * MULTIPLE
    return Canvas((width, height), padded)


def _fit_masks(masks: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Masks cut or padded to the image: mmdet's RTMDet-Ins can leave them a pixel too narrow."""
    rows, columns = (
        side - length for side, length in zip(image_shape, masks.shape[1:], strict=True)
    )
    return F.pad(masks, (0, columns, 0, rows)) if rows or columns else masks


def build_mmdet_model(cfg: Mapping[str, Any], checkpoint: str | Path | None = None) -> nn.Module:
    """An mmdet model, on the CPU.

    Args:
        cfg: config of the model.
        checkpoint: weights, loaded strictly; None leaves random ones.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: it does not fit; the message lists the differences.
    """
    from mmdet.registry import MODELS

    import bmp.detector_training  # noqa: F401  (mmdet takes 5 s to import)

    cfg = Config({"model": cfg}).model.copy()
    if checkpoint is not None and "bbox_head" in cfg:
        # one config serves weights of 80 classes and of people alone
        classes = load_state_dict_file(checkpoint)[0].get(_CLASS_LAYER)
        if classes is not None:
            cfg.bbox_head = {**cfg.bbox_head, "num_classes": len(classes)}
    model = MODELS.build({**cfg, "_scope_": "mmdet"})
    if checkpoint is not None:
        load_checkpoint(model, checkpoint)
    return model
