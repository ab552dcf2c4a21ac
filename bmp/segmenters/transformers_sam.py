"""SAM 2 and SAM 3's tracker of Hugging Face transformers as segmenters of the loop.

People with equally many clicks share a call: transformers fills up the others with clicks that
change their masks. Points are pixels of the square image; a box is two points of its own there.
SAM 3 was trained on pixels from -1 to 1, SAM 2 on ImageNet's mean and deviation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.environment import import_transformers
from bmp.segmenters.batched_decoding import to_model_pixels, upsample_masks
from bmp.segmenters.embeddings import IMAGENET_MEAN, IMAGENET_STD, prepare_image
from bmp.segmenters.prompts import UNUSED, Prompts

HALF = (0.5, 0.5, 0.5)


class TransformersSegmenter:
    """Embeds images and cuts out people with a ``Sam2Model`` or ``Sam3TrackerModel``.

    Args:
        folder: what ``save_pretrained`` wrote.
        device: where it works.
        model: a ready model, taken instead.
        chunk: people decoded at a time.

    Raises:
        ImportError: transformers is not installed.
        ValueError: neither folder nor model is given.
    """

    def __init__(
        self,
        folder: str | None = None,
        device: torch.device | str = "cpu",
        *,
        model: Any = None,
        chunk: int = 16,
    ) -> None:
        transformers = import_transformers("a segmenter of transformers", folder, model)
        if model is None:
            kind = transformers.AutoConfig.from_pretrained(folder).model_type
            name = "Sam3TrackerModel" if kind.startswith("sam3") else "Sam2Model"
            model = getattr(transformers, name).from_pretrained(folder)
        self.device = torch.device(device)
        self.model = model.to(self.device).eval().requires_grad_(False)
        self.image_size = int(model.config.prompt_encoder_config.image_size)
        is_sam3 = model.config.model_type.startswith("sam3")
        self.mean, self.std = (HALF, HALF) if is_sam3 else (IMAGENET_MEAN, IMAGENET_STD)
        self.chunk = chunk

    @torch.no_grad()
    def embed(self, images: Sequence[np.ndarray]) -> list[tuple[list[Tensor], tuple[int, int]]]:
        """For each image its embeddings, and its (H, W)."""
        embeddings = []
        for image in images:  # one by one: an embedding is kept for all turns
            batch = prepare_image(
                image, self.image_size, device=self.device, mean=self.mean, std=self.std
            )
            embeddings.append((self.model.get_image_embeddings(batch[None]), image.shape[:2]))
        return embeddings

    @torch.no_grad()
    def segment(
        self, embeddings: list[tuple[list[Tensor], tuple[int, int]]], prompts: Sequence[Prompts]
    ) -> list[tuple[Tensor, Tensor]]:
        """Masks (N, H, W) and their estimated IoU (N,) for every image.

        People without any prompt have an empty mask and a score of 0.

        Raises:
            ValueError: masks are among the prompts.
        """
        if any(p.mask_logits is not None for p in prompts):
            raise ValueError(
                "transformers takes one mask an image as a prompt, not one a person: give clicks "
                "and boxes alone, or take SAM2Segmenter"
            )
        return [
            self._segment_one(embedding, shape, p)
            for (embedding, shape), p in zip(embeddings, prompts, strict=True)
        ]

    def _segment_one(
        self, embedding: list[Tensor], shape: tuple[int, int], prompts: Prompts
    ) -> tuple[Any, Tensor]:
        count = len(prompts.point_coords)
        cells = embedding[0].shape[-2:]  # masks have the size of the finest map
        # below 0, so that whom nobody is asked for has an empty mask
        logits = torch.full((count, *cells), -1.0, device=self.device)
        scores = torch.zeros(count, device=self.device)
        shapes = torch.tensor([shape], device=self.device).float()
        points = to_model_pixels(prompts.point_coords.to(self.device), shapes, self.image_size)
        boxes = to_model_pixels(
            prompts.bboxes.to(self.device).view(-1, 2, 2), shapes, self.image_size
        ).view(-1, 4)
        labels, with_box = prompts.point_labels.to(self.device), prompts.uses_bbox.to(self.device)
        kinds = (labels != UNUSED).sum(1) * 2 + with_box  # equal ones share a call
        for kind in kinds.unique().tolist():
            if kind == 0:
                continue
            # the decoder copies the image's map for each of them, so memory bounds their number
            for rows in (kinds == kind).nonzero()[:, 0].split(self.chunk):
                answer = self._decode(embedding, points, labels, boxes, rows, kind)
                # of one image, one mask a person; a model of 16 bits answers in these
                logits[rows] = answer.pred_masks[0, :, 0].float()
                scores[rows] = answer.iou_scores[0, :, 0].float()
        return upsample_masks(logits, shape), scores

    def _decode(
        self,
        embedding: list[Tensor],
        points: Tensor,
        labels: Tensor,
        boxes: Tensor,
        rows: Tensor,
        kind: int,
    ) -> Any:
        num_points, uses_box = divmod(kind, 2)
        prompts: dict[str, Tensor] = {}
        if num_points:
            used = labels[rows] != UNUSED
            prompts["input_points"] = points[rows][used].view(1, len(rows), num_points, 2)
            prompts["input_labels"] = labels[rows][used].view(1, len(rows), num_points)
        if uses_box:
            prompts["input_boxes"] = boxes[rows][None]
        # not three masks: those are for one click that may mean a part, and here a person is meant
        return self.model(image_embeddings=embedding, multimask_output=False, **prompts)
