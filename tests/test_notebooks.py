"""Every notebook runs from top to bottom, its exercises' solutions too; none is excluded."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
COURSE = [path for path in NOTEBOOKS if re.match(r"\d\d_", path.name)]
DOOR = FOLDER / "workbench.ipynb"
MAX_CELLS = MAX_LINES = 12
MAX_BYTES = 400_000
CELL_TIMEOUT_S = 300  # for a cell that hangs; no measure of speed
EXERCISE = r"^\*\*\d\.\*\* "
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", flags=re.DOTALL)
NAMES_AND_WORDS = "savin,commun,formate,fro"
"""Two chemists, an ion, and a word, which codespell takes for misspelt."""

SHORT = "02_energy_is_a_loss"
"""The notebook that always runs; the others wait for `pytest -m notebooks`."""

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
by_lesson = pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_door_and_all_eleven_lessons_are_there():
    assert DOOR in NOTEBOOKS
    assert [path.name[:2] for path in COURSE] == [f"{number:02d}" for number in range(1, 12)]


@by_name
def test_is_short(path):
    notebook = read(path)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert len(cells) <= MAX_CELLS
    assert max(len(cell.source.splitlines()) for cell in cells) <= MAX_LINES
    title = notebook.cells[0]
    assert title.cell_type == "markdown" and title.source.startswith("# ")


def test_the_door_is_saved_without_outputs():
    cells = code_cells(read(DOOR))
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@by_lesson
def test_a_lesson_is_saved_with_outputs_for_readers_without_a_kernel(path):
    cells = code_cells(read(path))
    assert path.stat().st_size < MAX_BYTES
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@by_lesson
def test_a_lesson_has_its_parts(path):
    notebook = read(path)
    text = prose(notebook)
    assert "**You need**" in text and "**You will know**" in text
    exercises = text[text.index("## Exercises") :]
    count = len(re.findall(EXERCISE, exercises, flags=re.MULTILINE))
    assert 2 <= count <= 3
    assert len(SOLUTION.findall(exercises)) == exercises.count("<details>") == count
    following = COURSE[COURSE.index(path) + 1].name if path != COURSE[-1] else DOOR.name
    assert re.search(rf"\*\*Next:\*\* \[.*\]\({following}\)$", text.rstrip())


@by_lesson
def test_every_figure_has_a_sentence_under_it(path):
    cells = read(path).cells
    for cell, below in zip(cells, [*cells[1:], None], strict=True):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert below is not None and below.cell_type == "markdown"


@by_name
def test_links_resolve(path):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", prose(read(path)))
    assert all((path.parent / link).exists() for link in links), links


@pytest.mark.parametrize(
    "path",
    [
        path if path.stem == SHORT else pytest.param(path, marks=pytest.mark.notebooks)
        for path in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
def test_runs_with_the_solutions_of_its_exercises(path, tmp_path):
    notebook = read(path)
    for solution in SOLUTION.findall(prose(notebook)):
        notebook.cells.append(nbformat.v4.new_code_cell(solution))
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert all(cell.execution_count for cell in code_cells(notebook))
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"


def test_spelling(tmp_path):
    words = tmp_path / "course.md"
    words.write_text("\n\n".join(prose(read(path)) for path in NOTEBOOKS), encoding="utf-8")
    checked = [words, ROOT / "README.md", *(ROOT / "qptlab").rglob("*.py")]
    command = [sys.executable, "-m", "codespell_lib", "-L", NAMES_AND_WORDS, *map(str, checked)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
