"""Overlays, panels, GIFs."""

import numpy as np
import pytest
import torch
from PIL import Image

from bmp.loop import LoopResult, Turn
from bmp.segmenters.prompts import Prompts
from bmp.structures import empty_people, make_people
from bmp.visualization import (
    caption,
    draw_people,
    fit_width,
    instance_colors,
    loop_pictures,
    panel,
    write_gif,
)


def blank(height=60, width=80):
    return np.full((height, width, 3), 100, np.uint8)


def two_people(height=60, width=80):
    masks = torch.zeros(2, height, width, dtype=torch.bool)
    masks[0, 10:50, 5:30] = True
    masks[1, 20:55, 40:70] = True
    keypoints = torch.rand(2, 17, 2, generator=torch.Generator().manual_seed(0)) * 40 + 10
    return make_people(
        torch.tensor([[5.0, 10, 30, 50], [40, 20, 70, 55]]),
        masks=masks,
        keypoints=keypoints,
        keypoint_scores=torch.ones(2, 17),
    )


def test_colours_are_distinct_and_do_not_depend_on_the_number():
    colors = instance_colors(40)
    assert colors.shape == (40, 3)
    assert colors.dtype == np.uint8
    assert len(np.unique(colors, axis=0)) == 40
    assert np.array_equal(instance_colors(5), colors[:5])
    assert instance_colors(0).shape == (0, 3)


def test_a_mask_is_tinted_by_its_weight_and_only_inside():
    drawn = draw_people(
        blank(),
        two_people(),
        boxes=False,
        poses=False,
        ids=False,
        mask_weight=0.5,
        colors=np.array([[200, 0, 0], [0, 200, 0]]),
    )
    assert drawn[30, 15].tolist() == [150, 50, 50]
    assert drawn[30, 50].tolist() == [50, 150, 50]
    assert drawn[5, 35].tolist() == [100, 100, 100]


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(empty_people((60, 80), num_keypoints=17), id="nobody"),
        pytest.param(make_people(torch.zeros(0, 4)), id="nobody, boxes alone"),
    ],
)
def test_nobody_gives_the_image(people):
    assert np.array_equal(draw_people(blank(), people), blank())


def test_people_with_boxes_alone_are_drawn():
    people = make_people(torch.tensor([[10.0, 10, 40, 40]]))
    assert (draw_people(blank(), people) != 100).any()


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (900, 5)])
def test_images_of_any_size(shape):
    people = make_people(
        torch.tensor([[-50.0, -50, 1e6, 40], [0, 0, 0, 0]]),
        masks=torch.ones(2, *shape, dtype=torch.bool),
        keypoints=torch.full((2, 17, 2), 3.0),
    )
    image = np.zeros((*shape, 3), np.uint8)
    assert draw_people(image, people).shape == image.shape
    assert panel([[("a long caption", image)]], tile_width=50).shape[1] == 50


def test_a_turn_shows_its_input_detections_poses_and_masks():
    people = two_people()
    first, second = people[:1], people[1:]

    def turn(iteration, new):
        prompts = Prompts(
            torch.full((1, 2, 2), 20.0), torch.tensor([[1, -1]]), new.bboxes, torch.tensor([False])
        )
        return Turn(iteration, new, new, new, prompts)

    result = LoopResult(people, [first, people], [turn(0, first), turn(1, second)])
    rows = loop_pictures(blank(), result)
    assert [len(row) for row in rows] == [4, 4]
    assert [row[1][0] for row in rows] == ["turn 1: 1 detected", "turn 2: 1 detected"]
    seen_first, seen_second = rows[0][0][1], rows[1][0][1]
    assert np.array_equal(seen_first, blank())
    covered = first.masks.any(0).numpy()
    assert (seen_second[covered] == 0).all(), "the second turn does not see who was found"
    assert (seen_second[~covered] == 100).all()
    assert rows[0][3][1][20, 20].tolist() == [255, 255, 255], "a white cross at the prompt"


def test_a_turn_without_anybody_is_shown_too():
    nobody = empty_people((60, 80), num_keypoints=17)
    prompts = Prompts(
        torch.zeros(0, 3, 2), torch.zeros(0, 3).long(), nobody.bboxes, torch.zeros(0).bool()
    )
    result = LoopResult(nobody, [nobody], [Turn(0, nobody, nobody, nobody, prompts)])
    rows = loop_pictures(blank(), result)
    assert all(np.array_equal(picture, blank()) for _, picture in rows[0])


def test_a_panel_has_one_row_a_turn():
    tile = blank()  # 80 wide, 60 high; scaled to 160 wide it is 120 high, its caption 28
    rows = [[("input", tile), ("found", tile)], [("input", tile)]]
    assert panel(rows, tile_width=160).shape == (2 * (120 + 28), 2 * 160, 3)
    with pytest.raises(ValueError, match="at least one"):
        panel([[], []])


def test_captions_are_shrunk_to_the_width():
    strip = caption(blank(), "a caption that is far too long for eighty pixels")[:28]
    assert (strip[:, -4:] == strip[0, 0]).all()
    assert (strip != strip[0, 0]).any()


def test_fit_width_keeps_the_shape():
    assert fit_width(blank(), 40).shape == (30, 40, 3)
    assert fit_width(blank(), 160).shape == (120, 160, 3)


def test_a_gif_holds_all_frames_and_loops(tmp_path):
    frames = [np.full((20 + n, 30, 3), 60 * n, np.uint8) for n in range(3)]
    path = write_gif(tmp_path / "new" / "run.gif", frames, duration=0.5)
    with Image.open(path) as gif:
        assert gif.n_frames == 3
        assert gif.size == (30, 22)
        assert gif.info["loop"] == 0
        assert gif.info["duration"] == 500
    assert [file.name for file in path.parent.iterdir()] == ["run.gif"]
    with pytest.raises(ValueError, match="at least one frame"):
        write_gif(path, [])
