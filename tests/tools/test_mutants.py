"""The wrong changes that tools/mutants.py tries, which tests it runs, and what it counts."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools.mutation.kinds import Mutant, find_mutants
from tools.mutation.relevant_tests import ImportGraph
from tools.mutation.report import Equivalent, choose, is_known, read_equivalents, stale, table

ROOT = Path(__file__).resolve().parents[2]


def changes(code, kind=None):
    """Every changed line of a snippet: (kind, line after the change)."""
    source = textwrap.dedent(code).encode()
    mutants = find_mutants("a.py", source)
    return [(m.kind, m.lines(source)[1]) for m in mutants if kind in (None, m.kind)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(
            "a < b", [("boundary", "a <= b"), ("comparison", "a >= b")], id="an order has two"
        ),
        pytest.param(
            "low <= x < high",
            [
                ("boundary", "low < x < high"),
                ("comparison", "low > x < high"),
                ("boundary", "low <= x <= high"),
                ("comparison", "low <= x >= high"),
            ],
            id="a chain",
        ),
        pytest.param("a == b", [("comparison", "a != b")], id="equality"),
        pytest.param("a is not b", [("comparison", "a is b")], id="identity"),
        pytest.param("a not in island", [("comparison", "a in island")], id="membership"),
        pytest.param("a - b", [("sign", "a + b")], id="minus"),
        pytest.param("(a + b) * c", [("sign", "(a - b) * c"), ("sign", "(a + b) / c")], id="times"),
        pytest.param("a // b", [("sign", "a * b")], id="whole division"),
        pytest.param("a & ~b", [("sign", "a | ~b"), ("not", "a & b")], id="bits"),
        pytest.param("band and orb", [("sign", "band or orb")], id="and"),
        pytest.param("x = -y", [("sign", "x = y")], id="negative"),
        pytest.param("not (a or b)", [("not", "(a or b)"), ("sign", "not (a and b)")], id="not"),
        pytest.param("x = 0", [("constant", "x = 1")], id="zero"),
        pytest.param("x = 0.5", [("constant", "x = 1.0")], id="half"),
        pytest.param("x = 0.0", [("constant", "x = 1.0")], id="zero as a float"),
        pytest.param("x = True", [("constant", "x = False")], id="true"),
        pytest.param("x = 'text', None", [], id="text and nothing"),
        pytest.param("y = x[k].clamp(min=a)", [("limit", "y = x[k]")], id="clamp"),
        pytest.param("y = (-x).round()", [("limit", "y = (-x)"), ("sign", "y = (x).round()")]),
        pytest.param(
            "y = np.clip(x, a, b)",
            [("limit", "y = (x)")]
            + [("swap", f"y = np.clip({s})") for s in ("a, x, b", "x, b, a")],
        ),
        pytest.param("y = round(x * z)", [("limit", "y = (x * z)"), ("sign", "y = round(x / z)")]),
        pytest.param("f(b, a)", [("statement", "pass"), ("swap", "f(a, b)")], id="arguments"),
        pytest.param("y = x.any()", [("twin", "y = x.all()")], id="any"),
        pytest.param("y = min(x)", [("twin", "y = max(x)")], id="min"),
        pytest.param("y = torch.zeros(n)", [("twin", "y = torch.ones(n)")], id="zeros"),
        pytest.param("y = x[:n]", [("slice", "y = x[n:]")], id="head"),
        pytest.param("y = x[n:]", [("slice", "y = x[:n]")], id="tail"),
        pytest.param("y = x[a:b]", [("slice", "y = x[:b]"), ("slice", "y = x[a:]")], id="middle"),
        pytest.param("y = x[..., ::n]", [("slice", "y = x[..., :]")], id="step"),
        pytest.param("x += y", [("statement", "pass"), ("sign", "x -= y")], id="in place"),
        pytest.param("x[k] = y", [("statement", "pass")], id="into a place"),
        pytest.param(
            "y = a if c else b", [("guard", f"y = a if {c} else b") for c in (False, True)]
        ),
    ],
)
def test_changes_of_an_expression(code, expected):
    assert sorted(changes(code)) == sorted(expected)


def test_changes_of_a_function():
    code = """
    def area(width, height, scale=2.0, *, clip=True):
        if width is None:
            return 0
        if height < 0:
            raise ValueError(f"height {height - 1} is below {0}")
        return width * height
    """
    assert changes(code, "default") == [
        ("default", "def area(width, height, scale=4.0, *, clip=True):"),
        ("default", "def area(width, height, scale=2.0, *, clip=False):"),
    ]
    assert changes(code, "guard") == [("guard", "if False:")] * 2
    assert changes(code, "early return") == [("early return", "if True:")]
    assert changes(code, "swap") == [
        ("swap", "if height is None:"),
        ("swap", "if width < 0:"),
        ("swap", "return height * height"),
        ("swap", "return width * width"),
    ]
    assert changes(code, "constant") == [("constant", "return 1"), ("constant", "if height < 1:")]


def test_fields_of_a_class_have_defaults():
    code = """
    class Settings:
        count: int = 3
        share = 0.25
    """
    assert changes(code) == [("default", "count: int = 4"), ("default", "share = 0.5")]


def test_what_computes_nothing_is_left_alone():
    code = """
    @parametrize(1)
    def f(x: Sized[1] | None) -> Sized[2]:
        "Above 0 and below 1."
        y: Sized[3]
        warnings.warn(f"{x + 1}", stacklevel=2)
        raise ValueError(x + 1)
    """
    assert changes(code) == []


def test_positions_count_bytes_and_lines():
    code = """
    y = "größer"; x = (  # half
        a
        <  # not <=
        b
    )
    """
    source = textwrap.dedent(code).encode()
    first, _ = find_mutants("a.py", source)
    assert (first.line, first.kind) == (4, "boundary")
    assert first.lines(source) == ("<  # not <=", "<=  # not <=")
    assert first.diff(source) == "-    <  # not <=\n+    <=  # not <="
    assert first.apply(source).decode() == textwrap.dedent(code).replace("<  #", "<=  #")


def write(root, **files):
    for name, text in files.items():
        path = root / (name.replace("__", "/").replace("/init", "/__init__") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_tests_are_found_by_their_imports_and_by_their_path(tmp_path):
    write(
        tmp_path,
        bmp__init="",
        bmp__parts__init="from .cut import slice_up\nfrom . import glue",
        bmp__parts__cut="import numpy",
        bmp__parts__glue="from bmp.parts.cut import slice_up",
        bmp__parts__alone="",
        bmp__late__init='_WHERE = {"peel": "skin"}',
        bmp__late__skin="import numpy",
        tests__bmp__test_late="from bmp.late import peel",
        tests__bmp__parts__test_glue="from bmp.parts.glue import stick",
        tests__bmp__parts__test_both="from bmp.parts import slice_up",
        bmp__all__init="from bmp.parts.glue import *\nfrom bmp.parts import *",
        tests__bmp__parts__test_star="from bmp.all import slice_up",
        tests__bmp__helper="import bmp.parts.cut",
        tests__bmp__test_far="from helper import knife",
        tests__bmp__test_farther="import bmp.parts.glue",
        tools__slice="from bmp.parts.cut import slice_up",
        tests__tools__test_slice="import runpy",
    )
    graph = ImportGraph(tmp_path)
    # directly, through what the package hands on; a tool; then beside it over one more import
    both, star, glue = (f"tests/bmp/parts/test_{name}.py" for name in ("both", "star", "glue"))
    near = [both, star, "tests/tools/test_slice.py", glue]
    assert graph.tests_of("bmp/parts/cut.py") == near
    glue = ["tests/bmp/parts/test_glue.py", "tests/bmp/test_farther.py"]
    assert graph.tests_of("bmp/parts/glue.py") == glue
    assert graph.tests_of("bmp/late/skin.py") == ["tests/bmp/test_late.py"]
    with pytest.raises(ValueError, match=r"no test reaches bmp/parts/alone\.py; write tests/"):
        graph.tests_of("bmp/parts/alone.py")
    write(tmp_path, tests__bmp__parts__test_alone="import subprocess")
    assert ImportGraph(tmp_path).tests_of("bmp/parts/alone.py") == ["tests/bmp/parts/test_alone.py"]


LOOP = """\
def count(stop):
    n = 0
    while n < stop:
        n += 1
    return n


def never_tested(n):
    return n < 3
"""
RUN = """\
import sys
from pathlib import Path

from tools.mutation.fork_server import copy_repository, run_mutants
from tools.mutation.kinds import find_mutants

root = Path(sys.argv[1])
copies = [copy_repository(root, root.parent / name) for name in ("one", "two")]
found = find_mutants("count.py", (root / "count.py").read_bytes())
tests, limits = {"count.py": ["tests/test_count.py"]}, {"count.py": float(sys.argv[2])}
for mutant, outcome in run_mutants(found, tests, limits, copies):
    print(mutant.line, mutant.kind, outcome, sep=":")
assert all((copy / "count.py").read_bytes() == (root / "count.py").read_bytes() for copy in copies)
"""


@pytest.mark.slow
def test_each_mutant_meets_the_tests_in_a_copy(tmp_path):
    """Endless loops end with the time limit, which is far above what a test of a line takes."""
    root = tmp_path / "here"
    write(
        root,
        count=LOOP,
        tests__test_count="from count import count\n\n\ndef test():\n    assert count(2) == 2\n",
    )
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(root), "10"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split("\n")[:-1]) == sorted(
        [
            "2:constant:survived",  # from 1 to 2
            "3:boundary:killed",
            "3:comparison:killed",
            "4:constant:survived",  # in twos to 2
            "4:sign:timed out",
            "4:statement:timed out",
            "9:boundary:survived",
            "9:comparison:survived",
            "9:constant:survived",
        ]
    )
    assert (root / "count.py").read_text() == LOOP


def mutants_of(path, *, kinds=("sign", "constant", "guard"), lines=6):
    return [Mutant(path, line, kind, line, line, "") for line in range(lines) for kind in kinds]


def test_a_sample_takes_files_and_kinds_in_turn_and_no_line_twice():
    found = {"a.py": mutants_of("a.py"), "b.py": mutants_of("b.py", lines=2), "c.py": []}
    chosen = choose(found, 6, seed=3)
    assert [mutant.path for mutant in chosen].count("b.py") == 2
    for path in ("a.py", "b.py"):
        lines = [mutant.line for mutant in chosen if mutant.path == path]
        assert len(set(lines)) == len(lines)
    assert len({mutant.kind for mutant in chosen if mutant.path == "a.py"}) >= 2
    assert chosen == choose(found, 6, seed=3)
    assert chosen != choose(found, 6, seed=4)
    assert len(choose(found, 100, seed=3)) == 6 + 2
    alone = choose({"a.py": found["a.py"]}, 4, seed=3)
    assert alone == [mutant for mutant in chosen if mutant.path == "a.py"]
    assert len(choose(found, None, seed=3)) == 18 + 6


def test_known_equivalents_are_found_by_their_line_and_go_stale_with_it(tmp_path):
    source = b"def f(x):\n    return x * 1\n"
    (tmp_path / "a.py").write_bytes(source)
    (tmp_path / "known.toml").write_text(
        "[[mutant]]\nfile = 'a.py'\nline = 'return x * 1'\nbecomes = 'return x / 1'\n"
        "reason = 'by one'\n"
    )
    entries = read_equivalents(tmp_path / "known.toml")
    known = {m.kind: is_known(m, source, entries) for m in find_mutants("a.py", source)}
    assert known == {"sign": True, "constant": False}
    assert stale(entries, tmp_path) == []
    (tmp_path / "a.py").write_text("def f(x):\n    return x * 2\n")
    assert stale(entries, tmp_path) == entries
    assert stale([Equivalent("gone.py", "x", "y", "z")], tmp_path)


def test_those_of_the_project_have_reasons():
    entries = read_equivalents(ROOT / "tools" / "mutation" / "equivalents.toml")
    assert all(entry.reason and entry.line != entry.becomes for entry in entries)
    assert len({(entry.file, entry.becomes) for entry in entries}) == len(entries)


def test_the_score_leaves_out_what_changes_nothing():
    outcomes = ["killed", "killed", "timed out", "survived", "equivalent"]
    lines = table(dict(zip(mutants_of("a.py"), outcomes, strict=False))).splitlines()
    assert lines[1].split() == ["a.py", "5", "2", "1", "1", "1"]
    assert lines[2].split() == ["all", "5", "2", "1", "1", "1"]
    assert lines[3] == "noticed: 3 of 4 (75.0 %)"
