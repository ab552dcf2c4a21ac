"""The parts of the loop with a memory on disk: what was answered before is not computed again.

A key holds the part's own key (weights and settings), the pixels of the image and what else the
part is told. So a changed setting asks again only the stages that see something new: another
number of prompt joints leaves detections, poses and embeddings of the first turn as they are.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.disk_cache import DiskCache, digest
from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.segmenters.prompts import Prompts
from bmp.structures import People, make_people

PACKED = "packed_"  # before the name of an array of bits
EMBEDDING_MAPS = ("coarse", "fine", "middle")


@dataclass
class StageMemory:
    """What the parts share: the files, and how often each stage was asked and had to compute.

    Attributes:
        disk: where answers lie.
        asked: images that each stage was asked about.
        computed: those that were not known.
    """

    disk: DiskCache
    asked: Counter = field(default_factory=Counter)
    computed: Counter = field(default_factory=Counter)

    def recall(
        self, stage: str, keys: Sequence[str], make: Callable[[list[int]], list[dict]]
    ) -> list[dict[str, np.ndarray]]:
        """Arrays of every key, those that are unknown made and kept.

        Args:
            stage: counted under this name.
            keys: one per image.
            make: arrays of the images with these indices.
        """
        known = [self.disk.read(key) for key in keys]
        missing = [i for i, arrays in enumerate(known) if arrays is None]
        self.asked[stage] += len(keys)
        self.computed[stage] += len(missing)
        if missing:
            for i, arrays in zip(missing, make(missing), strict=True):
                known[i] = arrays
                self.disk.write(keys[i], arrays)
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
            return [pack_people(record) for record in posed]

        return [
            unpack_people(arrays, record.bboxes.device)
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
        known = [memory.disk.read(name) for name in names]
        memory.asked["embed"] += len(names)
        if all(arrays is not None for arrays in known):
            return _as_embeddings(known, self.owner.device)
        memory.computed["embed"] += len(names)
        encoded = segmenter.embed(self.images)
        # only SAM 2's: what another segmenter keeps of images is its own affair
        if all(hasattr(encoded, name) for name in (*EMBEDDING_MAPS, "image_shapes")):
            for i, name in enumerate(names):
                memory.disk.write(name, _embedding_arrays(encoded, i))
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
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().numpy()
        if array.dtype == bool:  # an eighth of the bytes
            arrays[PACKED + name] = np.packbits(array.reshape(-1))
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
            bits = np.unpackbits(array, count=int(shape.prod())).astype(bool)
            tensors[short] = torch.from_numpy(bits.reshape(shape)).to(device)
        elif not name.startswith("shape_"):
            tensors[name] = torch.from_numpy(array).to(device)
    return tensors


def _parts(named: dict[str, Any]) -> list[Any]:
    """Names and values, in the order of the names, for a hash."""
    return [part for name in sorted(named) for part in (name, named[name])]
