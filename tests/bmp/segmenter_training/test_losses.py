import numpy as np
import pytest
import torch

from bmp.segmenter_training.losses import dice_loss, focal_loss, mask_iou, step_losses


def disc(size=32, centre=(16, 16), radius=6):
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2


def test_losses_of_known_masks():
    truth = torch.zeros(1, 1, 2, 2)
    truth[..., 0, :] = 1
    undecided = torch.zeros(1, 1, 2, 2)  # p = 1/2 everywhere
    # half the pixels weigh 0.25, half 0.75; (1 - 1/2)² log 2
    expected = 0.5 * 0.25 * np.log(2)
    torch.testing.assert_close(focal_loss(undecided, truth), torch.full((1, 1), expected).float())
    # 1 - (2 · 1 + 1) / (2 + 2 + 1)
    torch.testing.assert_close(dice_loss(undecided, truth), torch.tensor([[0.4]]))
    assert mask_iou(torch.ones(1, 1, 2, 2), truth).tolist() == [[0.5]]
    assert mask_iou(-torch.ones(1, 1, 2, 2), truth).tolist() == [[0]]
    assert mask_iou(torch.zeros(1, 1, 2, 2), 0 * truth).tolist() == [[0]]  # nothing of nothing


@pytest.mark.parametrize("sign", [-1.0, 1.0], ids=["rightly", "wrongly"])
def test_an_empty_mask_teaches_the_object_score_alone(sign):
    """However the empty mask is answered: none of it, or all."""
    logits = torch.full((2, 3, 4, 4), sign, requires_grad=True)
    scores = torch.full((2, 3), 0.25, requires_grad=True)
    object_logits = torch.zeros(2, 1, requires_grad=True)
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[1] = True
    both = step_losses(logits, scores, object_logits, masks)
    alone = step_losses(logits[1:], scores[1:], object_logits[1:], masks[1:])
    for name in ("mask", "dice", "iou"):
        torch.testing.assert_close(both[name], alone[name] / 2)
    torch.testing.assert_close(both["object"], torch.tensor(np.log(2)).float())
    sum(both.values()).backward()
    assert logits.grad[0].abs().max() == scores.grad[0].abs().max() == 0
    assert object_logits.grad.flatten().tolist() == [0.25, -0.25]  # (1/2 - exists) / 2 people


@pytest.mark.parametrize(
    ("num_people", "divisor"),
    [
        pytest.param(None, 3, id="its own people"),
        pytest.param(5.0, 5, id="people of all processes"),
        pytest.param(torch.tensor(1.5), 1.5, id="as a tensor"),
    ],
)
def test_losses_are_means_over_people(num_people, divisor):
    masks = disc()[None].repeat(3, 1, 1)
    logits = (torch.arange(3.0)[:, None, None, None] - 1) * (masks[:, None] * 2.0 - 1)
    scores, objects = torch.tensor([[0.5], [0.75], [1.0]]), torch.zeros(3, 1)
    losses = step_losses(logits, scores, objects, masks, num_people=num_people)
    single = [
        step_losses(logits[i : i + 1], scores[i : i + 1], objects[:1], masks[:1]) for i in range(3)
    ]
    for name, value in losses.items():
        torch.testing.assert_close(value, sum(one[name] for one in single) / divisor)
    # measured IoU 0 (inside out), 0 (undecided is not inside), 1
    torch.testing.assert_close(losses["iou"], torch.tensor((0.5 + 0.75 + 0) / divisor))


@pytest.mark.parametrize(
    ("weights", "best"),
    [
        pytest.param({}, 1, id="20 to 1"),
        pytest.param({"mask_weight": 0.0}, 0, id="Dice alone"),
        pytest.param({"dice_weight": 0.0}, 1, id="focal alone"),
    ],
)
def test_the_best_mask_is_that_of_the_smallest_weighted_loss(weights, best):
    """A sure mask of twice the size, and one that hardly says anything: 0.73 and 0.08 by focal,
    0.34 and 0.61 by Dice; the first is better by Dice alone."""
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[:, :, :2] = True
    twice = torch.zeros(8, 8, dtype=torch.bool)
    twice[:, :4] = True
    logits = torch.stack([twice * 8.0 - 4, truth[0] * 0.4 - 0.2])[None].requires_grad_()
    losses = step_losses(logits, torch.zeros(1, 2), torch.zeros(1, 1), truth, **weights)
    (losses["mask"] + losses["dice"]).backward()
    assert (logits.grad.abs().sum((0, 2, 3)) > 0).tolist() == [best == 0, best == 1]


def test_only_the_best_of_several_masks_learns_its_shape():
    truth = disc()[None]
    logits = torch.stack([(truth[0] * 2.0 - 1) * s for s in (1, 4, -3)])[None].requires_grad_()
    scores = torch.full((1, 3), 0.5, requires_grad=True)
    losses = step_losses(logits, scores, torch.zeros(1, 1), truth)
    (losses["mask"] + losses["dice"]).backward()
    assert (logits.grad.abs().sum((0, 2, 3)) > 0).tolist() == [False, True, False]
    # measured IoU 1, 1, 0; all estimates are 0.5 off
    torch.testing.assert_close(losses["iou"], torch.tensor(0.5))
    torch.testing.assert_close(losses["object"], torch.tensor(np.log(2)).float())
