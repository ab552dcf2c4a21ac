"""Several data sets as one, their joints mapped onto one merged skeleton."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmpose.registry import DATASETS

from .coco_style import METAINFO_KEYS
from .crop_cache import open_cache
from .image_files import reads_images
from .joint_mapping import check_mapping, map_joints
from .pose_metainfo import parse_pose_metainfo
from .seeded_index import draws_of
from .transforms import KeypointConverter
from .unreadable import run_pipeline


def _num_keypoints(dataset: Dataset) -> int:
    """Joints of a part's samples: those of its skeleton, or what its own pipeline makes of it."""
    steps = getattr(getattr(dataset, "pipeline", None), "transforms", ())
    converted = [step.num_keypoints for step in steps if isinstance(step, KeypointConverter)]
    return converted[-1] if converted else dataset.metainfo["num_keypoints"]


@DATASETS.register_module()
class CombinedDataset(Dataset):
    """Data sets one after the other, with one pipeline.

    Their samples carry ``dataset_index``, the place of their part, by which `PerDatasetHead`
    sends them to a head.

    Args:
        metainfo: of the merged skeleton. None: every part keeps its own skeleton (one head
            per data set), and `metainfo` is that of the first.
        datasets: configs of the parts, or the parts; their own pipelines are normally empty.
        pipeline: transforms after the mapping.
        keypoints_mapping: for each part, source joint -> merged joint; None leaves joints alone,
            then all parts must have as many joints as the merged skeleton, be it by a
            `KeypointConverter` in their own pipelines.
        sample_ratio_factor: for each part, how many samples an epoch shows of it, as a factor;
            they are drawn anew each time, spread evenly over the part. Training only.
        dataset_ratio_factor: for each part, the share of it that is kept (drawn once, without
            replacement).
        seed: of that draw.
        test_mode: whether every sample must be answered.
        max_refetch: how many other samples to try when one cannot be read in training.
        crop_cache: folder of people cut out before, by `tools/datasets/crop_cache.py`; training
            only.

    Raises:
        ValueError: a list has not one entry per part, a factor is out of its range, or a mapping
            does not fit the skeletons.
    """

    def __init__(
        self,
        metainfo: dict | None,
        datasets: Sequence[dict | Dataset],
        pipeline: Sequence[dict | Callable] = (),
        keypoints_mapping: Sequence[dict[int, int]] | None = None,
        sample_ratio_factor: Sequence[float] | None = None,
        dataset_ratio_factor: Sequence[float] | None = None,
        seed: int = 0,
        test_mode: bool = False,
        max_refetch: int = 1000,
        crop_cache: str | None = None,
    ) -> None:
        self.datasets = [DATASETS.build(ds) if isinstance(ds, dict) else ds for ds in datasets]
        self.keeps_skeletons = metainfo is None
        self._metainfo = parse_pose_metainfo(metainfo or self.datasets[0].metainfo)
        for name, entries, highest in (
            ("keypoints_mapping", keypoints_mapping, None),
            ("sample_ratio_factor", sample_ratio_factor, np.inf),
            ("dataset_ratio_factor", dataset_ratio_factor, 1),
        ):
            self._check_list(name, entries, highest)
        self.keypoints_mapping = keypoints_mapping and [
            {int(source): int(target) for source, target in mapping.items()}
            for mapping in keypoints_mapping
        ]
        # in a test the same person could come twice and another one never
        if test_mode and sample_ratio_factor is not None:
            raise ValueError("sample_ratio_factor draws at random; a test poses everybody once")
        self._factors = list(sample_ratio_factor or [1.0] * len(self.datasets))
        self._check_skeletons()
        self._choose_samples(dataset_ratio_factor, np.random.default_rng(seed))
        self.pipeline = Compose(list(pipeline))
        # parts without a pipeline cannot know that their images will be read
        for dataset in self.datasets if reads_images(self.pipeline) else ():
            if hasattr(dataset, "image_files"):
                dataset.image_files.tell()
        self.test_mode = test_mode
        self.max_refetch = max_refetch
        self.num_unreadable = 0
        self.crop_cache = open_cache(crop_cache, self)

    def _check_list(self, name: str, entries: Sequence | None, highest: float | None) -> None:
        """One entry per part; factors are 0 to ``highest``."""
        if entries is None:
            return
        if len(entries) != len(self.datasets):
            raise ValueError(f"{name} needs {len(self.datasets)} entries, got {len(entries)}")
        if highest is not None and not all(0 <= factor <= highest for factor in entries):
            raise ValueError(f"{name} has factors of 0 to {highest}, got {list(entries)}")

    def _check_skeletons(self) -> None:
        counts = [_num_keypoints(dataset) for dataset in self.datasets]
        merged = self._metainfo["num_keypoints"]
        if self.keypoints_mapping is not None:
            if self.keeps_skeletons:
                raise ValueError("keypoints_mapping needs the metainfo of the merged skeleton")
            for mapping, count in zip(self.keypoints_mapping, counts, strict=True):
                check_mapping(mapping, count, merged)
        # equal numbers are trusted: a converter in a part's pipeline leaves no names to compare
        elif not self.keeps_skeletons and set(counts) != {merged}:
            raise ValueError(
                f"the parts have {counts} joints, the merged skeleton {merged}: give "
                "keypoints_mapping, or metainfo=None with one head per data set"
            )

    def _choose_samples(self, ratios: Sequence[float] | None, rng: np.random.Generator) -> None:
        # once, from a seed: all processes and epochs must agree on which share is kept
        self._kept: list[np.ndarray] = []
        for dataset, ratio in zip(self.datasets, ratios or [1.0] * len(self.datasets), strict=True):
            total = len(dataset)
            kept = np.arange(total) if ratio == 1 else rng.permutation(total)[: int(total * ratio)]
            self._kept.append(kept)
        self._ends = list(accumulate(self.lens))

    @property
    def metainfo(self) -> dict:
        """Of the merged skeleton, or of the first part where all keep their own."""
        return dict(self._metainfo)

    @property
    def lens(self) -> list[int]:
        """How many samples each part gives."""
        return [
            round(len(kept) * factor)
            for kept, factor in zip(self._kept, self._factors, strict=True)
        ]

    def _locate(self, idx: int) -> tuple[int, int]:
        """The part of a sample and its place in the part; -1 is the last sample of all."""
        if not -len(self) <= idx < len(self):
            raise IndexError(f"sample {idx} of a data set of {len(self)}")
        idx = idx % len(self)
        part = int(np.searchsorted(self._ends, idx, side="right"))
        place = idx - (self._ends[part - 1] if part else 0)
        kept, factor = self._kept[part], self._factors[part]
        if factor != 1:
            # One of the people for whom this place stands, spread evenly. The global generator is
            # right here: `draws_of` has seeded it for the index. A length that was rounded up
            # reaches beyond the part.
            place = min(int((place + np.random.random()) / factor), len(kept) - 1)
        return part, int(kept[place])

    def __len__(self) -> int:
        return self._ends[-1]

    def get_data_info(self, idx: int) -> dict:
        """One sample of a part, its joints mapped; ``dataset_name`` stays that of the part."""
        return self._person(*self._locate(idx))

    def image_paths(self) -> list[str]:
        """The image of each sample.

        Raises:
            ValueError: ``sample_ratio_factor`` draws anew each time.
        """
        if any(factor != 1 for factor in self._factors):
            raise ValueError(
                "sample_ratio_factor draws people anew each time, their images are not known "
                "before: leave it out, or take another sampler than GroupedSampler"
            )
        parts = [dataset.image_paths() for dataset in self.datasets]
        return [paths[i] for paths, kept in zip(parts, self._kept, strict=True) for i in kept]

    def every_person(self) -> Iterator[dict]:
        """All samples that are kept, once each, whatever the factors."""
        for part, kept in enumerate(self._kept):
            yield from (self._person(part, int(place)) for place in kept)

    def _person(self, part: int, place: int) -> dict:
        sample = self.datasets[part][place]
        sample["dataset_index"] = part
        if self.keeps_skeletons:
            return sample
        if self.keypoints_mapping is not None:
            mapping = self.keypoints_mapping[part]
            sample |= map_joints(sample, mapping, self._metainfo["num_keypoints"])
        # flips and half bodies go by the merged joints; evaluators still go by the part's name
        tables = {key: self._metainfo[key] for key in METAINFO_KEYS if key != "dataset_name"}
        return sample | tables

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; an unreadable image is counted and reported."""
        sample = self.get_data_info(idx)
        if self.crop_cache is not None:
            sample |= self.crop_cache.fields(sample)
        return run_pipeline(self, sample)

    def __getitem__(self, idx: int) -> dict:
        with draws_of(idx):
            return self._read(idx)

    def _read(self, idx: int) -> dict:
        for _ in range(self.max_refetch + 1):
            sample = self.prepare_data(idx)
            if sample is not None:
                return sample
            # still within `draws_of`: any number of workers replaces it by the same sample
            idx = np.random.randint(len(self))
        raise RuntimeError(
            f"no readable sample in {self.max_refetch} draws; check the image folders"
        )
