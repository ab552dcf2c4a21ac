"""What the page gets of an image: a picture for every step of every turn, and the people."""

import base64
import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np
import PIL.Image
from torch import Tensor

from bmp.results import BMPResult
from bmp.visualization import draw_people, fit_width, loop_pictures
from mmpose.inputs import UnreadableImageError, decode_image, read_bboxes

MAX_PIXELS = 50_000_000  # a small file may hold far more, and masks take a byte a pixel and person
MAX_NAME = 200  # characters
SHOWN_WIDTH = 1600  # px, of the steps; the overlay keeps the size of the image
STEPS = ("input", "detections", "poses", "masks")

# an image and (N, 4) boxes or None to its people, with what every turn did
FindPeople = Callable[[np.ndarray, Tensor | None], BMPResult]


@dataclass(frozen=True)
class Upload:
    """An image as it was sent.

    Attributes:
        name: of its file, without folders.
        encoded: the content of the file.
        bboxes: (N, 4) xyxy of people to start from, pixels; None: they are detected.
        shown_size: (w, h) of the image on which the boxes were drawn; None: not known.
    """

    name: str
    encoded: bytes
    bboxes: Tensor | None = None
    shown_size: tuple[int, int] | None = None


def read_upload(encoded: bytes, fields: dict[str, str]) -> Upload:
    """An upload from what a request says.

    Args:
        encoded: the content of the file.
        fields: ``name``; ``boxes``, a JSON list of xyxy, and ``size``, a JSON list ``[w, h]``,
            where boxes were drawn.

    Raises:
        ValueError: boxes or size are none.
    """
    # browsers give no folders, others may, of either system
    name = PurePosixPath(fields.get("name", "").replace("\\", "/")).name[-MAX_NAME:] or "image"
    try:
        boxes = json.loads(fields.get("boxes") or "[]")
        size = json.loads(fields.get("size") or "null")
    except json.JSONDecodeError as error:
        raise ValueError("boxes and size are JSON, as [[x1, y1, x2, y2]] and [w, h]") from error
    is_size = isinstance(size, list) and len(size) == 2 and all(type(n) is int for n in size)
    if size is not None and not is_size:
        raise ValueError(f"size is [width, height] in pixels, got {size!r:.80}")
    bboxes = read_bboxes(boxes)
    return Upload(
        name, encoded, bboxes if len(bboxes) else None, tuple(size) if size is not None else None
    )


def make_answer(upload: Upload, find_people: FindPeople) -> dict[str, Any]:
    """Find the people of an upload.

    Args:
        upload: of one image.
        find_people: what finds them; called once.

    Returns:
        Words of JSON: ``name``, ``width``, ``height``, ``seconds``; ``turns``, lists of pictures
        (``step``, ``caption``, ``source``, a ``data:`` address of a JPEG); ``overlay``, such a
        picture of everybody in the size of the image; ``people``, for each the ``number``,
        ``score`` and ``turn`` (from 1); ``coco``, an annotation file.

    Raises:
        UnreadableImageError: it is no image, or has too many pixels.
        ValueError: boxes were drawn on an image of another size.
    """
    image = _read(upload)
    started = time.perf_counter()
    result = find_people(image, upload.bboxes)
    seconds = time.perf_counter() - started
    height, width = image.shape[:2]
    overlay = draw_people(image, result)
    # JSON has no nan
    scores = [score if math.isfinite(score) else None for score in result.scores.tolist()]
    turns = [turn + 1 for turn in result.iteration.tolist()]
    return {
        "name": upload.name,
        "width": width,
        "height": height,
        "seconds": round(seconds, 2),
        "turns": _turn_pictures(image, result, boxes_given=upload.bboxes is not None),
        "overlay": _picture("everybody", _headline(result), overlay),
        "people": [
            {"number": number, "score": score, "turn": turn}
            for number, (score, turn) in enumerate(zip(scores, turns, strict=True), start=1)
        ],
        "coco": result.to_coco(upload.name),
    }


def _read(upload: Upload) -> np.ndarray:
    """The image, (H, W, 3) uint8 BGR, once its size is known to be bearable."""
    _check_pixels(upload.name, *_announced_size(upload.encoded))
    image = decode_image(upload.encoded, upload.name)
    height, width = image.shape[:2]
    _check_pixels(upload.name, width, height)
    if upload.bboxes is not None and upload.shown_size not in (None, (width, height)):
        shown = "×".join(map(str, upload.shown_size))
        raise ValueError(
            f"the boxes were drawn on {shown} pixels, but {upload.name} is read as "
            f"{width}×{height}; save it turned upright and drop it again"
        )
    return image


def _announced_size(encoded: bytes) -> tuple[int, int]:
    """(w, h) as the head of a file says; (0, 0) where Pillow does not know the format."""
    try:
        with PIL.Image.open(io.BytesIO(encoded)) as head:
            return head.size
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        return MAX_PIXELS, 2
    except (OSError, ValueError, SyntaxError):  # OpenCV reads other formats, or says why not
        return 0, 0


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            f"{name} has too many pixels, at most {MAX_PIXELS // 10**6} million are taken; "
            "make it smaller, or use bmp predict"
        )


def _turn_pictures(
    image: np.ndarray, result: BMPResult, *, boxes_given: bool
) -> list[list[dict[str, str]]]:
    rows = loop_pictures(image, result)
    width = min(SHOWN_WIDTH, image.shape[1])
    pictures = [
        [
            _picture(step, text, fit_width(drawn, width))
            for step, (text, drawn) in zip(STEPS, row, strict=True)
        ]
        for row in rows
    ]
    if boxes_given and pictures:
        first = pictures[0][1]
        first["caption"] = first["caption"].replace("detected", "drawn by you")
    return pictures


def _headline(result: BMPResult) -> str:
    count = {0: "nobody found", 1: "1 person"}.get(len(result), f"{len(result)} people")
    turns = "1 turn" if len(result.turns) == 1 else f"{len(result.turns)} turns"
    return f"after {turns}: {count}"


def _picture(step: str, text: str, drawn: np.ndarray) -> dict[str, str]:
    encoded = cv2.imencode(".jpg", drawn)[1].tobytes()
    source = "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
    return {"step": step, "caption": text, "source": source}
