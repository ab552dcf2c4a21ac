"""The tool that tells a training on one page: what it writes and refuses."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.mmpose.analysis.small_run import write_run

ROOT = Path(__file__).parents[2]


def run(monkeypatch, *arguments):
    tool = str(ROOT / "tools" / "run_report.py")
    monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
    runpy.run_path(tool, run_name="__main__")


def test_the_page_is_written_into_the_folder_or_where_asked(tmp_path, monkeypatch, capsys):
    folder = write_run(tmp_path / "run")
    run(monkeypatch, folder)
    page = folder / "report.html"
    assert capsys.readouterr().out == f"wrote {page}\n"
    assert "<h1>Training run</h1>" in page.read_text(encoding="utf-8")
    run(monkeypatch, folder, "--out", tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_text() == page.read_text()


def test_a_folder_that_is_no_run_is_refused_in_a_line(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r"error: there is no folder .*nowhere"):
        run(monkeypatch, tmp_path / "nowhere")
    with pytest.raises(SystemExit, match=r"error: nothing is logged"):
        run(monkeypatch, tmp_path)
