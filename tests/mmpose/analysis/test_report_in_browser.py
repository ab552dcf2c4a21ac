"""The report in a real headless browser: laid out, silent, asking for nothing."""

import cv2
import pytest

from mmpose.analysis.explanation import explain
from mmpose.analysis.report import make_report
from mmpose.analysis.report_page import write_page
from tests.mmpose.analysis.browser import browse, complaints, look, marks
from tests.mmpose.analysis.small_world import predictions, truth, write_images

pytestmark = marks


@pytest.fixture(params=["keypoints", "segm"])
def report(request, tmp_path):
    explanation = explain(truth(), predictions(), request.param)
    (tmp_path / "images").mkdir()
    images = write_images(tmp_path / "images")
    page = make_report(explanation, facts={"Results": "results.json"}, images=images)
    return write_page(tmp_path / "report.html", page)


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_laid_out_and_nothing_overflows(report, width):
    is_of_poses = "Evaluation of poses" in report.read_text()
    # poses: numbers, counts, kinds, joints, three slices, calibration; plots of the last six, with
    # four curves; masks: numbers, counts, kinds, calibration
    tables, plots = ("8", "9") if is_of_poses else ("4", "2")
    images, scripts = "4", "0"
    expected = [str(width), tables, "true", plots, "true", images, scripts]
    assert look(report, width) == expected


def test_the_page_asks_for_nothing_and_the_check_would_see_it(report):
    assert not complaints(browse(report, "--dump-dom"))
    leaky = report.with_name("leaky.html")
    leaky.write_text(report.read_text().replace("</body>", '<img src="other.png"></body>'))
    assert "Content Security Policy" in "".join(complaints(browse(leaky, "--dump-dom")))


@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)])
def test_it_follows_the_readers_choice_of_dark_or_light(report, scheme, is_dark):
    shot = report.with_name("shot.png")
    flags = (f"--screenshot={shot}", f"--blink-settings=preferredColorScheme={scheme}")
    browse(report, "--window-size=800,600", *flags)
    picture = cv2.imread(str(shot))
    assert picture.shape[:2] == (600, 800)
    assert (picture[590, 5].mean() < 60) == is_dark
    assert picture.std() > 5
