"""The enlarging step of ViTPose's simple decoder."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmpose.registry import MODELS


@MODELS.register_module()
class FeatureMapProcessor(BaseModule):
    """Rectify and enlarge the last feature map.

    Args:
        scale_factor: how much larger the map becomes.
        apply_relu: whether negative values are cut off first.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        scale_factor: float = 1.0,
        apply_relu: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.scale_factor = scale_factor
        self.apply_relu = apply_relu

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor]:
        """The last of the maps (B, C, h, w), enlarged, in a tuple of one."""
        last = F.relu(features[-1]) if self.apply_relu else features[-1]
        if self.scale_factor != 1.0:
            last = F.interpolate(
                last, scale_factor=self.scale_factor, mode="bilinear", align_corners=False
            )
        return (last,)
