"""A stand-in for the models: one person in the middle of every image, or nobody."""

import torch

from bmp.loop import LoopResult, Turn
from bmp.results import failed_result, make_result
from bmp.segmenters.prompts import Prompts
from bmp.structures import make_people
from mmpose.inputs import UnreadableImageError, read_image


def person_in_the_middle(height, width):
    masks = torch.zeros(1, height, width, dtype=torch.bool)
    masks[0, 10:30, 20:35] = True
    return make_people(
        torch.tensor([[20.0, 10, 35, 30]]),
        masks=masks,
        keypoints=torch.full((1, 17, 2), 25.0),
        keypoint_scores=torch.full((1, 17), 0.75),
        presence=torch.ones(1, 17),
        visibility=torch.ones(1, 17),
        bbox_scores=torch.tensor([0.5]),
        mask_scores=torch.tensor([0.5]),
        scores=torch.tensor([0.5]),
        iteration=torch.tensor([0]),
    )


def find_one(image):
    """As :class:`bmp.api.BBoxMaskPose` would answer: one person after each of two turns."""
    people = person_in_the_middle(*image.shape[:2])
    points, labels = torch.full((1, 3, 2), 25.0), torch.ones(1, 3).long()
    prompts = Prompts(points, labels, people.bboxes, torch.tensor([False]))
    steps = [Turn(0, people, people, people, prompts)]
    found = LoopResult(people, [people] * 2, steps)
    return make_result(found, intermediates=True, heatmap_shape=None)


def find_nobody(image):
    people = person_in_the_middle(*image.shape[:2])[torch.tensor([False])]
    return make_result(LoopResult(people, [people], []), intermediates=True, heatmap_shape=None)


def streamed(find):
    """Images of paths and their people one after the other, as stream of BBoxMaskPose gives."""

    def stream(paths):
        for path in paths:
            try:
                image = read_image(path)
            except UnreadableImageError as error:
                yield None, failed_result(str(error))
            else:
                yield image, find(image)

    return stream
