"""The drawings of docs/concepts.md, made with the small models on a demo image.

PYTHONPATH=. python tools/site/drawings.py
"""

import cv2
import numpy as np
import torch

from bmp.api import BBoxMaskPose
from bmp.loop.masks import black_out
from bmp.pmpose import PMPose
from bmp.results import BMPResult
from bmp.visualization import caption, draw_people, loop_pictures
from mmpose.files import write_image
from mmpose.inputs import image_array, read_image
from mmpose.project import PROJECT_ROOT
from mmpose.structures import bbox_cs2xyxy
from mmpose.structures.crop import crop_windows
from mmpose.visualization import draw_poses
from mmpose.visualization.overlays import lay_heatmaps_over

PHOTO = PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg"
OUT = PROJECT_ROOT / "docs" / "images"
HEIGHT = 400  # of a tile, px
BEHIND, BEFORE = 9, 1  # two people of the image who overlap


def side_by_side(*tiles: tuple[str, np.ndarray]) -> np.ndarray:
    """Tiles scaled to one height, each with its caption."""
    scaled = []
    for title, tile in tiles:
        size = (round(tile.shape[1] * HEIGHT / tile.shape[0]), HEIGHT)
        scaled.append(caption(cv2.resize(tile, size, interpolation=cv2.INTER_CUBIC), title))
    return np.concatenate(scaled, 1)


def mask_conditioning(image: np.ndarray, result: BMPResult) -> np.ndarray:
    """One box, three answers: without a mask, with that of either person in it."""
    pose = PMPose(device="cpu", variant="PMPose-demo", from_pretrained=True)
    box = result.bboxes[BEHIND]
    left, top, right, bottom = (int(v) for v in window_of(box, image))
    tiles = []
    for title, person in (
        ("no mask", None),
        ("mask of one", BEHIND),
        ("mask of the other", BEFORE),
    ):
        mask = None if person is None else result.masks[person][None]
        keypoints = pose.predict(image, box[None], mask)[0]
        seen = image if mask is None else np.where(mask[0][..., None], image, image // 3)
        drawn = draw_poses(seen, keypoints[..., :2], keypoints[..., 2], width=8)
        tiles.append((title, drawn[top:bottom, left:right]))
    return side_by_side(*tiles)


def window_of(box: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(4,) xyxy of the padded crop, cut to the image."""
    center, scale = crop_windows(torch.as_tensor(box)[None], 1.25, (96, 128))
    height, width = image.shape[:2]
    corners = bbox_cs2xyxy(center, scale)[0].round().numpy()
    return corners.clip(0, [width, height, width, height])


def probability_maps(image: np.ndarray, result: BMPResult) -> np.ndarray:
    """Maps of three joints of one person over the crop."""
    pose = PMPose(device="cpu", variant="PMPose-demo", from_pretrained=True)
    box, mask = result.bboxes[BEHIND], result.masks[BEHIND]
    _, presence, visibility, maps = pose.predict(image, box[None], mask[None], True)
    left, top, right, bottom = (int(v) for v in window_of(box, image))
    crop = image[top:bottom, left:right]
    tiles = [("the crop", crop)]
    for name, joint in (("right shoulder", 6), ("right wrist", 10), ("left ankle", 15)):
        size = (crop.shape[1], crop.shape[0])
        resized = cv2.resize(maps[0, joint], size, interpolation=cv2.INTER_LINEAR)
        text = f"{name}: in {presence[0, joint]:.2f}, seen {visibility[0, joint]:.2f}"
        tiles.append((text, lay_heatmaps_over(crop, torch.from_numpy(resized)[None])))
    return side_by_side(*tiles)


def holes(image: np.ndarray, result: BMPResult) -> np.ndarray:
    """The image, the people of the first turn blacked out, and who is found then."""
    hidden = black_out(image, torch.from_numpy(result.masks[result.iteration == 0]))
    found = draw_people(image, result[result.iteration == 1], poses=False)
    return side_by_side(
        ("turn 1 sees", image),
        ("turn 2 sees holes, and looks past them", hidden),
        ("it finds", found),
    )


def prompts(image: np.ndarray, result: BMPResult) -> np.ndarray:
    """Poses, and the masks that their joints ask for."""
    row = loop_pictures(image, result)[0]
    return side_by_side(row[1], row[2], row[3])


def main() -> None:
    image = image_array(read_image(PHOTO))
    result = BBoxMaskPose("bmp_demo", device="cpu").predict(image, return_intermediates=True)
    for draw in (mask_conditioning, probability_maps, holes, prompts):
        print(write_image(OUT / f"{draw.__name__}.jpg", draw(image, result)))


if __name__ == "__main__":
    main()
