"""The page of a training in a real headless browser: laid out, silent, asking for nothing."""

import pytest

from mmpose.analysis.report_page import write_page
from mmpose.analysis.run_report import make_run_report
from tests.mmpose.analysis.browser import browse, complaints, look, marks
from tests.mmpose.analysis.small_run import write_run

pytestmark = marks


@pytest.fixture
def page(tmp_path):
    return write_page(tmp_path / "report.html", make_run_report(write_run(tmp_path / "run")))


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_laid_out_and_nothing_overflows(page, width):
    # metrics, what is not finite, starts, warnings, machine, config: resumed, changed, added;
    # plots of loss, AP, pixel error, rates, people and waiting; two sheets of fixed, one of worst
    tables, plots, images, scripts = "8", "6", "3", "0"
    assert look(page, width) == [str(width), tables, "true", plots, "true", images, scripts]


def test_the_page_asks_for_nothing(page):
    assert not complaints(browse(page, "--dump-dom"))
