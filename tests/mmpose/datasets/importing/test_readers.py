"""Small files as the tools write them, worked by hand."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmpose.datasets.importing.convert import convert, find_format, report_lines
from mmpose.datasets.importing.people import Imported, ReadOptions

HEIGHT, WIDTH = 100, 200


def run(path, tmp_path, **options):
    imported = convert(path, tmp_path / "out.json", ReadOptions(**options))
    return json.loads((tmp_path / "out.json").read_text()), imported


def write_yolo(tmp_path, rows, **content):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("\n".join(rows))
    settings = {"path": ".", "train": "images", "names": {0: "person"}} | content
    (tmp_path / "data.yaml").write_text(json.dumps(settings))
    return tmp_path


def test_yolo_pose_rows_become_boxes_and_joints(image, tmp_path):
    row = "0 0.5 0.5 0.2 0.4  0.5 0.4 2  0 0 0  0.55 0.6 1"
    names = ["nose", "left_wrist", "right_wrist"]
    folder = write_yolo(tmp_path, [row], kpt_shape=[3, 3], kpt_names={0: names})
    content, _ = run(folder, tmp_path)
    (person,) = content["annotations"]
    assert person["bbox"] == [80, 30, 40, 40]
    assert person["keypoints"] == [100, 40, 2, 0, 0, 0, 110, 60, 1]
    assert person["area"] == 848  # 0.53 of the box
    assert (person["num_keypoints"], person["iscrowd"]) == (2, 0)
    assert content["categories"][0]["keypoints"] == names
    assert content["images"] == [
        {"id": 1, "file_name": "images/a.png", "height": HEIGHT, "width": WIDTH}
    ]


def test_yolo_joints_of_two_numbers_count_as_seen_unless_both_are_zero(image, tmp_path):
    folder = write_yolo(tmp_path, ["0 0.5 0.5 0.2 0.4 0.5 0.4 0 0"], kpt_shape=[2, 2])
    content, _ = run(folder, tmp_path, joint_names=("nose", "neck"))
    assert content["annotations"][0]["keypoints"] == [100, 40, 2, 0, 0, 0]


def test_yolo_outlines_become_masks_and_other_things_are_counted(image, tmp_path):
    rows = ["1 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5", "0 0.5 0.5 0.6 0.5 0.6 0.6"]
    folder = write_yolo(tmp_path, rows, names=["ball", "person"])
    content, imported = run(folder, tmp_path)
    (person,) = content["annotations"]
    assert person["segmentation"] == [[20, 10, 60, 10, 60, 50, 20, 50]]
    assert person["bbox"] == [20, 10, 40, 40]
    assert imported.odd == {"things that are not people, left out": 1}


@pytest.mark.parametrize(
    ("rows", "content", "message"),
    [
        (["0 0.5 0.5 0.2"], {}, r"a\.txt:1: expected a box or an outline, got 3"),
        (["0 a b c d"], {}, "a row holds numbers alone"),
        (["0 0.5 0.5 1 1 2"], {"kpt_shape": [17, 3]}, "expected 55 numbers after the class, got 5"),
        ([], {"kpt_shape": [5, 3]}, "no names for them"),
        ([], {"names": {0: "dog", 1: "cat"}}, "none of .* is people"),
    ],
)
def test_yolo_faults_are_named(image, tmp_path, rows, content, message):
    with pytest.raises(ValueError, match=message):
        run(write_yolo(tmp_path, rows, **content), tmp_path)


def rectangle(key, x, y, width, height, label="Person"):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    return shape(key, "rectanglelabels", value | {"rectanglelabels": [label]})


def joint(key, name, x, y, **more):
    return shape(key, "keypointlabels", {"x": x, "y": y, "keypointlabels": [name]}, **more)


def shape(key, kind, value, **more):
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"id": key, "type": kind, "value": value, **size, **more}


def write_label_studio(tmp_path, *results, source="/data/upload/1/0123abcd-a.png"):
    path = tmp_path / "export.json"
    tasks = [{"id": 7, "data": {"image": source}, "annotations": [{"result": list(results)}]}]
    path.write_text(json.dumps(tasks))
    return path


def test_label_studio_joints_go_to_the_person_that_they_belong_to(tmp_path):
    relation = {"type": "relation", "from_id": "j2", "to_id": "big"}
    path = write_label_studio(
        tmp_path,
        rectangle("big", 0, 0, 50, 100),
        rectangle("small", 10, 20, 20, 40),
        joint("j1", "nose", 15, 30),  # inside both: the smaller one's
        joint("j2", "nose", 12, 40, parentID=None),  # inside both, but related to the big one
        joint("j3", "neck", 40, 50, parentID="big"),
        relation,
    )
    content, imported = run(path, tmp_path)
    big, small = content["annotations"]
    assert big["bbox"] == [0, 0, 100, 100]
    assert small["bbox"] == [20, 20, 40, 40]
    assert content["categories"][0]["keypoints"] == ["nose", "neck"]
    assert big["keypoints"] == [24, 40, 2, 80, 50, 2]
    assert small["keypoints"] == [30, 30, 2, 0, 0, 0]
    assert content["images"][0]["file_name"] == "a.png"
    assert not imported.odd


def test_label_studio_joints_in_nobody_s_box_are_one_person_and_told(tmp_path):
    path = write_label_studio(
        tmp_path, rectangle("r", 0, 0, 10, 10, "dog"), joint("j", "nose", 50, 50)
    )
    content, imported = run(path, tmp_path, labels=("person",))
    assert content["annotations"][0]["bbox"] == [100, 50, 1, 1]
    assert imported.odd["things that are not people, left out"] == 1
    assert imported.odd["joints in nobody's box, put together as one person"] == 1


def test_label_studio_polygons_are_masks(tmp_path):
    value = {"points": [[10, 10], [20, 10], [20, 30], [10, 30]], "polygonlabels": ["person"]}
    content, _ = run(write_label_studio(tmp_path, shape("p", "polygonlabels", value)), tmp_path)
    assert content["annotations"][0]["segmentation"] == [[20, 10, 40, 10, 40, 30, 20, 30]]


CVAT = """<annotations><version>1.1</version>
<image id="0" name="dir/a.png" width="200" height="100">
  <box label="person" xtl="10" ytl="20" xbr="60" ybr="90" group_id="3" occluded="0"/>
  <skeleton label="person" group_id="3">
    <points label="nose" points="30,40" outside="0" occluded="1"/>
    <points label="neck" points="5,5" outside="1" occluded="0"/>
  </skeleton>
  <polygon label="person" points="100,10;120,10;120,30;100,30"/>
  <mask label="person" left="50" top="60" width="3" height="2" rle="1, 2, 3"/>
  <box label="ball" xtl="1" ytl="1" xbr="2" ybr="2"/>
  <cuboid label="person" xtl1="1"/>
</image></annotations>"""


def test_cvat_shapes_of_one_group_are_one_person(tmp_path):
    (tmp_path / "cvat.xml").write_text(CVAT)
    content, imported = run(tmp_path / "cvat.xml", tmp_path)
    grouped, outlined, masked = content["annotations"]
    assert grouped["bbox"] == [10, 20, 50, 70]
    assert content["categories"][0]["keypoints"] == ["nose", "neck"]
    assert grouped["keypoints"] == [30, 40, 1, 0, 0, 0]
    assert outlined["bbox"] == [100, 10, 20, 20]
    # runs 1, 2, 3 of a 3 x 2 window: pixels 1 and 2 of the first row
    mask = coco_mask.decode(masked["segmentation"])
    assert np.argwhere(mask).tolist() == [[60, 51], [60, 52]]
    assert imported.odd["things that are not people, left out"] == 1
    assert imported.odd["shapes of type cuboid, left out"] == 1
    assert content["images"][0]["file_name"] == "dir/a.png"


def test_several_masks_of_one_group_are_one_mask(tmp_path):
    (tmp_path / "cvat.xml").write_text("""<annotations><version>1.1</version>
<image id="0" name="a.png" width="200" height="100">
  <mask label="person" group_id="1" left="50" top="60" width="3" height="2" rle="1, 2, 3"/>
  <mask label="person" group_id="1" left="10" top="20" width="2" height="1" rle="1, 1"/>
  <polygon label="person" group_id="1" points="100,10;104,10;104,14;100,14"/>
  <box label="person" group_id="1" xtl="0" ytl="0" xbr="9" ybr="9"/>
  <box label="person" group_id="1" xtl="10" ytl="10" xbr="104" ybr="62"/>
</image></annotations>""")
    content, imported = run(tmp_path / "cvat.xml", tmp_path)
    (person,) = content["annotations"]
    mask = coco_mask.decode(person["segmentation"])
    # three pixels of the masks, and the polygon's 4 x 4
    assert mask[[60, 60, 20], [51, 52, 11]].tolist() == [1, 1, 1]
    assert mask[10:14, 100:104].all()
    assert (mask.sum(), person["area"]) == (19, 19)
    assert person["bbox"] == [10, 10, 94, 52]
    assert imported.odd == {"boxes that a person has twice, of which the last counts": 1}


def test_chosen_joints_keep_the_limbs_between_them():
    imported = Imported(joint_names=["nose", "neck", "hip"], skeleton=[(0, 1), (1, 2)])
    imported.choose_joints(("hip", "neck"))
    assert (imported.joint_names, imported.skeleton) == (["hip", "neck"], [(1, 0)])


def test_cvat_tracks_and_broken_files_are_refused(tmp_path):
    path = tmp_path / "cvat.xml"
    path.write_text("<annotations><track/></annotations>")
    with pytest.raises(ValueError, match="tracks of a video"):
        run(path, tmp_path)
    path.write_text(CVAT[:300])
    with pytest.raises(ValueError, match="no whole XML"):
        run(path, tmp_path)


def test_datumaro_groups_are_people_and_masks_are_no_crowds(tmp_path):
    points = {"label_id": 0, "labels": ["nose", "neck"], "joints": [[1, 2]]}
    annotations = [
        {"type": "bbox", "label_id": 0, "group": 1, "bbox": [1, 2, 30, 40]},
        {"type": "points", "label_id": 0, "group": 1, "points": [3, 4, 5, 6], "visibility": [2, 0]},
        {"type": "polygon", "label_id": 0, "group": 0, "points": [50, 10, 60, 10, 60, 30]},
        {"type": "label", "label_id": 0, "group": 5},
    ]
    content = {
        "categories": {
            "label": {"labels": [{"name": "person"}, {"name": "ball"}]},
            "points": {"items": [points]},
        },
        "items": [
            {"id": "a", "annotations": annotations, "image": {"path": "a.png", "size": [100, 200]}}
        ],
    }
    path = tmp_path / "annotations" / "train.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    written, imported = run(tmp_path, tmp_path)
    posed, outlined = written["annotations"]
    assert (posed["bbox"], posed["keypoints"]) == ([1, 2, 30, 40], [3, 4, 2, 0, 0, 0])
    assert outlined["bbox"][:2] == [50, 10]
    assert [posed["iscrowd"], outlined["iscrowd"]] == [0, 0]
    assert written["categories"][0]["skeleton"] == [[1, 2]]
    assert imported.odd == {"shapes of type label, left out": 1}


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("absent.json", None, FileNotFoundError, "nothing at"),
        ("x.json", '{"a": 1}', ValueError, "no format that is known here"),
        ("x.json", "[[", ValueError, "is no whole JSON"),
        (
            "coco.json",
            '{"images": [], "annotations": [], "categories": []}',
            ValueError,
            "a COCO file already",
        ),
    ],
)
def test_what_is_no_known_format_is_told(tmp_path, name, text, error, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        find_format(tmp_path / name)


def test_the_report_names_what_was_odd(tmp_path):
    (tmp_path / "cvat.xml").write_text(CVAT)
    _, imported = run(tmp_path / "cvat.xml", tmp_path)
    lines = report_lines(imported, tmp_path / "out.json")
    assert lines[0].endswith("1 images, 3 people")
    assert "  1 shapes of type cuboid, left out, first in dir/a.png" in lines


@pytest.mark.parametrize("split", ["../images", "images", "list.txt"])
def test_yolo_images_are_found_where_roboflow_and_lists_name_them(image, tmp_path, split):
    (tmp_path / "list.txt").write_text("./images/a.png\r\n./images/gone.png\r\n")
    folder = write_yolo(tmp_path, ["0 0.5 0.5 0.2 0.4\r"], train=split)
    content, imported = run(folder, tmp_path)
    assert [entry["file_name"] for entry in content["images"]] == ["images/a.png"]
    assert content["annotations"][0]["bbox"] == [80, 30, 40, 40]
    lost = {"images that cannot be read, left out": 1} if split == "list.txt" else {}
    assert imported.odd == lost


@pytest.mark.parametrize(
    "ends", [[("nose", "big")], [("big", "nose")], [("nose", "outline"), ("outline", "big")]]
)
def test_label_studio_relations_count_before_the_smallest_box(tmp_path, ends):
    def shape(name, kind, label, **value):
        size = {"original_width": WIDTH, "original_height": HEIGHT}
        return {"id": name, "type": kind, "value": value | {kind: [label]}, **size}

    box, corners = "rectanglelabels", [[1, 1], [80, 1], [80, 80]]
    results = [
        shape("big", box, "person", x=0, y=0, width=90, height=90),
        shape("small", box, "person", x=10, y=10, width=20, height=20),
        shape("nose", "keypointlabels", "nose", x=15, y=15),
    ]
    if len(ends) > 1:
        results.append(shape("outline", "polygonlabels", "person", points=corners))
    results += [{"type": "relation", "from_id": a, "to_id": b} for a, b in ends]
    task = {"data": {"image": "a.png"}, "annotations": [{"result": results}]}
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    content, _ = run(tmp_path / "tasks.json", tmp_path)
    joints = {p["bbox"][2]: p["keypoints"] for p in content["annotations"]}
    # boxes 180 and 40 wide; the nose lies in both
    assert joints == {180: [30, 15, 2], 40: [0, 0, 0]}


def test_images_of_one_name_are_told(tmp_path):
    result = {"type": "choices", "original_width": WIDTH, "original_height": HEIGHT}
    done = {"annotations": [{"result": [result]}]}
    tasks = [done | {"data": {"image": name}} for name in ("a/1.png", "b/1.png", "a/1.png")]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    _, imported = run(tmp_path / "tasks.json", tmp_path)
    (told,) = [what for what in imported.odd if "a name that another has" in what]
    assert (imported.odd[told], told in imported.images[2].odd) == (1, True)


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="person" xtl="one" ytl="1" xbr="4" ybr="5"/>',
        '<mask label="person" left="0" top="0" width="4" height="2" rle="0, 7"/>',
        '<mask label="person" left="48" top="0" width="4" height="2" rle="0, 8"/>',
    ],
)
def test_damaged_shapes_of_cvat_name_file_and_image(tmp_path, shape):
    text = f'<image id="0" name="a.jpg" width="50" height="40">{shape}</image>'
    (tmp_path / "task.xml").write_text(f"<annotations>{text}</annotations>")
    with pytest.raises(ValueError, match=r"task.xml: a.jpg is damaged .*; export it again"):
        run(tmp_path / "task.xml", tmp_path)
