"""Several data sets as one, their joints mapped onto one merged skeleton."""

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmpose.registry import DATASETS

from .coco_style import METAINFO_KEYS
from .pose_metainfo import parse_pose_metainfo
from .seeded_index import draws_of
from .unreadable import run_pipeline

_JOINT_FIELDS = ("keypoints", "keypoints_visible", "keypoints_visibility")


def map_joints(sample: dict, mapping: dict[int, int], num_keypoints: int) -> dict:
    """Move the joints of a sample to their places in the merged skeleton.

    Args:
        sample: ``keypoints`` (N, K, 2), ``keypoints_visible`` and ``keypoints_visibility`` (N, K).
        mapping: source index -> merged index.
        num_keypoints: joints M of the merged skeleton; those without a source become zeros,
            which is unannotated.

    Returns:
        The three fields as (N, M, ...), in the dtype they came in.
    """
    sources, targets = list(mapping), list(mapping.values())
    mapped = {}
    for field in _JOINT_FIELDS:
        values = sample[field]
        merged = np.zeros((values.shape[0], num_keypoints, *values.shape[2:]), values.dtype)
        merged[:, targets] = values[:, sources]
        mapped[field] = merged
    return mapped


@DATASETS.register_module()
class CombinedDataset(Dataset):
    """Data sets one after the other, with one pipeline and one skeleton.

    Args:
        metainfo: of the merged skeleton.
        datasets: configs of the parts, or the parts; their own pipelines are normally empty.
        pipeline: transforms after the mapping.
        keypoints_mapping: for each part, source joint -> merged joint; None leaves joints alone.
        dataset_ratio_factor: for each part, the share of it that is kept (drawn once, without
            replacement).
        seed: of that draw.
        test_mode: whether every sample must be answered.
        max_refetch: how many other samples to try when one cannot be read in training.
    """

    def __init__(
        self,
        metainfo: dict,
        datasets: Sequence[dict | Dataset],
        pipeline: Sequence[dict | Callable] = (),
        keypoints_mapping: Sequence[dict[int, int]] | None = None,
        dataset_ratio_factor: Sequence[float] | None = None,
        seed: int = 0,
        test_mode: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        self._metainfo = parse_pose_metainfo(metainfo)
        self.datasets = [DATASETS.build(ds) if isinstance(ds, dict) else ds for ds in datasets]
        for name, factors in (
            ("keypoints_mapping", keypoints_mapping),
            ("dataset_ratio_factor", dataset_ratio_factor),
        ):
            if factors is not None and len(factors) != len(self.datasets):
                raise ValueError(f"{name} needs {len(self.datasets)} entries, got {len(factors)}")
        self.keypoints_mapping = keypoints_mapping and [
            {int(source): int(target) for source, target in mapping.items()}
            for mapping in keypoints_mapping
        ]
        self._choose_samples(dataset_ratio_factor, np.random.default_rng(seed))
        self.pipeline = Compose(list(pipeline))
        self.test_mode = test_mode
        self.max_refetch = max_refetch
        self.num_unreadable = 0

    def _choose_samples(self, ratios: Sequence[float] | None, rng: np.random.Generator) -> None:
        self._kept: list[np.ndarray] = []
        for dataset, ratio in zip(self.datasets, ratios or [1.0] * len(self.datasets), strict=True):
            total = len(dataset)
            kept = np.arange(total) if ratio == 1 else rng.permutation(total)[: int(total * ratio)]
            self._kept.append(kept)
        self._ends = list(accumulate(self.lens))

    @property
    def metainfo(self) -> dict:
        """Of the merged skeleton."""
        return dict(self._metainfo)

    @property
    def lens(self) -> list[int]:
        """How many samples each part gives."""
        return [len(kept) for kept in self._kept]

    def __len__(self) -> int:
        return self._ends[-1]

    def get_data_info(self, idx: int) -> dict:
        """One sample of a part, its joints mapped; ``dataset_name`` stays that of the part."""
        part = int(np.searchsorted(self._ends, idx, side="right"))
        start = self._ends[part - 1] if part else 0
        sample = self.datasets[part][int(self._kept[part][idx - start])]
        if self.keypoints_mapping is not None:
            mapping = self.keypoints_mapping[part]
            sample |= map_joints(sample, mapping, self._metainfo["num_keypoints"])
        tables = {key: self._metainfo[key] for key in METAINFO_KEYS if key != "dataset_name"}
        return sample | tables

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; an unreadable picture is counted and reported."""
        sample, was_unreadable = run_pipeline(
            self.pipeline,
            self.get_data_info(idx),
            test_mode=self.test_mode,
            num_before=self.num_unreadable,
        )
        self.num_unreadable += was_unreadable
        return sample

    def __getitem__(self, idx: int) -> dict:
        with draws_of(idx):
            return self._read(idx)

    def _read(self, idx: int) -> dict:
        for _ in range(self.max_refetch + 1):
            sample = self.prepare_data(idx)
            if sample is not None:
                return sample
            idx = np.random.randint(len(self))
        raise RuntimeError(
            f"no readable sample in {self.max_refetch} draws; check the picture folders"
        )
