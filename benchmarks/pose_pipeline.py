"""MaskPose's training pipeline, people a second on one core, from files to packed samples.

Ways to feed it are compared with the pipeline as the config has it, which decodes each image for
each of its people: from a crop cache, decoding an image once for all its people, decoding large
ones at reduced size, and leaving the warp to the device. The oldest way draws the person's mask,
damages it and dims by it on the whole image. Time is that of the processor, which other programs
on the machine change little.
"""

import argparse
import copy
import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from mmengine.registry import DefaultScope
from reporting import print_table
from scipy.ndimage import distance_transform_edt
from torch.utils.data import Dataset

from mmpose.datasets import build_dataset
from mmpose.datasets.crop_cache_build import build_cache
from mmpose.datasets.seeded_index import SeededIndex
from mmpose.datasets.transforms.mask_noise import change_outline, kernel_sizes
from mmpose.engine.config import load_config
from mmpose.project import PROJECT_ROOT
from mmpose.registry import TRANSFORMS
from mmpose.structures import segmentation_to_mask

SIZES = {"COCO, 640 x 480": (480, 640), "1080p, 1920 x 1080": (1080, 1920)}


@TRANSFORMS.register_module()
class FullImageMaskBackground:
    """The oldest way: MaskPose's mask rule, every step of it on the whole image."""

    def __init__(
        self,
        alpha: float = 1.0,
        erode_prob: float = 0.0,
        erode_amount: float = 0.5,
        dilate_prob: float = 0.0,
        dilate_amount: float = 0.5,
        **_: object,
    ) -> None:
        self.alpha = alpha
        self.noise_prob = erode_prob + dilate_prob
        self.grow_share = dilate_prob / max(self.noise_prob, 1e-9)
        self.erode_amount, self.dilate_amount = erode_amount, dilate_amount

    def __call__(self, results: dict) -> dict:
        image = results["img"]
        mask = segmentation_to_mask(results["segmentation"], *image.shape[:2]).astype(np.uint8)
        if np.random.random() < self.noise_prob:
            mask = self._damage(mask)
        inside = image * mask[..., None]
        results["img"] = cv2.addWeighted(image, 1 - self.alpha, inside, self.alpha, 0)
        return results

    def _damage(self, mask: np.ndarray) -> np.ndarray:
        kernel = np.ones((5, 5), np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
        grows = np.random.random() < self.grow_share
        if np.random.random() < 0.5:
            if grows:
                return 1 - remove_voronoi_cells(1 - mask, 50, self.dilate_amount)
            return remove_voronoi_cells(mask, 10, self.erode_amount)
        smooth, reach = kernel_sizes(mask.sum())
        return change_outline(mask, grows=grows, smooth=smooth, reach=reach)


def remove_voronoi_cells(region: np.ndarray, num_cells: int, amount: float) -> np.ndarray:
    """Clear up to a share of the cells of random seeds, found by a distance transform."""
    pixels = np.argwhere(region)
    if len(pixels) < num_cells:
        return region
    seeds = pixels[np.random.choice(len(pixels), num_cells, replace=False)]
    is_free = np.ones(region.shape, bool)
    is_free[tuple(seeds.T)] = False
    rows, columns = distance_transform_edt(is_free, return_distances=False, return_indices=True)
    labels = np.zeros(region.shape, int)
    labels[tuple(seeds.T)] = np.arange(1, num_cells + 1)
    labels = labels[rows, columns] * region
    removed = np.random.choice(num_cells, int(num_cells * np.random.uniform(0, amount)), False) + 1
    return region * ~np.isin(labels, removed)


def write_images(folder: Path, shape: tuple[int, int], num_people: int, per_image: int) -> None:
    """People with outlines of 40 corners on the demo's photos, resized to (h, w), as COCO's."""
    rng = np.random.default_rng(0)
    photos = sorted((PROJECT_ROOT / "demos" / "photos").glob("*.jpg"))
    height, width = shape
    images, people = [], []
    for index in range(num_people):
        number = index // per_image
        if index % per_image == 0:
            photo = cv2.imread(str(photos[number % len(photos)]))
            cv2.imwrite(str(folder / f"{number}.jpg"), cv2.resize(photo, (width, height)))
            name = f"{number}.jpg"
            images.append({"id": number, "file_name": name, "width": width, "height": height})
        people.append({"id": index + 1, "image_id": number, **draw_person(rng, shape)})
    categories = [{"id": 1, "name": "person"}]
    content = {"images": images, "annotations": people, "categories": categories}
    (folder / "people.json").write_text(json.dumps(content))


def draw_person(rng: np.random.Generator, shape: tuple[int, int]) -> dict:
    """An annotation of a person 35 to 80 % as high as the image (h, w)."""
    height, width = shape
    angles = np.sort(rng.random(40)) * 2 * np.pi
    size = height * rng.uniform((0.15, 0.3), (0.35, 0.8))
    center = rng.uniform(size / 2, (width, height) - size / 2)
    rays = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.7, 1, (40, 1))
    outline = center + rays * size / 2
    joints = np.full((17, 3), 2.0)
    joints[:, :2] = center + rng.uniform(-0.4, 0.4, (17, 2)) * size
    corner, far_corner = outline.min(0), outline.max(0)
    return {
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [*corner, *(far_corner - corner)],
        "area": float(np.prod(far_corner - corner)),
        "segmentation": [outline.ravel().tolist()],
        "num_keypoints": 17,
        "keypoints": joints.ravel().tolist(),
    }


def build_ways(steps: list[dict], folder: Path) -> dict[str, Dataset]:
    """Data sets of the people of a folder that differ in how the pipeline is fed."""
    load, rest = steps[0], steps[1:]
    full = [
        dict(step, type="FullImageMaskBackground") if step["type"] == "MaskBackground" else step
        for step in steps
    ]
    pipelines = {
        "masks on the full image": full,
        "as configured": steps,
        "crop cache": steps,
        "crop cache, on the device": [
            dict(step, on_device=True) if step["type"] == "TopdownAffine" else step
            for step in steps
        ],
        "reduced": [dict(load, reduce=True), *rest],
        "together": [dict(load, keep_last=True), *rest],
        "together, reduced": [dict(load, keep_last=True, reduce=True), *rest],
    }
    common = {"type": "CocoDataset", "ann_file": f"{folder}/people.json"}
    ways = {}
    for name, pipeline in pipelines.items():
        settings = {**common, "data_prefix": {"img": str(folder)}, "pipeline": pipeline}
        ways[name] = build_dataset(copy.deepcopy(settings))
        if name.startswith("crop cache"):
            *_, report = build_cache(ways[name], folder / name, 1)
            print(f"{name}: {report.num_bytes / report.num_people / 1e6:.2f} MB a person")
            ways[name] = build_dataset(settings | {"crop_cache": str(folder / name)})
    return ways


def cpu_seconds(ways: list[Dataset], repeats: int) -> np.ndarray:
    """Processor time a sample of each way, seconds.

    They take turns, sample by sample and with the same seed, so that a busy machine slows all of
    them; of the repeats of a sample the fastest counts.
    """
    seconds = np.full((len(ways), len(ways[0])), np.inf)
    for _ in range(repeats + 1):  # the first warms up
        for index in range(len(ways[0])):
            for row, dataset in enumerate(ways):
                start = time.process_time()
                dataset[SeededIndex(index, (0, index))]
                seconds[row, index] = min(seconds[row, index], time.process_time() - start)
    return seconds.mean(1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="configs/MaskPose/MaskPose-b-1.1.0.py")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--per-image", type=int, default=3, help="people; COCO has 2.6")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    steps, rows = load_config(args.config).train_dataloader.dataset.pipeline, []
    for name, shape in SIZES.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            DefaultScope.overwrite_default_scope("mmpose"),
        ):
            write_images(Path(folder), shape, args.people, args.per_image)
            ways = build_ways(steps, Path(folder))
            seconds = dict(zip(ways, cpu_seconds(list(ways.values()), args.repeats), strict=True))
        base = seconds["as configured"]
        rows += [[name, way, 1 / each, base / each] for way, each in seconds.items()]
    print_table(
        f"Training pipeline of {args.config}, {args.per_image} people an image",
        ["image", "way", "people/s a core", "times as configured"],
        rows,
    )


if __name__ == "__main__":
    main()
