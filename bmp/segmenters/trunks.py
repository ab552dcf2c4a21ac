"""Image trunks of the segmenter other than SAM 2's own Hiera.

SAM 2's neck asks of a trunk: a list of maps at strides 4, 8, 16, 32 and ``channel_list``, their
channels from the deepest to the finest.
"""

from collections.abc import Sequence

import timm
import torch
from torch import Tensor, nn

from mmpose.models.backbones.timm_backbone import read_trunk_weights


class TimmTrunk(nn.Module):
    """A convolutional network of timm as trunk of SAM 2.

    Args:
        model_name: timm's name, of a model that offers ``features_only``.
        out_indices: which of its feature levels to hand out; their strides must be 4, 8, 16, 32.
        frozen_stages: the stem (from 1 on) and so many minus one of the first blocks do not learn
            and stay in evaluation mode; 0: all learn.
        pretrained_file: start weights (:func:`read_trunk_weights` of the pose framework), read
            by :meth:`init_weights` alone.

    Raises:
        ValueError: the levels do not have the strides 4, 8, 16, 32.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        *,
        frozen_stages: int = 0,
        pretrained_file: str | None = None,
    ) -> None:
        super().__init__()
        self.pretrained_file = pretrained_file
        self.body = timm.create_model(
            model_name,
            features_only=True,
            out_indices=tuple(out_indices),
        ).to(memory_format=torch.channels_last)  # twice as fast on a CPU
        strides = self.body.feature_info.reduction()
        if list(strides) != [4, 8, 16, 32]:
            raise ValueError(
                f"{model_name} with out_indices {tuple(out_indices)} has strides {strides}; "
                "SAM 2's neck needs 4, 8, 16, 32: choose other out_indices"
            )
        self.channel_list = self.body.feature_info.channels()[::-1]
        self.frozen = self._first_stages(frozen_stages)
        for part in self.frozen:
            part.requires_grad_(False)

    def init_weights(self) -> None:
        """Read ``pretrained_file`` where one is named.

        Raises:
            FileNotFoundError: the file is not there; says which command makes it.
            RuntimeError: the file lacks weights of this trunk.
        """
        if self.pretrained_file is not None:
            self.body.load_state_dict(read_trunk_weights(self.pretrained_file))

    def train(self, mode: bool = True) -> "TimmTrunk":
        """Set the mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps of normalised images.

        Args:
            images: (B, 3, S, S).

        Returns:
            Four maps (B, C, S / stride, S / stride), finest first.
        """
        return self.body(images.contiguous(memory_format=torch.channels_last))

    def _first_stages(self, count: int) -> list[nn.Module]:
        if count == 0:
            return []
        stem = [part for name, part in self.body.named_children() if name != "blocks"]
        return stem + list(self.body.blocks[: count - 1])
