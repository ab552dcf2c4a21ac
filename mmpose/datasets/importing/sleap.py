"""SLEAP files, by sleap-io.

sleap-io's COCO export gives all images the size of the first; here each has its own.
"""

from pathlib import Path
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
        source = Path(names[frame.frame_idx])
        shape = read_image_shape(_find(source, path, options))
        if shape is None:
            imported.odd["images that are not here, left out"] += 1
            continue
        root = options.images or path.parent
        name = source.relative_to(root) if source.is_relative_to(root) else source.name
        image = ImportedImage(str(name), *shape)
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


def _find(source: Path, path: Path, options: ReadOptions) -> Path:
    places = [source, path.parent / source.name]
    places += [options.images / source.name] if options.images else []
    return next((place for place in places if place.is_file()), source)
