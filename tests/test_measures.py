"""How long files and functions are at most, which CONTRIBUTING.md states."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES, MOST_IN_A_BODY = 330, 45
PARTS = ("mmpose", "bmp", "pmpose", "bboxmaskpose", "tools", "demos", "benchmarks", "tests")


def python_files(part: str) -> list[Path]:
    return sorted((ROOT / part).rglob("*.py"))


def count_code(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Lines of a body; docstring, comments and empty lines aside."""
    body = function.body[1 if ast.get_docstring(function) else 0 :]
    if not body:
        return 0
    stripped = (line.strip() for line in lines[body[0].lineno - 1 : body[-1].end_lineno])
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def test_lines_of_a_body():
    docstring, code = '    """Told\n    here."""\n', "    y = (\n        x\n    )\n\n    return y\n"
    text = "def f(x):\n" + docstring + "    # why\n" + code
    (function,) = ast.parse(text).body
    assert count_code(function, text.splitlines()) == 4


@pytest.mark.parametrize("part", PARTS)
def test_files_and_bodies_are_short(part):
    too_long = []
    for path in python_files(part):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if len(lines) > MOST_LINES:
            too_long.append(f"{path.relative_to(ROOT)}: {len(lines)} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = count_code(node, lines)
                if count > MOST_IN_A_BODY:
                    too_long.append(f"{path.relative_to(ROOT)}: {count} lines in {node.name}")
    assert not too_long
