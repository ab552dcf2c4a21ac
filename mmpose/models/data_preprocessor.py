"""From uint8 crops as the data set gives them to the network's input."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS
from mmpose.structures.device_crops import DeferredCrop, cut_deferred
from mmpose.structures.transfer import stack_on


@MODELS.register_module()
class PoseDataPreprocessor(BaseDataPreprocessor):
    """Stack crops on the device, swap BGR to RGB and normalise.

    Mean and std follow the model from device to device but are no part of its weights.

    Args:
        mean: of each channel, in the order after the swap, grey levels 0 to 255.
        std: likewise.
        bgr_to_rgb: whether the crops are BGR and the network wants RGB; None: unless rgb_to_bgr.
        non_blocking: copy a batch that comes as one tensor without waiting; a list of crops always
            is.
        pad_size_divisor: what height and width of the crops must be multiples of. They are not
            padded: no codec could tell joints from a padded crop.
        rgb_to_bgr: whether the crops are RGB and the network wants BGR, the same swap.

    Raises:
        ValueError: both swaps are wanted, or the divisor is below 1.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        bgr_to_rgb: bool | None = None,
        non_blocking: bool = False,
        pad_size_divisor: int = 1,
        rgb_to_bgr: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if bgr_to_rgb and rgb_to_bgr:
            raise ValueError("bgr_to_rgb and rgb_to_bgr are the same swap: set one to False")
        if pad_size_divisor < 1:
            raise ValueError(f"pad_size_divisor must be 1 or more, got {pad_size_divisor}")
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.turns_channels = rgb_to_bgr or bgr_to_rgb in (True, None)
        self.pad_size_divisor = pad_size_divisor

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        mean, std = (
            [round(x, 4) for x in levels.flatten().tolist()] for levels in (self.mean, self.std)
        )
        return (
            f"mean={mean}, std={std}, {settings_repr(self, 'turns_channels', 'pad_size_divisor')}"
        )

    def normalise(self, crops: Tensor) -> Tensor:
        """Crops (B, 3, H, W) of grey levels 0 to 255, any dtype, as the network's input.

        Raises:
            ValueError: another number of dimensions or channels, or sides that are no multiples
                of ``pad_size_divisor``.
        """
        if crops.ndim != 4 or crops.shape[1] != len(self.mean):
            raise ValueError(
                f"crops are (B, {len(self.mean)}, H, W), got {tuple(crops.shape)}; transpose "
                "images to channels first and turn grey ones into three channels"
            )
        if any(side % self.pad_size_divisor for side in crops.shape[-2:]):
            raise ValueError(
                f"crops of {crops.shape[-1]} x {crops.shape[-2]} are no multiples of "
                f"pad_size_divisor={self.pad_size_divisor}; choose such an input_size of "
                "TopdownAffine and of the codec, or leave the divisor out"
            )
        if self.turns_channels:
            crops = crops.flip(1)
        return (crops.to(self.mean.dtype) - self.mean) / self.std

    def forward(self, data: dict, training: bool = False) -> dict:
        """A batch of the data loader: crops stacked on the device and normalised.

        The samples stay on the host, from where losses take what they need in one piece: to move
        each of 256 took 31 ms of the host.

        Args:
            data: ``inputs``, a (B, 3, H, W) tensor, a list of (3, H, W) ones or of `DeferredCrop`,
                which are cut here, and optionally ``data_samples``.
            training: makes no difference.
        """
        del training
        inputs = data["inputs"]
        if isinstance(inputs, Sequence) and inputs and isinstance(inputs[0], DeferredCrop):
            inputs = cut_deferred(inputs, self.mean.device)
        if isinstance(inputs, Tensor):
            inputs = inputs.to(self.device, non_blocking=self._non_blocking)
        else:
            inputs = stack_on(inputs, device=self.device)
        inputs = self.normalise(inputs)
        samples = data.get("data_samples")
        for sample in samples or ():
            shape = tuple(inputs.shape[-2:])
            sample.set_metainfo({"batch_input_shape": shape, "pad_shape": shape})
        return {"inputs": inputs, "data_samples": samples}
