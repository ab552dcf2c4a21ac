"""Steps of the data pipeline of a top-down pose model."""

from .base import Transform
from .blackout import RandomEdgesBlackout, RandomPatchesBlackout
from .colour import Albumentation, PhotometricDistortion
from .converting import KeypointConverter
from .copy_paste import CopyPastePeople
from .formatting import GenerateTarget, PackPoseInputs
from .loading import LoadImage
from .masking import MaskBackground
from .topdown_affine import TopdownAffine
from .windows import GetBBoxCenterScale, RandomBBoxTransform, RandomFlip, RandomHalfBody

__all__ = [
    "Albumentation",
    "CopyPastePeople",
    "GenerateTarget",
    "GetBBoxCenterScale",
    "KeypointConverter",
    "LoadImage",
    "MaskBackground",
    "PackPoseInputs",
    "PhotometricDistortion",
    "RandomBBoxTransform",
    "RandomEdgesBlackout",
    "RandomFlip",
    "RandomHalfBody",
    "RandomPatchesBlackout",
    "TopdownAffine",
    "Transform",
]
