"""Which bundled skeleton the joints of a file are."""

from collections.abc import Sequence
from typing import Any

from .joint_names import match_joints
from .pose_metainfo import METAINFO_DIR, parse_pose_metainfo

BY_NUMBER = {16: "mpii.py", 17: "coco.py", 133: "coco_wholebody.py"}
"""What joints without names are taken for; 14 may be CrowdPose's or AI Challenger's."""


def known_skeletons() -> dict[str, dict[str, Any]]:
    """Parsed metainfo of the bundled skeletons by file name, COCO's first, one of each joint list.

    Merged skeletons are none that a file is annotated with.
    """
    names = ["coco.py", *sorted(path.name for path in METAINFO_DIR.glob("*.py"))]
    found: dict[tuple, tuple[str, dict[str, Any]]] = {}
    for name in names:
        if not name.startswith("merged_"):
            metainfo = parse_pose_metainfo({"from_file": name})
            found.setdefault(tuple(metainfo["keypoint_name2id"]), (name, metainfo))
    return dict(found.values())


def find_skeleton(names: Sequence[str], num_joints: int | None) -> str | None:
    """The bundled metainfo file of a file's joints; None where none has exactly these.

    Args:
        names: ``categories[].keypoints``; may be empty.
        num_joints: how many joints annotations have, where that is known.
    """
    if not names:
        return BY_NUMBER.get(num_joints)
    found: dict[str, list[int]] = {}
    for file, metainfo in known_skeletons().items():
        skeleton = list(metainfo["keypoint_name2id"])
        try:
            order = match_joints(names, skeleton, file) if len(skeleton) == len(names) else None
        except ValueError:  # some of its joints alone
            continue
        if order is not None and len(order) == len(names):
            found[file] = order
    # CrowdPose's and AI Challenger's have the same names in another order
    return min(found, key=lambda file: found[file] != sorted(found[file]), default=None)
