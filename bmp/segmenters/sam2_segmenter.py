"""The loop's segmenter: SAM 2 prompted with joints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sam2.modeling.sam2_utils import MLP
from torch import Tensor, nn

from bmp.backends import check_backend, compile_network, run_with_openvino
from bmp.interfaces import Segmenter
from bmp.locations import find_checkpoint, find_config
from bmp.precision import network_precision
from bmp.segmenters.batched_decoding import decode_prompts, upsample_masks
from bmp.segmenters.clean_up import clean_up
from bmp.segmenters.embeddings import (
    Embeddings,
    embed_batch,
    embedding_bytes,
    join_embeddings,
    prepare_image,
)
from bmp.segmenters.prompts import Prompts
from bmp.segmenters.sam2_model import build_sam2
from bmp.segmenters.transformers_sam import TransformersSegmenter
from mmpose.apis.model import read_dtype
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.config import load_config
from mmpose.engine.memory import run_in_chunks
from mmpose.engine.packed_linear import is_exact_gelu, pack_linears
from mmpose.inputs import Image
from mmpose.structures.packed_masks import PackedMasks


class SAM2Segmenter:
    """Embeds images once and cuts out the people that prompts point at.

    Args:
        config: a config of ``configs/sam_pose2seg`` (path or loaded); its ``model.sam`` holds the
            numbers of :func:`bmp.segmenters.sam2_model.build_sam2`.
        checkpoint: weights with SAM 2's names, loaded strictly; None leaves them random.
        device: where it works.
        bgr_as_rgb: feed BGR where SAM expects RGB, as the published loop does.
        antialias: filter when shrinking the image.
        embed_chunk: images encoded at a time.
        decode_chunk: people decoded at a time; None: as many as suit the device.
        max_hole_area: holes up to so many pixels of the S/4 × S/4 mask are filled, 0: none. The
            published loop asks for 10 here and 50 below but, without its extension, does neither.
        max_sprinkle_area: specks up to so many pixels of it are dropped, 0: none.
        max_embedding_bytes: memory that the embeddings of one :meth:`embed` may take.
        dtype: ``fp32`` or ``bf16``, in which the network's matrix products run.
        compile: translate the image encoder with ``torch.compile`` when it first runs; a text
            names its backend.
        backend: ``torch``, or ``openvino`` on a CPU for the image encoder
            (:func:`bmp.backends.run_with_openvino`).

    Raises:
        FileNotFoundError: there is no such config or checkpoint.
        ValueError: the config is of no segmenter, the weights do not fit it, a chunk is below 1,
            or the backend cannot work here (:func:`bmp.backends.check_backend`).
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
        decode_chunk: int | None = None,
        max_hole_area: float = 0.0,
        max_sprinkle_area: float = 0.0,
        max_embedding_bytes: int = 2**31,  # 128 images of SAM 2 at 1024 px
        dtype: str | torch.dtype = "fp32",
        compile: bool | str = False,
        backend: str = "torch",
    ) -> None:
        model = (load_config(config) if isinstance(config, str) else config).get("model", {})
        if "sam" not in model:
            raise ValueError(
                f"the segmenter's config needs model.sam, it has {sorted(model)} in model; "
                "configs/sam_pose2seg holds configs of segmenters"
            )
        if embed_chunk < 1 or (decode_chunk is not None and decode_chunk < 1):
            raise ValueError(
                f"embed_chunk and decode_chunk must be at least 1, got {embed_chunk} and "
                f"{decode_chunk}"
            )
        check_backend(backend, device, compile=compile)
        self.device = torch.device(device)
        self.bgr_as_rgb = bgr_as_rgb
        self.antialias = antialias
        self.embed_chunk = embed_chunk
        self.decode_chunk = decode_chunk
        self.max_hole_area = max_hole_area
        self.max_sprinkle_area = max_sprinkle_area
        self.max_embedding_bytes = max_embedding_bytes
        self.sam = build_sam2(**model["sam"])
        if checkpoint is not None:
            load_checkpoint(self.sam, checkpoint)
        # inference alone: training has PoseSAM, which builds a SAM 2 of its own
        self.sam = self.sam.to(self.device).requires_grad_(False)
        _pack_encoder(self.sam.image_encoder)
        self.precision = network_precision(self.device, dtype)
        if read_dtype(dtype) != torch.float32:  # see `lower_precision`
            self.sam.image_encoder.to(memory_format=torch.channels_last)
        compile_network(self.sam.image_encoder, compile)
        if backend == "openvino":
            maps = "backbone_fpn"  # codes of positions, which it gives too, are unused here
            encoder = self.sam.image_encoder.eval()
            run_with_openvino(encoder, dtype, lambda answer: {maps: answer[maps]})

    works_on_device = True

    @property
    def max_images(self) -> int:
        """How many images fit into ``max_embedding_bytes``."""
        return self.max_embedding_bytes // embedding_bytes(self.sam)

    @torch.no_grad()
    def embed(self, images: Sequence[Image]) -> Embeddings:
        """Encode images, in chunks; the caller keeps them as long as it needs them.

        Args:
            images: (H, W, 3) uint8 BGR each, of any sizes; at most ``max_images``.

        Raises:
            TypeError, ValueError: something is no such image, there is none, or too many.
        """
        # one image is a sequence too, of its rows, and would fail with a puzzling message
        if isinstance(images, np.ndarray | Tensor):
            raise TypeError(f"embed takes a list of images, got an array of {tuple(images.shape)}")
        if not images:
            raise ValueError("embed needs at least one image")
        # the caller holds all embeddings until the last turn: refuse before memory runs out
        if len(images) > self.max_images:
            raise ValueError(
                f"the embeddings of {len(images)} images take "
                f"{len(images) * embedding_bytes(self.sam) / 2**20:.0f} MiB, more than "
                f"max_embedding_bytes, {self.max_embedding_bytes / 2**20:.0f} MiB: give at most "
                f"{self.max_images} images at a time, or allow more"
            )

        # the encoder's inner maps take more memory than what is kept of them, hence chunks
        def embed(part: slice) -> Embeddings:
            batch = torch.stack([self._prepare(image) for image in images[part]])
            shapes = [tuple(image.shape[:2]) for image in images[part]]
            with self.precision():
                return embed_batch(self.sam, batch, shapes).float()

        what = "images in the segmenter"
        return join_embeddings(run_in_chunks(embed, len(images), self.embed_chunk, what, self))

    def segment(
        self, embeddings: Embeddings, prompts: Sequence[Prompts]
    ) -> list[tuple[PackedMasks, Tensor]]:
        """Masks of all prompted people of all images.

        Args:
            embeddings: of B images, from :meth:`embed`.
            prompts: one per image.

        Returns:
            For every image its masks (N, H, W) as bits and mask_scores (N,); an empty mask and 0
            for people without any prompt.
        """
        answers = []  # one image after the other, as they differ in size
        for shape, p, (logits, scores) in zip(
            embeddings.image_shapes, prompts, self.decode(embeddings, prompts), strict=True
        ):
            # before enlarging, as in SAM 2's predictor: the areas count pixels of the S/4 mask
            logits = clean_up(
                logits,
                max_hole_area=self.max_hole_area,
                max_sprinkle_area=self.max_sprinkle_area,
            )
            # The published loop lets SAM draw an arbitrary mask for an empty prompt. Here it
            # stays empty, also where clean_up takes all of it for a hole.
            nobody = ~p.is_prompted.to(logits.device)
            logits = logits.masked_fill(nobody[:, None, None], -1.0)
            answers.append((upsample_masks(logits, shape), scores))
        return answers

    def decode(
        self, embeddings: Embeddings, prompts: Sequence[Prompts]
    ) -> list[tuple[Tensor, Tensor]]:
        """As :meth:`segment`, but small masks of logits, which may serve as prompts again.

        Returns:
            For every image the logits (N, S/4, S/4) and mask_scores (N,); zeros for people
            without any prompt.
        """
        with self.precision():
            return decode_prompts(self.sam, embeddings, prompts, chunk=self.decode_chunk)

    def _prepare(self, image: Image) -> Tensor:
        return prepare_image(
            image,
            self.sam.image_size,
            device=self.device,
            bgr_as_rgb=self.bgr_as_rgb,
            antialias=self.antialias,
        )


def _pack_encoder(encoder: nn.Module) -> None:
    """Faster linear layers on a CPU, with the GELU that sam2's ``MLP`` puts behind all but one."""
    pack_linears(encoder)
    for module in encoder.modules():
        if isinstance(module, MLP) and is_exact_gelu(module.act):
            for layer in module.layers[:-1]:
                layer.has_gelu = True
            module.act = nn.Identity()


def build_segmenter(cfg: Mapping[str, Any], device: torch.device | str = "cpu") -> Segmenter:
    """A segmenter from its config.

    Args:
        cfg: ``config``, ``checkpoint`` and the other arguments of :class:`SAM2Segmenter`. The
            config is a path or the stem of a file in ``configs/sam_pose2seg`` or
            ``configs/demo``, the checkpoint a name or path of
            :func:`bmp.locations.find_checkpoint`. Or ``type="TransformersSegmenter"`` and its
            ``folder``.
        device: where it works.
    """
    arguments = dict(cfg)  # a copy: the loop keeps its settings as they were given
    kind = arguments.pop("type", "SAM2Segmenter")
    if kind == "TransformersSegmenter":
        return TransformersSegmenter(**arguments, device=device)
    if kind != "SAM2Segmenter":
        raise ValueError(f"unknown segmenter {kind!r}; known: SAM2Segmenter, TransformersSegmenter")
    if isinstance(arguments.get("config"), str):
        arguments["config"] = str(find_config(arguments["config"], ("sam_pose2seg", "demo")))
    if arguments.get("checkpoint") is not None:
        arguments["checkpoint"] = str(find_checkpoint(arguments["checkpoint"]))
    return SAM2Segmenter(**arguments, device=device)
