"""From images to what the mask decoder needs of them, once per image.

Memory kept: an image takes C·(S/16)² + C/4·(S/8)² + C/8·(S/4)² floats (:func:`embedding_bytes`):
16 MiB for SAM 2 at C = 256, S = 1024, and 0.5 MiB for the small model at C = 128, S = 256.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from mmpose.inputs import Image, check_image, upload_image
from mmpose.structures.constants import constant

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Embeddings:
    """Images as the mask decoder sees them.

    Attributes:
        coarse: (B, C, S/16, S/16), attended to by the prompts.
        fine: (B, C/8, S/4, S/4), added when masks are up-sampled.
        middle: (B, C/4, S/8, S/8), likewise.
        image_shapes: (H, W) of every original image.
    """

    coarse: Tensor
    fine: Tensor
    middle: Tensor
    image_shapes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.image_shapes)

    def float(self) -> "Embeddings":
        """The same in float32."""
        maps = (m.float() for m in (self.coarse, self.fine, self.middle))
        return Embeddings(*maps, self.image_shapes)

    def select(self, index: Tensor) -> "Embeddings":
        """The embeddings of images ``index`` (N,), repeats allowed."""
        shapes = tuple(self.image_shapes[i] for i in index.tolist())
        return Embeddings(self.coarse[index], self.fine[index], self.middle[index], shapes)


def embedding_bytes(sam: SAM2Base) -> int:
    """Memory that the float32 embedding of an image takes."""
    coarse = sam.hidden_dim * (sam.image_size // 16) ** 2
    return 4 * (coarse + coarse + 2 * coarse)  # a quarter and an eighth of C at 4 and 16 times n


def prepare_image(
    image: Image,
    image_size: int,
    *,
    device: torch.device | str = "cpu",
    bgr_as_rgb: bool = False,
    antialias: bool = True,
    mean: tuple[float, float, float] = IMAGENET_MEAN,
    std: tuple[float, float, float] = IMAGENET_STD,
) -> Tensor:
    """An image as SAM 2 was trained to see it: square, RGB, normalised.

    Args:
        image: (H, W, 3) uint8 BGR.
        image_size: S.
        device: where to compute.
        bgr_as_rgb: leave the channels in place, as the published loop does.
        antialias: filter when shrinking; torchvision before 0.17 did not.
        mean: of the training, RGB in [0, 1].
        std: likewise.

    Returns:
        (3, S, S) float32; the aspect ratio is not kept.
    """
    planes = upload_image(check_image(image), torch.device(device)).permute(2, 0, 1)
    # stretched, not padded: SAM 2 was trained on squares that ignore the aspect ratio
    square = F.interpolate(
        planes[None].float() / 255,
        (image_size, image_size),
        mode="bilinear",
        align_corners=False,
        antialias=antialias,
    )[0]
    # SAM 2 was trained on RGB; the published loop gives it BGR
    square = square if bgr_as_rgb else square.flip(0)
    means, stds = (constant(v, square.device)[:, None, None] for v in (mean, std))
    return (square - means) / stds


def embed_batch(
    sam: SAM2Base, batch: Tensor, image_shapes: Sequence[tuple[int, int]]
) -> Embeddings:
    """Encode a batch; gradients flow where parameters ask for them.

    Args:
        sam: the model.
        batch: (B, 3, S, S) normalised.
        image_shapes: (H, W) of the originals.
    """
    return finish_embeddings(sam, encode_images(sam, batch), image_shapes)


def encode_images(sam: SAM2Base, batch: Tensor) -> list[Tensor]:
    """The image encoder alone: (B, C, S/4, S/4), (B, C, S/8, S/8) and (B, C, S/16, S/16)."""
    return sam.image_encoder(batch)["backbone_fpn"]


def finish_embeddings(
    sam: SAM2Base, maps: Sequence[Tensor], image_shapes: Sequence[tuple[int, int]]
) -> Embeddings:
    """What follows the encoder and learns with the decoder.

    Args:
        sam: the model.
        maps: of :func:`encode_images`.
        image_shapes: (H, W) of the originals.
    """
    fine, middle, coarse = maps
    decoder = sam.sam_mask_decoder
    # To SAM 2 an image is a video's first frame; this embedding stands for its missing memories.
    # conv_s0 and conv_s1 belong to the decoder and learn with it, so a cache of a frozen encoder
    # ends before them.
    coarse = coarse + sam.no_mem_embed.reshape(1, -1, 1, 1)
    return Embeddings(coarse, decoder.conv_s0(fine), decoder.conv_s1(middle), tuple(image_shapes))


def join_embeddings(parts: Sequence[Embeddings]) -> Embeddings:
    """Embeddings of several batches as one."""
    return Embeddings(
        torch.cat([part.coarse for part in parts]),
        torch.cat([part.fine for part in parts]),
        torch.cat([part.middle for part in parts]),
        tuple(shape for part in parts for shape in part.image_shapes),
    )
