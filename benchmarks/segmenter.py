"""From prompts to logits and full-size masks: all people together against one call a person.

The baseline is the published way: for each person sam2's own prompt encoder and mask decoder, the
mask enlarged as floats, thresholded and copied to numpy. Images are embedded once in both; the
second table counts the calls of the image encoder in a loop of two turns. Weights are random (the
shipped ones for the small model): they change no time.
"""

import argparse
from functools import partial

import numpy as np
import torch
from reporting import print_table, seconds_per_call
from torch.nn import functional as F

from bmp.loop import LoopSettings, run_loop
from bmp.segmenters import PromptSettings, SAM2Segmenter, make_prompts
from bmp.segmenters.keypoint_selection import METHODS
from bmp.segmenters.prompts import UNUSED
from bmp.structures import empty_people, make_people, with_fields

SHAPE = (480, 640)
MODELS = {
    "small": "configs/demo/sam-pose2seg_lite0_synthcrowd-256x256.py",
    "tiny": "configs/sam_pose2seg/sam2.1_hiera-t_sa-v-1024x1024.py",
}


def random_people(count: int) -> object:
    """People with random joints all over the image."""
    generator = torch.Generator().manual_seed(0)
    size = torch.tensor([SHAPE[1], SHAPE[0]])
    keypoints = torch.rand(count, 17, 2, generator=generator) * size
    scores, visibility = torch.rand(2, count, 17, generator=generator)
    scores[:, 0] = visibility[:, 0] = 1  # somebody to show
    corners = keypoints.amin(1), keypoints.amax(1)
    return make_people(
        torch.cat(corners, 1), keypoints=keypoints, keypoint_scores=scores, visibility=visibility
    )


@torch.no_grad()
def one_call_a_person(sam, embeddings, prompts, *, enlarge: bool) -> list[np.ndarray]:
    """Masks (or their small logits) in the published way."""
    masks = []
    scale = torch.tensor([sam.image_size / SHAPE[1], sam.image_size / SHAPE[0]])
    for coords, labels in zip(prompts.point_coords, prompts.point_labels, strict=True):
        used = labels != UNUSED
        sparse, dense = sam.sam_prompt_encoder(
            points=((coords[used] * scale)[None], labels[used][None].int()), boxes=None, masks=None
        )
        logits, _, _, _ = sam.sam_mask_decoder(
            image_embeddings=embeddings.coarse,
            image_pe=sam.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=True,
            high_res_features=[embeddings.fine, embeddings.middle],
        )
        if enlarge:
            logits = F.interpolate(logits, SHAPE, mode="bilinear", align_corners=False) > 0
        masks.append(logits.float().cpu().numpy())
    return masks


def measure(
    model: str, method: str, counts: list[int], device: str, seconds: float
) -> list[list[object]]:
    """Rows of a model and a way to choose joints."""
    segmenter = SAM2Segmenter(MODELS[model], device=device)
    segmenter.sam.click_sigma = None  # sam2's own encoder does not draw clicks
    embeddings = segmenter.embed([np.zeros((*SHAPE, 3), np.uint8)])
    rows = []
    for count in counts:
        prompts = make_prompts(random_people(count), PromptSettings(selection_method=method), SHAPE)
        one_each = partial(one_call_a_person, segmenter.sam, embeddings, prompts)
        logits, _ = segmenter.decode(embeddings, [prompts])[0]
        differ = np.abs(logits.cpu().numpy() - np.concatenate(one_each(enlarge=False))[:, 0]).max()
        row: list[object] = [model, method, count]
        for together, apart in (
            (segmenter.decode, partial(one_each, enlarge=False)),
            (segmenter.segment, partial(one_each, enlarge=True)),
        ):
            ours = seconds_per_call(partial(together, embeddings, [prompts]), seconds=seconds)
            theirs = seconds_per_call(apart, seconds=seconds)
            row += [1e3 * ours, 1e3 * theirs, theirs / ours]
        rows.append([*row, f"{differ:.1e}"])
    return rows


class OneMoreEachTurn:
    """A detector that finds somebody else in every turn, and a pose model for them."""

    def __init__(self) -> None:
        self.turn = 0

    def detect(self, images: list) -> list:
        """A box an image, further to the right each time."""
        self.turn += 1
        left = 150.0 * self.turn
        record = empty_people(SHAPE)
        bbox = torch.tensor([[left, 50.0, left + 100, 400.0]])
        masks = torch.zeros(1, *SHAPE, dtype=torch.bool)
        record = make_people(bbox, bbox_scores=torch.ones(1), masks=masks)
        return [record] * len(images)

    def estimate(self, images: list, people: list) -> list:
        """Joints along the diagonal of the box."""
        steps = torch.linspace(0.1, 0.9, 17)[:, None]
        answers = []
        for record in people:
            low, high = record.bboxes[:, None, :2], record.bboxes[:, None, 2:]
            ones = torch.ones(len(record), 17)
            scores = dict.fromkeys(("keypoint_scores", "presence", "visibility"), ones)
            answers.append(with_fields(record, keypoints=low + (high - low) * steps, **scores))
        return answers


def count_embeddings(model: str, num_images: int, device: str) -> list[object]:
    """How often the image encoder sees an image in a loop of two turns, and how often people."""
    segmenter = SAM2Segmenter(MODELS[model], device=device)
    seen: list[int] = []
    decoded: list[int] = []
    segmenter.sam.image_encoder.register_forward_hook(
        lambda module, inputs, outputs: seen.append(len(inputs[0]))
    )
    segmenter.sam.sam_prompt_encoder.register_forward_hook(
        lambda module, inputs, outputs: decoded.append(len(outputs[0]))
    )
    parts = OneMoreEachTurn()
    images = [np.zeros((*SHAPE, 3), np.uint8)] * num_images
    results = run_loop(images, parts, parts, segmenter, LoopSettings(num_iters=2))
    num_people = sum(len(result.people) for result in results)
    published = parts.turn * num_images  # it embeds again in every turn
    return [model, num_images, parts.turn, num_people, sum(seen), published, len(decoded)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--people", nargs="+", type=int, default=[1, 10, 50])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    args = parser.parse_args()
    rows = []
    for model in args.models:
        for method in args.methods:
            rows += measure(model, method, args.people, args.device, args.seconds)
    print_table(
        f"prompts to logits, and to masks of {SHAPE[1]} × {SHAPE[0]}, {args.device}",
        [
            *("model", "method", "people"),
            *("decoder, ms", "a call each, ms", "times faster"),
            *("with masks, ms", "a call each, ms", "times faster"),
            "logits differ by",
        ],
        rows,
    )
    print_table(
        "a loop of two turns",
        ["model", "images", "turns", "people", "embedded", "published way", "decoder calls"],
        [count_embeddings(model, 2, args.device) for model in args.models],
    )


if __name__ == "__main__":
    main()
