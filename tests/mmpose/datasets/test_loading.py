import cv2
import numpy as np
import pytest

from mmpose.codecs import MSRAHeatmap
from mmpose.datasets import (
    Albumentation,
    GenerateTarget,
    GetBBoxCenterScale,
    KeypointConverter,
    LoadImage,
    MaskBackground,
    PackPoseInputs,
    TopdownAffine,
)
from mmpose.datasets.seeded_index import SeededIndex, draws_of


def test_padding_shows_what_lies_outside_as_white():
    image = np.random.default_rng(0).integers(1, 255, (100, 80, 3), np.uint8)
    sample = {
        "img": image,
        "bbox": np.array([[10, 5, 60, 85]], dtype=np.float32),
        "keypoints": np.array([[[20, 10]]], np.float32),
        "segmentation": [[10.0, 5.0, 60.0, 5.0, 60.0, 85.0, 10.0, 85.0]],
    }
    # the window is 75 x 100 about (35, 45): x -2.5..72.5, y -5..95
    sample = LoadImage(pad_to_aspect_ratio=True)(sample)
    assert sample["img"].shape == (105, 82, 3)
    assert (sample["img"][:5] == 255).all()
    assert (sample["img"][5:, 2:] == image).all()
    assert sample["bbox"].tolist() == [[12, 10, 62, 90]]
    assert sample["keypoints"][0, 0].tolist() == [22, 15]
    sample = MaskBackground(alpha=0.25)(GetBBoxCenterScale()(sample))
    assert (sample["mask"].left, sample["mask"].top) == (12, 10)
    assert TopdownAffine((48, 64))(sample)["input_center"].tolist() == [35, 45]  # unpadded


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((5, 5), np.uint8), id="grey"),
        pytest.param(np.zeros((5, 5, 1), np.uint8), id="one channel"),
        pytest.param(np.zeros((5, 5, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((5, 5, 3), np.float32), id="float"),
        pytest.param(np.zeros((0, 5, 3), np.uint8), id="no pixels"),
    ],
)
def test_images_of_another_kind_are_refused(image):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 BGR, got "):
        LoadImage()({"img": image})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"to_float32": True}, "crops stay uint8"),
        ({"color_type": "grayscale"}, "grey images get three equal ones; got 'grayscale'"),
        ({"color_type": "unchanged"}, "models take three channels"),
        ({"backend_args": {"backend": "petrel"}}, "read from the disk, .*'petrel'"),
        ({"backend_args": {"backend": "local", "path_mapping": {}}}, "leave backend_args out"),
    ],
)
def test_settings_that_change_images_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LoadImage(**settings)


def test_published_settings_of_reading(tmp_path):
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, :20] = 200
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    # an EXIF block that says: turn by 90 degrees to the right (orientation 6)
    entry = bytes.fromhex("0112 0003 00000001 0006 0000")
    exif = b"Exif\0\0MM\0*" + bytes.fromhex("00000008 0001") + entry + bytes(4)
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + segment + jpeg[2:])
    shapes = {
        color_type: LoadImage(
            backend_args={"backend": "local"}, to_float32=False, color_type=color_type
        )({"img_path": str(path)})["img_shape"]
        for color_type in ("color", "color_ignore_orientation")
    }
    assert shapes == {"color": (40, 20), "color_ignore_orientation": (20, 40)}


def test_files_of_another_kind_become_three_channels(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with_alpha = np.dstack([grey, grey + 1, grey + 2, np.full_like(grey, 7)])
    for name, image in (("grey", grey), ("alpha", with_alpha), ("deep", grey.astype(np.uint16))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    read = {n: LoadImage()({"img_path": str(tmp_path / f"{n}.png")}) for n in ("grey", "alpha")}
    assert (read["grey"]["img"] == grey[..., None]).all()
    assert (read["alpha"]["img"] == with_alpha[..., :3]).all()
    assert read["grey"]["ori_shape"] == (3, 4)
    assert LoadImage()({"img_path": str(tmp_path / "deep.png")})["img"].dtype == np.uint8
    for name, content in (("empty.jpg", b""), ("text.jpg", b"no image")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            ValueError, match=rf"cannot read image .*{name}: (not an image|the file is empty)"
        ):
            LoadImage()({"img_path": str(tmp_path / name)})
    with pytest.raises(ValueError, match="there is no such file"):
        LoadImage()({"img_path": str(tmp_path / "none.jpg")})


def test_joints_move_into_another_skeleton():
    sample = {
        "keypoints": np.array([[[2, 4], [6, 8], [10, 30]]], np.float32),
        "keypoints_visible": np.array([[1, 1, 0]], np.float32),
        "keypoints_visibility": np.array([[1, 0, 0]], np.float32),
    }
    convert = KeypointConverter(5, [(0, 3), ((0, 1), 1), ((1, 2), 4)])
    sample = convert(sample)
    assert sample["keypoints"].tolist() == [[[0, 0], [4, 6], [0, 0], [2, 4], [8, 19]]]
    assert sample["keypoints_visible"][..., 0].tolist() == [[0, 1, 0, 1, 0]]
    assert sample["keypoints_visible"][..., 1].tolist() == [[0, 1, 0, 1, 1]]
    assert sample["keypoints_visibility"].tolist() == [[0, 0, 0, 1, 0]]
    sample["transformed_keypoints"] = sample["keypoints"]
    encoder = MSRAHeatmap(input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
    sample = GenerateTarget(encoder)(sample | {"img": np.zeros((64, 48, 3), np.uint8)})
    labels = PackPoseInputs()(sample)["data_samples"].gt_instance_labels
    assert labels.keypoint_weights.tolist() == [[0, 1, 0, 1, 0]]
    assert labels.keypoints_visible_weights.tolist() == [[0, 1, 0, 1, 1]]
    with pytest.raises(ValueError, match=r"targets are 0 to 4"):
        KeypointConverter(5, [(0, 5)])
    with pytest.raises(ValueError, match="source joint 7, the sample has 5"):
        KeypointConverter(5, [(7, 0)])(sample)


def test_albumentation_is_built_by_name_or_tells_how_to_install_it():
    try:
        import albumentations  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install albumentations"):
            Albumentation([{"type": "ToGray"}])
        return
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    grey = Albumentation([{"type": "ToGray", "p": 1.0}])({"img": image})["img"]
    assert (grey[..., 0] == grey[..., 1]).all()
    with pytest.raises(ValueError, match="no class 'ToGrey'"):
        Albumentation([{"type": "ToGrey"}])


def test_albumentation_follows_the_seed_of_the_sample():
    pytest.importorskip("albumentations")
    steps = [{"type": name, "p": 0.5} for name in ("RandomBrightnessContrast", "GaussNoise")]
    augment = Albumentation([*steps, {"type": "OneOf", "transforms": steps}])
    image = np.full((8, 8, 3), 100, np.uint8)

    def draw(seed):
        with draws_of(SeededIndex(0, (seed,))):
            return augment({"img": image})["img"]

    first = [draw(seed) for seed in range(20)]
    assert all((draw(seed) == before).all() for seed, before in enumerate(first))
    brightened = [len(np.unique(drawn)) == 1 and (drawn != 100).any() for drawn in first]
    assert any(brightened)  # both steps do not always come together
    assert len({drawn.tobytes() for drawn in first}) > 10


@pytest.mark.parametrize(
    "stated", [(60, 40), (20, 30), (80, 120)], ids=["turned", "half", "double"]
)
def test_an_image_of_another_size_than_stated_rules(stated):
    box = np.array([[-5.0, 10.0, 300.0, 300.0]], np.float32)
    sample = {"img": np.zeros((40, 60, 3), np.uint8), "ori_shape": stated, "bbox": box}
    transform = LoadImage()
    annotated = transform({**sample, "area": np.ones(1)})
    assert annotated["ori_shape"] == (40, 60)
    assert annotated["bbox"].tolist() == [[0, 10, 59, 39]]
    assert transform(dict(sample))["bbox"].tolist() == box.tolist()  # a detection
    assert transform.num_other_sizes == 2
