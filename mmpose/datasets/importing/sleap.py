"""SLEAP files, by sleap-io.

sleap-io's COCO export gives all images the size of the first; here each has its own.
"""

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from mmpose.datasets.image_files import read_image_shape

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions

if TYPE_CHECKING:
    from sleap_io import Labels


def is_it(path: Path) -> bool:
    """Whether a path is a SLEAP file."""
    return path.suffix == ".slp" and path.is_file()


def read(path: Path, options: ReadOptions) -> Imported:
    """Read the labelled frames that are image files.

    Raises:
        ImportError: sleap-io is not installed.
        ValueError: the frames lie in a video, which has no image files.
    """
    try:
        import sleap_io
    except ModuleNotFoundError as error:
        raise ImportError(
            "SLEAP files are read by sleap-io: pip install -e '.[interop]'"
        ) from error
    labels = sleap_io.load_slp(str(path), open_videos=False)
    return _from_labels(labels, path, options)


def _from_labels(labels: "Labels", path: Path, options: ReadOptions) -> Imported:
    skeleton = labels.skeletons[0]
    imported = Imported(joint_names=[node.name for node in skeleton.nodes])
    imported.skeleton = [tuple(pair) for pair in skeleton.edge_inds]
    for frame in labels:
        names = frame.video.filename
        if isinstance(names, str):
            raise ValueError(
                f"{path} labels frames of the video {names}; save them as images first, such as "
                "with sleap-io's render or ffmpeg, and label these"
            )
        place = _find(str(names[frame.frame_idx]), path, options)
        shape = read_image_shape(place)
        if shape is None:
            imported.odd["images that are not here, left out"] += 1
            continue
        name = os.path.relpath(place, options.images or path.parent)
        image = ImportedImage(Path(name).as_posix(), *shape)
        imported.images.append(image)
        for instance in frame.instances:
            if type(instance).__name__ == "PredictedInstance":
                imported.note("predicted poses, left out")
                continue
            points = instance.numpy()
            joints = {
                node: (float(x), float(y), 2)
                for node, (x, y) in zip(imported.joint_names, points, strict=True)
                if np.isfinite((x, y)).all()
            }
            image.people.append(ImportedPerson(joints=joints))
    imported.choose_joints(options.joint_names)
    return imported


def _find(source: str, path: Path, options: ReadOptions) -> Path:
    """The image of a frame, with its folder if that is there: names repeat between folders."""
    parts = PurePosixPath(source.replace("\\", "/")).parts[-2:]  # SLEAP may have run on Windows
    roots = [options.images] if options.images else []
    ends = ["/".join(parts), parts[-1]]
    places = [root / end for root in roots for end in ends]
    places += [Path(source), *(path.parent / end for end in ends)]
    return next((place for place in places if place.is_file()), Path(source))
