"""README: one screen whose links, commands, code and figures hold."""

import re

import pytest
from pages import README, ROOT, links, numbers_hidden, table_cells

SET_UP = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && "
MAX_LINES = 120


def test_links_inside_the_repository_resolve():
    found = links(README)
    assert found and all((ROOT / link).exists() for link in found)


def test_two_commands_set_everything_up():
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert commands == [f"{SET_UP}.venv/bin/qptlab", f"{SET_UP}.venv/bin/pytest"]


def test_no_placeholder_is_left():
    assert not re.search(r"^[A-Z]{4,}$|TODO|FIXME", README, flags=re.MULTILINE)


def test_it_is_one_screen():
    assert len(README.splitlines()) <= MAX_LINES


def test_every_page_and_every_notebook_is_within_two_steps():
    index = ROOT / "notebooks/docs/README.md"
    near = {(ROOT / link).resolve() for link in links(README)}
    near |= {(index.parent / link).resolve() for link in links(index.read_text(encoding="utf-8"))}
    assert index in near
    assert {*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks/docs").glob("*.md")} <= near


@pytest.mark.slow
def test_the_ten_lines_run_and_print_what_is_said(capsys):
    code = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)[1]
    said = re.search(r"```text\n(.*?)```", README, flags=re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) == 10
    exec(code, {})
    printed = capsys.readouterr().out
    # digits differ from machine to machine, what is said of them does not
    assert numbers_hidden(printed) == numbers_hidden(said)


def test_its_table_has_the_numbers_of_the_results_page():
    results = (ROOT / "notebooks/docs/results.md").read_text(encoding="utf-8")
    here, there = table_cells(README), table_cells(results)
    measured = {place: cell for place, cell in here.items() if place[1] in MOLECULES}
    assert len(measured) >= 7 * len(MOLECULES)
    goal = r" \([^)]*\)$"
    assert {place: re.sub(goal, "", there[place]) for place in measured} == measured


MOLECULES = ("water", "ethanol", "malondialdehyde", "uracil")
