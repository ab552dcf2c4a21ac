"""Images as planes of one colour, which is how the device works on them."""

import cv2
import numpy as np
import torch
from torch import Tensor


def image_planes(image: Tensor) -> Tensor:
    """The three planes (3, H, W), contiguous, of an image (H, W, 3).

    Free where its memory holds planes, as :func:`mmpose.inputs.upload_image` leaves it.
    """
    planes = image.permute(2, 0, 1)
    if planes.is_contiguous() or not image.is_cpu:
        return planes.contiguous()
    # ten times faster than torch's copy
    return torch.from_numpy(np.stack(cv2.split(image.contiguous().numpy())))
