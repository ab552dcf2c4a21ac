"""One map out of several levels."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS


@MODELS.register_module()
class FusionNeck(BaseModule):
    """Project every level to the same channels, bring it to one size, and add them up.

    Args:
        in_channels: of each level.
        out_channels: of the sum.
        out_index: the level whose size the sum has.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        out_index: int = 0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 <= out_index < len(in_channels):
            raise ValueError(f"out_index must be 0 to {len(in_channels) - 1}, got {out_index}")
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(n, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
            for n in in_channels
        )
        self.in_channels, self.out_channels = tuple(in_channels), out_channels
        self.out_index = out_index

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "out_index")

    def map_channels(self, channels: Sequence[int]) -> tuple[int]:
        """Channels of the sum, for levels of these channels.

        Raises:
            ValueError: they are not those of the neck.
        """
        if tuple(channels) != self.in_channels:
            raise ValueError(
                f"the backbone gives maps of {tuple(channels)} channels, FusionNeck expects "
                f"{self.in_channels}; make its in_channels and out_indices of the backbone fit"
            )
        return (self.out_channels,)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor]:
        """The sum (B, out_channels, h, w) of maps (B, C_i, h_i, w_i), in a tuple of one."""
        if len(features) != len(self.projections):
            raise ValueError(
                f"the backbone gives {len(features)} levels, the neck expects "
                f"{len(self.projections)}; make out_indices and in_channels fit"
            )
        size = features[self.out_index].shape[-2:]
        total = 0
        for project, feature in zip(self.projections, features, strict=True):
            level = project(feature)
            if level.shape[-2:] != size:
                level = F.interpolate(level, size=size, mode="bilinear", align_corners=False)
            total = total + level
        return (F.relu(total),)
