"""Every notebook runs from top to bottom; none is excluded."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
MAX_CELLS = MAX_LINES = 12
CELL_TIMEOUT_S = 300  # for a cell that hangs; no measure of speed


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_a_workbench():
    assert "workbench.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_short_and_saved_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert len(cells) <= MAX_CELLS
    assert max(len(cell.source.splitlines()) for cell in cells) <= MAX_LINES
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    title = notebook.cells[0]
    assert title.cell_type == "markdown" and title.source.startswith("# ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert all(cell.execution_count for cell in code_cells(notebook))
