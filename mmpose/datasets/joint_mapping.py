"""Moving the joints of one skeleton to their places in another."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmpose.registry import TRANSFORMS

from .transforms.base import Transform

JOINT_FIELDS = ("keypoints", "keypoints_visible", "keypoints_visibility")


def map_joints(sample: dict, mapping: Mapping[int, int], num_keypoints: int) -> dict:
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
    for field in JOINT_FIELDS:
        values = sample[field]
        merged = np.zeros((values.shape[0], num_keypoints, *values.shape[2:]), values.dtype)
        merged[:, targets] = values[:, sources]
        mapped[field] = merged
    return mapped


def check_mapping(mapping: Mapping[int, int], num_sources: int, num_targets: int) -> None:
    """Refuse a mapping that does not fit its skeletons.

    Args:
        mapping: source index -> merged index.
        num_sources: joints of the source.
        num_targets: joints of the merged skeleton.

    Raises:
        ValueError: an index is outside its skeleton, or two sources share a target.
    """
    for name, indices, count in (
        ("source", mapping.keys(), num_sources),
        ("target", mapping.values(), num_targets),
    ):
        outside = sorted(index for index in indices if not 0 <= index < count)
        if outside:
            raise ValueError(
                f"the mapping names {name} joints {outside}, but the {name} skeleton has {count} "
                "joints (0 to K - 1); check that mapping and metainfo belong together"
            )
    if len(set(mapping.values())) < len(mapping):
        raise ValueError(
            f"two joints of the mapping go to one place: {sorted(mapping.values())}; a merged "
            "joint has one source"
        )


@TRANSFORMS.register_module()
class KeypointConverter(Transform):
    """Bring the joints of one data set into another skeleton.

    A joint that is the mean of two is annotated where both are, and seen where both are.

    Args:
        num_keypoints: M of the new skeleton.
        mapping: pairs (source, target); a source may be a pair of joints, of which the mean is
            taken. Targets without a source are unannotated.
    """

    def __init__(
        self, num_keypoints: int, mapping: Sequence[tuple[int | tuple[int, int], int]]
    ) -> None:
        pairs = [
            (source if isinstance(source, Sequence) else (source, source), target)
            for source, target in mapping
        ]
        self.num_keypoints = num_keypoints
        self.sources = np.array([source for source, _ in pairs]).reshape(-1, 2)
        self.targets = [target for _, target in pairs]
        check_mapping(dict(enumerate(self.targets)), len(pairs), num_keypoints)

    def transform(self, results: dict) -> dict:
        """Replace ``keypoints`` (N, M, 2), ``keypoints_visible`` and ``keypoints_visibility``."""
        num_sources = results["keypoints"].shape[1]
        if self.sources.max(initial=-1) >= num_sources:
            raise ValueError(
                f"KeypointConverter takes joint {self.sources.max()} of a skeleton of "
                f"{num_sources}; check that its mapping belongs to the data set"
            )
        paired = {
            field: results[field][:, self.sources.T] for field in JOINT_FIELDS
        }  # (N, 2, J, ...)
        joined = {field: values.prod(1) for field, values in paired.items()}
        joined["keypoints"] = paired["keypoints"].mean(1, dtype=np.float32)
        identity = dict(enumerate(self.targets))
        return results | map_joints(joined, identity, self.num_keypoints)
