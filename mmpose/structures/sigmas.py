"""The constants of the joint lists: how far apart annotators place each joint. Loads no torch."""

from collections.abc import Sequence

COCO_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062)
COCO_SIGMAS += (0.107, 0.107, 0.087, 0.087, 0.089, 0.089)
_MPII_AIC = (0.079, 0.107, 0.079, 0.035, 0.079, 0.035)  # thorax, pelvis, necks, head tops
_MPII = (0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.107, 0.079)
_MPII += (0.079, 0.035, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062)
_AIC = (0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.107, 0.087, 0.089)
_AIC += (0.035, 0.079)
_LIMBS = (0.068, 0.066, 0.066) * 2 + (0.047, 0.035, 0.026, 0.032, 0.031) * 2 + (0.008,) * 2

# Joint lists that extend COCO's 17, told apart by their length (docs: merged COCO, AIC, MPII).
SIGMAS_BY_NUM_KEYPOINTS = {
    17: COCO_SIGMAS,
    19: (*COCO_SIGMAS, 0.026, 0.026),
    21: (*COCO_SIGMAS, 0.079, 0.079, 0.035, 0.107),
    22: (*COCO_SIGMAS, 0.079, 0.079, 0.079, 0.035, 0.107),
    23: COCO_SIGMAS + _MPII_AIC,
    41: COCO_SIGMAS + _MPII_AIC + _LIMBS,
    47: COCO_SIGMAS + _MPII + _AIC,  # the three lists side by side
}


def sigmas_of(num_keypoints: int, sigmas: Sequence[float] | None = None) -> Sequence[float]:
    """Per-joint constants, K of them: the given ones, or those of the joint list of that length.

    Raises:
        ValueError: no list of that length is known, or ``sigmas`` has another length.
    """
    if sigmas is None:
        if num_keypoints not in SIGMAS_BY_NUM_KEYPOINTS:
            raise ValueError(
                f"no sigmas are known for {num_keypoints} keypoints, only for "
                f"{sorted(SIGMAS_BY_NUM_KEYPOINTS)}; give sigmas=[...], one a keypoint"
            )
        sigmas = SIGMAS_BY_NUM_KEYPOINTS[num_keypoints]
    if len(sigmas) != num_keypoints:
        raise ValueError(f"{len(sigmas)} sigmas for {num_keypoints} keypoints; give one each")
    return sigmas
