"""Pictures of converted people: which come first, and that box, mask and joints are seen."""

import cv2
import numpy as np
import pytest

from bmp.cli import main
from bmp.import_pictures import odd_first, write_import_pictures
from bmp.visualization import CAPTION_HEIGHT
from mmpose.datasets.importing.convert import convert

PERSON = """<box label="person" xtl="20" ytl="10" xbr="80" ybr="90" group_id="1"/>
<polygon label="person" points="30,20;70,20;70,80;30,80" group_id="1"/>
<skeleton label="person" group_id="1">
<points label="left_wrist" points="40,30"/><points label="nose" points="60,70"/></skeleton>"""
BALL = '<box label="ball" xtl="1" ytl="1" xbr="9" ybr="9"/>'
JOINT = '<points label="nose" points="50,50"/>'
GREY = 128


def write_cvat(folder, **images):
    """An XML of images by name, and these images, 100 px wide and high."""
    parts = []
    for name, shapes in images.items():
        parts.append(f'<image name="{name}.png" width="100" height="100">{shapes}</image>')
        cv2.imwrite(str(folder / f"{name}.png"), np.full((100, 100, 3), GREY, np.uint8))
    (folder / "cvat.xml").write_text(f"<annotations>{''.join(parts)}</annotations>")
    return folder / "cvat.xml"


def draw(path, folder, **options):
    out = folder / "out.json"
    return write_import_pictures(out, convert(path, out), path, **options)


def test_the_rarest_oddity_comes_first_and_empty_images_last(tmp_path):
    path = write_cvat(tmp_path, e="", a=PERSON, b=JOINT, c=PERSON + BALL, d=JOINT)
    imported = convert(path, tmp_path / "out.json")
    assert [image.file_name[0] for image in odd_first(imported)] == ["c", "b", "d", "a", "e"]


def test_each_picture_says_what_it_shows(tmp_path):
    path = write_cvat(tmp_path, a=PERSON, b=PERSON + BALL, c=JOINT)
    drawn = draw(path, tmp_path, num=2)
    assert [file.relative_to(tmp_path).as_posix() for file, _ in drawn] == [
        "out_pictures/01.png",
        "out_pictures/02.png",
    ]
    assert drawn[0][1] == "b.png: things that are not people, left out"
    assert drawn[1][1] == "c.png: boxes drawn round joints"


def test_box_mask_and_joints_are_drawn(tmp_path):
    ((file, _),) = draw(write_cvat(tmp_path, a=PERSON), tmp_path)
    picture = cv2.imread(str(file))[CAPTION_HEIGHT:]
    scale = 900 / 100  # so small an image is shown whole

    def at(x, y):
        return picture[round(y * scale), round(x * scale)].astype(int)

    assert np.ptp(at(50, 10)) > 60  # the box's upper edge
    assert np.ptp(at(50, 50)) > 30  # the mask
    assert np.ptp(at(85, 50)) < 10  # nothing is there
    # the wrist's name, 8 px high, ends 3 px above and right of the joint
    name = picture[270 - 14 : 270 - 3, 360 + 3 : 360 + 60]
    assert (name > 200).all(-1).any()
    assert (name < 50).all(-1).any()  # its outline


def test_nobody_is_an_image_as_it_is(tmp_path):
    ((file, told),) = draw(write_cvat(tmp_path, a=""), tmp_path)
    assert told == "a.png: 0 people"
    assert (cv2.imread(str(file))[CAPTION_HEIGHT:] == GREY).all()


def test_without_images_the_file_is_written_and_the_option_named(tmp_path, capsys):
    path = write_cvat(tmp_path, a=PERSON)
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match="--images FOLDER"):
        draw(path, tmp_path)
    out = tmp_path / "by_command.json"
    assert main(["data", "convert", str(path), "--out", str(out)]) == 0
    assert "no pictures: the images are neither" in capsys.readouterr().out
    assert out.is_file()


def test_the_command_draws_so_many(tmp_path, capsys):
    path = write_cvat(tmp_path, a=PERSON, b=PERSON)
    out = tmp_path / "out.json"
    assert main(["data", "convert", str(path), "--out", str(out), "--pictures", "1"]) == 0
    assert f"{tmp_path}/out_pictures/01.png: a.png: 1 people" in capsys.readouterr().out
    assert main(["data", "convert", str(path), "--out", str(out), "--pictures", "0"]) == 0
    assert "pictures" not in capsys.readouterr().out
