"""Templates in the pages become the ledger's numbers, and our pages hold no others."""

import pytest

from mmpose.project import PROJECT_ROOT
from tools.bookkeeping.pages import find_pages, render_page, stray_numbers, write_pages
from tools.bookkeeping.rows import Row, read_ledger

ROWS = read_ledger()
RESULT_PAGES = ["README.md", "docs/results.md", "docs/pose.md", "docs/detector.md"]
RESULT_PAGES += ["docs/segmenter.md", "bmp/weights/README.md"]
SHOWN = Row(
    id="r",
    what="it",
    config="c.py",
    options=["a.b=[1, 2]"],
    published={"AP": 0.757},
    values={
        **{"AP": 0.17449, "AP_low": 0.15, "AP_high": 0.2, "people": 1234, "none": None},
        **{"gain": 0.01, "gain_low": 0.004, "gain_high": 0.02},
        **{"loss": -0.01, "loss_low": -0.02, "loss_high": 0.004},
    },
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{r:AP}", "17.4", id="percent"),
        pytest.param("{r:AP:.2f}", "0.17", id="a format"),
        pytest.param("{r:people}", "1,234", id="a count"),
        pytest.param("{r:AP:interval}", "17.4 [15.0, 20.0]", id="an interval"),
        pytest.param("{r:people:interval}", "1,234", id="without interval"),
        pytest.param("{r:gain:gain}", "+1.0 [+0.4, +2.0]", id="a gain"),
        pytest.param("{r:loss:gain}", "-1.0 [-2.0, +0.4] =", id="cannot be told from zero"),
        pytest.param("{r:none:gain}", "–", id="no gain yet"),
        pytest.param("{r:none}", "–", id="never run"),
        pytest.param("{r:AP:published}", "75.7", id="published"),
        pytest.param("{r:date}", "–", id="no date"),
        pytest.param(
            "{r:command}",
            "`python tools/test.py c.py --cfg-options 'a.b=[1, 2]'`",
            id="a command for the shell",
        ),
        pytest.param("AP {r:AP} of {r:what}", "AP 17.4 of it", id="words around"),
    ],
)
def test_a_template_becomes_text(template, expected):
    page = f"before <!-- ledger {template} -->old 3.3<!-- /ledger --> after"
    shown = f"before <!-- ledger {template} -->{expected}<!-- /ledger --> after"
    assert render_page(page, [SHOWN]) == shown
    assert render_page(shown, [SHOWN]) == shown


def test_a_table_is_a_block_of_lines():
    page = "<!-- ledger\n| AP |\n| --- |\n| {r:AP} |\n-->\n<!-- /ledger -->\n"
    shown = page.replace("-->\n<!--", "-->\n| AP |\n| --- |\n| 17.4 |\n<!--")
    assert render_page(page, [SHOWN]) == shown
    assert render_page(shown, [SHOWN]) == shown


@pytest.mark.parametrize(
    ("template", "told"),
    [
        pytest.param("{x:AP}", "names the row 'x'; the ledger has r", id="no row"),
        pytest.param("{r:AR}", "'r' has no 'AR'; its values: AP", id="no number"),
        pytest.param("{r:people:published}", "its published numbers: AP", id="not published"),
    ],
)
def test_a_template_of_nothing_is_refused(template, told):
    with pytest.raises(ValueError, match=told):
        render_page(f"<!-- ledger {template} --><!-- /ledger -->", [SHOWN])


def test_pages_are_written_only_where_they_change(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- ledger {r:AP} -->16.0<!-- /ledger -->")
    assert write_pages([SHOWN], [page]) == [page]
    assert page.read_text() == "<!-- ledger {r:AP} -->17.4<!-- /ledger -->"
    assert write_pages([SHOWN], [page]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("| AP |\n| --- |\n| 17.5 |", ["| 17.5 |"], id="a table of AP"),
        pytest.param("| set |\n| --- |\n| box 17.5 (AP50) |", ["| box 17.5 (AP50) |"], id="a cell"),
        pytest.param("That gives an AP of 17.5.", ["That gives an AP of 17.5."], id="a sentence"),
        pytest.param("AP <!-- ledger {r:AP} -->17.5<!-- /ledger -->", [], id="of a row"),
        pytest.param("| time |\n| --- |\n| 17.5 |", [], id="another table"),
        pytest.param("About 46 AP", [], id="orientation"),
        pytest.param("AP of boxes above an IoU of 0.3", [], id="a threshold"),
        pytest.param("AP of version 2.0.0", [], id="a version"),
        pytest.param("A mean IoU of 0.41.", ["A mean IoU of 0.41."], id="no threshold"),
        pytest.param("`holes.AP=0.5` for AP; [AP](a/1.2)", [], id="code and links"),
        pytest.param("```\nAP 17.5\n```", [], id="a block of code"),
    ],
)
def test_numbers_of_no_row_are_found(text, expected):
    assert stray_numbers(text) == expected


def test_pages_show_the_numbers_of_the_ledger():
    stale = [
        page.name
        for page in find_pages()
        if render_page(page.read_text(), ROWS) != page.read_text()
    ]
    assert stale == [], "python tools/ledger.py --pages"
    assert {page.name for page in find_pages()} >= {"README.md", "results.md"}


@pytest.mark.parametrize("page", RESULT_PAGES)
def test_every_number_of_a_page_belongs_to_a_row(page):
    assert stray_numbers((PROJECT_ROOT / page).read_text(encoding="utf-8")) == []
