"""The report in a real headless browser: laid out, silent, asking for nothing."""

import os
import re
import shutil
import subprocess

import cv2
import pytest

from mmpose.analysis.explanation import explain
from mmpose.analysis.report import make_report
from mmpose.analysis.report_page import write_page
from tests.mmpose.analysis.small_world import predictions, truth, write_images

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--allow-file-access-from-files", "--enable-logging=stderr"),
)
# Looks into the page from outside: its own policy allows no script.
FRAME = """<!DOCTYPE html><body style="margin:0"><pre id="seen"></pre>
<iframe src="{page}" style="width:{width}px;height:2000px;border:0" onload="look(this)"></iframe>
<script>
function look(frame) {{
  const page = frame.contentDocument, root = page.documentElement;
  const all = (what) => [...page.querySelectorAll(what)];
  document.getElementById("seen").textContent = [
    root.scrollWidth,
    all("table").length,
    all("table").every((table) => table.tBodies[0].rows.length > 0),
    all("svg").length,
    all("svg").every((svg) => svg.getBoundingClientRect().height > 50),
    all("img").filter((image) => image.complete && image.naturalWidth > 0).length,
    all("script").length,
  ].join(" ");
}}
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no browser; apt-get install -y chromium"),
]


@pytest.fixture
def browse(tmp_path):
    def run(page, *flags):
        profile = tmp_path / "profile"
        return subprocess.run(
            [BROWSER, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env={**os.environ, "HOME": str(tmp_path)},
        )

    return run


@pytest.fixture(params=["keypoints", "segm"])
def report(request, tmp_path):
    explanation = explain(truth(), predictions(), request.param)
    (tmp_path / "images").mkdir()
    images = write_images(tmp_path / "images")
    page = make_report(explanation, facts={"Results": "results.json"}, images=images)
    return write_page(tmp_path / "report.html", page)


def complaints(done):
    """What the console of the page says."""
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_laid_out_and_nothing_overflows(report, browse, width):
    frame = report.with_name("frame.html")
    frame.write_text(FRAME.format(page=report.name, width=width))
    done = browse(frame, "--dump-dom")
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout).group(1).split()
    is_of_poses = "Evaluation of poses" in report.read_text()
    # poses: numbers, counts, kinds, joints, three slices, calibration; plots of the last six, with
    # four curves; masks: numbers, counts, kinds, calibration
    tables, plots = ("8", "9") if is_of_poses else ("4", "2")
    images, scripts = "4", "0"
    assert seen == [str(width), tables, "true", plots, "true", images, scripts]
    assert not complaints(done)


def test_the_page_asks_for_nothing_and_the_check_would_see_it(report, browse):
    assert not complaints(browse(report, "--dump-dom"))
    leaky = report.with_name("leaky.html")
    leaky.write_text(report.read_text().replace("</body>", '<img src="other.png"></body>'))
    assert "Content Security Policy" in "".join(complaints(browse(leaky, "--dump-dom")))


@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)])
def test_it_follows_the_readers_choice_of_dark_or_light(report, browse, scheme, is_dark):
    shot = report.with_name("shot.png")
    flags = (f"--screenshot={shot}", f"--blink-settings=preferredColorScheme={scheme}")
    browse(report, "--window-size=800,600", *flags)
    picture = cv2.imread(str(shot))
    assert picture.shape[:2] == (600, 800)
    assert (picture[590, 5].mean() < 60) == is_dark
    assert picture.std() > 5
