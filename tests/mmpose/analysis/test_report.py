"""The page of a report, as text: what is on it, what is escaped, what it may load."""

import re
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from mmpose.analysis.explanation import explain
from mmpose.analysis.reliability import reliability
from mmpose.analysis.report import make_report
from mmpose.analysis.report_page import Report, Section, Table, render, write_page
from mmpose.analysis.report_plots import bar_plot, reliability_plot
from tests.mmpose.analysis.small_world import predictions, truth, write_images

EVIL = "</td><script>alert(1)</script>"


class Elements(HTMLParser):
    """Names and attributes of all elements."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def page_of(iou_type="keypoints", results=None, images=None, **settings):
    explanation = explain(truth(), predictions() if results is None else results, iou_type)
    report = make_report(explanation, facts={"Results": EVIL}, images=images, **settings)
    return render(report)


@pytest.mark.parametrize("iou_type", ["keypoints", "bbox", "segm"])
def test_the_worst_images_stand_beside_their_truth_in_the_page_itself(tmp_path, iou_type):
    elements = Elements(page_of(iou_type, images=write_images(tmp_path)))
    pictures = elements.named("img")
    assert len(pictures) == 4  # truth and prediction of two images
    assert all(one["src"].startswith("data:image/jpeg;base64,") for one in pictures)


def test_the_page_loads_nothing(tmp_path):
    elements = Elements(page_of(images=write_images(tmp_path)))
    assert not elements.named("script")
    for _, attributes in elements.found:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
        assert not [name for name in attributes if name.startswith("on")]
    (policy,) = [one["content"] for one in elements.named("meta") if "http-equiv" in one]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_texts_of_users_are_escaped_everywhere():
    rows = [{EVIL: EVIL, "share": 0.5}]
    page = page_of(tables={EVIL: rows})
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    plot = bar_plot(rows, EVIL, ["share"], name=EVIL)
    assert "<script" not in plot
    assert "<script" not in reliability_plot(reliability([0.5], [1], name=EVIL))


def test_missing_and_damaged_images_are_told(tmp_path):
    write_images(tmp_path, [1])
    (tmp_path / "plain.jpg").write_bytes(b"no image")
    page = page_of(images=tmp_path)
    assert page.count('class="problem"') == 2
    assert "cannot be shown" in page


def test_without_a_folder_the_worst_are_listed():
    page = page_of()
    assert "plain.jpg" in page
    assert "--images" in page
    assert not Elements(page).named("img")


@pytest.mark.parametrize("iou_type", ["keypoints", "bbox", "segm"])
def test_nobody_predicted_has_a_page(tmp_path, iou_type):
    page = page_of(iou_type, results=[], images=write_images(tmp_path))
    assert len(Elements(page).named("img")) == 6
    assert "nan" not in re.sub(r"data:[^\"]*", "", page).lower()


def test_cells_are_written_for_readers(tmp_path):
    rows = [{"a": 0.12345, "b": 12345, "c": None, "d": True, "e": float("nan"), "f": "text"}]
    page = render(Report("title", {}, [Section("part", tables=[Table("table", rows)])]))
    cells = re.findall(r"<td[^>]*>(.*)</td>", page)
    assert cells == ["0.123", "12,345", "–", "yes", "–", "text"]
    assert write_page(tmp_path / "new" / "a.html", Report("t", {}, [])).is_file()


def test_bars_are_as_long_as_their_numbers():
    rows = [{"joint": "nose", "good": 1.0, "bad": 1.0}, {"joint": "hip", "good": 0.5, "bad": None}]
    plot = bar_plot(rows, "joint", ["good", "bad"], name="joints")
    assert isinstance(plot, Markup)
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', plot)]
    assert widths == [90, 90, 45, 0]  # the longest row has 180
    assert plot.count("<i class=") == 2


def test_the_curve_passes_through_mean_confidence_and_frequency():
    plot = reliability_plot(reliability([0.25, 0.75, 0.75], [0, 1, 0], num_bins=2))
    places = [
        tuple(map(float, point)) for point in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', plot)
    ]
    # the square is 200 wide, its lower left corner at (34, 208)
    assert places == [(34 + 50, 208), (34 + 150, 208 - 100)]


def test_a_curve_of_nothing_can_be_drawn():
    assert "<circle" not in reliability_plot(reliability([], []))
