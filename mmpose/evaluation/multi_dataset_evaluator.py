"""One metric for each data set of a combined test."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement

from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.registry import DATASETS, EVALUATOR


def _metainfo_of(dataset: dict) -> dict:
    """Metainfo of a data set from its config: its own, else that of its class."""
    return parse_pose_metainfo(dataset.get("metainfo") or DATASETS.get(dataset["type"]).METAINFO)


@EVALUATOR.register_module()
class MultiDatasetEvaluator(Evaluator):
    """Send each sample to the metric of the data set it comes from.

    Args:
        metrics: one for each data set, with different prefixes.
        datasets: configs of the parts of the `CombinedDataset`, in the same order; told apart by
            the ``dataset_name`` of their metainfo.
    """

    def __init__(self, metrics: Sequence[dict], datasets: Sequence[dict]) -> None:
        if len(metrics) != len(datasets):
            raise ValueError(f"{len(datasets)} data sets need as many metrics, got {len(metrics)}")
        super().__init__(metrics)
        metainfos = [_metainfo_of(dataset) for dataset in datasets]
        names = [metainfo["dataset_name"] for metainfo in metainfos]
        if len(set(names)) < len(names):
            raise ValueError(
                f"data sets are told apart by name, but these are {names}; give each its own, "
                "metainfo=dict(from_file=..., dataset_name=...)"
            )
        self.metric_of = dict(zip(names, self.metrics, strict=True))
        self.metainfos = metainfos

    @property
    def dataset_meta(self) -> dict | None:
        """Of the combined data set."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self._dataset_meta = dataset_meta
        for metric, metainfo in zip(self.metrics, self.metainfos, strict=True):
            metric.dataset_meta = metainfo

    def process(
        self, data_samples: Sequence[BaseDataElement], data_batch: Any | None = None
    ) -> None:
        """Hand the samples of one batch to their metrics."""
        for sample in data_samples:
            sample = sample.to_dict() if isinstance(sample, BaseDataElement) else sample
            name = sample["dataset_name"]
            if name not in self.metric_of:
                raise ValueError(
                    f"no metric for data set {name!r}, only for {list(self.metric_of)}"
                )
            self.metric_of[name].process(data_batch, [sample])
