"""The notebooks run from their first cell to the last, and are stored without what they showed."""

import json
import re
from pathlib import Path

import pytest

from tests.pages.test_commands import environment_of, world  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path.name for path in ROOT.glob("demos/*.ipynb"))


def cells_of(name: str) -> list[dict]:
    return json.loads((ROOT / "demos" / name).read_text(encoding="utf-8"))["cells"]


def test_there_are_notebooks():
    assert {"quickstart.ipynb", "ablation.ipynb", "own_data.ipynb"} <= set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_stores_no_output(name):
    code = [cell for cell in cells_of(name) if cell["cell_type"] == "code"]
    assert code
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_of_a_notebook_lead_to_files(name):
    texts = ["".join(cell["source"]) for cell in cells_of(name) if cell["cell_type"] == "markdown"]
    links = re.findall(r"\]\(([^)#]+)\)", "\n".join(texts))
    assert links
    assert [link for link in links if not (ROOT / "demos" / link).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
# of the kernel's sockets and event loop
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_runs(name, world, monkeypatch):  # noqa: F811
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(world / "demos" / name, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "\n!" in f"\n{cell.source}":
            cell.source += "\nassert _exit_code == 0"  # of a command, which stops no notebook
    for key, value in environment_of(world).items():
        monkeypatch.setenv(key, value)
    place = {"metadata": {"path": str(world / "demos")}}
    kernel = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place)
    kernel.execute()
