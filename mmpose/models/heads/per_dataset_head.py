"""One head for each data set on a shared backbone (multi-dataset ViTPose, arXiv:2204.12484)."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample


def group_by_dataset(data_samples: Sequence[PoseDataSample], num_datasets: int) -> dict:
    """Which samples of a batch belong to which data set.

    Args:
        data_samples: B samples; their ``dataset_index`` comes from `CombinedDataset`. Samples
            without one, of a data set that is tested alone, belong to the first.
        num_datasets: of them.

    Returns:
        Data set -> rows of the batch, only those that occur, in order.

    Raises:
        ValueError: an index is beyond the data sets.
    """
    groups = {}
    for row, sample in enumerate(data_samples):
        index = sample.metainfo.get("dataset_index", 0)
        if index >= num_datasets:
            raise ValueError(
                f"a sample of data set number {index} meets {num_datasets} heads; give one head "
                "for each part of the CombinedDataset, in its order"
            )
        groups.setdefault(index, []).append(row)
    return dict(sorted(groups.items()))


@MODELS.register_module()
class PerDatasetHead(BaseModule):
    """A list of heads; each sample trains, and is posed by, the head of its data set.

    The backbone learns from all. The first head answers where nothing tells the data set, as on
    single pictures.

    Args:
        heads: configs or ready heads, in the order of the parts of the `CombinedDataset`, whose
            ``metainfo`` is None: every data set keeps its joints.
        init_cfg: mmengine's.
    """

    def __init__(
        self, heads: Sequence[dict | nn.Module], init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not heads:
            raise ValueError("PerDatasetHead needs at least one head, one for each data set")
        self.heads = nn.ModuleList(
            MODELS.build(head) if isinstance(head, dict) else head for head in heads
        )

    @property
    def out_channels(self) -> int:
        """Joints of the first head."""
        return self.heads[0].out_channels

    @property
    def decoder(self) -> object | None:
        """Codec of the first head."""
        return self.heads[0].decoder

    def forward(self, features: Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """What the first head makes of feature maps."""
        return self.heads[0](features)

    def average_flipped(
        self,
        outputs: Tensor | tuple[Tensor, ...],
        flip_indices: Sequence[int],
        *,
        shift_heatmap: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """As the first head does."""
        return self.heads[0].average_flipped(outputs, flip_indices, shift_heatmap=shift_heatmap)

    def decode(self, outputs: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
        """As the first head does."""
        return self.heads[0].decode(outputs)

    def split(self, data_samples: Sequence[PoseDataSample]) -> list[tuple[nn.Module, list[int]]]:
        """The heads that a batch needs, each with the rows it answers for."""
        groups = group_by_dataset(data_samples, len(self.heads))
        return [(self.heads[index], rows) for index, rows in groups.items()]

    def loss(
        self,
        features: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses and accuracies of all heads, their names ending in the number of the data set.

        A loss is weighted by its data set's share of the batch, so that the total is the mean
        over people, however the sampler mixes them.
        """
        answer = {}
        for index, rows in group_by_dataset(data_samples, len(self.heads)).items():
            chosen = torch.tensor(rows, device=features[-1].device)
            parts = self.heads[index].loss(
                [level.index_select(0, chosen) for level in features],
                [data_samples[row] for row in rows],
                train_cfg,
            )
            share = len(rows) / len(data_samples)
            for name, value in parts.items():
                is_loss = "loss" in name
                answer[f"{name}_{index}"] = value * share if is_loss else value
        return answer
