"""Reading image files: one after the other, or once for all people of an image."""

from functools import partial

import numpy as np
from PIL import Image

from mmpose.inputs import read_image

from .image_views import ImageFile, ImageView, ImageWindow

_EXIF_ORIENTATION, _UPRIGHT = 274, 1


def upright_jpeg_shape(path: str, *, ignores_orientation: bool) -> tuple[int, int, int] | None:
    """(H, W, 3) of a JPEG file that is not turned when it is read; None for any other file.

    Only the head of the file is read.
    """
    try:
        with Image.open(path) as image:
            is_upright = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT) == _UPRIGHT
            is_jpeg = image.format == "JPEG"
            width, height = image.size
    except (OSError, ValueError, SyntaxError):  # PIL's words for what it cannot read
        return None
    return (height, width, 3) if is_jpeg and (is_upright or ignores_orientation) else None


class LastImage:
    """Reads image files.

    Args:
        ignores_orientation: leave EXIF entries alone.
        is_kept: keep what the last file gave, read-only, until another one is asked for.
    """

    def __init__(self, *, ignores_orientation: bool, is_kept: bool) -> None:
        self.ignores_orientation = ignores_orientation
        self.is_kept = is_kept
        self._path: str | None = None
        self._known: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_path": None, "_known": {}}

    def read(self, path: str, reduction: int = 1) -> np.ndarray:
        """An image (H, W, 3) uint8 BGR, see `read_image`."""
        if path != self._path:
            self._path, self._known = path, {}
        if reduction in self._known:
            return self._known[reduction]
        image = read_image(path, ignore_orientation=self.ignores_orientation, reduction=reduction)
        if self.is_kept:
            image.setflags(write=False)  # the next person of it wants it as it is
            self._known[reduction] = image
        return image

    def view(self, path: str, *, may_reduce: bool) -> ImageView:
        """A view of an image, by which no step copies more of it than the crop needs.

        Args:
            path: of the file.
            may_reduce: decode a JPEG when its crop is cut, no larger than that needs.
        """
        if may_reduce:
            shape = upright_jpeg_shape(path, ignores_orientation=self.ignores_orientation)
            if shape is not None:
                return ImageFile(shape=shape, decode=partial(self.read, path))
        image = self.read(path)
        return ImageWindow(shape=image.shape, pixels=image, left=0, top=0)
