"""The pages lead where they say: links, paths, and sentences that can be read in one go."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_WORDS = 25
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
BULLET = re.compile(r"([-*+]|\d+\.)\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])[)\"*]*\s+(?=[A-Z(\"*\d])")
WORD = re.compile(r"[^\W_][\w'’.,-]*")
PLACE = re.compile(r"[\w.+-]+(/[\w.+-]+)*(/|\.(py|md|cff|toml|json))")
# changelog.md is a list of names, notes beside assets describe files of others
PROSE = ["README.md", "CONTRIBUTING.md", "datasets/README.md", "benchmarks/README.md"]
PROSE += ["bmp/weights/README.md"]
PROSE += [f"docs/{path.name}" for path in ROOT.glob("docs/*.md") if path.name != "changelog.md"]


def find_pages() -> list[Path]:
    """All Markdown files of the project, those that git ignores aside."""
    try:
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        pages = [ROOT / name for name in names.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        folders = ("docs", "datasets", "benchmarks", "bmp", "demos", "tests")
        pages = [
            *ROOT.glob("*.md"),
            *(page for name in folders for page in ROOT.glob(f"{name}/**/*.md")),
        ]
    return sorted(page for page in pages if page.is_file())


PAGES = find_pages()


def anchors(text: str) -> set[str]:
    """Names that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+\s+(.+)$", FENCE.sub("", text), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def broken_links(page: Path) -> list[str]:
    """Relative links of a page to files or headings that do not exist."""
    broken = []
    for _, _, target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):  # https:, mailto:
            continue
        name, _, heading = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        is_found = linked.exists()
        if is_found and heading and linked.suffix == ".md":
            is_found = heading in anchors(linked.read_text(encoding="utf-8"))
        broken += [] if is_found else [target]
    return broken


def named_places(text: str) -> list[str]:
    """What looks like a path inside code spans: ``bmp/loop/``, ``docs/log.md``."""
    spans = SPAN.findall(FENCE.sub("", text))
    return [span for span in spans if "/" in span and PLACE.fullmatch(span)]


def section(text: str, heading: str) -> str:
    """A page from a heading of the second level to the next."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Cells of the rows of the tables, without heads and rulers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rulers = [n for n, row in enumerate(cells) if not row[0].strip("- ")]
    return [row for n, row in enumerate(cells) if n not in rulers and n + 1 not in rulers]


def followed_files(table: str, home: str) -> list[Path]:
    """Files of the second column of a table that follows data through the code.

    A name without a folder lies in the folder of the name before it in its cell, paths below
    ``mmpose/`` may leave it out, and transforms lie in ``datasets/``.
    """
    found = []
    for row in rows(table):
        folder = ROOT / home
        for name in SPAN.findall(row[1]):
            starts = [ROOT, ROOT / home, ROOT / home / "datasets", ROOT / home / "models", folder]
            existing = [start / name for start in starts if (start / name).exists()]
            found.append(existing[0] if existing else ROOT / home / name)
            folder = found[-1].parent
    return found


def sentences(text: str) -> list[str]:
    """Sentences of the prose of a page, without code, comments, tables and headings.

    Spans of code count as one word.
    """
    blocks, current = [], []
    for line in [*COMMENT.sub("", FENCE.sub("\n", text)).splitlines(), ""]:
        line = line.strip()
        is_prose = line and not line.startswith(("|", "#"))
        if current and (not is_prose or BULLET.match(line)):
            blocks.append(" ".join(current))
            current = []
        if is_prose:
            current.append(BULLET.sub("", line, count=1) if BULLET.match(line) else line)
    plain = (SPAN.sub("Code", LINK.sub(r"\2", block)) for block in blocks)
    return [sentence for block in plain for sentence in SENTENCE_END.split(block)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    assert broken_links(page) == []


@pytest.mark.parametrize(
    ("page", "heading"), [("README.md", "Map"), ("docs/architecture.md", "The packages")]
)
def test_places_of_the_maps_exist(page, heading):
    text = section((ROOT / page).read_text(encoding="utf-8"), heading)
    places = named_places(text)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/results.md"])
def test_files_that_the_text_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    ours = [name for name in named_places(text) if (ROOT / name.split("/")[0]).exists()]
    made = ("outputs/", "models/", "datasets/synthcrowd/")  # by commands of the page
    missing = [name for name in ours if not (ROOT / name).exists() and not name.startswith(made)]
    assert missing == []


@pytest.mark.parametrize(
    ("heading", "home"),
    [("One image through `bmp predict`", "bmp"), ("One training batch of PMPose", "mmpose")],
)
def test_files_that_the_architecture_follows_exist(heading, home):
    text = section((ROOT / "docs/architecture.md").read_text(encoding="utf-8"), heading)
    files = followed_files(text, home)
    assert len(files) > 20
    assert [str(path.relative_to(ROOT)) for path in files if not path.exists()] == []


@pytest.mark.parametrize("page", sorted(PROSE))
def test_sentences_are_short(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    long = [words for words in sentences(text) if len(WORD.findall(words)) > MAX_WORDS]
    assert long == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("One. Two three.", ["One.", "Two three."], id="two sentences"),
        pytest.param("About 2.5 px. Next.", ["About 2.5 px.", "Next."], id="a point in a number"),
        pytest.param("One\ntwo.\n\nThree", ["One two.", "Three"], id="a broken line"),
        pytest.param("- one\n- two", ["one", "two"], id="items"),
        pytest.param("| a | b |\n# Head\nOne.", ["One."], id="tables and headings"),
        pytest.param("One.\n```\nno. No.\n```\nTwo.", ["One.", "Two."], id="code"),
        pytest.param("One <!-- not\nthis. Nor --> two.", ["One  two."], id="a comment"),
        pytest.param("See [the page](a/b.md) `x = 1`.", ["See the page Code."], id="link, span"),
    ],
)
def test_sentences_of_a_text(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("link", "broken"),
    [
        pytest.param("[a](there.md)", [], id="a file"),
        pytest.param("[a](there.md#two-words)", [], id="a heading"),
        pytest.param("[a](#here)", [], id="a heading of the page"),
        pytest.param("[a](https://example.org/x)", [], id="the web is not asked"),
        pytest.param("![a](gone.jpg)", ["gone.jpg"], id="no file"),
        pytest.param("[a](there.md#three)", ["there.md#three"], id="no heading"),
        pytest.param("```\n[a](gone.md)\n```", [], id="code"),
    ],
)
def test_links_of_a_page(tmp_path, link, broken):
    (tmp_path / "there.md").write_text("## Two `words`\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n\n{link}\n")
    assert broken_links(page) == broken


def test_an_entry_of_the_log_is_three_lines():
    text = (ROOT / "docs/log.md").read_text(encoding="utf-8")
    entries = [entry.split("\n", 1) for entry in re.split(r"(?m)^#{2,3} ", text)[1:]]
    labels = {title: re.findall(r"(?m)^- \*\*(\w+)\.\*\*", body) for title, body in entries}
    three = ["Tried", "Seen", "Verdict"]
    days = {title for title, found in labels.items() if found != three}
    assert len(days) < len(labels)
    assert [day for day in days if not re.fullmatch(r"\d{4}-\d\d-\d\d", day)] == []
