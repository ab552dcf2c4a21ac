"""Whole images of a COCO annotation file."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from bmp.registry import DATASETS
from mmpose.datasets.annotation_files import require_fields
from mmpose.datasets.categories import id_text
from mmpose.datasets.coco_file import read_people
from mmpose.datasets.image_files import find_image_files, image_path
from mmpose.datasets.image_names import base_name
from mmpose.inputs import UnreadableImageError, read_image


@DATASETS.register_module()
class CocoImageDataset(Dataset):
    """The images that an annotation file lists; annotations are left to the metric.

    Args:
        ann_file: COCO annotations, relative to ``data_root``.
        data_root: folder of the data set.
        data_prefix: ``img``: the folder of the images, relative to ``data_root``.
        max_images: stop after so many; None takes all.

    Raises:
        FileNotFoundError: there is no such annotation file, or none of its images.
        ValueError: the file cannot be used, or lists no image, or ``max_images`` is below 1.
    """

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        data_prefix: Mapping[str, str] | None = None,
        max_images: int | None = None,
    ) -> None:
        if max_images is not None and max_images < 1:
            raise ValueError(f"max_images must be at least 1, got {max_images}; None takes all")
        self.ann_file = path = Path(data_root) / ann_file
        folder = str(Path(data_root) / (data_prefix or {}).get("img", ""))
        images = read_people(path, folder=folder, needs_annotations=False)["images"]
        if not images:
            raise ValueError(f"{path} lists no images; take an annotation file in COCO's format")
        for image in images:
            require_fields(image, ("file_name",), f"image {image['id']!r} of {path}")
        is_number = all(isinstance(image["id"], int) for image in images)
        images = sorted(images, key=lambda image: image["id"] if is_number else str(image["id"]))
        self.images = [
            (image["id"], image_path(folder, str(image["file_name"])))
            for image in images[:max_images]
        ]
        find_image_files((path for _, path in self.images), str(path)).tell()

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
        img_id, path = self.images[index]
        image, error = None, None
        try:
            image = read_image(path)
        # its people count as missed; the others are evaluated
        except UnreadableImageError as reason:
            error = str(reason)
        return {"image": image, "img_id": img_id, "error": error}


def check_same_images(
    images: Iterable[tuple[Hashable, str]], listed: Iterable[Mapping[str, Any]], ann_file: str
) -> None:
    """Refuse, before hours of a run, annotations that mean other images by the same ids.

    Args:
        images: ids and paths, to be predicted.
        listed: entries of the annotation file that predictions are compared with.
        ann_file: its name.

    Raises:
        ValueError: one of the images is not listed, or another file.
    """
    names = {id_text(image["id"]): image.get("file_name") for image in listed}
    for img_id, path in images:
        name = names.get(id_text(img_id), "not listed")
        # folders may differ: the last parts are compared
        if name is None or base_name(str(name)) == base_name(path):
            continue
        raise ValueError(
            f"image {img_id!r} is {path}, and {name} in {ann_file}: test_dataloader.dataset and "
            "test_evaluator must read one annotation file; ann_file and data_root of the config "
            "set both"
        )
