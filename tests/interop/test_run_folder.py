"""Other tools open what ``bmp predict`` writes; each test needs its package and skips without.

Four images: two of one name, one without people, one of a long name that EXIF data turn.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from pycocotools.coco import COCO

from bmp.prediction.images import ANNOTATIONS, run_photos
from tests.bmp.prediction.photo_parts import find_nobody, find_one, streamed

pytestmark = pytest.mark.interop

NAMES = ("a.png", "a.tif", "empty.png", "n" * 240 + ".jpg")
NOBODY = 77  # grey level


def find_one_unless_grey(image):
    return find_nobody(image) if (image == NOBODY).all() else find_one(image)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    for n, name in enumerate(NAMES):
        level = NOBODY if name.startswith("empty") else 200
        size, exif = (60 + n, 40 + n), Image.Exif()
        if name.startswith("n"):
            size, exif[ExifTags.Base.Orientation] = size[::-1], 6  # to be turned by 90°
        Image.new("RGB", size, (level,) * 3).save(folder / name, exif=exif)
    target = tmp_path_factory.mktemp("my out")
    paths = [folder / name for name in NAMES]
    run_photos(paths, streamed(find_one_unless_grey), target, gif=False, tell=str)
    return target


def test_supervision_reads_and_draws_the_people(out):
    sv = pytest.importorskip("supervision")
    dataset = sv.DetectionDataset.from_coco(
        str(out / "images"), str(out / ANNOTATIONS), force_masks=True
    )
    assert (len(dataset), dataset.classes) == (4, ["person"])
    people = {}
    for path, image, detections in dataset:
        people[path] = len(detections)
        if not len(detections):
            continue
        height, width = image.shape[:2]
        assert width == height + 20
        assert detections.xyxy.tolist() == [[20, 10, 35, 30]]
        assert detections.mask.shape == (1, height, width)
        assert detections.mask[0, 10:30, 20:35].all()
        assert detections.mask.sum() == detections.data["area"][0] == 300
        drawn = sv.MaskAnnotator().annotate(image.copy(), detections)
        changed = (drawn != image).any(-1)
        np.testing.assert_array_equal(changed, detections.mask[0])
    assert sorted(people.values()) == [0, 1, 1, 1]


@pytest.mark.parametrize("format_", [None, "coco", "coco_person_keypoints"])
def test_datumaro_reads_masks_joints_boxes_and_scores(out, format_):
    datumaro = pytest.importorskip("datumaro")
    dataset = datumaro.Dataset.import_from(str(out), format_)
    items = {item.attributes["id"]: item for item in dataset}
    assert sorted(items) == [1, 2, 3, 4]
    for number, item in items.items():
        assert item.media.size == item.media.data.shape[:2] == (39 + number, 59 + number)
        kinds = {type(entry).__name__: entry for entry in item.annotations}
        assert set(kinds) == (set() if number == 3 else {"Points", "RleMask", "Bbox"})
        if kinds:
            assert kinds["Bbox"].get_bbox() == [20, 10, 15, 20]
            assert kinds["RleMask"].image.sum() == 300
            assert kinds["Points"].points == [25.0] * 34
            assert {int(flag) for flag in kinds["Points"].visibility} == {2}
            assert kinds["Bbox"].attributes == {"score": 0.5, "is_crowd": False}
    names = [entry.name for entry in dataset.categories()[datumaro.AnnotationType.label]]
    assert names == ["person"]


def test_sleap_io_reads_poses_and_masks(out):
    sleap_io = pytest.importorskip("sleap_io")
    labels = sleap_io.load_coco(str(out / ANNOTATIONS), dataset_root=str(out / "images"))
    (skeleton,) = labels.skeletons
    assert skeleton.node_names == COCO(out / ANNOTATIONS).dataset["categories"][0]["keypoints"]
    assert len(skeleton.edges) == 19
    assert sorted(len(frame.instances) for frame in labels) == [0, 1, 1, 1]
    assert {frame.image.shape[1] - frame.image.shape[0] for frame in labels} == {20}
    poses = [instance.numpy() for frame in labels for instance in frame.instances]
    np.testing.assert_array_equal(np.stack(poses), np.full((3, 17, 2), 25.0))
    assert sorted(mask.data.sum() for mask in labels.masks) == [300] * 3


def test_fiftyone_imports_the_people(out, monkeypatch):
    """Its importer of COCO files, which needs no database, where a data set of it does."""
    pytest.importorskip("fiftyone")
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    from fiftyone.utils.coco import COCODetectionDatasetImporter

    kinds = ["detections", "segmentations", "keypoints"]
    importer = COCODetectionDatasetImporter(
        data_path=str(out / "images"), labels_path=str(out / ANNOTATIONS), label_types=kinds
    )
    importer.setup()
    assert len(importer) == 4
    content = COCO(out / ANNOTATIONS)
    sizes = {
        entry["file_name"]: (entry["width"], entry["height"]) for entry in content.imgs.values()
    }
    with_people = 0
    for path, metadata, labels in importer:
        width, height = sizes[Path(path).name]
        assert (metadata.width, metadata.height) == (width, height)
        if not labels:
            assert Path(path).name == "empty.png"
            continue
        with_people += 1
        (box,), (region,) = (labels[kind].detections for kind in kinds[:2])
        assert (box.label, box.confidence) == ("person", 0.5)
        np.testing.assert_allclose(
            box.bounding_box, [20 / width, 10 / height, 15 / width, 20 / height]
        )
        assert region.mask.shape == (20, 15)
        assert region.mask.all()
        (pose,) = labels["keypoints"].keypoints
        np.testing.assert_allclose(pose.points, [[25 / width, 25 / height]] * 17)
    assert with_people == 3
