"""Images that stand in a sample without all their pixels: a window of one, or a file not yet read.

Window steps need an image's shape alone; pixels are asked for once, when the crop is cut. All
coordinates stay those of the whole image, so that every step computes and draws as with it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom; far ends exclusive
LARGEST_REDUCTION = 8  # what JPEG decoders can do


@dataclass(frozen=True, kw_only=True)
class ImageView(ABC):
    """What all views share.

    Attributes:
        shape: (H, W, 3) of the whole image.
        is_mirrored: whether the image is taken as mirrored left to right.
    """

    shape: tuple[int, int, int]
    is_mirrored: bool = False

    def mirrored(self) -> "ImageView":
        """The same image, mirrored left to right; no pixel is moved."""
        return replace(self, is_mirrored=not self.is_mirrored)

    def unmirrored(self, box: Box) -> Box:
        """A box of the image as it is taken, in the image as it is stored."""
        left, top, right, bottom = box
        if not self.is_mirrored:
            return box
        return self.shape[1] - right, top, self.shape[1] - left, bottom

    def reduction(self, scale: float) -> int:
        """By how much the image may be shrunk for a crop of ``scale`` crop pixels per pixel."""
        del scale
        return 1

    @abstractmethod
    def read(self, box: Box, reduction: int) -> tuple[np.ndarray, Box]:
        """Pixels that hold a box of the image as it is taken.

        Args:
            box: inside the image, image pixels.
            reduction: see :meth:`reduction`.

        Returns:
            (h, w, 3) uint8 as they are stored, mirrored or not, and the box that they fill,
            of the image as it is stored, in multiples of the reduction.
        """

    @abstractmethod
    def keep(self, rectangle: Box, edges: np.ndarray | None) -> "ImageView | np.ndarray":
        """The image with all outside a rectangle replaced.

        Args:
            rectangle: image pixels.
            edges: (H, W, 3) uint8 that takes its place; None is black.
        """


@dataclass(frozen=True, kw_only=True)
class ImageWindow(ImageView):
    """An image of which a window is known.

    Attributes:
        pixels: (h, w, 3) uint8, never mirrored.
        left: column of the image where the window begins.
        top: row likewise.
    """

    pixels: np.ndarray
    left: int
    top: int

    def read(self, box: Box, reduction: int) -> tuple[np.ndarray, Box]:
        """See `ImageView.read`.

        Raises:
            ValueError: the window does not hold the box.
        """
        assert reduction == 1
        left, top, right, bottom = stored = self.unmirrored(box)
        height, width = self.pixels.shape[:2]
        x, y = left - self.left, top - self.top
        if x < 0 or y < 0 or right - self.left > width or bottom - self.top > height:
            raise ValueError(
                f"a crop needs the pixels {stored} (left, top, right, bottom), the crop cache has "
                f"{(self.left, self.top, self.left + width, self.top + height)} of this person; a "
                "step moves the window further than its settings say: leave crop_cache out"
            )
        return self.pixels[y : y + bottom - top, x : x + right - left], stored

    def keep(self, rectangle: Box, edges: np.ndarray | None) -> "ImageWindow":
        """See `ImageView.keep`."""
        height, width = self.pixels.shape[:2]
        pixels = np.zeros_like(self.pixels)
        if edges is not None:
            stored = edges[:, ::-1] if self.is_mirrored else edges
            pixels[:] = stored[self.top : self.top + height, self.left : self.left + width]
        left, top, right, bottom = self.unmirrored(rectangle)
        inside = np.s_[
            max(top - self.top, 0) : max(bottom - self.top, 0),
            max(left - self.left, 0) : max(right - self.left, 0),
        ]
        pixels[inside] = self.pixels[inside]
        return replace(self, pixels=pixels)


@dataclass(frozen=True, kw_only=True)
class ImageFile(ImageView):
    """A file that is decoded when the crop is cut, no larger than the crop needs.

    Attributes:
        decode: gives the image reduced by 1, 2, 4 or 8, its sides rounded up.
    """

    decode: Callable[[int], np.ndarray]

    def reduction(self, scale: float) -> int:
        """See `ImageView.reduction`: the largest that leaves a pixel for each of the crop's."""
        reduction = 1
        while 2 * reduction <= min(LARGEST_REDUCTION, 1 / scale):
            reduction *= 2
        return reduction

    def read(self, box: Box, reduction: int) -> tuple[np.ndarray, Box]:
        """See `ImageView.read`."""
        left, top, right, bottom = self.unmirrored(box)
        first_x, first_y = left // reduction, top // reduction
        last_x, last_y = -(-right // reduction), -(-bottom // reduction)
        pixels = self.decode(reduction)[first_y:last_y, first_x:last_x]
        corners = (first_x, first_y, last_x, last_y)
        return pixels, tuple(reduction * corner for corner in corners)

    def keep(self, rectangle: Box, edges: np.ndarray | None) -> np.ndarray:
        """See `ImageView.keep`; the whole image is decoded."""
        image = self.decode(1)
        image = image[:, ::-1] if self.is_mirrored else image
        left, top, right, bottom = rectangle
        kept = np.zeros(self.shape, np.uint8) if edges is None else edges.copy()
        kept[top:bottom, left:right] = image[top:bottom, left:right]
        return kept


def mirror_image(image: np.ndarray | ImageView) -> np.ndarray | ImageView:
    """An image mirrored left to right, as a view."""
    return image.mirrored() if isinstance(image, ImageView) else image[:, ::-1]


def reduce_mask(mask: np.ndarray, reduction: int) -> np.ndarray:
    """A mask (h, w) uint8 0/1 as shares (h / n, w / n) float32 of the cells of n x n pixels."""
    size = (mask.shape[1] // reduction, mask.shape[0] // reduction)
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
