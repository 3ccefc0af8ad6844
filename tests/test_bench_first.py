"""The bench of first answers: its molecules, what it makes of what processes tell, its tables."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from tiers import slow

from qptlab.bench import first, options
from qptlab.bench.first_cases import NAMES, case_molecule, companion, moved
from qptlab.bench.first_ours import PHASES, union
from qptlab.bench.first_rows import FirstRow, seconds_to_error, summary, tables
from qptlab.cli import main
from qptlab.cli.tables import print_tables
from qptlab.errors import InputError
from qptlab.qpt.runs.models import load

EXACT = -76.0
COUNTED = {"programs": 10, "cached": 0}
FRESH = {
    "seconds": 4.0, "energy": EXACT + 1e-5, "trace_s": 0.5, "lower_s": 0.25, "compile_s": 1.0,
    "start_s": 0.01, "import_s": 1.0, "load_s": 0.2, "integrals_s": 0.1, "run_s": 0.3,
    "peak_mb": 450.0, **COUNTED,
}  # fmt: skip
CYCLES = {"seconds": [1.0, 2.0, 3.0], "energies": [EXACT - 9e-6, EXACT + 2e-5, EXACT + 1e-7]}


def told(file, job, options, caches) -> dict:
    """What a process of the bench prints."""
    if file == first.PYSCF:
        run = {**CYCLES, "converged_s": 5.0}
        return {"fresh": run, "live": run, "energy": EXACT}
    if job["guess"]:
        return {"seconds": 3.0}
    later = [{**FRESH, "seconds": 0.75, "programs": 0} for _ in job["molecules"][1:]]
    return {**FRESH, "later": later}


def test_molecules_are_small_to_large_and_within_the_network():
    network = load(first.MODEL)
    sizes = []
    for name in NAMES:
        network.check(case_molecule(name))
        sizes.append(len(case_molecule(name).symbols))
        assert companion(name) != name
    assert len(NAMES) >= 12 and sizes == sorted(sizes) and (sizes[0], sizes[-1]) == (3, 38)
    assert options("first").rounds == 3 and options("first").cases == NAMES
    assert moved(case_molecule("water"), 1) == moved(case_molecule("water"), 1)


@pytest.mark.parametrize("name", ["nonsense", "oxygen"])
def test_other_molecules_are_refused(name):
    with pytest.raises(InputError, match=r"unknown molecule|spin 2"):
        options("first", cases=(name,))


def test_an_error_counts_as_reached_when_it_is_to_stay():
    run = {**CYCLES, "converged_s": 5.0}
    # the first energy is near by chance, and left again
    assert [seconds_to_error(run, EXACT, error) for error in (1e-5, 1e-4, 1e-9)] == [3.0, 1.0, 5.0]


def test_a_trace_within_another_counts_once():
    event = PHASES["trace_s"]
    spans = [(event, 1.0, 1.0), (event, 0.0, 3.0), (event, 5.0, 1.0), ("other", 0.0, 9.0)]
    assert union(spans, event) == 4.0


def test_rows_and_tables(monkeypatch):
    monkeypatch.setattr(first, "run_alone", told)
    found = list(first.rows(options("first", cases=("uracil",), rounds=2)))
    assert [row.refine for row in found] == list(first.REFINES)
    assert [row.guess_ratio for row in found] == [None, 0.6, None]
    assert {(row.ratio, row.live_ratio, row.live_programs) for row in found} == {(4 / 3, 0.25, 0)}
    measured = {aim["goal"]: (aim["measured"], aim["met"]) for aim in summary(found)["goals"]}
    assert list(measured.values()) == [
        (4 / 3, False), (None, None), (0.25, True), (4.0, True), (0.6, True),
    ]  # fmt: skip
    three = [replace(found[1], ratio=ratio) for ratio in (0.1, 0.6, 9.0)]
    assert summary(three)["goals"][0] | {"met": True, "measured": 0.6} == summary(three)["goals"][0]
    rows = [json.loads(json.dumps(vars(row))) for row in found]
    shown = StringIO()
    report = {"rows": rows, "summary": summary(found)}
    print_tables(tables(report), Console(file=shown, width=160))
    for word in ("uracil", "10", "1.33", "0.750", "10 (0)", "not measured", "initial_guess"):
        assert word in shown.getvalue()


@slow
def test_one_small_molecule(capfd):
    argv = ["bench", "first", "--cases", "hydrogen-cyanide", "--rounds", "1", "--json"]
    assert main(argv) == 0
    rows = [FirstRow(**row) for row in json.loads(capfd.readouterr().out)["rows"]]
    assert [row.refine for row in rows] == list(first.REFINES)
    for row in rows:
        assert row.empty["seconds"] > row.ours_s > row.live_s > 0
        assert row.live_programs == 0 and row.warm["cached"] > 0
    assert rows[0].error_ha > rows[1].error_ha > 0 and rows[1].guess_s > 0
