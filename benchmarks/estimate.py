"""Posing the people of an image: the share of time outside the network, and against one by one.

The baseline is the plain way: for each person a dimmed copy of the image, OpenCV's crop, the
network on the crop and then on its mirror image, decoding. Without a GPU, time is that of the
processor, which other programs on the machine change little.
"""

import argparse
from collections.abc import Callable

import cv2
import numpy as np
import torch
from reporting import now, print_table
from torch import Tensor, nn

from mmpose.apis import estimate, init_model
from mmpose.structures import crop_to_image_keypoints, crop_windows, get_udp_warp_matrix


class NetworkClock:
    """Adds up the time between the trunk's start and the head's end."""

    def __init__(self, model: nn.Module) -> None:
        self.seconds, self._start = 0.0, 0.0
        model.backbone.register_forward_pre_hook(self._begin)
        model.head.register_forward_hook(self._end)

    def _begin(self, *_: object) -> None:
        self._start = now()

    def _end(self, *_: object) -> None:
        self.seconds += now() - self._start


def make_people(number: int, shape: tuple[int, int]) -> tuple[np.ndarray, Tensor, Tensor]:
    """An image of noise, boxes (N, 4) and elliptic masks (N, H, W) of people all over it."""
    rng = np.random.default_rng(0)
    height, width = shape
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    sides = (rng.random((number, 2)) * 0.2 + (0.1, 0.3)) * (height, height)
    corners = rng.random((number, 2)) * ((width, height) - sides)
    masks = np.zeros((number, height, width), np.uint8)
    for mask, corner, side in zip(masks, corners, sides, strict=True):
        center, axes = corner + side / 2, side / 2
        cv2.ellipse(mask, center.astype(int).tolist(), axes.astype(int).tolist(), 0, 0, 360, 1, -1)
    boxes = np.concatenate([corners, corners + sides], 1).astype(np.float32)
    return image, torch.from_numpy(boxes), torch.from_numpy(masks > 0)


@torch.no_grad()
def estimate_one_by_one(
    model: nn.Module, image: np.ndarray, bboxes: Tensor, masks: Tensor
) -> list[Tensor]:
    """The baseline; keypoints (1, K, 2) of each person."""
    settings, flip_indices = model.crop_settings, model.dataset_meta["flip_indices"]
    size, device = settings.input_size, next(model.parameters()).device
    answers = []
    for box, mask in zip(bboxes, masks.numpy(), strict=True):
        dimmed = cv2.addWeighted(
            image, 1 - settings.mask_alpha, image * mask[..., None], settings.mask_alpha, 0
        )
        window = crop_windows(box[None], settings.padding, size)
        matrix = get_udp_warp_matrix(*window, 0.0, size)[0].numpy()
        crop = cv2.warpAffine(dimmed, matrix, size, flags=cv2.INTER_LINEAR)
        inputs = torch.from_numpy(crop.transpose(2, 0, 1).copy())[None].to(device)
        inputs = model.data_preprocessor.normalise(inputs)
        passes = [model.head(model.extract_feat(x)) for x in (inputs, inputs.flip(-1))]
        both = join_outputs(passes)
        pred = model.head.decode(model.head.average_flipped(both, flip_indices))
        answers.append(crop_to_image_keypoints(pred["keypoints"].cpu(), *window, size))
    return answers


def join_outputs(passes: list) -> Tensor | tuple:
    """Outputs of the head for two batches as those of one."""
    if isinstance(passes[0], Tensor):
        return torch.cat(passes)
    return type(passes[0])(*(torch.cat(pair) for pair in zip(*passes, strict=True)))


def measure(run: Callable[[], object], clock: NetworkClock, seconds: float) -> tuple[float, float]:
    """Median seconds of a call, and the median share of it that is not the network's."""
    times, shares = [], []
    while not times or sum(times) < seconds:
        clock.seconds, start = 0.0, now()
        run()
        times.append(now() - start)
        shares.append(1 - clock.seconds / times[-1])
    return float(np.median(times)), float(np.median(shares))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="configs/PMPose/PMPose-s-1.0.0.py")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--image", type=int, nargs=2, default=[1080, 1920], help="height, width")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--no-baseline", action="store_true", help="leave the baseline out")
    args = parser.parse_args()
    model = init_model(args.config, device=args.device, dtype=args.dtype)
    clock, rows = NetworkClock(model), []
    shape = tuple(args.image)
    estimate(model, *make_people(1, shape))  # the first call pays for what is set up once
    for number in args.people:
        people = make_people(number, shape)
        seconds, share = measure(lambda p=people: estimate(model, *p), clock, args.seconds)
        row = [number, seconds / number, 100 * share]
        if not args.no_baseline:
            plain, _ = measure(lambda p=people: estimate_one_by_one(model, *p), clock, 0)
            row += [plain / number, plain / seconds]
        rows.append(row)
    headers = ["people", "s a person", "outside the network, %", "one by one, s", "times faster"]
    height, width = args.image
    print_table(
        f"estimate: {args.config}, {width} x {height}, masks, flip test, {args.device}, "
        f"{args.dtype}; baseline: one by one on dimmed copies of the image, two passes",
        headers[: len(rows[0])],
        rows,
    )


if __name__ == "__main__":
    main()
