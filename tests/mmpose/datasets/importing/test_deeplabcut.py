"""DeepLabCut projects as the program writes them, by hand."""

import json

import cv2
import numpy as np
import pytest

from mmpose.datasets.importing.convert import convert, find_format
from mmpose.datasets.importing.people import ReadOptions

CONFIG = """
Task: crowd
scorer: LM
multianimalproject: true
video_sets:
  C:\\videos\\walk.mp4:
    crop: 0, 60, 0, 40
individuals: [anna, ben]
uniquebodyparts: [lamp]
multianimalbodyparts: [nose, left_wrist, tail]
bodyparts: MULTI!
skeleton:
- [nose, left_wrist]
- [nose, ear]
"""
SEVERAL = """scorer,,,LM,LM,LM,LM,LM,LM,LM,LM,LM,LM
individuals,,,anna,anna,anna,anna,ben,ben,ben,ben,single,single
bodyparts,,,nose,nose,left_wrist,left_wrist,nose,nose,left_wrist,left_wrist,lamp,lamp
coords,,,x,y,x,y,x,y,x,y,x,y
labeled-data,walk,img01.png,10.5,20,,,30,31,32,33,1,2
labeled-data,walk,img02.png,,,,,,,40,21,,
labeled-data,walk,img03.png,,,,,,,,,,
labeled-data,walk,img04.png,1,2,3,4,5,6,7,8,,
"""
ONE = """scorer,LM,LM,LM,LM
bodyparts,nose,nose,tail,tail
coords,x,y,x,y
labeled-data\\run\\img7.png,5,6,7,8
"""


@pytest.fixture
def project(tmp_path):
    """Two videos: four rows of two people, of which the last image is missing, and one row."""
    root = tmp_path / "crowd-LM-2026-11-28"
    walk, run_folder = root / "labeled-data" / "walk", root / "labeled-data" / "run"
    for folder in (walk, run_folder):
        folder.mkdir(parents=True)
    (root / "config.yaml").write_text(CONFIG)
    (walk / "CollectedData_LM.csv").write_text(SEVERAL)
    (run_folder / "CollectedData_LM.csv").write_text(ONE)
    for place in (walk / "img01.png", walk / "img02.png", walk / "img03.png"):
        cv2.imwrite(str(place), np.zeros((40, 60, 3), np.uint8))
    cv2.imwrite(str(run_folder / "img7.png"), np.zeros((30, 50, 3), np.uint8))
    return root


def run(path, tmp_path, **options):
    imported = convert(path, tmp_path / "out.json", ReadOptions(**options))
    content = json.loads((tmp_path / "out.json").read_text())
    sizes = {i["file_name"]: (i["width"], i["height"]) for i in content["images"]}
    names = {image["id"]: image["file_name"] for image in content["images"]}
    joints = [(names[a["image_id"]], a["keypoints"]) for a in content["annotations"]]
    return content["categories"][0], sizes, joints, imported


@pytest.mark.parametrize("name", ["", "config.yaml"])
def test_a_project_gives_a_person_for_each_individual(name, project, tmp_path):
    assert find_format(project / name) == "deeplabcut"
    category, sizes, joints, imported = run(project / name, tmp_path)
    assert category["keypoints"] == ["nose", "left_wrist", "tail"]
    assert category["skeleton"] == [[1, 2]]
    assert sizes == {
        "labeled-data/run/img7.png": (50, 30),
        "labeled-data/walk/img01.png": (60, 40),
        "labeled-data/walk/img02.png": (60, 40),
        "labeled-data/walk/img03.png": (60, 40),
    }
    assert joints == [
        ("labeled-data/run/img7.png", [5, 6, 2, 0, 0, 0, 7, 8, 2]),
        ("labeled-data/walk/img01.png", [10.5, 20, 2, 0, 0, 0, 0, 0, 0]),
        ("labeled-data/walk/img01.png", [30, 31, 2, 32, 33, 2, 0, 0, 0]),
        ("labeled-data/walk/img02.png", [0, 0, 0, 40, 21, 2, 0, 0, 0]),
    ]
    assert imported.odd == {
        "boxes drawn round joints": 4,
        "images that are not here, left out": 1,
        "images without a labelled joint (nobody there)": 1,
        "limbs between joints that are not listed, left out": 1,
        "points of uniquebodyparts, which are nobody's, left out": 1,
    }


def test_a_table_alone_is_of_its_project_or_of_its_folder(project, tmp_path):
    table = project / "labeled-data" / "walk" / "CollectedData_LM.csv"
    category, sizes, *_ = run(table, tmp_path)
    assert category["keypoints"] == ["nose", "left_wrist", "tail"]
    assert "labeled-data/walk/img01.png" in sizes
    alone = tmp_path / "table.csv"
    alone.write_text(ONE)
    (tmp_path / "img7.png").write_bytes((project / "labeled-data/run/img7.png").read_bytes())
    category, sizes, joints, _ = run(alone, tmp_path)
    assert category["keypoints"] == ["nose", "tail"]
    assert joints == [("img7.png", [5, 6, 2, 7, 8, 2])]


def test_images_elsewhere_are_named_from_their_folder(project, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (project / "labeled-data/run/img7.png").rename(folder / "img7.png")
    _, sizes, *_ = run(project / "labeled-data/run/CollectedData_LM.csv", tmp_path, images=folder)
    assert sizes == {"img7.png": (50, 30)}


def test_of_several_scorers_the_project_s_own_counts(project, tmp_path):
    other = ONE.replace("5,6,7,8", "1,1,2,2").replace("LM", "AB")
    (project / "labeled-data/run/CollectedData_AB.csv").write_text(other)
    (project / "labeled-data/run_labeled").mkdir()
    _, _, joints, imported = run(project, tmp_path)
    assert joints[0][1][:2] == [5, 6]
    assert imported.odd["tables of other scorers, left out"] == 1
    assert imported.odd["videos without a table of labels, left out"] == 1


def test_an_image_that_stands_twice_in_a_table_counts_once(project, tmp_path):
    table = project / "labeled-data/run/CollectedData_LM.csv"
    table.write_text(ONE + "labeled-data\\run\\img7.png,9,9,9,9\n")
    _, _, joints, imported = run(table, tmp_path)
    assert [numbers[:2] for _, numbers in joints] == [[5, 6]]
    assert imported.odd["images that a table lists twice, of which the first counts"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ONE.replace("x,y,x,y", "x,y,likelihood,x"), "predictions for a video"),
        (ONE.replace("x,y,x,y", "x,y,y,x"), "expected x and y of each joint"),
        (ONE.replace("5,6", "five,6"), "is damaged"),
        (ONE + "labeled-data/run/img8.png,1\n", "is damaged"),
        ("scorer,LM,LM\n", "begins with the rows scorer, individuals, bodyparts, coords"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(text, message, project, tmp_path):
    (project / "labeled-data/run/CollectedData_LM.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        run(project, tmp_path)
    assert "CollectedData_LM.csv" in str(refused.value)


def test_a_project_without_labels_and_a_broken_config_are_refused(project, tmp_path):
    for table in project.rglob("*.csv"):
        table.unlink()
    with pytest.raises(ValueError, match="has no table labeled-data/VIDEO"):
        run(project, tmp_path)
    (project / "config.yaml").write_text("scorer: [")
    with pytest.raises(ValueError, match=r"config\.yaml is no whole YAML"):
        run(project, tmp_path)


def test_an_hdf5_table_is_read_by_the_csv_beside_it(project, tmp_path):
    table = project / "labeled-data/run/CollectedData_LM.h5"
    table.write_bytes(b"")
    _, _, joints, _ = run(table, tmp_path)
    assert joints[0][1] == [5, 6, 2, 0, 0, 0, 7, 8, 2]


def test_an_hdf5_table_alone_names_what_reads_it(project, tmp_path):
    try:
        import pandas  # noqa: F401
        import tables  # noqa: F401
    except ModuleNotFoundError:
        table = project / "labeled-data/run/CollectedData_LM.csv"
        table.rename(table.with_suffix(".h5"))
        with pytest.raises(ImportError, match="pip install pandas tables"):
            run(project, tmp_path)
    else:
        pytest.skip("pandas and tables are installed")


def test_equal_names_of_two_videos_stay_apart_in_another_folder(project, tmp_path):
    table = "scorer,LM,LM\nbodyparts,nose,nose\ncoords,x,y\nlabeled-data/V/img1.png,5,6\n"
    folder = tmp_path / "photos"
    sizes = {"run": (20, 10), "walk": (40, 30)}
    for video, (width, height) in sizes.items():
        # with Excel's mark
        path = project / "labeled-data" / video / "CollectedData_LM.csv"
        path.write_text(table.replace("V", video), encoding="utf-8-sig")
        (folder / video).mkdir(parents=True)
        cv2.imwrite(str(folder / video / "img1.png"), np.zeros((height, width, 3), np.uint8))
    _, found, *_ = run(project, tmp_path, images=folder)
    assert found == {f"{video}/img1.png": size for video, size in sizes.items()}
