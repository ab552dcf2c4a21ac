"""Scenes: seeds, crowding, and annotations checked by routes that do not share the renderer."""

import itertools

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from bmp.synthcrowd import SceneSettings, annotation_max_iou, contact_sheet, render_scene
from bmp.synthcrowd.annotate import JOINT_DEPTHS, annotate_person, joint_visibility
from bmp.synthcrowd.backdrop import load_photos
from bmp.synthcrowd.body import load_body_model, pose_body, vertex_normals
from bmp.synthcrowd.clothing import dress, worn_faces
from bmp.synthcrowd.drawing import draw, occlude
from bmp.synthcrowd.scene import annotate, sample_scene

SEEDS = range(12)


@pytest.fixture(scope="module")
def scenes():
    return [render_scene((100, seed)) for seed in SEEDS]


def decode(annotation):
    return coco_mask.decode(annotation["segmentation"]).astype(bool)


def test_same_seed_same_scene(scenes):
    image, annotations = render_scene((100, 0))
    assert np.array_equal(image, scenes[0][0])
    assert annotations == scenes[0][1]
    assert not np.array_equal(image, render_scene((101, 0))[0])


def test_image_is_what_the_settings_say():
    image, _ = render_scene(1, SceneSettings(width=200, height=150))
    assert image.shape == (150, 200, 3)
    assert image.dtype == np.uint8


def test_masks_are_disjoint_and_boxes_and_areas_follow_from_them(scenes):
    for _, annotations in scenes:
        masks = [decode(a) for a in annotations]
        assert np.sum(masks, 0).max() <= 1
        for mask, annotation in zip(masks, annotations, strict=True):
            rows, columns = np.nonzero(mask)
            x, y, w, h = annotation["bbox"]
            assert (x, y) == (columns.min(), rows.min())
            assert (x + w - 1, y + h - 1) == (columns.max(), rows.max())
            assert annotation["area"] == mask.sum()


def test_keypoints_are_zero_outside_and_in_the_image_otherwise(scenes):
    for _, annotations in scenes:
        for annotation in annotations:
            joints = np.array(annotation["keypoints"]).reshape(17, 3)
            assert set(joints[:, 2]) <= {0, 1, 2}
            assert annotation["num_keypoints"] == (joints[:, 2] > 0).sum()
            assert not joints[joints[:, 2] == 0].any()
            inside = joints[joints[:, 2] > 0, :2]
            assert (inside >= -0.5).all()
            assert (inside < (479.5, 359.5)).all()


def test_every_ochuman_like_scene_has_two_boxes_above_half_iou():
    settings = SceneSettings(crowding=1.0)
    for seed in SEEDS:
        annotations = render_scene((7, seed), settings)[1]
        masks = [np.array(a["bbox"], float) for a in annotations]
        ious = [
            float(coco_mask.iou([a], [b], [0])[0, 0]) for a, b in itertools.combinations(masks, 2)
        ]
        assert max(ious) > 0.5
        assert annotation_max_iou(annotations) == pytest.approx(max(ious))


def test_lone_people_hardly_touch():
    settings = SceneSettings(crowding=0.0)
    for seed in SEEDS:
        assert annotation_max_iou(render_scene((8, seed), settings)[1]) <= 0.1


def test_max_iou_of_known_boxes():
    boxes = [[0, 0, 10, 10], [5, 0, 10, 10], [100, 100, 5, 5]]
    assert annotation_max_iou([{"bbox": b} for b in boxes]) == pytest.approx(50 / 150)
    assert annotation_max_iou([{"bbox": boxes[0]}]) == 0
    assert annotation_max_iou([]) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"width": 10}, "64 x 64", id="tiny image"),
        pytest.param({"crowding": 1.5}, "crowding must lie", id="crowding above 1"),
        pytest.param({"min_people": 0}, "min_people", id="nobody"),
        pytest.param({"min_people": 5, "max_people": 4}, "min_people", id="min above max"),
        pytest.param({"crowding": 1, "max_people": 1}, "nobody overlaps alone", id="alone"),
        pytest.param({"min_person_height": 999}, "min_person_height", id="taller than the image"),
        pytest.param({"occluders": -1}, "counts", id="negative count"),
        pytest.param({"quality": (90, 20)}, "quality", id="quality reversed"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SceneSettings(**wrong)


def hits_towards_camera(points, corners):
    """Distances (N, T) from camera-space points to triangles (T, 3, 3) on the ray to the camera.

    Moeller-Trumbore for every pair; inf where the ray misses.
    """
    directions = -points / np.linalg.norm(points, axis=1, keepdims=True)
    a, e1, e2 = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(directions[:, None], e2[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / (p * e1).sum(-1)
        s = points[:, None] - a
        u = (s * p).sum(-1) * inverse
        q = np.cross(s, e1[None])
        v = (q * directions[:, None]).sum(-1) * inverse
        t = (q * e2).sum(-1) * inverse
        return np.where((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0), t, np.inf)


@pytest.mark.parametrize("seed", range(4))
def test_visibility_agrees_with_rays_to_the_camera(seed):
    model = load_body_model()
    settings = SceneSettings(occluders=0, max_people=4)
    scene = sample_scene(np.random.default_rng(seed), settings, 1.0)
    drawn = draw(scene)
    meshes = []
    for person, outfit in zip(scene.people, scene.outfits, strict=True):
        points = scene.camera.to_camera(person.vertices)
        points = dress(outfit, model, points, vertex_normals(model, points))
        meshes.append(points[model.faces[worn_faces(outfit, model)]].astype(float))
    compared = agreed = 0
    with np.errstate(divide="ignore"):
        depths = 1 / drawn.inverse_depths
    for number, person in enumerate(scene.people):
        joints = scene.camera.to_camera(person.keypoints).astype(float)
        screen = scene.camera.project(joints)
        mine = joint_visibility(screen, joints[:, 2], number, drawn.owners, depths)
        others = [m for i, m in enumerate(meshes) if i != number]
        hidden = np.zeros(17, bool)
        for other in others:
            hidden |= np.isfinite(hits_towards_camera(joints, other)).any(1)
        own = hits_towards_camera(joints, meshes[number])
        farthest = np.where(np.isfinite(own), own, 0).max(1)
        slope = joints[:, 2] / np.linalg.norm(joints, axis=1)  # along the ray, not along z
        expected = np.where(hidden | (farthest * slope > JOINT_DEPTHS), 1, 2)
        inside = mine > 0
        compared += inside.sum()
        agreed += (mine == expected)[inside].sum()
    # they differ where a pixel's centre and the joint itself lie on two sides of an outline
    assert agreed >= 0.9 * compared


def test_masks_cover_what_the_triangles_cover():
    """The union of the masks against filled triangles: OpenCV's polygons, drawn one by one."""
    import cv2

    model, settings = load_body_model(), SceneSettings(occluders=0, max_people=3)
    scene = sample_scene(np.random.default_rng(5), settings, 0.5)
    covered = np.zeros((settings.height, settings.width), np.uint8)
    for person, outfit in zip(scene.people, scene.outfits, strict=True):
        points = scene.camera.to_camera(person.vertices)
        points = dress(outfit, model, points, vertex_normals(model, points))
        corners = scene.camera.project(points)[model.faces[worn_faces(outfit, model)]]
        for triangle in np.round(corners * 256).astype(np.int32):
            cv2.fillConvexPoly(covered, triangle, 1, shift=8)
    drawn = draw(scene)
    union = drawn.owners >= 0
    assert not (union & (covered == 0)).any()  # OpenCV also fills what an edge touches
    inner = cv2.erode(covered, np.ones((3, 3), np.uint8)) > 0
    assert union[inner].mean() > 0.999


def test_occluders_hide_and_nothing_else_changes():
    settings = SceneSettings(occluders=4, max_people=3)
    rng = np.random.default_rng(3)
    scene = sample_scene(rng, settings, 0.5)
    before = draw(scene)
    after = occlude(rng, scene, before)
    changed = before.owners != after.owners
    assert changed.any()
    assert (after.owners[changed] == -2).all()
    assert sum(a["area"] for a in annotate(scene, after)) <= (before.owners >= 0).sum()


def test_visibility_of_joints_at_known_depths():
    owners = np.array([[0, 1, -1, -2]])
    depths = np.array([[2.0, 2.0, np.inf, 2.0]])
    keypoints = np.zeros((17, 2))
    keypoints[:6, 0] = [0, 0, 1, 2, 3, 9]
    joints = np.full(17, 2.0)
    joints[:6] = [2.01, 2.5, 2.1, 5.0, 2.1, 2.0]
    visibility = joint_visibility(keypoints, joints, 0, owners, depths)
    # just under the skin; far behind it; behind another; against the sky; behind a thing; outside
    assert visibility[:6].tolist() == [2, 1, 1, 2, 1, 0]


def test_hidden_person_is_not_annotated():
    mask = np.zeros((20, 20), bool)
    mask[2:5, 2:7] = True  # 15 pixels
    assert annotate_person(mask, np.zeros((17, 2)), np.ones(17, int)) is None
    mask[5, 2] = True
    annotation = annotate_person(mask, np.zeros((17, 2)), np.ones(17, int))
    assert annotation["bbox"] == [2, 2, 5, 4]


def test_body_at_rest_is_the_mean_body():
    model = load_body_model()
    rest = np.tile(np.eye(3, dtype=np.float32), (len(model.parents), 1, 1))
    vertices, keypoints = pose_body(model, np.zeros(16, np.float32), rest)
    np.testing.assert_allclose(vertices, model.canonical, atol=1e-6)
    assert keypoints.shape == (17, 3)
    assert keypoints[5, 0] > 0 > keypoints[6, 0]  # the left shoulder is at +x
    outward = vertex_normals(model, vertices)[: model.num_body]
    lateral = vertices[: model.num_body]
    assert ((outward * lateral)[:, :2].sum(1) > 0).mean() > 0.6


def test_contact_sheet_tiles_and_refuses_nothing():
    scenes = [(np.full((64, 80, 3), i, np.uint8), []) for i in range(3)]
    sheet = contact_sheet(scenes, columns=2)
    assert sheet.shape == (128, 160, 3)
    assert sheet[0, 80, 0] == 1
    with pytest.raises(ValueError, match="at least one scene"):
        contact_sheet([])
    with pytest.raises(ValueError, match="one size"):
        contact_sheet([scenes[0], (np.zeros((10, 10, 3), np.uint8), [])])


def test_photos_are_there_without_the_one_that_shows_a_person():
    photos = load_photos()
    assert len({id(photo) for photo in photos}) == 31
