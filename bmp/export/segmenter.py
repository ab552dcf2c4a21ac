"""A segmenter as two ONNX files: the encoder of images, and the decoder of people's prompts."""

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from bmp.export.writing import Plan, smooth_noise
from bmp.segmenters.embeddings import IMAGENET_MEAN, IMAGENET_STD, Embeddings, embed_batch
from bmp.segmenters.prompt_encoding import encode_prompts
from bmp.segmenters.prompts import UNUSED
from bmp.segmenters.shared_decoder import (
    Tokens,
    channels_last,
    decode_one_image,
    share_image,
)


class EncoderNetwork(nn.Module):
    """Square images as what the decoder needs of them."""

    def __init__(self, sam: SAM2Base) -> None:
        super().__init__()
        self.sam = sam

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images (B, 3, S, S), normalised RGB, as maps of 1/16, 1/4 and 1/8 of S."""
        embeddings = embed_batch(self.sam, images, ())
        return embeddings.coarse, embeddings.fine, embeddings.middle


class DecoderNetwork(nn.Module):
    """Masks of N people of one image, each with up to P points and a mask prompt or none."""

    def __init__(self, sam: SAM2Base) -> None:
        super().__init__()
        self.sam = sam

    def forward(
        self,
        coarse: Tensor,
        fine: Tensor,
        middle: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_logits: Tensor,
        uses_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Masks (N, S/4, S/4) as logits and their scores (N,); zeros where nothing is shown.

        Args:
            coarse: (1, C, S/16, S/16) of the encoder.
            fine: (1, C/8, S/4, S/4) of the encoder.
            middle: (1, C/4, S/8, S/8) of the encoder.
            point_coords: (N, P, 2) pixels of the S × S image, P at least 1.
            point_labels: (N, P) 1 inside, 0 outside, 2 and 3 corners of a box (before the
                others), -1 where a slot is unused.
            mask_logits: (N, S/4, S/4) earlier masks to improve on.
            uses_mask: (N,) bool, whose row of ``mask_logits`` counts.
        """
        sam, has_point = self.sam, point_labels != UNUSED
        sparse, dense = encode_prompts(sam, point_coords, point_labels, mask_logits, uses_mask)
        # SAM adds an empty token behind the points; unused slots must not be seen
        used = torch.cat([has_point, has_point.any(1, keepdim=True)], 1)
        pe, no_mask = sam.sam_prompt_encoder.get_dense_pe(), sam.sam_prompt_encoder.no_mask_embed
        image = share_image(
            sam.sam_mask_decoder,
            Embeddings(coarse, fine, middle, ((sam.image_size,) * 2,)),
            0,
            pe,
            no_mask.weight,
        )
        offset = channels_last(dense) - no_mask.weight
        masks = decode_one_image(sam.sam_mask_decoder, image, Tokens(sparse, used), offset)
        nobody = ~(has_point.any(1) | uses_mask)
        logits = masks.mask_logits[:, 0].masked_fill(nobody[:, None, None], 0)
        return logits, masks.mask_scores[:, 0].masked_fill(nobody, 0)


def plan_encoder(sam: SAM2Base) -> Plan:
    """The image encoder, for any number of images.

    Args:
        sam: the model, on the CPU.
    """
    size = sam.image_size
    return Plan(
        EncoderNetwork(sam.eval()),
        lambda count: {"images": smooth_noise(count, 3, size, size)},
        ["coarse", "fine", "middle"],
        {"images": [0]},
        {
            "kind": "segmenter, encoder",
            "input": f"images (B, 3, {size}, {size}) float32, stretched to a square, "
            "(level / 255 - mean) / std",
            "channels": "rgb",
            "mean": IMAGENET_MEAN,
            "std": IMAGENET_STD,
        },
    )


def plan_decoder(sam: SAM2Base) -> Plan:
    """The decoder, for any number of people and points.

    Args:
        sam: the model, on the CPU.
    """
    size = sam.image_size

    @torch.no_grad()
    def make_inputs(count: int) -> dict[str, Tensor]:
        embeddings = embed_batch(sam, smooth_noise(1, 3, size, size), ())
        places = torch.arange(count * (count + 1) * 2).reshape(count, count + 1, 2)
        labels = (places[..., 0] // 2) % 3 - 1  # unused, outside, inside
        return {
            "coarse": embeddings.coarse,
            "fine": embeddings.fine,
            "middle": embeddings.middle,
            "point_coords": (places * 37 % size).float(),
            "point_labels": labels,
            "mask_logits": 5 * smooth_noise(1, count, size // 4, size // 4)[0],
            "uses_mask": torch.arange(count) % 2 == 0,
        }

    free_axes = {"point_coords": [0, 1], "point_labels": [0, 1]}
    free_axes |= {"mask_logits": [0], "uses_mask": [0]}
    return Plan(
        DecoderNetwork(sam.eval()),
        make_inputs,
        ["masks", "mask_scores"],
        free_axes,
        {
            "kind": "segmenter, decoder",
            "input": "coarse, fine, middle of the encoder for one image; point_coords (N, P, 2) "
            f"pixels of the {size} x {size} image; point_labels (N, P) 1 inside, 0 outside, 2 and "
            "3 corners of a box, -1 unused; mask_logits and uses_mask of earlier masks",
            "output": f"masks (N, {size // 4}, {size // 4}) logits, mask_scores (N,)",
        },
    )
