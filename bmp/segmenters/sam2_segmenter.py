"""The loop's segmenter: SAM 2 prompted with joints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.segmenters.build import build_sam2
from bmp.segmenters.decode import decode_grouped, to_model_pixels, upsample_masks
from bmp.segmenters.embeddings import Embeddings, embed_batch, join_embeddings, prepare_image
from bmp.segmenters.prompts import UNUSED, Prompts
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.config import load_config


class SAM2Segmenter:
    """Embeds images once and cuts out the people that prompts point at.

    Args:
        config: a config of ``configs/sam_pose2seg`` (path or loaded); its ``model.sam`` holds the
            numbers of :func:`bmp.segmenters.build.build_sam2`.
        checkpoint: weights with SAM 2's names, loaded strictly; None leaves them random.
        device: where it works.
        bgr_as_rgb: feed BGR where SAM expects RGB, as the published loop does.
        antialias: filter when shrinking the image.
        embed_chunk: images encoded at a time.
        decode_chunk: people decoded at a time.
    """

    def __init__(
        self,
        config: str | Mapping[str, Any],
        checkpoint: str | None = None,
        device: torch.device | str = "cpu",
        *,
        bgr_as_rgb: bool = False,
        antialias: bool = True,
        embed_chunk: int = 4,
        decode_chunk: int = 64,
    ) -> None:
        config = load_config(config) if isinstance(config, str) else config
        self.device = torch.device(device)
        self.bgr_as_rgb = bgr_as_rgb
        self.antialias = antialias
        self.embed_chunk = embed_chunk
        self.decode_chunk = decode_chunk
        self.sam = build_sam2(**config["model"]["sam"])
        if checkpoint is not None:
            load_checkpoint(self.sam, checkpoint)
        self.sam = self.sam.to(self.device).requires_grad_(False)

    @torch.no_grad()
    def embed(self, images: Sequence[np.ndarray]) -> Embeddings:
        """Encode images, in chunks.

        Args:
            images: (H, W, 3) uint8 BGR each, of any sizes.

        Raises:
            TypeError, ValueError: something is no such image, or there is none.
        """
        if not images:
            raise ValueError("embed needs at least one image")
        parts = []
        for start in range(0, len(images), self.embed_chunk):
            chunk = images[start : start + self.embed_chunk]
            batch = torch.stack([self._prepare(image) for image in chunk])
            parts.append(embed_batch(self.sam, batch, [image.shape[:2] for image in chunk]))
        return join_embeddings(parts)

    @torch.no_grad()
    def segment(
        self, embeddings: Embeddings, prompts: Sequence[Prompts]
    ) -> list[tuple[Tensor, Tensor]]:
        """Masks of all prompted people of all images.

        People with equally many points share one decoder call, whichever image they are in.

        Args:
            embeddings: of B images, from :meth:`embed`.
            prompts: one an image.

        Returns:
            For every image its masks (N, H, W) bool and mask_scores (N,); an empty mask and 0 for
            people without any prompt.
        """
        if len(prompts) != len(embeddings):
            raise ValueError(f"{len(prompts)} prompts for {len(embeddings)} images")
        counts = [len(p) for p in prompts]
        coords, labels, image_index = self._flatten(embeddings, prompts)
        logits, scores = decode_grouped(
            self.sam, embeddings, image_index, coords, labels, chunk=self.decode_chunk
        )
        results = []
        split = (prompts, embeddings.image_shapes, logits.split(counts), scores.split(counts))
        for p, shape, own_logits, own_scores in zip(*split, strict=True):
            masks = upsample_masks(own_logits, shape)
            masks &= p.is_prompted.to(masks.device)[:, None, None]
            results.append((masks, own_scores))
        return results

    def _prepare(self, image: np.ndarray) -> Tensor:
        return prepare_image(
            image,
            self.sam.image_size,
            device=self.device,
            bgr_as_rgb=self.bgr_as_rgb,
            antialias=self.antialias,
        )

    def _flatten(
        self, embeddings: Embeddings, prompts: Sequence[Prompts]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """All people as points (N, P, 2) in model pixels, labels (N, P), image indices (N,).

        A box becomes two points before the others, as SAM 2 was trained.
        """
        width = 2 + max(p.point_labels.shape[1] for p in prompts)
        coords, labels = [], []
        for p in prompts:
            corners = torch.where(p.uses_bbox[:, None], p.point_labels.new_tensor([2, 3]), UNUSED)
            padding = width - 2 - p.point_labels.shape[1]
            own = torch.cat([p.bboxes.reshape(-1, 2, 2), p.point_coords], 1)
            coords.append(torch.nn.functional.pad(own, (0, 0, 0, padding)))
            own = torch.cat([corners, p.point_labels], 1)
            labels.append(torch.nn.functional.pad(own, (0, padding), value=UNUSED))
        counts = torch.tensor([len(p) for p in prompts])
        image_index = torch.arange(len(prompts)).repeat_interleave(counts).to(self.device)
        shapes = torch.tensor(embeddings.image_shapes, device=self.device)[image_index]
        points = torch.cat(coords).to(self.device, torch.float32)
        points = to_model_pixels(points, shapes, self.sam.image_size)
        return points, torch.cat(labels).to(self.device), image_index


def build_segmenter(cfg: Mapping[str, Any], device: torch.device | str = "cpu") -> SAM2Segmenter:
    """A segmenter from its config.

    Args:
        cfg: ``config``, ``checkpoint`` and the other arguments of :class:`SAM2Segmenter`; ``type``
            may name the class. The config is a path or the stem of a file in
            ``configs/sam_pose2seg`` or ``configs/demo``, the checkpoint a name or path of
            :func:`bmp.checkpoints.find_checkpoint`.
        device: where it works.
    """
    arguments = dict(cfg)
    kind = arguments.pop("type", "SAM2Segmenter")
    if kind != "SAM2Segmenter":
        raise ValueError(f"unknown segmenter {kind!r}; known: SAM2Segmenter")
    if isinstance(arguments.get("config"), str):
        from bmp.config_files import find_config

        arguments["config"] = str(find_config(arguments["config"], ("sam_pose2seg", "demo")))
    if arguments.get("checkpoint") is not None:
        from bmp.checkpoints import find_checkpoint

        arguments["checkpoint"] = str(find_checkpoint(arguments["checkpoint"]))
    return SAM2Segmenter(**arguments, device=device)
