"""Annotations that the real exporters wrote come back: people, masks, joints by name."""

import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmpose.datasets.importing.convert import convert, find_format
from mmpose.datasets.importing.people import ReadOptions, to_coco
from mmpose.datasets.importing.sleap import _from_labels

pytestmark = pytest.mark.interop

HEIGHT, WIDTH = 120, 160
OUTLINE = [20.0, 20.0, 60.0, 20.0, 60.0, 80.0, 20.0, 80.0]
BOX, NOSE, NECK = [20.0, 20.0, 40.0, 60.0], (30.0, 30.0), (50.0, 40.0)


def datumaro_project():
    """One person with box, outline and two joints, one occluded; another with a box alone."""
    dm = pytest.importorskip("datumaro")
    labels = dm.LabelCategories.from_iterable(["person", "ball"])
    points = dm.PointsCategories.from_iterable([(0, ["nose", "neck"], [(1, 2)])])
    annotations = [
        dm.Bbox(*BOX, label=0, group=1, id=1),
        dm.Polygon(OUTLINE, label=0, group=1, id=2),
        dm.Points([*NOSE, *NECK], [2, 1], label=0, group=1, id=3),
        dm.Bbox(80, 10, 30, 50, label=0, group=2, id=4),
    ]
    image = dm.Image.from_numpy(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    item = dm.DatasetItem(id="a", subset="train", media=image, annotations=annotations)
    categories = {dm.AnnotationType.label: labels, dm.AnnotationType.points: points}
    # YOLO wants a second subset
    empty = dm.DatasetItem(id="b", subset="val", media=image, annotations=[])
    return dm.Dataset.from_iterable([item, empty], categories=categories, media_type=dm.Image)


def people_of(path, tmp_path):
    convert(path, tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    return content, sorted(content["annotations"], key=lambda person: person["bbox"][0])


def test_datumaro_s_own_format(tmp_path):
    datumaro_project().export(str(tmp_path / "dm"), "datumaro", save_media=True)
    assert find_format(tmp_path / "dm") == "datumaro"
    content, (first, second) = people_of(tmp_path / "dm", tmp_path)
    assert (first["bbox"], second["bbox"]) == (BOX, [80, 10, 30, 50])
    assert first["segmentation"] == [OUTLINE]
    assert first["keypoints"] == [*NOSE, 2, *NECK, 1]
    assert content["categories"][0]["keypoints"] == ["nose", "neck"]


def test_cvat_as_datumaro_writes_it(tmp_path):
    datumaro_project().export(str(tmp_path / "cvat"), "cvat", save_media=True)
    _, people = people_of(tmp_path / "cvat/train.xml", tmp_path)
    boxes = [person["bbox"] for person in people]
    assert BOX in boxes
    assert [80, 10, 30, 50] in boxes
    masks = [p["segmentation"] for p in people if p["segmentation"]]
    assert masks == [[OUTLINE]]


def test_yolo_as_datumaro_writes_it(tmp_path):
    datumaro_project().export(str(tmp_path / "yolo"), "yolo_ultralytics", save_media=True)
    assert find_format(tmp_path / "yolo") == "yolo"
    content, people = people_of(tmp_path / "yolo", tmp_path)
    assert content["images"][0]["width"] == WIDTH
    boxes = np.array([person["bbox"] for person in people])
    np.testing.assert_allclose(boxes, [BOX, [80, 10, 30, 50]], atol=0.01)


def sleap_labels(folder):
    sio = pytest.importorskip("sleap_io")
    names = []
    for n, shape in enumerate([(60, 80, 3), (50, 40, 3)]):  # sizes differ, as photos' do
        names.append(str(folder / f"{n}.png"))
        cv2.imwrite(names[-1], np.zeros(shape, np.uint8))
    skeleton = sio.Skeleton(nodes=["nose", "left_wrist"], edges=[("nose", "left_wrist")])
    video = sio.Video.from_filename(names)

    def pose(*points):
        return sio.Instance.from_numpy(np.array(points, float), skeleton=skeleton)

    frames = [
        sio.LabeledFrame(
            video=video,
            frame_idx=0,
            instances=[pose((10, 20), (30, np.nan)), pose((40, 20), (50, 30))],
        ),
        sio.LabeledFrame(video=video, frame_idx=1, instances=[pose((11, 20), (30, 31))]),
    ]
    return sio, sio.Labels(frames)


def test_sleap_keeps_each_image_s_own_size_and_missing_joints(tmp_path):
    _, labels = sleap_labels(tmp_path)
    labels.save(str(tmp_path / "a.slp"))
    convert(tmp_path / "a.slp", tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    assert [(i["width"], i["height"]) for i in content["images"]] == [(80, 60), (40, 50)]
    joints = [person["keypoints"] for person in content["annotations"]]
    assert joints == [
        [10, 20, 2, 0, 0, 0],
        [40, 20, 2, 50, 30, 2],
        [11, 20, 2, 30, 31, 2],
    ]
    assert content["categories"][0]["skeleton"] == [[1, 2]]


def test_label_studio_as_sleap_io_writes_it(tmp_path):
    sio, labels = sleap_labels(tmp_path)
    sio.save_labelstudio(labels, str(tmp_path / "ls.json"))
    assert find_format(tmp_path / "ls.json") == "label-studio"
    content, people = people_of(tmp_path / "ls.json", tmp_path)
    assert len(content["images"]) == 2
    found = sorted(tuple(person["keypoints"][:2]) for person in people)
    np.testing.assert_allclose(found, [(10, 20), (11, 20), (40, 20)], atol=1e-3)


def test_masks_decode_to_the_outline(tmp_path):
    datumaro_project().export(str(tmp_path / "dm"), "datumaro", save_media=True)
    _, (first, _) = people_of(tmp_path / "dm", tmp_path)
    rle = coco_mask.frPyObjects(first["segmentation"], HEIGHT, WIDTH)
    assert coco_mask.area(coco_mask.merge(rle)) == first["area"]


DEEPLABCUT = """scorer: LM
individuals: [anna, ben]
multianimalbodyparts: [nose, left_wrist]
bodyparts: MULTI!
skeleton:
- [nose, left_wrist]
"""


def deeplabcut_project(folder):
    """A project whose images lie there and whose tables are missing; the folder of the video."""
    video = folder / "labeled-data" / "walk"
    video.mkdir(parents=True)
    (folder / "config.yaml").write_text(DEEPLABCUT)
    for n in range(2):
        cv2.imwrite(str(video / f"img000{n}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return video


def assert_three_deeplabcut_people(path, tmp_path):
    assert find_format(path) == "deeplabcut"
    convert(path, tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["categories"][0]["keypoints"] == ["nose", "left_wrist"]
    assert [(i["file_name"], i["width"]) for i in content["images"]] == [
        ("labeled-data/walk/img0000.png", WIDTH),
        ("labeled-data/walk/img0001.png", WIDTH),
    ]
    assert [(person["image_id"], person["keypoints"]) for person in content["annotations"]] == [
        (1, [10, 20, 2, 0, 0, 0]),
        (1, [40, 20, 2, 50, 30, 2]),
        (2, [0, 0, 0, 30, 31, 2]),
    ]


def test_deeplabcut_as_its_labelling_program_writes_it(tmp_path):
    pytest.importorskip("tables", reason="it writes HDF5")
    io = pytest.importorskip("napari_deeplabcut.core.io")
    models = pytest.importorskip("napari_deeplabcut.config.models")
    pd = pytest.importorskip("pandas")
    video = deeplabcut_project(tmp_path / "crowd")
    rows = {"scorer": ["LM"], "individuals": ["anna", "ben"], "bodyparts": ["nose", "left_wrist"]}
    columns = pd.MultiIndex.from_product([*rows.values(), ["x", "y"]], names=[*rows, "coords"])
    # number of the image, y, x
    points = np.array([[0, 20, 10], [0, 20, 40], [0, 30, 50], [1, 31, 30]], float)
    owners = {"label": ["nose", "nose", "left_wrist", "left_wrist"], "likelihood": [1.0] * 4}
    paths = [f"labeled-data/walk/img000{n}.png" for n in range(2)]
    metadata = {"header": models.DLCHeaderModel(columns=columns), "paths": paths}
    layer = {
        "name": "CollectedData_LM",
        "metadata": metadata | {"root": str(video)},
        "properties": owners | {"id": ["anna", "ben", "ben", "anna"]},
    }
    io.write_hdf("CollectedData_LM.h5", points, layer)
    assert_three_deeplabcut_people(tmp_path / "crowd", tmp_path)
    (video / "CollectedData_LM.csv").unlink()  # the HDF5 file is left
    assert_three_deeplabcut_people(tmp_path / "crowd", tmp_path)


def test_deeplabcut_as_sleap_io_writes_it(tmp_path):
    sio = pytest.importorskip("sleap_io")
    video = deeplabcut_project(tmp_path / "crowd")
    skeleton = sio.Skeleton(nodes=["nose", "left_wrist"])
    film, tracks = sio.Video("walk.mp4", open_backend=False), [sio.Track("anna"), sio.Track("ben")]

    def pose(track, *points):
        return sio.Instance.from_numpy(np.array(points, float), skeleton=skeleton, track=track)

    nothing = (np.nan, np.nan)
    people = [
        [pose(tracks[0], (10, 20), nothing), pose(tracks[1], (40, 20), (50, 30))],
        [pose(tracks[0], nothing, (30, 31))],
    ]
    frames = [
        sio.LabeledFrame(video=film, frame_idx=n, instances=found) for n, found in enumerate(people)
    ]
    labels = sio.Labels(frames, tracks=tracks)
    options = {"format": "dlc", "scorer": "LM", "include_score": False}
    sio.save_csv(labels, str(video / "CollectedData_LM.csv"), **options)
    assert_three_deeplabcut_people(tmp_path / "crowd", tmp_path)


def test_sleap_names_images_with_their_folders_also_of_windows(tmp_path):
    sio = pytest.importorskip("sleap_io")
    skeleton, frames = sio.Skeleton(nodes=["nose"]), []
    for n, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), np.zeros((10 + n, 20, 3), np.uint8))
        pose = sio.Instance.from_numpy(np.array([[n, 2.0]]), skeleton=skeleton)
        video = sio.Video(filename=[f"C:\\data\\{name}\\1.png"], open_backend=False)
        frames.append(sio.LabeledFrame(video=video, frame_idx=0, instances=[pose]))
    content = to_coco(_from_labels(sio.Labels(frames), tmp_path / "x.slp", ReadOptions()))
    found = [(image["file_name"], image["height"]) for image in content["images"]]
    assert found == [("a/1.png", 10), ("b/1.png", 11)]
