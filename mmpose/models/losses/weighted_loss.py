"""The settings that most losses have."""

from torch import Tensor, nn

from mmpose.models.settings_repr import settings_repr


class WeightedLoss(nn.Module):
    """What losses share that are a mean times a factor.

    Args:
        use_target_weight: whether the weights given to ``forward`` count.
        loss_weight: factor of the whole.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "use_target_weight", "loss_weight")

    def counted(self, weights: Tensor | None) -> Tensor | None:
        """The weights, (B, K), or None where they do not count."""
        return weights if self.use_target_weight else None
