"""The parts of the loop with a memory on disk: what was answered before is not computed again.

A key holds the part's own key (weights and settings), the pixels of the image and what else the
part is told. So a changed setting asks again only the stages that see something new: another
number of prompt joints leaves detections, poses and embeddings of the first turn as they are.
"""

import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.disk_cache import DiskCache, digest
from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.segmenters.prompts import Prompts
from bmp.structures import JOINT_FIELDS, People, make_people, with_fields
from mmpose.structures.packed_masks import PackedMasks

PACKED = "packed_"  # before the name of an array of compressed bits
STAGES = ("detect", "pose", "embed", "segment")
ANSWERS_SHARE = 0.2
EMBEDDING_MAPS = ("coarse", "fine", "middle")


@dataclass
class StageMemory:
    """What the parts share: the files, and how often each stage was asked and had to compute.

    Attributes:
        answers: people, joints and masks, some ten KiB per image and stage.
        embeddings: of images, up to 16 MiB each, so that they have room of their own.
        asked: images that each stage was asked about.
        computed: those that were not known.
    """

    answers: DiskCache
    embeddings: DiskCache
    asked: Counter = field(default_factory=Counter)
    computed: Counter = field(default_factory=Counter)

    @classmethod
    def open(cls, folder: str | os.PathLike, max_gib: float = 20.0) -> "StageMemory":
        """The memory in a folder.

        Args:
            folder: made when missing.
            max_gib: of which embeddings take four fifths at most.
        """
        share = max_gib * ANSWERS_SHARE
        return cls(
            DiskCache(Path(folder, "answers"), share),
            DiskCache(Path(folder, "embeddings"), max_gib - share),
        )

    @classmethod
    def from_config(cls, cache: Mapping[str, Any] | None) -> "StageMemory | None":
        """The memory of a config's ``cache``: arguments of :meth:`open`; None: no memory.

        Raises:
            ValueError: it is something else.
        """
        if cache is None:
            return None
        if not isinstance(cache, Mapping) or "folder" not in cache:
            raise ValueError(
                f"cache must be dict(folder=..., max_gib=...), or None for no cache, got {cache!r}"
            )
        return cls.open(**cache)

    def describe(self) -> str:
        """How much was known, in one line."""
        told = [
            f"{stage} {self.asked[stage] - self.computed[stage]} of {self.asked[stage]}"
            for stage in STAGES
            if self.asked[stage]
        ]
        return f"answers known from {self.answers.folder.parent}: {', '.join(told) or 'none'}"

    def recall(
        self, stage: str, keys: Sequence[str], make: Callable[[list[int]], list[dict]]
    ) -> list[dict[str, np.ndarray]]:
        """Arrays of every key, those that are unknown made and kept.

        Args:
            stage: counted under this name.
            keys: one per image.
            make: arrays of the images with these indices.
        """
        known = [self.answers.read(key) for key in keys]
        missing = [i for i, arrays in enumerate(known) if arrays is None]
        self.asked[stage] += len(keys)
        self.computed[stage] += len(missing)
        if missing:
            for i, arrays in zip(missing, make(missing), strict=True):
                known[i] = arrays
                self.answers.write(keys[i], arrays)
        return known


@dataclass(frozen=True)
class CachedDetector:
    """A detector that knows the images it has seen before.

    Attributes:
        detector: is asked about the others.
        memory: of all parts.
        key: of the detector, see :func:`bmp.loop.part_keys.part_key`.
        device: where its records lie.
    """

    detector: Detector
    memory: StageMemory
    key: str
    device: torch.device

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """As the detector's; later turns show it other images, with people blacked out."""
        keys = [digest(self.key, image) for image in images]

        def make(missing: list[int]) -> list[dict]:
            found = self.detector.detect([images[i] for i in missing])
            return [pack_people(people) for people in found]

        return [
            unpack_people(arrays, self.device)
            for arrays in self.memory.recall("detect", keys, make)
        ]


@dataclass(frozen=True)
class CachedPoseModel:
    """A pose model that knows the people it has posed before; attributes as above."""

    pose_model: PoseModel
    memory: StageMemory
    key: str

    def estimate(self, images: Sequence[np.ndarray], people: Sequence[People]) -> list[People]:
        """As the pose model's; the people of an image are known together or not at all."""
        packed = [pack_people(record) for record in people]
        keys = [
            digest(self.key, image, *_parts(arrays))
            for image, arrays in zip(images, packed, strict=True)
        ]

        def make(missing: list[int]) -> list[dict]:
            posed = self.pose_model.estimate(
                [images[i] for i in missing], [people[i] for i in missing]
            )
            return [_pack({n: r[n] for n in JOINT_FIELDS if n in r}) for r in posed]

        return [
            with_fields(record, **_unpack(arrays, record.bboxes.device))
            for arrays, record in zip(self.memory.recall("pose", keys, make), people, strict=True)
        ]


@dataclass(frozen=True)
class CachedSegmenter:
    """A segmenter that knows the prompts it has answered before; attributes as above."""

    segmenter: Segmenter
    memory: StageMemory
    key: str
    device: torch.device

    def embed(self, images: Sequence[np.ndarray]) -> "LateEmbeddings":
        """The images themselves: they are encoded once an unknown prompt comes."""
        return LateEmbeddings(self, images, [digest(self.key, image) for image in images])

    def segment(
        self, embeddings: "LateEmbeddings", prompts: Sequence[Prompts]
    ) -> list[tuple[Tensor, Tensor]]:
        """As the segmenter's."""
        keys = [
            digest("masks", key, *_parts(vars(p)))
            for key, p in zip(embeddings.keys, prompts, strict=True)
        ]

        def make(missing: list[int]) -> list[dict]:
            # all images, known or not: the groups that are decoded together stay the same
            answers = self.segmenter.segment(embeddings.encoded(), prompts)
            packed = [_pack({"masks": masks, "mask_scores": s}) for masks, s in answers]
            return [packed[i] for i in missing]

        answers = []
        for arrays in self.memory.recall("segment", keys, make):
            tensors = _unpack(arrays, self.device)
            answers.append((tensors["masks"], tensors["mask_scores"]))
        return answers


@dataclass
class LateEmbeddings:
    """Images that are encoded when somebody asks for it, and then once.

    Attributes:
        owner: whose embeddings they are.
        images: (H, W, 3) uint8 BGR each.
        keys: of the images.
    """

    owner: CachedSegmenter
    images: Sequence[np.ndarray]
    keys: Sequence[str]
    _encoded: Any = None

    def encoded(self) -> Any:
        """What the segmenter's own ``embed`` gives."""
        if self._encoded is None:
            self._encoded = self._recall()
        return self._encoded

    def _recall(self) -> Any:
        """From the disk if all images lie there, else encoded and kept."""
        memory, segmenter = self.owner.memory, self.owner.segmenter
        names = [digest("embedding", key) for key in self.keys]
        known = [memory.embeddings.read(name) for name in names]
        memory.asked["embed"] += len(names)
        if all(arrays is not None for arrays in known):
            return _as_embeddings(known, self.owner.device)
        memory.computed["embed"] += len(names)
        encoded = segmenter.embed(self.images)
        # only SAM 2's: what another segmenter keeps of images is its own affair
        if all(hasattr(encoded, name) for name in (*EMBEDDING_MAPS, "image_shapes")):
            for i, name in enumerate(names):
                memory.embeddings.write(name, _embedding_arrays(encoded, i))
        return encoded


def _embedding_arrays(embeddings: Any, index: int) -> dict[str, np.ndarray]:
    maps = {name: getattr(embeddings, name)[index] for name in EMBEDDING_MAPS}
    return _pack(maps) | {"image_shape": np.array(embeddings.image_shapes[index])}


def _as_embeddings(known: Sequence[dict], device: torch.device) -> Any:
    # here: SAM 2 takes a second to import, which other segmenters need not have
    from bmp.segmenters.embeddings import Embeddings

    maps = {
        name: torch.stack([torch.from_numpy(arrays[name]) for arrays in known]).to(device)
        for name in EMBEDDING_MAPS
    }
    shapes = tuple(tuple(arrays["image_shape"].tolist()) for arrays in known)
    return Embeddings(**maps, image_shapes=shapes)


def pack_people(people: People) -> dict[str, np.ndarray]:
    """A record as arrays, masks as bits; nothing is rounded."""
    return _pack(dict(people.items()))


def unpack_people(arrays: dict[str, np.ndarray], device: torch.device) -> People:
    """The record of :func:`pack_people`, on a device."""
    return make_people(**_unpack(arrays, device))


def _pack(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    arrays = {}
    for name, value in tensors.items():
        tensor = value.unpack() if isinstance(value, PackedMasks) else value
        array = tensor.detach().cpu().numpy()
        if array.dtype == bool:  # masks: a hundredth of the bytes
            bits = zlib.compress(np.packbits(array.reshape(-1)).tobytes(), level=1)
            arrays[PACKED + name] = np.frombuffer(bits, np.uint8)
            arrays[f"shape_{name}"] = np.array(array.shape, np.int64)
        else:
            arrays[name] = array
    return arrays


def _unpack(arrays: dict[str, np.ndarray], device: torch.device) -> dict[str, Tensor]:
    tensors = {}
    for name, array in arrays.items():
        if name.startswith(PACKED):
            short = name.removeprefix(PACKED)
            shape = arrays[f"shape_{short}"]
            bits = np.frombuffer(zlib.decompress(array.tobytes()), np.uint8)
            bits = np.unpackbits(bits, count=int(shape.prod())).astype(bool)
            tensors[short] = torch.from_numpy(bits.reshape(shape)).to(device)
        elif not name.startswith("shape_"):
            tensors[name] = torch.from_numpy(array).to(device)
    return tensors


def _parts(named: dict[str, Any]) -> list[Any]:
    """Names and values, in the order of the names, for a hash."""
    return [part for name in sorted(named) for part in (name, named[name])]
