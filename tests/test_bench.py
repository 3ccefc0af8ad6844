"""The bench measures something real and right; how fast that is depends on the machine."""

import json
from dataclasses import fields, replace

import pytest
from tiers import slow

from qptlab.bench import BENCHES, Options, options
from qptlab.bench.dft import goals
from qptlab.bench.dft_races import BuildRow, SlopeRow
from qptlab.bench.race import race
from qptlab.cli import main

ROW = {"case", "theory", "operation", "ours_s", "peer_s", "peer", "ratio", "threads", "compile_s"}
MORE = {
    "scf": {"fock_builds_ours", "fock_builds_pyscf", "peak_mb_ours", "peak_mb_pyscf_df"},
    "energy+fock": {"matmul_gflop", "gflops", "share_of_peak"},
    "energy+dE/dF": {"ratio_to_energy_and_fock"},
}


def bench(capfd, *more: str) -> dict:
    argv = ["bench", "dft", "--cases", "water", "--rounds", "1", *more, "--json"]
    assert main(argv) == 0
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


@slow
def test_one_small_run(capfd):
    none_of_them = "hydrogen"
    report = bench(capfd, "--theories", "lda/sto-3g", "--peer-cases", none_of_them)
    assert report["bench"] == "dft"
    assert {"cpu", "cores", "threads", "versions", "matmul_gflops"} <= set(report["machine"])
    assert report["machine"]["compilation_cache"] is False
    rows = {row["operation"]: row for row in report["rows"]}
    assert len(report["rows"]) == 3 and set(rows) == set(MORE)
    for operation, row in rows.items():
        assert ROW | MORE[operation] <= set(row)
        assert row["ours_s"] > 0 and row["peer_s"] > 0 and row["compile_s"] > 0
    for operation in ("energy+fock", "energy+dE/dF"):
        assert rows[operation]["energy_difference_ha"] < 1e-8
    assert rows["energy+fock"]["fock_difference_ha"] < 1e-7
    assert rows["energy+dE/dF"]["slope_difference"] < 1e-7
    scf = rows["scf"]
    assert scf["converged"] and abs(scf["error_ours_ha"]) < 1e-9
    assert scf["orbital_gradient_ours"] < 1e-5
    assert report["summary"]["disagreements"] == []
    assert {goal["met"] for goal in report["summary"]["goals"]} <= {True, False, None}


@slow
def test_an_open_panel_beside_a_bare_loop(capfd):
    argv = ["bench", "panel", "--cases", "water", "--theories", "lda/sto-3g", "--rounds", "1"]
    assert main([*argv, "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    (row,) = report["rows"]
    assert set(row) >= ROW and row["operation"] == "training step"
    assert (
        row["ours_s"] > 0 and row["peer_s"] > 0 and row["speed"] == pytest.approx(1 / row["ratio"])
    )
    assert row["plots_drawn"] > 1 and row["orbitals_drawn"] > 1, "the panel was really open"
    (aim,) = report["summary"]["goals"]
    assert aim["measured"] == row["ratio"] and aim["at_most"] == pytest.approx(1 / 0.95)


@slow
def test_pyscfad_computes_the_same(capfd):
    pytest.importorskip("pyscfad")
    report = bench(capfd, "--theories", "b3lyp5/sto-3g", "--peer-cases", "water")
    (row,) = (row for row in report["rows"] if row["peer"].startswith("pyscfad"))
    assert row["energy_difference_ha"] < 1e-6 and row["slope_difference"] < 1e-6


@pytest.mark.parametrize(
    "argv, message",
    [
        (["nonsense"], "unknown bench 'nonsense'; known: dft"),
        (["dft", "--cases", "watr"], "unknown molecule 'watr'"),
        (["dft", "--peer-cases", "watr"], "unknown molecule 'watr'"),
        (["dft", "--theories", "foo"], "unknown functional 'foo'"),
        (["dft", "--rounds", "0"], "rounds 0; expected at least 1"),
        (["dft", "--threads", "100000"], "threads 100000; this process may use"),
        (["dft", "--cases", ""], "nothing to measure"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capfd, argv, message):
    assert main(["bench", *argv]) == 2
    shown = capfd.readouterr()
    assert shown.out == "" and message in shown.err and shown.err.count("\n") == 1


@pytest.mark.parametrize("record", BENCHES, ids=lambda record: record.name)
def test_every_bench_can_be_run(record):
    for name in ("rows", "summary", "tables", *(["figure"] if record.draws else [])):
        assert callable(getattr(record.module, name))
    assert set(record.takes) <= {field.name for field in fields(Options)}


def test_usual_cases():
    assert options("dft").cases[-1] == "alanine-dipeptide"


def test_a_hopeless_peer_rests_after_its_first_turn():
    turns = []

    def takes(name: str, steps: int):
        return lambda: lambda: (turns.append(name), sum(range(steps)))

    contestants = {"ours": takes("ours", 1), "a": takes("a", 1), "b": takes("b", 10**6)}
    times = race(contestants, rounds=4, turn_seconds=0)
    assert turns.count("ours") == turns.count("a") == 4 and turns.count("b") == 1
    assert times.fastest("ours") == "a" and times.compared("ours", "a")["rounds"] == 4


def test_a_goal_without_measurements_is_neither_met_nor_missed():
    build = {field.name: 0.0 for field in fields(BuildRow) if field.name != "operation"}
    slope = {field.name: 0.0 for field in fields(SlopeRow) if field.name != "operation"}
    known = {"case": "water", "peer": "pyscf df", "ratio": 0.6}
    row = BuildRow(**build | known)
    met = [goal["met"] for goal in goals([row])]
    assert met == [False, True, None, None, None, None, None]
    other = SlopeRow(**slope | known)
    for found in (row, other):
        assert found.agrees() and not replace(found, energy_difference_ha=1e-7).agrees()
    assert replace(other, energy_difference_ha=1e-7, peer="pyscfad df").agrees()
