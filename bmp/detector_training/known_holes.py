"""Does a detector ignore holes? The test images: a known subset of people blacked out."""

import zlib
from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from bmp.detector_training.remove_people import ANNOTATION_KEYS, RemoveRandomInstances
from mmpose.structures.mask import mask_to_rle


@TRANSFORMS.register_module()
class RemoveKnownInstances(BaseTransform):
    """Black out people as ``RemoveRandomInstances`` does, the same ones in every run.

    Who goes depends on the seed and the image's id alone, not on the model, the order of images
    or the number of workers and processes. Stands between ``LoadAnnotations(with_bbox=True,
    with_mask=True)`` and ``Resize``; the annotations leave the pipeline's own keys, so that
    nothing resizes them, and wait in two keys for ``PackDetInputs(meta_keys=...)``:

    - ``people_left``: ``bboxes`` (N, 4) xyxy float32, ``masks`` N RLEs, ``labels`` (N,),
      ``is_crowd`` (N,) bool, image pixels;
    - ``people_removed``: ``bboxes`` (R, 4), ``masks``: RLEs of what was painted.

    Args:
        remove: config of a ``RemoveRandomInstances``, or one; ``prob=1.0`` touches every image.
        seed: another one removes others.
    """

    def __init__(self, remove: Mapping | RemoveRandomInstances, *, seed: int = 0) -> None:
        self.remove = TRANSFORMS.build(remove) if isinstance(remove, Mapping) else remove
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Keys read: ``img_id``, ``img`` and those of ``LoadAnnotations``."""
        # not np.random, whose state depends on the worker and on the images before
        rng = np.random.RandomState((self.seed, _seed_of(results["img_id"])))
        removed = self.remove.choose(results, rng)
        # taken before the annotations go
        bboxes = results["gt_bboxes"].tensor.numpy()[removed]
        holes = self.remove.remove(results, removed, rng)
        results["people_removed"] = {"bboxes": bboxes, "masks": [mask_to_rle(h) for h in holes]}
        gt_bboxes, labels, is_crowd, masks = (results.pop(key) for key in ANNOTATION_KEYS)
        results["people_left"] = {
            "bboxes": gt_bboxes.tensor.numpy(),
            "masks": [mask_to_rle(mask) for mask in masks.to_ndarray()],
            "labels": labels,
            "is_crowd": is_crowd,
        }
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(remove={self.remove}, seed={self.seed})"


def _seed_of(img_id: int | str) -> int:
    """What generators take, 32 bits, of ids of any kind."""
    if isinstance(img_id, int) and 0 <= img_id < 2**32:
        return img_id
    # Python's own hash of text differs from process to process
    return zlib.crc32(str(img_id).encode())
