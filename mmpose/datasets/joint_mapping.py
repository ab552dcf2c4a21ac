"""Moving the joints of one skeleton to their places in another."""

from collections.abc import Mapping

import numpy as np

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
