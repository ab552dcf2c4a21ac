"""What happens to feature maps between backbone and head; enlarging is ViTPose's simple decoder."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS


@MODELS.register_module()
class FeatureMapProcessor(BaseModule):
    """Choose, join, rectify and enlarge feature maps, in this order.

    Args:
        select_index: which maps are kept: a number (from the end if negative), or several in
            their new order; None keeps the last, the only one that heads read.
        concat: join the kept maps along the channels, resized to the first of them.
        scale_factor: how much larger the maps become.
        apply_relu: whether negative values are cut off.
        align_corners: how maps are resized: corner pixels on corner pixels, or edges on edges.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        select_index: int | Sequence[int] | None = None,
        concat: bool = False,
        scale_factor: float = 1.0,
        apply_relu: bool = False,
        align_corners: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        chosen = -1 if select_index is None else select_index
        self.select_index = (chosen,) if isinstance(chosen, int) else tuple(chosen)
        self.concat = concat
        self.scale_factor = scale_factor
        self.apply_relu = apply_relu
        self.align_corners = align_corners

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(
            self, "select_index", "concat", "scale_factor", "apply_relu", "align_corners"
        )

    def map_channels(self, channels: Sequence[int]) -> tuple[int, ...]:
        """Channels of the maps that come out, for maps of these channels.

        Raises:
            ValueError: there is no map of a number.
        """
        chosen = tuple(channels[index] for index in self._chosen(len(channels)))
        return (sum(chosen),) if self.concat else chosen

    def _chosen(self, count: int) -> tuple[int, ...]:
        if not all(-count <= index < count for index in self.select_index):
            raise ValueError(f"select_index {self.select_index} of {count} feature maps")
        return self.select_index

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The chosen of the maps (B, C, h, w), or their one joint map.

        Raises:
            ValueError: there is no map of a number.
        """
        maps = [features[index] for index in self._chosen(len(features))]
        if self.concat:
            size = maps[0].shape[-2:]
            maps = [torch.cat([self._resize(m, size=size) for m in maps], 1)]
        if self.apply_relu:
            maps = [F.relu(m) for m in maps]
        if self.scale_factor != 1.0:
            maps = [self._resize(m, scale_factor=self.scale_factor) for m in maps]
        return tuple(maps)

    def _resize(self, feature: Tensor, **wanted: object) -> Tensor:
        return F.interpolate(feature, mode="bilinear", align_corners=self.align_corners, **wanted)
