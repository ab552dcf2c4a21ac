"""The door: images in, people out."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.detectors.given_boxes import GivenBoxes
from bmp.environment import pick_device
from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.locations import find_config
from bmp.loop import run_loop
from bmp.loop.build import build_parts, set_networks
from bmp.loop.failures import MOST_FAILURES, describe_failure, run_each, stage
from bmp.loop.frames import Frames, works_on_device
from bmp.pmpose import PMPose
from bmp.pose import TopdownPose
from bmp.results import BMPResult, failed_result, make_result
from bmp.streams import check_frames, results_alone, stream_results
from bmp.structures import People
from bmp.visualization import draw_people
from mmpose.engine.config import load_config
from mmpose.files import write_image
from mmpose.inputs import image_array, read_image

logger = logging.getLogger(__name__)

Image = str | os.PathLike | np.ndarray | Tensor


class BBoxMaskPose:
    """Detects, poses and segments people, and looks again behind those it found.

    Args:
        config: name of a preset in ``configs/bmp`` or ``configs/demo``, in any case
            (``bmp_v2``, ``BMP_D3``, ``bmp_demo``), or path of a config.
        device: where it works; None: the GPU if there is one.
        config_path: path of a config, taken instead of ``config``.
        pose_model: a :class:`bmp.pmpose.PMPose` or any pose model, instead of the config's.
        pretrained_id: published argument without effect; refused when given.
        n_kpts_to_work_with: published argument; only 17 is possible.
        cfg_options: changes to the config, as ``--cfg-options`` of the tools takes them: dotted
            keys to values, ``{"loop.num_iters": 3, "detector.score_thr": 0.2}``.
        detector: any detector, instead of the config's.
        segmenter: any segmenter, instead of the config's.
        batch_size: images that go through the loop together; bounds the memory.
        dtype: ``fp32`` or ``bf16``, for the products of the networks of the config, those apart
            that ``cfg_options`` names, such as ``detector.dtype``; None: as the config says.
        backend: likewise, ``torch`` or ``openvino`` (:mod:`bmp.backends`).

    Raises:
        FileNotFoundError: no such config, or weights that are not here and cannot be fetched.
        ValueError: the device is not there, a key of the config is unknown, ``batch_size`` is
            below 1, or no part of the config, or one that cannot, is to take dtype and backend.
    """

    def __init__(
        self,
        config: str = "bmp_v2",
        device: torch.device | str | None = None,
        config_path: str | os.PathLike | None = None,
        pose_model: PMPose | PoseModel | None = None,
        pretrained_id: str | None = None,
        n_kpts_to_work_with: int = 17,
        *,
        cfg_options: dict[str, Any] | None = None,
        detector: Detector | None = None,
        segmenter: Segmenter | None = None,
        batch_size: int = 8,
        dtype: str | None = None,
        backend: str | None = None,
    ) -> None:
        # published arguments: there the first did nothing, and the second warned and did nothing
        if pretrained_id is not None:
            raise ValueError("pretrained_id has no effect; name the weights in the config")
        if n_kpts_to_work_with != 17:
            raise ValueError(f"the loop works with 17 joints, not {n_kpts_to_work_with}")
        # first: a device that is not there must not cost the loading of weights
        self.device = pick_device(device)
        self.batch_size = _whole_batch(batch_size)
        self.config = load_config(find_config(config_path or config), cfg_options)
        networks = {k: v for k, v in (("dtype", dtype), ("backend", backend)) if v is not None}
        ready = {"detector": detector, "pose_model": pose_model, "segmenter": segmenter}
        if networks:
            set_networks(self.config.get("model", {}), networks, ready, cfg_options or {})
        # published scripts hand in a PMPose, which has no `estimate`; the network in it has
        if isinstance(pose_model, PMPose):
            pose_model = pose_model.as_part(**networks)
        self.parts = build_parts(
            # a config of something else: build_parts says what it lacks, a KeyError would not
            self.config.get("model", {}),
            self.device,
            detector=detector,
            pose_model=pose_model,
            segmenter=segmenter,
        )

    def predict(
        self,
        image: Image | Sequence[Image],
        bboxes: Any = None,
        return_intermediates: bool = False,
        return_probmaps: bool = False,
    ) -> BMPResult | list[BMPResult]:
        """Find the people of one image or of a list of images.

        Args:
            image: a path or a (H, W, 3) uint8 BGR array or tensor, or a list of them.
            bboxes: (N, 4) xyxy, people to start from instead of the first detection; later
                turns still look for others. With a list of images, a list (None: detect).
            return_intermediates: hand out what every turn did.
            return_probmaps: hand out the heatmaps of the joints.

        Returns:
            A result, or a list of them. In a list, an image that cannot be read is reported and
            gives an empty result with ``error``; so does one in which a stage fails.

        Raises:
            ValueError: the one image cannot be read, or boxes have a wrong shape.
            Exception: that of a stage that fails in all images, or in the first 16.
        """
        options = {"intermediates": return_intermediates, "probmaps": return_probmaps}
        # an array is always one image: a stack (B, H, W, 3) is refused, not guessed at
        if not isinstance(image, list | tuple):
            return self._predict([read_image(image)], [bboxes], **options)[0]
        bboxes = [None] * len(image) if bboxes is None else bboxes
        if len(bboxes) != len(image):
            raise ValueError(
                f"{len(image)} images need {len(image)} entries in bboxes (None: "
                f"detect), got {len(bboxes)}"
            )
        answers: list[BMPResult | Exception] = []
        # images of a batch pass each part of the loop together, so memory grows with it
        for start in range(0, len(image), self.batch_size):
            end = start + self.batch_size
            answers += self._predict_batch(image[start:end], bboxes[start:end], options)
            failed = [answer for answer in answers if isinstance(answer, Exception)]
            # no fault of the images; where some are done, an error would lose them
            if failed and len(failed) == len(answers) >= min(MOST_FAILURES, len(image)):
                raise failed[0]
        results = [
            failed_result(describe_failure(a)) if isinstance(a, Exception) else a for a in answers
        ]
        num_failed = sum(result.error is not None for result in results)
        if num_failed:
            logger.warning("%d of %d images failed", num_failed, len(results))
        return results

    def stream(
        self,
        frames: Iterable[Image],
        batch_size: int | None = None,
        return_intermediates: bool = False,
        return_probmaps: bool = False,
        return_frames: bool = False,
    ) -> Iterator[BMPResult] | Iterator[tuple[Any, BMPResult]]:
        """Find the people of frames that come one after the other, in their order.

        A thread reads frames and sends them to the GPU while those before are worked on; two
        batches at most wait. It ends with the frames, or when the caller stops.

        Args:
            frames: any iterable of paths, arrays and tensors as in :meth:`predict`; each frame
                must have memory of its own, as it is read ahead.
            batch_size: frames that go through the loop together; None: as of this object. 1
                answers soonest.
            return_intermediates: hand out what every turn did.
            return_probmaps: hand out the heatmaps of the joints.
            return_frames: hand out pairs of frame, as it was read (None: it was not), and result.

        Returns:
            A generator of results. A frame that cannot be read, or on which a stage fails, gives
            an empty result with ``error``.

        Raises:
            TypeError: ``frames`` is one image, or a path.
            ValueError: ``batch_size`` is below 1, or the pose model gives no heatmaps.
            Exception: that of ``frames``; that of a stage when 16 frames in a row fail in one.
        """
        check_frames(frames)
        batch_size = self.batch_size if batch_size is None else _whole_batch(batch_size)
        self._pose_model(return_probmaps)  # a mistake in the call is no fault of a frame
        options = {"intermediates": return_intermediates, "probmaps": return_probmaps}

        def find(images: Sequence[np.ndarray | Tensor]) -> list[BMPResult]:
            return self._predict(images, [None] * len(images), **options)

        parts = (self.parts.detector, self.parts.pose_model, self.parts.segmenter)
        # parts that take arrays alone would have to copy the frames back
        sends = self.device.type == "cuda" and any(works_on_device(part) for part in parts)
        device = self.device if sends else None
        pairs = stream_results(frames, find, batch_size=batch_size, device=device)
        return pairs if return_frames else results_alone(pairs)

    def _predict_batch(
        self, images: Sequence[Image], bboxes: Sequence[Any], options: dict[str, bool]
    ) -> list[BMPResult | Exception]:
        """Results of some images, or the errors of their stages; all that fails is reported."""
        read: dict[int, np.ndarray | Tensor] = {}
        results: list[BMPResult | Exception | None] = [None] * len(images)
        for n, image in enumerate(images):
            # one broken file must not end a run over thousands
            try:
                read[n] = read_image(image)
            # damaged files, arrays of a wrong shape, and None, which cv2.imread gives of both
            except (ValueError, TypeError) as error:
                logger.warning("%s", error)
                results[n] = failed_result(str(error))
        numbers = list(read)

        def run(chosen: Sequence[int]) -> list[BMPResult]:
            some = [numbers[k] for k in chosen]
            return self._predict([read[n] for n in some], [bboxes[n] for n in some], **options)

        for n, result in zip(numbers, run_each(run, len(numbers)), strict=True):
            if isinstance(result, Exception):
                logger.warning("image %d of its batch failed: %s", n + 1, describe_failure(result))
            results[n] = result
        return results

    def _predict(
        self,
        images: Sequence[np.ndarray | Tensor],
        bboxes: Sequence[Any],
        *,
        intermediates: bool,
        probmaps: bool,
    ) -> list[BMPResult]:
        parts = self.parts
        pose_model, heatmap_shape = self._pose_model(probmaps)
        results = run_loop(
            images,
            parts.detector,
            pose_model,
            parts.segmenter,
            parts.settings,
            given=self._given(images, bboxes),
            keep_intermediates=intermediates,
        )
        return [
            make_result(result, intermediates=intermediates, heatmap_shape=heatmap_shape)
            for result in results
        ]

    def _pose_model(self, probmaps: bool) -> tuple[PoseModel, tuple[int, int] | None]:
        """The pose model, and the shape of the heatmaps it hands out if it is to."""
        pose_model = self.parts.pose_model
        if not probmaps:
            return pose_model, None
        # maps are no part of the PoseModel interface: other models need not have any
        if not isinstance(pose_model, TopdownPose):
            raise ValueError(f"{type(pose_model).__name__} gives no heatmaps")
        # a copy: switched on in place, an error would leave it on for later calls; the shape is
        # asked of the model: where nobody is found there is no map to read it from
        return replace(pose_model, return_heatmaps=True), pose_model.heatmap_shape

    def _given(self, images: Sequence[np.ndarray], bboxes: Sequence[Any]) -> list[People] | None:
        """Records of the user's boxes; images without are detected here."""
        # without any the loop itself detects, on the device of the detector
        if all(entry is None for entry in bboxes):
            return None
        boxes = GivenBoxes(bboxes, otherwise=self.parts.detector, device=self.device)
        detector = self.parts.detector
        # tensors are for detectors that work on a device; others take arrays alone
        shown = images if works_on_device(detector) else Frames(images).of(detector)
        with stage("detect", 0):
            return boxes.detect(shown)

    def visualize(
        self,
        image: Image,
        result: BMPResult,
        save_path: str | os.PathLike | None = None,
        vis_type: str = "pose",
    ) -> np.ndarray:
        """Draw a result.

        Args:
            image: the image it is of.
            result: from :meth:`predict`.
            save_path: where to write the drawing, if anywhere.
            vis_type: ``pose``, ``mask`` or ``all``.

        Returns:
            (H, W, 3) uint8 BGR.
        """
        # published, any word but "mask" drew poses, so that a misspelt one went unnoticed
        if vis_type not in ("pose", "mask", "all"):
            raise ValueError(f"vis_type must be 'pose', 'mask' or 'all', got {vis_type!r}")
        shows_masks, shows_poses = vis_type != "pose", vis_type != "mask"
        drawn = draw_people(
            image_array(read_image(image)),
            result,
            masks=shows_masks,
            boxes=shows_masks,
            poses=shows_poses,
            ids=shows_masks,
        )
        if save_path is not None:
            write_image(save_path, drawn)
        return drawn


def _whole_batch(batch_size: int) -> int:
    """A number of images that go through the loop together."""
    # 2.5 would never be reached, and all images would be one batch
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}: a number of images")
    return batch_size
