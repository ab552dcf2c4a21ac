"""The one door: what users hand in, images, boxes and masks, is checked here and nowhere else.

The public classes, ``mmpose.apis``, detectors, segmenters and data sets follow these rules:

- an image is (H, W, 3) uint8 BGR with pixels, an array or a tensor; a file is turned upright by
  its EXIF entry, grey becomes three channels, a fourth one is dropped, 16 bits become 8;
- a missing file is a FileNotFoundError, and like a damaged one an UnreadableImageError, so that
  one bad image need not end a run;
- boxes are (N, 4) finite xyxy with x2 >= x1 and y2 >= y1: one without width is a line of pixels;
- masks are (N, H, W), anything but 0 inside; a single (H, W) serves one person;
- [] is nobody.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from mmpose.structures.constants import is_free_to_read
from mmpose.structures.packed_masks import PackedMasks, as_packed, empty_masks
from mmpose.structures.planes import image_planes

# what OpenCV's encoders are asked by -> the endings that files of that format have
_FORMATS = {
    ".avif": (".avif",),
    ".bmp": (".bmp", ".dib"),
    ".gif": (".gif",),
    ".hdr": (".hdr", ".pic"),
    ".jp2": (".jp2", ".j2k"),
    ".jpg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    ".jxl": (".jxl",),
    ".pfm": (".pfm",),
    ".png": (".png", ".apng"),
    ".ppm": (".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pxm"),
    ".ras": (".ras", ".sr"),
    ".tif": (".tif", ".tiff"),
    ".webp": (".webp",),
}


@cache
def image_suffixes() -> tuple[str, ...]:
    """Endings of the files that this build of OpenCV reads, in lower case, sorted.

    OpenEXR is left out: OpenCV refuses it unless an environment variable allows it.
    """
    built_in = [format_ for format_ in _FORMATS if cv2.haveImageWriter(f"name{format_}")]
    return tuple(sorted(suffix for format_ in built_in for suffix in _FORMATS[format_]))


Image = np.ndarray | Tensor
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
OPENCV_TOO_NEW = 5  # its warpAffine gives other pixels


def opencv_warning() -> str | None:
    """What to tell about the OpenCV that is imported, if anything.

    Another package may lay its own over ours (``pip install rtmlib`` does): what is imported
    counts, not what pip lists.
    """
    if int(cv2.__version__.split(".")[0]) < OPENCV_TOO_NEW:
        return None
    return (
        f"OpenCV {cv2.__version__} is imported, whose warps give other pixels than those that the "
        "models were trained on; another package has replaced it. Install ours anew: pip install "
        "--force-reinstall --no-deps 'opencv-python>=4.8,<5'"
    )


class UnreadableImageError(ValueError):
    """An image file is missing, empty or damaged."""


class MissingImageError(UnreadableImageError, FileNotFoundError):
    """There is no such image file."""

    __str__ = ValueError.__str__  # FileNotFoundError would show errno and file name instead


def read_image(
    image: str | os.PathLike | Image, *, ignore_orientation: bool = False, reduction: int = 1
) -> Image:
    """An image from a file, or as it is.

    Args:
        image: a file that OpenCV can decode, or an array or tensor (H, W, 3) uint8 BGR.
        ignore_orientation: leave the EXIF entry of a file alone.
        reduction: 1, 2, 4 or 8: a file is decoded at that part of its size. Sides of a JPEG are
            rounded up, and a pixel shows as many of the file's each way, from the first on.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        MissingImageError: there is no such file.
        UnreadableImageError: it is no image, or cut off.
        TypeError: neither path nor array nor tensor.
        ValueError: another shape or dtype.
    """
    if isinstance(image, str | os.PathLike):
        flags = cv2.IMREAD_IGNORE_ORIENTATION if ignore_orientation else 0
        return _decode(Path(image), flags | _REDUCED[reduction])
    return check_image(image)


def check_image(image: Image) -> Image:
    """The image itself, if it is (H, W, 3) uint8 with pixels.

    Raises:
        TypeError: neither array nor tensor.
        ValueError: another shape or dtype; the message says how to convert.
    """
    if not isinstance(image, np.ndarray | Tensor):
        raise TypeError(
            f"an image is a path or a (H, W, 3) uint8 BGR array, got {type(image).__name__}"
        )
    shape, is_bytes = tuple(image.shape), image.dtype in (np.uint8, torch.uint8)
    if is_bytes and len(shape) == 3 and shape[2] == 3 and 0 not in shape:
        return image
    fix = ""
    if not is_bytes:
        fix = "; image.astype(np.uint8) converts values of 0 to 255"
    elif len(shape) == 2 or shape[-1] == 1:
        fix = "; cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) converts grey"
    elif shape[-1] == 4:
        fix = "; image[..., :3] drops the transparency"
    elif shape[0] == 3:
        fix = "; image.transpose(1, 2, 0) puts the channels last"
    raise ValueError(f"an image is (H, W, 3) uint8 BGR, got {image.dtype} of shape {shape}{fix}")


def image_tensor(image: Image) -> Tensor:
    """A checked image as a tensor (H, W, 3) uint8 on the device it came on; memory is shared."""
    if isinstance(image, Tensor):
        return image
    image = np.ascontiguousarray(image)
    # torch warns of read-only arrays, as PIL gives them
    return torch.from_numpy(image if image.flags.writeable else image.copy())


def upload_image(image: Image, device: torch.device | str) -> Tensor:
    """A checked image on a device: (H, W, 3) uint8 whose memory holds three planes.

    Bytes travel, a quarter of what floats would take; what works on it there needs planes.
    """
    planes = image_planes(image_tensor(image))
    return planes.to(device, non_blocking=True).permute(1, 2, 0)


def is_turned(path: Path, image: np.ndarray) -> bool:
    """Whether the EXIF data of a file turn it, so that tools that ignore these see another image.

    Args:
        path: a file that can be read.
        image: what :func:`read_image` gives of it.
    """
    return not np.array_equal(image, _decode(path, cv2.IMREAD_IGNORE_ORIENTATION))


def image_array(image: Image) -> np.ndarray:
    """A checked image as an array (H, W, 3) uint8."""
    return image.cpu().numpy() if isinstance(image, Tensor) else image


def _decode(path: Path, flags: int = 0) -> np.ndarray:
    try:
        encoded = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingImageError(f"cannot read image {path}: there is no such file") from error
    except OSError as error:
        reason = error.strerror or error
        raise UnreadableImageError(f"cannot read image {path}: {reason}") from error
    return decode_image(encoded, path, flags)


def decode_image(encoded: bytes, name: str | os.PathLike, flags: int = 0) -> np.ndarray:
    """An image from the content of its file.

    Args:
        encoded: the whole file.
        name: what errors call it.
        flags: of ``cv2.imdecode``, beside colour.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        UnreadableImageError: it is no image, or cut off.
    """
    content = np.frombuffer(encoded, np.uint8)
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR | flags) if content.size else None
    except cv2.error as error:  # too many pixels, a format that is switched off
        reason = str(error).strip().splitlines()[0]
        raise UnreadableImageError(f"cannot read image {name}: {reason}") from error
    if image is None:
        what = "not an image, or cut off" if content.size else "the file is empty"
        raise UnreadableImageError(f"cannot read image {name}: {what}")
    return image


def read_bboxes(bboxes: Any) -> Tensor:
    """Boxes as a tensor on the device they came on.

    Args:
        bboxes: (N, 4) xyxy, image pixels: array, tensor or nested list; an empty one of any shape
            is nobody.

    Returns:
        (N, 4) float32.

    Raises:
        ValueError: another shape, and of boxes on the CPU a number that is not finite, or corners
            in the wrong order.
    """
    boxes = read_box_numbers(bboxes)
    # those on a device come from a network: to look at them is to wait for it
    if not is_free_to_read(boxes):
        return boxes
    is_wrong = ~(boxes[:, 2:] >= boxes[:, :2]).all(1) | ~boxes.isfinite().all(1)
    if is_wrong.any():
        first = int(is_wrong.nonzero()[0])
        raise ValueError(
            f"box {first} of {len(boxes)} is {boxes[first].tolist()}: bboxes are finite xyxy "
            "pixels with x2 >= x1 and y2 >= y1; are these xywh?"
        )
    return boxes


def read_box_numbers(bboxes: Any) -> Tensor:
    """Four numbers for each box, (N, 4) float32, whatever they mean (xywh, say).

    Raises:
        ValueError: another shape, or no numbers.
    """
    try:
        boxes = torch.as_tensor(bboxes if isinstance(bboxes, Tensor) else np.asarray(bboxes))
    except (TypeError, ValueError) as error:  # None, words, lists of different lengths
        raise ValueError(
            f"bboxes are (N, 4) numbers, got {bboxes!r:.80}; [] means nobody"
        ) from error
    boxes = boxes.to(torch.float32)
    if boxes.numel() == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"bboxes are (N, 4), got shape {tuple(boxes.shape)}; one box: (1, 4)")
    return boxes


def read_masks(
    masks: Any,
    num_people: int,
    image_shape: tuple[int, int],
    device: torch.device | str | None = None,
) -> PackedMasks | None:
    """Masks as bits.

    Args:
        masks: (N, H, W), a list of (H, W), or one (H, W) for one person; anything but 0 is inside.
            None: none.
        num_people: N that the masks must have.
        image_shape: (H, W) that they must have.
        device: where they go; None leaves them.

    Returns:
        (N, H, W), or None.

    Raises:
        ValueError: their number or size does not fit.
    """
    if masks is None:
        return None
    masks = masks if isinstance(masks, PackedMasks) else _mask_tensor(masks)
    masks = masks.to(device) if device is not None else masks
    if not isinstance(masks, PackedMasks):
        masks = masks if masks.dtype == torch.bool else masks != 0
        if masks.numel() == 0 and num_people == 0:
            return empty_masks(0, image_shape, masks.device)
        masks = masks[None] if masks.ndim == 2 else masks
    if tuple(masks.shape) != (num_people, *image_shape):
        raise ValueError(
            f"masks are (N, H, W) = {(num_people, *image_shape)}, one for each box and as large as "
            f"the image, got shape {tuple(masks.shape)}; leave a person's mask empty to pose it "
            "without"
        )
    return as_packed(masks)


def _mask_tensor(masks: Any) -> Tensor:
    if isinstance(masks, list | tuple):
        masks = np.stack([np.asarray(mask) for mask in masks]) if len(masks) else np.zeros(0)
    return torch.as_tensor(masks if isinstance(masks, Tensor) else np.asarray(masks))
