"""MaskPose's training pipeline, people a second on one core, from files to packed samples.

The baseline is the plain rule on the whole image: draw the person's mask, damage it and dim the
image by it; all other steps are the same. Time is that of the processor, which other programs
on the machine change little.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from reporting import print_table
from scipy.ndimage import distance_transform_edt

import mmpose.codecs
import mmpose.datasets  # noqa: F401 - registers
from mmpose.datasets import parse_pose_metainfo
from mmpose.datasets.transforms.mask_noise import change_outline, kernel_sizes
from mmpose.engine.config import load_config
from mmpose.structures import segmentation_to_mask

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"COCO, 640 x 480": (480, 640), "1080p, 1920 x 1080": (1080, 1920)}


class FullImageMaskBackground:
    """The baseline: MaskPose's mask rule, every step of it on the whole image."""

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


def write_people(folder: Path, shape: tuple[int, int], number: int) -> list[dict]:
    """Samples of people with outlines of 40 corners on the demo's photos, resized to (h, w)."""
    rng = np.random.default_rng(0)
    meta = parse_pose_metainfo({"from_file": "coco.py"})
    photos = sorted((ROOT / "demos" / "photos").glob("*.jpg"))
    height, width = shape
    samples = []
    for index in range(number):
        photo = cv2.resize(cv2.imread(str(photos[index % len(photos)])), (width, height))
        path = folder / f"{height}_{index}.jpg"
        cv2.imwrite(str(path), photo)
        angles = np.sort(rng.random(40)) * 2 * np.pi
        size = height * rng.uniform((0.15, 0.3), (0.35, 0.8))
        center = rng.uniform(size / 2, (width, height) - size / 2)
        rays = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.7, 1, (40, 1))
        outline = center + rays * size / 2
        joints = center + rng.uniform(-0.4, 0.4, (1, 17, 2)) * size
        samples.append(
            {
                "id": index,
                "img_path": str(path),
                "bbox": np.concatenate([outline.min(0), outline.max(0)])[None].astype(np.float32),
                "bbox_score": np.ones(1, np.float32),
                "keypoints": joints.astype(np.float32),
                "keypoints_visible": np.ones((1, 17), np.float32),
                "keypoints_visibility": np.ones((1, 17), np.float32),
                "segmentation": [outline.ravel().tolist()],
                **{k: meta[k] for k in ("flip_indices", "upper_body_ids", "lower_body_ids")},
            }
        )
    return samples


def build_pipelines(config: str) -> dict[str, Callable[[dict], dict]]:
    """The config's training pipeline, and the same with the baseline's mask rule."""
    steps = load_config(config).train_dataloader.dataset.pipeline
    plain = [
        FullImageMaskBackground(**{k: v for k, v in step.items() if k != "type"})
        if step["type"] == "MaskBackground"
        else step
        for step in steps
    ]
    with DefaultScope.overwrite_default_scope("mmpose"):
        return {"region": Compose(steps), "full image": Compose(plain)}


def cpu_seconds(
    pipelines: list[Callable[[dict], dict]], samples: list[dict], repeats: int
) -> np.ndarray:
    """Processor time a sample of each pipeline, seconds.

    They take turns, sample by sample and with the same seed, so that a busy machine slows all of
    them; of the repeats of a sample the fastest counts.
    """
    seconds = np.full((len(pipelines), len(samples)), np.inf)
    for _ in range(repeats + 1):  # the first warms up
        for index, sample in enumerate(samples):
            for row, pipeline in enumerate(pipelines):
                np.random.seed(index)
                start = time.process_time()
                pipeline(dict(sample))
                seconds[row, index] = min(seconds[row, index], time.process_time() - start)
    return seconds.mean(1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="configs/MaskPose/MaskPose-b-1.1.0.py")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    pipelines, rows = build_pipelines(args.config), []
    for name, shape in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            samples = write_people(Path(folder), shape, args.people)
            reading = pipelines["region"].transforms[0]
            read, ours, plain = cpu_seconds([reading, *pipelines.values()], samples, args.repeats)
        rest = (plain - read) / (ours - read)
        rows.append([name, 1 / ours, 1 / plain, plain / ours, 1e3 * read, rest])
    print_table(
        f"Training pipeline of {args.config}; baseline: masks on the full image",
        [
            *("image", "people/s a core", "baseline", "times faster"),
            *("reading, ms", "times faster without reading"),
        ],
        rows,
    )


if __name__ == "__main__":
    main()
