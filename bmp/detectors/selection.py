"""Which boxes of people stay."""

from torch import Tensor
from torchvision.ops import nms


def best_bboxes(
    bboxes: Tensor,
    scores: Tensor,
    *,
    iou_thr: float,
    max_people: int,
    inclusive: bool,
) -> Tensor:
    """Greedy suppression among boxes of one class in one image.

    With one class and image at a time, ``batched_nms`` would have nothing to keep apart, and its
    shifted boxes would let the other images of a batch change rounding.

    Args:
        bboxes: (N, 4) xyxy, pixels.
        scores: (N,).
        iou_thr: of two boxes that overlap more, the better one stays.
        max_people: at most so many stay.
        inclusive: count pixels inclusively (width x2 - x1 + 1), the published loop's rule.

    Returns:
        (M,) int64, indices of those who stay, best first.
    """
    if inclusive:  # widths and intersections both grow by one when the far corner does
        bboxes = bboxes + bboxes.new_tensor([0.0, 0.0, 1.0, 1.0])
    return nms(bboxes, scores, iou_thr)[:max_people]
