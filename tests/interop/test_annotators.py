"""Every annotator of supervision draws the people of a result, and nobody."""

import inspect

import numpy as np
import pytest

from tests.bmp.prediction.photo_parts import find_nobody, find_one

sv = pytest.importorskip("supervision")
pytestmark = pytest.mark.interop
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
# two sets of people, a depth map, lines or zones, a tracker's numbers, spreads of joints
OTHERS = {"Comparison", "Depth", "LineZone", "PolygonZone", "Trace"}
OF_JOINTS = ("Vertex", "Edge")
NOTHING_TO_DRAW = {"Icon", "OrientedBox"}  # no path of a picture, no oriented box


def annotators():
    for name, kind in inspect.getmembers(sv, inspect.isclass):
        short = name.removesuffix("Annotator")
        if (
            short != name
            and short not in OTHERS
            and not short.startswith(("Base", "VertexEllipse"))
        ):
            yield short, kind


@pytest.mark.parametrize(
    ("name", "kind"), [pytest.param(*pair, id=pair[0]) for pair in annotators()]
)
def test_an_annotator_draws_people_and_nobody(name, kind):
    place = int(name.startswith(OF_JOINTS))  # detections, key points
    people, nobody = find_one(IMAGE).to_supervision(), find_nobody(IMAGE).to_supervision()
    drawn = kind().annotate(IMAGE.copy(), people[place])
    assert (drawn != IMAGE).any() == (name not in NOTHING_TO_DRAW)
    drawn = kind().annotate(IMAGE.copy(), nobody[place])
    assert (drawn != IMAGE).any() == (name == "BackgroundOverlay")  # which shades all but people
