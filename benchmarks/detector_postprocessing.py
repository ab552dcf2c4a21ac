"""All after the network of RTMDet-Ins: from its maps to people with masks at the image's size.

The baseline is mmdet's own ``predict_by_feat`` of the same head and the same maps, with the
person filter that our detector applies. Maps are made up: each candidate has cells of its own, all
others have score 0. Without a GPU, time is that of the processor, which other programs on the
machine change little.
"""

import argparse

import torch
from mmengine.structures import InstanceData
from reporting import print_table, seconds_per_call
from torch import Tensor

import bmp.detector_training  # noqa: F401 - registers
from bmp.detectors import RTMDetDetector
from bmp.detectors.letterbox import Letterboxed, letterbox
from mmpose.engine.config import load_config

NOBODY, PERSON = -9.0, 3.0  # logits
KERNEL_SIZE = 169  # weights of one person's mask network: 10 x 8, 8 x 8, 8, and 17 biases


def make_outputs(
    head: torch.nn.Module, image: Letterboxed, num_people: int, num_classes: int
) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
    """Maps of the network for one image with people spread over it.

    Boxes are small, so that nobody is suppressed; masks are diamonds round the same points.
    """
    height, width = image.pixels.shape[1:]
    strides = [stride for stride, _ in head.prior_generator.strides]
    sizes = [(height // stride, width // stride) for stride in strides]
    cls_scores = [torch.full((1, num_classes, *size), NOBODY) for size in sizes]
    distances = [torch.full((1, 4, *size), 8.0) for size in sizes]
    kernels = [torch.zeros(1, KERNEL_SIZE, *size) for size in sizes]
    features = torch.zeros(1, 8, *sizes[0])
    rows, columns = (side // strides[0] for side in image.inner_shape)
    cells = torch.linspace(0, rows * columns - 1, num_people).long()
    cells = torch.stack([cells // columns, cells % columns], 1)
    generator = torch.Generator().manual_seed(0)
    for row, column in cells.tolist():
        radius = 15 + 30 * torch.rand((), generator=generator)
        cls_scores[0][0, 0, row, column] = PERSON + torch.rand((), generator=generator)
        kernels[0][0, :, row, column] = cone(radius / (8 * strides[0]))
    return cls_scores, distances, kernels, features


def cone(radius: Tensor) -> Tensor:
    """A mask network that gives the radius minus |x| + |y|, the distance from its point."""
    first = torch.zeros(8, 10)
    first[:4, :2] = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    last = torch.tensor([-1.0] * 4 + [0.0] * 4)
    biases = torch.cat([torch.zeros(16), radius[None]])
    return torch.cat([first.flatten(), torch.eye(8).flatten(), last, biases])


def predict_with_mmdet(
    detector: RTMDetDetector, outputs: tuple, image: Letterboxed
) -> InstanceData:
    """The baseline."""
    metainfo = {
        "ori_shape": image.image_shape,
        "img_shape": image.inner_shape,
        "scale_factor": image.scale_factor,
    }
    (found,) = detector.model.bbox_head.predict_by_feat(
        *outputs, batch_img_metas=[metainfo], rescale=True
    )
    return detector.select(found, image.image_shape)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", default="configs/rtmdet/rtmdet-ins_tiny_8xb32-300e_coco-640x640.py"
    )
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--image", type=int, nargs=2, default=[1080, 1920], help="height, width")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    args = parser.parse_args()
    config = load_config(args.config)
    config.model.bbox_head.type = "RTMDetInsSepBNHead"  # mmdet's own; ours differs in its masks
    detector = RTMDetDetector(config, device=args.device)
    image = letterbox(torch.zeros(*args.image, 3, dtype=torch.uint8).numpy(), detector.canvas)
    num_classes, rows = detector.model.bbox_head.num_classes, []
    for number in args.people:
        *maps, features = make_outputs(detector.model.bbox_head, image, number, num_classes)
        maps = [[level.to(args.device) for level in part] for part in maps]
        maps.append(features.to(args.device))
        (ours,), theirs = detector.decode(maps, [image]), predict_with_mmdet(detector, maps, image)
        different = (ours.masks != theirs.masks).sum().item() / max(1, theirs.masks.sum().item())
        seconds = seconds_per_call(lambda m=maps: detector.decode(m, [image]), seconds=args.seconds)
        plain = seconds_per_call(
            lambda m=maps: predict_with_mmdet(detector, m, image), seconds=args.seconds
        )
        rows.append([len(ours), 1e3 * seconds, 1e3 * plain, plain / seconds, 100 * different])
    height, width = args.image
    print_table(
        f"After the network: {args.config}, {width} x {height}, {args.device}; baseline: mmdet's "
        "predict_by_feat",
        ["people", "ms", "mmdet, ms", "times faster", "mask pixels that differ, %"],
        rows,
    )


if __name__ == "__main__":
    main()
