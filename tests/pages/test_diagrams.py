"""Each diagram of the pages has its drawing, which the site shows in its place."""

import hashlib
import re

import pytest

from tests.pages.snippets import PAGES, ROOT, snippets

DIAGRAMS = [s for page in PAGES for s in snippets(page) if s.language == "mermaid"]


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda s: f"{s.page}:{s.line}")
def test_a_diagram_has_a_drawing_of_its_own_size(diagram):
    name = hashlib.sha256(diagram.text.encode()).hexdigest()[:8]
    drawing = ROOT / f"docs/images/diagram-{name}.svg"
    assert drawing.is_file(), "tools/site/diagrams.sh draws it"
    width = re.match(r"<svg [^>]*width=\"(\d+)\"", drawing.read_text())
    assert width
    assert int(width[1]) > 100


def test_no_drawing_is_left_of_an_older_diagram():
    assert len(DIAGRAMS) == len(list(ROOT.glob("docs/images/diagram-*.svg"))) == 2
