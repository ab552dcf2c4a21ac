"""Whole images of a COCO annotation file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from bmp.inputs import read_image
from bmp.registry import DATASETS


@DATASETS.register_module()
class CocoImageDataset(Dataset):
    """The images that an annotation file lists; annotations are left to the metric.

    Args:
        ann_file: COCO annotations, relative to ``data_root``.
        data_root: folder of the data set.
        data_prefix: ``img``: the folder of the images, relative to ``data_root``.
        max_images: stop after so many; None takes all.

    Raises:
        FileNotFoundError: there is no such annotation file.
    """

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        data_prefix: Mapping[str, str] | None = None,
        max_images: int | None = None,
    ) -> None:
        path = Path(data_root) / ann_file
        if not path.is_file():
            raise FileNotFoundError(
                f"no annotations {path}; datasets/README.md tells how to get them"
            )
        self.folder = Path(data_root) / (data_prefix or {}).get("img", "")
        images = json.loads(path.read_text(encoding="utf-8"))["images"]
        self.images = sorted(images, key=lambda entry: entry["id"])[:max_images]

    @property
    def metainfo(self) -> dict[str, Any]:
        """What mmengine asks of a data set."""
        return {"classes": ("person",)}

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One image.

        Returns:
            image: (H, W, 3) uint8 BGR, None when it cannot be read.
            img_id: of the annotation file.
            error: why it cannot be read, None when it can.
        """
        entry = self.images[index]
        image, error = None, None
        try:
            image = read_image(self.folder / entry["file_name"])
        except ValueError as reason:  # its people count as missed; the others are evaluated
            error = str(reason)
        return {"image": image, "img_id": entry["id"], "error": error}
