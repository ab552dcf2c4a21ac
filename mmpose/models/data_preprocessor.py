"""From uint8 crops as the data set gives them to the network's input."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmpose.registry import MODELS


@MODELS.register_module()
class PoseDataPreprocessor(BaseDataPreprocessor):
    """Stack crops on the device, turn BGR to RGB and normalise.

    Mean and std follow the model from device to device but are no part of its weights.

    Args:
        mean: of each channel, in the order after the turn, grey levels 0 to 255.
        std: likewise.
        bgr_to_rgb: whether the crops are BGR and the network wants RGB.
        non_blocking: copy to the device without waiting.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        bgr_to_rgb: bool = True,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.bgr_to_rgb = bgr_to_rgb

    def normalise(self, crops: Tensor) -> Tensor:
        """Crops (B, 3, H, W) of grey levels 0 to 255, any dtype, as the network's input.

        Raises:
            ValueError: another number of dimensions or channels.
        """
        if crops.ndim != 4 or crops.shape[1] != len(self.mean):
            raise ValueError(
                f"crops are (B, {len(self.mean)}, H, W), got {tuple(crops.shape)}; transpose "
                "pictures to channels first and turn grey ones into three channels"
            )
        if self.bgr_to_rgb:
            crops = crops.flip(1)
        return (crops.to(self.mean.dtype) - self.mean) / self.std

    def forward(self, data: dict, training: bool = False) -> dict:
        """A batch of the data loader, moved, stacked and normalised.

        Args:
            data: ``inputs``, a (B, 3, H, W) tensor or a list of (3, H, W) ones, and optionally
                ``data_samples``.
            training: makes no difference.
        """
        del training
        data = self.cast_data(data)
        inputs = data["inputs"]
        if not isinstance(inputs, Tensor):
            inputs = torch.stack(list(inputs))
        inputs = self.normalise(inputs)
        samples = data.get("data_samples")
        for sample in samples or ():
            shape = tuple(inputs.shape[-2:])
            sample.set_metainfo({"batch_input_shape": shape, "pad_shape": shape})
        return {"inputs": inputs, "data_samples": samples}
