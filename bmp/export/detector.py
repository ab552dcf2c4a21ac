"""RTMDet-Ins as ONNX: the network alone, or whole, with suppression and masks."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmp.detectors.candidates import join_levels, rank_candidates
from bmp.detectors.instance_masks import dynamic_mask_logits
from bmp.detectors.letterbox import Canvas, Letterboxed, letterbox
from bmp.detectors.rtmdet import MULTIPLE, RTMDetDetector, is_rtmdet_ins
from bmp.export.writing import Plan
from bmp.locations import PROJECT_ROOT
from mmpose.inputs import read_image

PHOTOS = PROJECT_ROOT / "demos" / "photos"


class DetectorNetwork(nn.Module):
    """From images on their canvas to one candidate for each point of the pyramid's levels."""

    def __init__(self, detector: RTMDetDetector) -> None:
        super().__init__()
        self.model, self.label = detector.model, detector.label
        norm = self.model.data_preprocessor
        self.swaps = norm._channel_conversion
        self.register_buffer("mean", norm.mean.clone(), persistent=False)
        self.register_buffer("std", norm.std.clone(), persistent=False)

    def run(self, images: Tensor) -> Any:
        """What the network itself gives for images (B, 3, h, w)."""
        images = images.flip(1) if self.swaps else images
        return self.model((images - self.mean) / self.std, mode="tensor")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, h, w) float32, levels 0 to 255, BGR.

        Returns:
            Scores (B, A); xyxy in canvas pixels (B, A, 4), not clipped; weights of the networks of
            masks (B, A, D); the points that they start from and their strides (A, 4); features
            (B, C, h/8, w/8).
        """
        outputs = self.run(images)
        scores, sides, kernels, priors = join_levels(self.model, outputs, self.label)
        sides = sides.transpose(1, 2)
        bboxes = torch.cat([priors[:, :2] - sides[..., :2], priors[:, :2] + sides[..., 2:]], -1)
        return scores.sigmoid(), bboxes, kernels.transpose(1, 2), priors, outputs[3]


class WholeDetector(DetectorNetwork):
    """From one image on its canvas to people: boxes, scores, masks."""

    def __init__(self, detector: RTMDetDetector) -> None:
        super().__init__(detector)
        self.choose = detector.choose

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """An image (1, 3, h, w) as xyxy in canvas pixels (N, 4), scores (N,), masks (N, h, w).

        Best first. Masks are probabilities; the product cuts them at 0.5.
        """
        outputs = self.run(images)
        shape = tuple(images.shape[2:])
        whole = Letterboxed(images[0], shape, (1.0, 1.0), shape)
        (found,) = rank_candidates(self.model, outputs, [whole], self.label)
        rows = self.choose(*found.to_read.split([4, 1], 1))
        head = self.model.bbox_head
        stride = head.prior_generator.strides[0][0]
        logits = dynamic_mask_logits(
            found.features,
            found.kernels[rows],
            found.priors[rows],
            stride=stride,
            channels=head.dyconv_channels,
        )
        masks = F.interpolate(logits[:, None], scale_factor=float(stride), mode="bilinear")
        bboxes, scores = found.to_read[rows].split([4, 1], 1)
        return bboxes, scores[:, 0], masks[:, 0].sigmoid()


def plan_detector(detector: RTMDetDetector, *, whole: bool = True) -> Plan:
    """A detector as an ONNX file.

    Args:
        detector: of an RTMDet-Ins config, on the CPU. A whole file keeps its thresholds.
        whole: with suppression and masks, for one image; else the network, for any number.

    Raises:
        ValueError: the model is no RTMDet-Ins.
    """
    if not is_rtmdet_ins(detector.model):
        raise ValueError(
            f"only RTMDet-Ins can be exported, got {type(detector.model).__name__}; mmdeploy "
            "exports other models of mmdet"
        )
    canvas = _padded(detector.canvas)
    width, height = canvas.padded_size
    metadata = {
        "kind": "detector, whole" if whole else "detector, network",
        "input": f"images ({1 if whole else 'B'}, 3, {height}, {width}) float32, levels 0 to 255, "
        f"fitted into {canvas.size} at the top left, padded with pad_value",
        "channels": "bgr",
        "pad_value": canvas.pad_value,
        "boxes": "xyxy, pixels of the input",
    }
    if not whole:
        return Plan(
            DetectorNetwork(detector),
            lambda count: {"images": _photos(canvas, range(count))},
            ["scores", "boxes", "kernels", "points", "features"],
            {"images": [0]},
            metadata,
        )
    names = ("score_thr", "nms_iou_thr", "max_people")
    return Plan(
        WholeDetector(detector),
        lambda count: {"images": _photos(canvas, [count])},
        ["boxes", "scores", "masks"],
        {},
        metadata | {name: getattr(detector, name) for name in names},
    )


def _padded(canvas: Canvas) -> Canvas:
    """With a size to pad to: a file's input has one size."""
    width, height = (math.ceil(side / MULTIPLE) * MULTIPLE for side in canvas.size)
    return canvas._replace(padded_size=canvas.padded_size or (width, height))


def _photos(canvas: Canvas, numbers: Iterable[int]) -> Tensor:
    """Photos of the demo on the canvas, (B, 3, h, w): noise would hold nobody."""
    files = sorted(PHOTOS.glob("*.jpg"))
    photos = [read_image(files[n % len(files)]) for n in numbers]
    return torch.stack([letterbox(photo, canvas).pixels.float() for photo in photos])
