"""One head for each data set on a shared backbone (multi-dataset ViTPose, arXiv:2204.12484)."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.structures.transfer import small_tensor


def group_by_dataset(
    data_samples: Sequence[PoseDataSample], num_datasets: int, default: int = 0
) -> dict[int, list[int]]:
    """Which samples of a batch belong to which data set.

    Args:
        data_samples: B samples; their ``dataset_index`` comes from `CombinedDataset`.
        num_datasets: of them.
        default: to which samples without one belong, of a data set that is tested alone.

    Returns:
        Data set -> rows of the batch, only those that occur, in order.

    Raises:
        ValueError: an index is beyond the data sets.
    """
    groups = {}
    for row, sample in enumerate(data_samples):
        index = sample.metainfo.get("dataset_index", default)
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

    The backbone learns from all. Where nothing tells the data set, as on single images, the head
    number ``default`` answers: the first, until :func:`mmpose.apis.init_model` is told another.

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
        self.default = 0

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "default")

    @property
    def default_head(self) -> nn.Module:
        """The head that answers where nothing tells the data set."""
        return self.heads[self.default]

    @property
    def out_channels(self) -> int:
        """Maps of the default head."""
        return self.default_head.out_channels

    @property
    def num_keypoints(self) -> int:
        """Joints of the default head."""
        return self.default_head.num_keypoints

    @property
    def maps_per_keypoint(self) -> int:
        """Maps of a joint, of the default head."""
        return getattr(self.default_head, "maps_per_keypoint", 1)

    @property
    def decoder(self) -> object | None:
        """Codec of the default head."""
        return self.default_head.decoder

    def forward(self, features: Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """What the default head makes of feature maps."""
        return self.default_head(features)

    def average_flipped(
        self,
        outputs: Tensor | tuple[Tensor, ...],
        flip_indices: Sequence[int],
        *,
        shift_heatmap: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """As the default head does."""
        return self.default_head.average_flipped(outputs, flip_indices, shift_heatmap=shift_heatmap)

    def decode(self, outputs: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
        """As the default head does."""
        return self.default_head.decode(outputs)

    def split(self, data_samples: Sequence[PoseDataSample]) -> list[tuple[nn.Module, list[int]]]:
        """The heads that a batch needs, each with the rows it answers for."""
        groups = self._rows_of_heads(data_samples)
        return [(self.heads[index], rows) for index, rows in groups.items()]

    def _rows_of_heads(self, data_samples: Sequence[PoseDataSample]) -> dict[int, list[int]]:
        return group_by_dataset(data_samples, len(self.heads), self.default)

    def loss(
        self,
        features: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
        *,
        compute_acc: bool = True,
    ) -> dict[str, Tensor]:
        """Losses and, if wanted, accuracies of all heads, named with their number at the end.

        A loss is weighted by its data set's share of the batch, so that the total is the mean
        over people, however the sampler mixes them.
        """
        # heads of users need not know the option
        options = {} if compute_acc else {"compute_acc": False}
        answer = {}
        for index, rows in self._rows_of_heads(data_samples).items():
            chosen = small_tensor(rows, device=features[-1].device)
            parts = self.heads[index].loss(
                [level.index_select(0, chosen) for level in features],
                [data_samples[row] for row in rows],
                **options,
            )
            share = len(rows) / len(data_samples)
            for name, value in parts.items():
                is_loss = "loss" in name
                answer[f"{name}_{index}"] = value * share if is_loss else value
        return answer
