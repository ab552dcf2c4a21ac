"""What a data set says about its skeleton: names, flip partners, sigmas, weights.

The metainfo of a data set is plain Python data, ``dataset_info``, in a file of its own. A file
that extends another names it in ``base`` and lists only the joints it adds.
"""

import runpy
from pathlib import Path

import numpy as np

from .annotation_files import require_fields

METAINFO_DIR = Path(__file__).parent / "metainfo"
_ENTRIES = ("dataset_name", "keypoint_info", "joint_weights", "sigmas")
_COLORS = {"left": (255, 128, 0), "right": (0, 255, 0), "": (51, 153, 255)}


def find_metainfo_file(path: str | Path) -> Path:
    """Find a metainfo file: at its path, or by its file name among the bundled ones.

    Published configs name ``configs/_base_/datasets/coco.py``; the bundled ``coco.py`` answers.

    Raises:
        FileNotFoundError: neither exists; the message lists the bundled files.
    """
    path = Path(path)
    for candidate in (path, METAINFO_DIR / path.name):
        if candidate.is_file():
            return candidate
    bundled = ", ".join(sorted(file.name for file in METAINFO_DIR.glob("*.py")))
    raise FileNotFoundError(f"no metainfo file {path}; bundled with mmpose are: {bundled}")


def read_metainfo_file(path: str | Path) -> dict:
    """Read ``dataset_info`` of a metainfo file, joined with that of its ``base`` file.

    Joints, joint weights and sigmas of the file follow those of its base.
    """
    path = find_metainfo_file(path)
    module = runpy.run_path(str(path))
    if "dataset_info" not in module:
        raise ValueError(f"{path} must define 'dataset_info'; see {METAINFO_DIR / 'coco.py'}")
    metainfo = dict(module["dataset_info"])
    base = metainfo.pop("base", None)
    if base is None:
        return metainfo
    parent = read_metainfo_file(path.parent / base)
    return {
        "dataset_name": metainfo["dataset_name"],
        "keypoint_info": parent["keypoint_info"] | metainfo.get("keypoint_info", {}),
        "skeleton_info": parent["skeleton_info"] | metainfo.get("skeleton_info", {}),
        "joint_weights": [*parent["joint_weights"], *metainfo.get("joint_weights", [])],
        "sigmas": [*parent["sigmas"], *metainfo.get("sigmas", [])],
    }


def parse_pose_metainfo(metainfo: dict) -> dict:
    """Turn a data set's description of its skeleton into index tables.

    Args:
        metainfo: ``dataset_name``, ``keypoint_info``, ``skeleton_info``, ``joint_weights`` and
            ``sigmas``; or ``from_file`` naming a file with them, beside which other entries
            replace those of the file (for example another ``dataset_name``). Parsed metainfo is
            returned as it is.

    Returns:
        ``dataset_name``, ``num_keypoints``, ``keypoint_id2name``, ``keypoint_name2id``,
        ``upper_body_ids``, ``lower_body_ids``, ``flip_indices`` (K,) list, ``flip_pairs`` (name
        pairs as indices, each once), ``keypoint_colors`` (K, 3) uint8, ``skeleton_links`` (L, 2)
        list, ``skeleton_link_colors`` (L, 3) uint8, ``dataset_keypoint_weights`` and ``sigmas``
        (K,) float32.

    Raises:
        ValueError: an entry is missing, a joint's swap partner or an end of a link is unknown, or
            a list has the wrong length.
    """
    metainfo = dict(metainfo)
    if "from_file" in metainfo:
        metainfo = read_metainfo_file(metainfo.pop("from_file")) | metainfo
    if "num_keypoints" in metainfo:
        return metainfo
    _check_entries(metainfo)
    joints = [metainfo["keypoint_info"][index] for index in sorted(metainfo["keypoint_info"])]
    name2id = {joint["name"]: index for index, joint in enumerate(joints)}
    for key in ("joint_weights", "sigmas"):
        if len(metainfo[key]) != len(joints):
            raise ValueError(
                f"metainfo {metainfo['dataset_name']!r} has {len(joints)} joints but "
                f"{len(metainfo[key])} {key}; give one for each joint"
            )
    flip_indices = _flip_indices(joints, name2id)
    bones = [bone for _, bone in sorted(metainfo.get("skeleton_info", {}).items())]
    colors = [joint.get("color", _side_color(joint["name"])) for joint in joints]
    return {
        "dataset_name": metainfo["dataset_name"],
        "num_keypoints": len(joints),
        "keypoint_id2name": {index: joint["name"] for index, joint in enumerate(joints)},
        "keypoint_name2id": name2id,
        "upper_body_ids": [i for i, joint in enumerate(joints) if joint["type"] == "upper"],
        "lower_body_ids": [i for i, joint in enumerate(joints) if joint["type"] == "lower"],
        "flip_indices": flip_indices,
        "flip_pairs": [(i, j) for i, j in enumerate(flip_indices) if i < j],
        "keypoint_colors": np.array(colors, dtype=np.uint8),
        "skeleton_links": [_ends(bone, name2id) for bone in bones],
        "skeleton_link_colors": np.array(
            [bone.get("color", _side_color(bone["link"][0])) for bone in bones], dtype=np.uint8
        ).reshape(-1, 3),
        "dataset_keypoint_weights": np.array(metainfo["joint_weights"], dtype=np.float32),
        "sigmas": np.array(metainfo["sigmas"], dtype=np.float32),
    }


def _check_entries(metainfo: dict) -> None:
    missing = [key for key in _ENTRIES if key not in metainfo]
    if missing:
        raise ValueError(
            f"the metainfo {metainfo.get('dataset_name', '')!r} lacks {missing} of the joint set; "
            "name a file with them, metainfo=dict(from_file='coco.py'), or write one like "
            f"{METAINFO_DIR / 'coco.py'}"
        )
    indices = sorted(metainfo["keypoint_info"])
    if indices != list(range(len(indices))):
        raise ValueError(
            f"the joints of metainfo {metainfo['dataset_name']!r} must be numbered 0, 1, 2, ..., "
            f"got {indices}"
        )
    for index, joint in metainfo["keypoint_info"].items():
        require_fields(joint, ("name", "type"), f"joint {index} of {metainfo['dataset_name']!r}")


def _flip_indices(joints: list[dict], name2id: dict[str, int]) -> list[int]:
    flip_indices = []
    for index, joint in enumerate(joints):
        swap = joint.get("swap", "")
        if swap and swap not in name2id:
            raise ValueError(f"joint {joint['name']!r} swaps with {swap!r}, which does not exist")
        flip_indices.append(name2id[swap] if swap else index)
    return flip_indices


def _ends(bone: dict, name2id: dict[str, int]) -> tuple[int, int]:
    unknown = [name for name in bone["link"] if name not in name2id]
    if unknown:
        raise ValueError(f"a link of skeleton_info names {unknown}, which are no joints of it")
    start, end = bone["link"]
    return name2id[start], name2id[end]


def _side_color(name: str) -> tuple[int, int, int]:
    side = next((side for side in ("left", "right") if name.startswith(side)), "")
    return _COLORS[side]
